// The time slider: the same question for one week, month or quarter after the other.

import { addDays, addMonths, mondayOf } from "./local_days.js";
import { afterPause, byId } from "./dom.js";
import { say } from "./texts.js";

const SPAN_DAYS = 730;
const BEYOND_DAYS = 365; // what a link from long ago may still be slid towards today
const PAUSE_MS = 150;
const STEP_MS = 1000; // a picture stays at least so long

/** Return the windows [{from, to}] of the two years up to a day, the last holding it. */
export function windowsUntil(kind, last) {
  const windows = [];
  if (kind === "week") {
    for (let from = mondayOf(last); windows.length * 7 < SPAN_DAYS; from = addDays(from, -7)) {
      windows.unshift({ from, to: addDays(from, 6) });
    }
    return windows;
  }
  const months = kind === "quarter" ? 3 : 1;
  for (let back = 0; back < 24; back += 1) {
    const end = addMonths(last, 1 - back);
    windows.unshift({ from: addMonths(end, -months), to: addDays(end, -1) });
  }
  return windows;
}

/** `onWindow(changed)` is told what changes of the question: from, to, window. */
export function startSlider(today, onWindow) {
  const quiet = window.matchMedia("(prefers-reduced-motion: reduce)");
  let windows = [];
  let kind = "";
  let before = null; // the period to come back to
  let now = null;
  let timer = 0;

  const slider = byId("hot-slider");
  const goTo = (index) => {
    const at = Math.min(Math.max(index, 0), windows.length - 1);
    slider.value = at;
    tell(at);
    onWindow({ ...windows[at], window: kind });
  };
  const goSoon = afterPause(goTo, PAUSE_MS);
  slider.addEventListener("input", () => {
    stop();
    tell(+slider.value);
    goSoon(+slider.value);
  });
  byId("hot-step-back").addEventListener("click", () => { stop(); goTo(+slider.value - 1); });
  byId("hot-step-on").addEventListener("click", () => { stop(); goTo(+slider.value + 1); });
  byId("hot-play").addEventListener("click", () => {
    if (timer) { stop(); return; }
    if (+slider.value >= windows.length - 1) goTo(0);
    byId("hot-play").textContent = say("map.hot_pause");
    timer = setTimeout(playOn, STEP_MS);
  });
  byId("hot-window").addEventListener("change", (event) => { stop(); open(event.target.value, now); });
  byId("hot-time-close").addEventListener("click", () => close());
  byId("hot-time-toggle").addEventListener("click", () => (kind ? close() : open("month", now)));
  quiet.addEventListener("change", hidePlay);

  function playOn() {
    if (document.documentElement.dataset.hotspots !== "loaded") { // as slow as the answers come
      timer = setTimeout(playOn, 100);
      return;
    }
    if (+slider.value >= windows.length - 1) { stop(); return; }
    goTo(+slider.value + 1);
    timer = setTimeout(playOn, STEP_MS);
  }

  function stop() {
    clearTimeout(timer);
    timer = 0;
    byId("hot-play").textContent = say("map.hot_play");
  }

  function open(asked, question) {
    if (!question.window) before = { from: question.from, to: question.to };
    lay(asked, question.to);
    // From another kind of window, the one that holds the same last day; else the last that is over.
    const held = windows.findIndex(({ from, to }) => from <= question.to && question.to <= to);
    goTo(held >= 0 && question.window ? held : windows.length - 2);
  }

  function lay(asked, day) {
    kind = asked;
    const last = addDays(day, BEYOND_DAYS);
    windows = windowsUntil(kind, last < today ? last : today);
    slider.max = windows.length - 1;
    byId("hot-window").value = kind;
    byId("hot-time").hidden = false;
    hidePlay();
  }

  function close() {
    stop();
    kind = "";
    byId("hot-time").hidden = true;
    onWindow({ ...(before ?? { from: addDays(today, -90), to: today }), window: "" });
    byId("hot-time-toggle").focus();
  }

  function tell(at) {
    const text = say("map.hot_days", windows[at]);
    byId("hot-window-text").textContent = text;
    slider.setAttribute("aria-valuetext", text);
    byId("hot-step-back").disabled = at <= 0;
    byId("hot-step-on").disabled = at >= windows.length - 1;
  }

  function hidePlay() {
    // Who asks for less motion steps by hand.
    byId("hot-play").hidden = quiet.matches;
  }

  return {
    /** Show a question's window, or hide the slider where it has none or the layer is off. */
    show(question, isShown) {
      now = question;
      if (!question.window || !isShown) {
        stop();
        kind = question.window ? kind : "";
        byId("hot-time").hidden = true;
        return;
      }
      if (question.window !== kind || byId("hot-time").hidden) lay(question.window, question.to);
      const at = windows.findLastIndex(({ from }) => from <= question.from);
      slider.value = Math.max(at, 0);
      tell(+slider.value);
      // A link's own days needn't be a window's.
      byId("hot-window-text").textContent = say("map.hot_days", question);
    },
    stop,
  };
}
