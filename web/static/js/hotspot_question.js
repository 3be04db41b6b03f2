// What is asked of the hotspots: the pickers, the question to the API, and its part of the link.

import { addDays, daysBetween, isDay, startOfDay } from "./local_days.js";
import { byId, make } from "./dom.js";
import { say } from "./texts.js";

export const MEASURES = ["counts", "rate", "risk", "gi", "moran", "change", "forecast", "density"];
const PER = ["place", "household", "km2", "street_km"];
const WIDTHS_M = [100, 200, 300, 500, 1000];
export const PRESET_DAYS = [28, 91, 182, 365];
const WEIGHED = ["counts", "rate", "risk"]; // by measured presence, as in `layers.hotspots.question`
const HORIZONS = [7, 30, 91];
const ALL_WEEK = [1, 2, 3, 4, 5, 6, 7];

/** Return the question nobody has changed yet. `from` and `to` are days, both of them in it. */
export function firstQuestion(today) {
  return {
    measure: "counts", category: "", from: addDays(today, -90), to: today, hours: null,
    weekdays: ALL_WEEK, horizon: 7, allSources: false, byPresence: false, by: "h3", per: "place", width: 300, window: "",
  };
}

/** Return the parameters of the API for a question; those of the frame come from who asks. */
export function parametersOf(question, zone) {
  const asked = new URLSearchParams({ measure: question.measure });
  if (question.category) asked.set("category", question.category);
  if (question.by !== "h3") asked.set("by", question.by);
  if (isRate(question) && question.per !== "place") asked.set("per", question.per);
  if (question.measure === "density") asked.set("bandwidth_m", question.width);
  asked.set("start", startOfDay(question.from, zone));
  asked.set("end", startOfDay(addDays(question.to, 1), zone));
  if (question.hours) asked.set("hours", question.hours.join("-"));
  if (question.weekdays.length < 7) asked.set("weekdays", question.weekdays.join(","));
  if (question.measure === "forecast") asked.set("horizon_days", question.horizon);
  if (question.allSources) asked.set("all_sources", "true");
  if (question.byPresence) asked.set("presence_corrected", "true");
  return asked;
}

/** Return a question as one text for the page's address: `show.risk~days.2026-08-28..2026-11-26~…`.
 * The days are written out, so that the link shows the same period next week. */
export function linkOf(question, cell) {
  const parts = [`show.${question.measure}`, `days.${question.from}..${question.to}`];
  if (question.category) parts.push(`kind.${encodeURIComponent(question.category)}`);
  if (question.hours) parts.push(`hours.${question.hours.join("-")}`);
  if (question.weekdays.length < 7) parts.push(`weekdays.${question.weekdays.join("")}`);
  if (question.measure === "forecast") parts.push(`ahead.${question.horizon}`);
  if (question.allSources) parts.push(question.byPresence ? "sources.weighed" : "sources.all");
  if (question.by !== "h3") parts.push(`by.${question.by}`);
  if (isRate(question) && question.per !== "place") parts.push(`per.${question.per}`);
  if (question.measure === "density") parts.push(`width.${question.width}`);
  if (question.window) parts.push(`window.${question.window}`);
  if (cell) parts.push(`cell.${cell}`);
  return parts.join("~");
}

/** Return {question, cell} that a text of an address names; what isn't sound in it stays as in
 * `fallback`. */
export function readLink(text, fallback) {
  const values = new Map((text ?? "").split("~").map((part) => {
    const dot = part.indexOf(".");
    return [part.slice(0, dot), part.slice(dot + 1)];
  }));
  const question = { ...fallback };
  const one = (name, known) => known.find((each) => String(each) === values.get(name));
  question.measure = one("show", MEASURES) ?? question.measure;
  question.horizon = one("ahead", HORIZONS) ?? question.horizon;
  question.window = one("window", ["week", "month", "quarter"]) ?? "";
  question.by = one("by", ["grid"]) ?? "h3";
  question.per = one("per", PER) ?? question.per;
  question.width = one("width", WIDTHS_M) ?? question.width;
  question.byPresence = values.get("sources") === "weighed";
  question.allSources = question.byPresence || values.get("sources") === "all";
  try {
    question.category = decodeURIComponent(values.get("kind") ?? "");
  } catch {
    // an escape that is cut off names no kind
  }
  const [from, to] = (values.get("days") ?? "").split("..");
  if (isDay(from ?? "") && isDay(to ?? "") && from <= to) Object.assign(question, { from, to });
  const hours = /^(\d{1,2})-(\d{1,2})$/.exec(values.get("hours") ?? "");
  question.hours = hours && isHours(+hours[1], +hours[2]) ? [+hours[1], +hours[2]] : null;
  const weekdays = [...values.get("weekdays") ?? ""].map(Number).filter((day) => ALL_WEEK.includes(day));
  question.weekdays = weekdays.length ? [...new Set(weekdays)].sort() : ALL_WEEK;
  const cell = /^\w{1,40}$/.test(values.get("cell") ?? "") ? values.get("cell") : null;
  return { question: fitting(question), cell };
}

function isRate({ measure }) {
  return measure === "rate" || measure === "risk";
}

/** Whether what officers found can be weighed by how long patrols were there: told by grid. */
function mayBeWeighed({ measure, by, allSources }) {
  return allSources && by === "grid" && WEIGHED.includes(measure);
}

/** Return a question whose parts go together: a density is drawn on hexagons, households and
 * presence are known of grids, and a forecast isn't slid through. */
function fitting(question) {
  const fits = { ...question };
  if (fits.measure === "density") fits.by = "h3";
  else if (isRate(fits) && fits.per === "household") fits.by = "grid";
  if (fits.measure === "forecast") fits.window = "";
  if (!mayBeWeighed(fits)) fits.byPresence = false;
  return fits;
}

function isHours(from, to) {
  return from <= 23 && to <= 24 && from !== to && from !== to % 24;
}

/** Fill the pickers; `onChange(question)` is told of each choice. Returns what shows a question. */
export function startPickers(question, today, onChange) {
  let now = question;
  const change = (changed) => {
    now = fitting({ ...now, ...changed });
    show(now);
    onChange(now);
  };
  byId("hot-measure").addEventListener("change", (event) => {
    const measure = event.target.value;
    // A forecast begins at the end of its period: who chooses it means from now on.
    change(measure === "forecast" ? { measure, from: addDays(today, -90), to: today } : { measure });
  });
  byId("hot-presence").addEventListener("change", (event) => change({ byPresence: event.target.checked }));
  byId("hot-by").addEventListener("change", (event) => {
    const by = event.target.value;
    // Households aren't known of hexagons.
    change(by === "h3" && now.per === "household" ? { by, per: "place" } : { by });
  });
  byId("hot-per").addEventListener("change", (event) => change({ per: event.target.value }));
  byId("hot-width").addEventListener("change", (event) => change({ width: +event.target.value }));
  byId("hot-category").addEventListener("change", (event) => change({ category: event.target.value }));
  byId("hot-horizon").addEventListener("change", (event) => change({ horizon: +event.target.value }));
  byId("hot-sources").addEventListener("change", (event) => change({ allSources: event.target.checked }));
  byId("hot-period").addEventListener("change", (event) => {
    const days = +event.target.value;
    if (days) change({ from: addDays(today, 1 - days), to: today });
    else {
      byId("hot-own-days").hidden = false;
      byId("hot-from").focus();
    }
  });
  for (const id of ["hot-from", "hot-to"]) {
    byId(id).addEventListener("change", () => {
      const [from, to] = [byId("hot-from").value, byId("hot-to").value];
      const isSound = isDay(from) && isDay(to) && from <= to;
      byId("hot-days-fault").hidden = isSound;
      if (isSound) change({ from, to });
    });
  }
  byId("hot-hours").replaceChildren(...hourChoices());
  byId("hot-hours").addEventListener("change", (event) => {
    const text = event.target.value;
    if (text !== "own") change({ hours: text ? text.split("-").map(Number) : null });
    else showOwnHours(now.hours ?? [22, 6]);
  });
  for (const id of ["hot-hour-from", "hot-hour-to"]) {
    byId(id).replaceChildren(...Array.from({ length: 24 }, (_, hour) =>
      make("option", { value: hour }, `${String(hour).padStart(2, "0")}:00`)));
    byId(id).addEventListener("change", () => {
      const [from, to] = [+byId("hot-hour-from").value, +byId("hot-hour-to").value];
      change({ hours: isHours(from, to) ? [from, to] : null });
    });
  }
  for (const box of document.querySelectorAll("[data-weekday]")) {
    box.addEventListener("change", () => {
      const chosen = [...document.querySelectorAll("[data-weekday]:checked")]
        .map((each) => +each.dataset.weekday);
      change({ weekdays: chosen.length ? chosen : ALL_WEEK });
    });
  }

  function show(shown) {
    now = shown;
    const isForecast = shown.measure === "forecast";
    byId("hot-measure").value = shown.measure;
    byId("hot-category").value = shown.category;
    byId("hot-horizon").value = shown.horizon;
    byId("hot-horizon-row").hidden = !isForecast;
    byId("hot-by").value = shown.by;
    byId("hot-by").disabled = shown.measure === "density";
    byId("hot-per").value = shown.per;
    byId("hot-per-row").hidden = !isRate(shown);
    byId("hot-width").value = shown.width;
    byId("hot-width-row").hidden = shown.measure !== "density";
    // A forecast learns from all there is; a window is chosen by the slider.
    byId("hot-period-row").hidden = isForecast || shown.window !== "";
    const preset = PRESET_DAYS.find((days) => shown.to === today && daysBetween(shown.from, today) + 1 === days);
    byId("hot-period").value = preset ?? "";
    byId("hot-own-days").hidden = isForecast || shown.window !== "" || preset !== undefined;
    byId("hot-from").value = shown.from;
    byId("hot-to").value = shown.to;
    byId("hot-from").max = byId("hot-to").max = today;
    byId("hot-days-fault").hidden = true;
    const hours = shown.hours ? shown.hours.join("-") : "";
    const isListed = [...byId("hot-hours").options].some((option) => option.value === hours);
    byId("hot-hours").value = isListed ? hours : "own";
    byId("hot-own-hours").hidden = isListed;
    if (!isListed) showOwnHours(shown.hours);
    for (const box of document.querySelectorAll("[data-weekday]")) {
      box.checked = shown.weekdays.includes(+box.dataset.weekday);
    }
    byId("hot-sources").checked = shown.allSources;
    byId("hot-presence").checked = shown.byPresence;
    byId("hot-presence").disabled = !mayBeWeighed(shown);
    byId("hot-narrowed").textContent = narrowedText(shown);
    byId("hot-time-toggle").setAttribute("aria-pressed", shown.window !== "");
    byId("hot-time-toggle").disabled = isForecast;
  }

  show(question);
  return show;
}

function showOwnHours([from, to]) {
  byId("hot-own-hours").hidden = false;
  byId("hot-hour-from").value = from;
  byId("hot-hour-to").value = to % 24;
}

function hourChoices() {
  return [
    make("option", { value: "" }, say("map.hot_all_hours")),
    ...["6-12", "12-18", "18-22", "22-6"].map((hours) => make("option", { value: hours }, hoursText(hours.split("-")))),
    make("option", { value: "own" }, say("map.hot_own_hours")),
  ];
}

function hoursText([from, to]) {
  return say("map.hot_hours_range", { from: String(from).padStart(2, "0"), to: String(to).padStart(2, "0") });
}

/** What is left of the hours, weekdays and sources, in words; empty where nothing is left out. */
export function narrowedText(question) {
  const parts = [];
  if (question.hours) parts.push(hoursText(question.hours));
  if (question.weekdays.length < 7) {
    parts.push(question.weekdays.map((day) => say(`map.hot_weekday_${day}`)).join(" "));
  }
  if (question.allSources) parts.push(say(question.byPresence ? "map.hot_sources_weighed" : "map.hot_sources_all"));
  return parts.join(" · ");
}

/** Fill the picker of categories with the tree, each below its own. */
export function fillCategories(categories, language) {
  const below = new Map();
  for (const each of categories) {
    const parent = each.parent_code ?? "";
    below.set(parent, [...(below.get(parent) ?? []), each]);
  }
  const options = [make("option", { value: "" }, say("map.hot_all_categories"))];
  const add = (parent, depth) => {
    for (const each of below.get(parent) ?? []) {
      const name = language === "en" ? each.name_en ?? each.name : each.name;
      options.push(make("option", { value: each.code }, `${"\u3000".repeat(depth)}${name}`));
      add(each.code, depth + 1);
    }
  };
  add("", 0);
  byId("hot-category").replaceChildren(...options);
}
