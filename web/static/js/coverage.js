// Patrol coverage: the map by slot, key places that were missed, shares of duty time, mismatch.

import { glaze, GROUND, STRENGTH } from "./classes.js";
import { askJson, wasGivenUp } from "./api.js";
import { startCoverageLists } from "./coverage_lists.js";
import { byId, afterPause, csvLine, download, make } from "./dom.js";
import { clearFault, reportFault } from "./notices.js";
import { startOfDay } from "./local_days.js";
import { formatNumber, say, timeZone } from "./texts.js";
import { dayAndClock } from "./times.js";
import { addLinkPart, linkChanged } from "./view_link.js";

export { startPageMap } from "./page_map.js";
export { addVectorTiles } from "./tiles.js";

// ColorBrewer YlGnBu where much is good, YlOrRd where it isn't: hours since, and between.
const RAMPS = {
  much: ["#ffffcc", "#a1dab4", "#41b6c4", "#2c7fb8", "#253494"],
  long: ["#ffffb2", "#fecc5c", "#fd8d3c", "#f03b20", "#bd0026"],
};
const LONG = new Set(["revisit", "since", "intermittency"]);
const DAY_MS = 86400000;
const PLAY_MS = 1400;
const PAUSE_MS = 140;
const CELLS_FROM_ZOOM = 13;
const TABLE_MAX = 200;
const oneDigit = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });

let answer = null;

/** What is asked for, by the controls. */
export function periodAsked() {
  const until = byId("coverage-until");
  // To the end of that local day, or now.
  const day = until.value || until.max;
  const end = new Date(Math.min(new Date(startOfDay(day, timeZone)).getTime() + DAY_MS, Date.now()));
  const start = new Date(end.getTime() - Number(byId("coverage-days").value) * DAY_MS);
  // To the minute, so that a map that is dragged asks the same question again.
  for (const each of [start, end]) each.setSeconds(0, 0);
  return { start: start.toISOString(), end: end.toISOString() };
}

/** The last day of that, from its midnight on. */
export function lastDayAsked() {
  const until = byId("coverage-until");
  const start = new Date(`${until.value || until.max}T00:00:00`);
  const end = new Date(Math.min(start.getTime() + DAY_MS, Date.now()));
  end.setSeconds(0, 0);
  return { start: start.toISOString(), end: end.toISOString() };
}

export function addCoverage(map, options) {
  const pane = map.createPane("coverage");
  pane.style.zIndex = 351;
  const renderer = L.canvas({ pane: "coverage", padding: 0.3, tolerance: 4 });
  const group = L.layerGroup().addTo(map);
  const patterns = patternsOf(document.createElement("canvas").getContext("2d"));
  let question = null;
  let timer = 0;

  const slot = byId("coverage-slot");
  const slotValue = () => Number(slot.value);

  async function load() {
    question?.abort();
    question = new AbortController();
    tellState("loading");
    const kind = byId("coverage-kind").value;
    const box = map.getBounds().pad(0.05);
    const asked = new URLSearchParams({ kind, measure: byId("coverage-measure").value, ...periodAsked() });
    if (kind !== "grid") {
      asked.set("bbox", [box.getWest(), box.getSouth(), box.getEast(), box.getNorth()]
        .map((degrees) => degrees.toFixed(6)).join(","));
    }
    if (slotValue() > 0) asked.set("hours", `${slotValue() - 1}-${slotValue()}`);
    try {
      answer = await askJson(`${options.url}/places?${asked}`, { signal: question.signal });
      clearFault("coverage");
      draw();
    } catch (error) {
      if (wasGivenUp(error)) return;
      answer = null;
      group.clearLayers();
      byId("coverage-rows").replaceChildren();
      byId("coverage-table").replaceChildren();
      byId("coverage-summary").textContent = error.message;
      reportFault("coverage", say("coverage.error", { reason: error.message }), load);
    }
    tellState("loaded");
  }

  function draw() {
    group.clearLayers();
    L.geoJSON(answer, {
      renderer, pane: "coverage",
      style: ({ properties }) => styleOf(properties, answer.kind, patterns),
      pointToLayer: ({ properties }, place) =>
        L.circleMarker(place, { renderer, pane: "coverage", radius: 9, ...styleOf(properties, answer.kind, patterns) }),
    })
      .bindTooltip((shape) => tooltipOf(shape.feature.properties), { sticky: true, opacity: 1 })
      .addTo(group);
    showLegend();
    showTable();
  }

  function tellSlot() {
    const hour = slotValue();
    const text = hour === 0 ? say("coverage.all_hours") : hoursText(hour - 1);
    byId("slot-text").textContent = text;
    slot.setAttribute("aria-valuetext", text);
  }

  function play(isOn) {
    clearInterval(timer);
    timer = isOn ? setInterval(() => {
      slot.value = String(slotValue() % 24 + 1);
      changed();
    }, PLAY_MS) : 0;
    byId("slot-play").setAttribute("aria-pressed", String(isOn));
    byId("slot-play").textContent = say(isOn ? "coverage.pause" : "coverage.play");
  }

  const loadSoon = afterPause(load, PAUSE_MS);
  function changed() {
    tellSlot();
    linkChanged();
    loadSoon();
  }
  slot.addEventListener("input", () => { play(false); changed(); });
  byId("slot-play").addEventListener("click", () => play(timer === 0));
  for (const id of ["coverage-kind", "coverage-measure"]) byId(id).addEventListener("change", changed);
  for (const id of ["coverage-days", "coverage-until"]) {
    byId(id).addEventListener("change", () => {
      changed();
      document.dispatchEvent(new CustomEvent("coverage-period"));
    });
  }
  byId("coverage-download").addEventListener("click", save);
  for (const [name, id, usual] of [
    ["slot", "coverage-slot", "0"], ["places", "coverage-kind", "cell"],
    ["measure", "coverage-measure", "visits"], ["days", "coverage-days", "7"],
  ]) {
    addLinkPart(name, {
      write: () => (byId(id).value === usual ? null : byId(id).value),
      read: (text) => {
        const control = byId(id);
        const allowed = control.options ? [...control.options].map((each) => each.value) : null;
        if (text !== null && (allowed === null ? /^\d{1,2}$/.test(text) : allowed.includes(text))) control.value = text;
        tellSlot();
      },
    });
  }
  tellSlot();
  map.once("placed", () => {
    // Far away the cells are too many to be drawn, and too small to be seen.
    if (map.getZoom() < CELLS_FROM_ZOOM && byId("coverage-kind").value === "cell") byId("coverage-kind").value = "grid";
    load();
    map.on("moveend", () => byId("coverage-kind").value !== "grid" && loadSoon());
    startCoverageLists(map, options);
  });
}

function hoursText(first) {
  const two = (hour) => String(hour).padStart(2, "0");
  return `${two(first)}:00 – ${two(first + 1)}:00`;
}

function rampOf(measure) {
  return LONG.has(measure) ? RAMPS.long : RAMPS.much;
}

function classOf(value) {
  return answer.class_breaks.filter((bound) => value >= bound).length;
}

function colourOf(index, measure) {
  const ramp = rampOf(measure);
  const most = answer.class_breaks.length;
  return most === 0 ? ramp[2] : ramp[Math.round((index * (ramp.length - 1)) / most)];
}

/** Patterns: lines over a colour where it is uncertain, crossed lines where nothing is known. */
function patternsOf(context) {
  const made = new Map();
  const tile = (colour, isCrossed) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 8;
    const pen = canvas.getContext("2d");
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 8, 8);
    pen.strokeStyle = isCrossed ? "rgba(75,80,88,.8)" : "rgba(16,40,52,.85)";
    pen.lineWidth = 1.1;
    pen.beginPath();
    for (const shift of [-8, 0, 8]) {
      pen.moveTo(shift, 8);
      pen.lineTo(shift + 8, 0);
      if (isCrossed) {
        pen.moveTo(shift, 0);
        pen.lineTo(shift + 8, 8);
      }
    }
    pen.stroke();
    return context.createPattern(canvas, "repeat");
  };
  return {
    uncertain(colour) {
      if (!made.has(colour)) made.set(colour, tile(glaze(colour), false));
      return made.get(colour);
    },
    unknown: tile("rgba(255,255,255,.35)", true),
  };
}

function styleOf(properties, kind, patterns) {
  const { state, value } = properties;
  const is = { present: state === "certain" || state === "uncertain" };
  const colour = is.present && value !== null && value > 0
    ? colourOf(classOf(value), answer.measure) : "#eef0f2";
  if (kind === "street") {
    if (!is.present) return { color: state === "unknown" ? "#6b7078" : "#b9bec6", weight: 2, opacity: 0.8, dashArray: state === "unknown" ? "1 6" : null };
    return { color: colour === "#ffffcc" ? "#c7c76a" : colour, weight: 5, opacity: 0.95, dashArray: state === "uncertain" ? "6 5" : null };
  }
  const edge = { color: kind === "key_place" ? "#0f2a4a" : "#8b9098", weight: kind === "key_place" ? 2 : 0.6, opacity: 0.9 };
  if (state === "unknown") return { ...edge, fillColor: patterns.unknown, fillOpacity: 1 };
  if (state === "none") return { ...edge, fillColor: "#ffffff", fillOpacity: kind === "key_place" ? 0.9 : 0.12 };
  if (state === "uncertain") return { ...edge, fillColor: patterns.uncertain(colour), fillOpacity: 1 };
  return { ...edge, fillColor: colour, fillOpacity: STRENGTH };
}

function valueText(value, measure) {
  return value === null ? "—" : say(`coverage.value_${measure}`, { value: oneDigit.format(value) });
}

function tooltipOf(properties) {
  return make("span", {},
    make("strong", {}, properties.name ?? properties.place), make("br"),
    `${say(`coverage.measure_${answer.measure}`)}: ${valueText(properties.value, answer.measure)}`, make("br"),
    say("coverage.tooltip", {
      visits: formatNumber(properties.visit_count), minutes: oneDigit.format(properties.presence_s / 60),
      state: say(`coverage.state_${properties.state}`),
    }));
}

function showLegend() {
  const places = answer.features.map((each) => each.properties);
  const measure = answer.measure;
  byId("coverage-summary").textContent = say(places.length ? "coverage.summary" : "coverage.summary_none", {
    places: formatNumber(places.length),
    start: dayAndClock(answer.start), end: dayAndClock(answer.end),
    duty: oneDigit.format(answer.duty_s / 3600),
    known: answer.duty_s ? formatNumber(Math.round((100 * answer.known_s) / answer.duty_s)) : "—",
  });
  byId("sheet-summary").textContent = byId("slot-text").textContent;
  byId("legend-measure").textContent = say(`coverage.measure_${measure}`);
  const present = places.filter((each) => each.state === "certain" || each.state === "uncertain");
  const valued = present.filter((each) => each.value !== null && each.value > 0);
  const bounds = [0, ...answer.class_breaks];
  const rows = bounds.map((from, index) => {
    const swatch = make("span", { class: "swatch" });
    const glazed = glaze(colourOf(index, measure));
    swatch.style.background = `linear-gradient(${glazed}, ${glazed}), ${GROUND}`;
    const to = bounds[index + 1];
    const range = to === undefined
      ? say("coverage.from", { value: oneDigit.format(from) })
      : say("coverage.below", { from: oneDigit.format(from), to: oneDigit.format(to) });
    const count = valued.filter((each) => classOf(each.value) === index).length;
    // Whole numbers have no class between none and the first.
    return index === 0 && count === 0 && bounds.length > 1 ? null : row(swatch, range, count);
  }).filter((each) => each !== null).reverse();
  const passed = present.length - valued.length;
  if (passed > 0) {
    const swatch = make("span", { class: "swatch" });
    swatch.style.background = "#eef0f2";
    rows.push(row(swatch, say(measure === "visits" || measure === "dose" ? "coverage.passed_only" : "coverage.no_value"), passed));
  }
  for (const state of ["uncertain", "none", "unknown"]) {
    rows.push(row(make("span", { class: `swatch swatch-${state}` }), say(`coverage.legend_${state}`), answer.states[state] ?? 0));
  }
  byId("coverage-rows").replaceChildren(...rows);
  byId("coverage-method").textContent = say("coverage.method");
  byId("coverage-roads").textContent = answer.roads.length
    ? say("coverage.by_road", { names: answer.roads.join(document.documentElement.lang === "zh" ? "、" : ", ") })
    : say("coverage.straight");
}

function row(swatch, text, count) {
  return make("tr", {},
    make("td", {}, swatch), make("th", { scope: "row" }, text),
    make("td", { class: "number" }, formatNumber(count)));
}

function showTable() {
  const places = answer.features.map((each) => each.properties)
    .sort((a, b) => b.presence_s - a.presence_s).slice(0, TABLE_MAX);
  byId("coverage-table").replaceChildren(...places.map((each) => make("tr", {},
    make("th", { scope: "row", class: each.name ? "" : "code" }, each.name ?? each.place),
    make("td", { class: "number" }, formatNumber(each.visit_count)),
    make("td", { class: "number" }, oneDigit.format(each.presence_s / 60)),
    make("td", {}, say(`coverage.state_${each.state}`)))));
}

function save() {
  if (answer === null) return;
  const columns = [
    "place", "name", "grid_code", "state", "visit_count", "probable_count", "dose_s", "presence_s", "certain_s",
    "uncertain_s", "patrolling_s", "stationary_s", "responding_s", "mean_stay_s", "gap_p50_s", "gap_p90_s",
    "gap_max_s", "gap_cv", "since_last_s",
  ];
  const lines = [columns, ...answer.features.map((each) => columns.map((name) => each.properties[name]))];
  download(`${lines.map(csvLine).join("\r\n")}\r\n`, `coverage_${answer.kind}.csv`, "text/csv");
}

/** Tests and printing wait for this. */
function tellState(state) {
  document.documentElement.setAttribute("data-coverage", state);
}
