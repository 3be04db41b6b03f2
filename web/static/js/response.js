// What the pages of response by road share: colours of rings, times as people read them, pins.

import { make } from "./dom.js";
import { dayIn } from "./local_days.js";
import { formatNumber, say, timeZone } from "./texts.js";
import { clock, dayAndClock } from "./times.js";

// ColorBrewer Blues for what is reached, an orange for what isn't: told apart by lightness as well.
export const RING_COLOURS = ["#08519c", "#4292c6", "#9ecae1", "#fdae6b"];
export const OFF_ROAD = "#c9ced6";
export const EDGE = { color: "#ffffff", weight: 0.6, opacity: 0.9 };

const percent = new Intl.NumberFormat(document.documentElement.lang, {
  style: "percent", maximumFractionDigits: 1,
});

export function share(value) {
  return value === null || Number.isNaN(value) ? "—" : percent.format(value);
}

/** Seconds as people read them: 45 s, 3 min 5 s. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "—";
  const whole = Math.round(seconds);
  if (whole < 60) return say("response.seconds", { value: formatNumber(whole) });
  if (whole % 60 === 0) return say("response.whole_minutes", { minutes: whole / 60 });
  return say("response.minutes", { minutes: Math.floor(whole / 60), seconds: whole % 60 });
}

/** A moment as a clock tells it, with the day where it isn't today. */
export function clockOfDay(moment) {
  const isToday = dayIn(timeZone, new Date(moment)) === dayIn(timeZone, new Date());
  return isToday ? clock(moment) : dayAndClock(moment);
}

/** The reason why a unit doesn't count, with since when. */
export function whyNot(unit) {
  const why = say(`response.why_${unit.why_not}`);
  return unit.since ? say("response.why_since", { why, time: clockOfDay(unit.since) }) : why;
}

export function pin(kind, label) {
  return L.divIcon({
    className: "", iconSize: [16, 16],
    html: make("span", { class: `unit-pin ${kind}`, title: label }),
  });
}

export function legendRow(colour, text, ...figures) {
  const swatch = make("span", { class: "swatch" });
  swatch.style.background = colour;
  return make("tr", {},
    make("td", {}, swatch),
    make("th", { scope: "row" }, text),
    ...figures.map((figure) => make("td", { class: "number" }, figure)));
}

/** What a ring is called: within 1 min, outside, on no road. */
export function ringText(ring, rings) {
  if (ring === null) return say("response.off_road");
  if (ring >= rings.length) return say("response.outside", { time: duration(rings.at(-1)) });
  return say("response.within", { time: duration(rings[ring]) });
}
