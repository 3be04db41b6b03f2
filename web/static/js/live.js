// The live board: units on the map as they move, the list of a leader's people, one unit's panel, who
// is nearest to a place, and the replay of a past period.

import { askJson } from "./api.js";
import { byId, make } from "./dom.js";
import { startReplay } from "./live_replay.js";
import { clearFault, reportFault } from "./notices.js";
import { startPageMap } from "./page_map.js";
import { formatMetres, formatNumber, language, say } from "./texts.js";
import { stampOf, UnitLayer } from "./unit_layer.js";

export { addVectorTiles } from "./tiles.js";

const COMMA = language === "zh" ? "、" : ", ";
const FRESH_S = 60;
const STALE_S = 300;
const BOARD_EVERY_MS = 30000;
const AGE_EVERY_MS = 5000;
const time = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hour12: false });
const dayAndTime = new Intl.DateTimeFormat(language, {
  month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false,
});

const units = new Map(); // id → what the board says, with `at_s` of the last position
let layer = null;
let map = null;
let selected = null;
let place = null; // where the nearest are asked for
let placeMarker = null;
let replaying = false;

export function startLive(leafletMap, options) {
  map = leafletMap;
  layer = new UnitLayer(map, { onSelect: select, onPlace: askNearest });
  startPageMap(map, options);
  for (const id of ["filter-text", "filter-kind", "filter-status"]) {
    byId(id).addEventListener("input", showList);
  }
  byId("filter-duty").addEventListener("change", showList);
  for (const id of ["nearest-kind", "nearest-skill", "nearest-free"]) {
    byId(id).addEventListener("change", () => place && askNearest(place));
  }
  byId("unit-close").addEventListener("click", () => select(null));
  byId("status-form").addEventListener("submit", setStatus);
  startReplay(layer, {
    begun: () => setReplaying(true),
    ended: () => setReplaying(false),
  });
  loadBoard().then(watch);
  setInterval(loadBoard, BOARD_EVERY_MS);
  setInterval(showAges, AGE_EVERY_MS);
}

// -- what the board and the stream say

async function loadBoard() {
  try {
    const board = await askJson("/v1/units/board");
    clearFault("board");
    const told = new Set(board.units.map((unit) => unit.unit_id));
    for (const id of units.keys()) {
      if (told.has(id)) continue;
      units.delete(id);
      layer.remove(id);
    }
    for (const unit of board.units) {
      units.set(unit.unit_id, { ...units.get(unit.unit_id), ...unit });
    }
    showSkills();
    showAges();
  } catch (error) {
    reportFault("board", say("live.error_board", { reason: error.message }), loadBoard);
  }
}

function watch() {
  const stream = new EventSource("/v1/positions/live");
  stream.addEventListener("open", () => tellConnection("open"));
  stream.addEventListener("positions", (event) => {
    tellConnection("open");
    for (const position of JSON.parse(event.data)) take(position);
    showAges();
  });
  stream.addEventListener("error", () => {
    // The browser tries again by itself, and tells the last event it saw; not where it was refused.
    tellConnection(stream.readyState === EventSource.CLOSED ? "closed" : "lost");
  });
}

function tellConnection(state) {
  byId("connection").dataset.state = state;
  byId("connection").textContent = say(`live.connection_${state}`);
  document.documentElement.setAttribute("data-live", state);
  if (state === "closed") reportFault("live", say("live.connection_closed"), () => location.reload());
  else clearFault("live");
}

function take({ unit_id: id, at, lon, lat, alarm, battery_share: battery, speed_mps: speed }) {
  const unit = units.get(id);
  if (!unit) return; // made since; the next board knows it
  Object.assign(unit, { at_s: Date.parse(at) / 1000, lon, lat, alarm, battery, speed });
  if (replaying) return;
  describe(unit);
  layer.move(id, lon, lat, unit.at_s);
}

function stateOf(unit, now_s = Date.now() / 1000) {
  if (unit.at_s === undefined || now_s - unit.at_s > STALE_S) return "unknown";
  return now_s - unit.at_s > FRESH_S ? "stale" : "fresh";
}

function describe(unit) {
  layer.describe(unit.unit_id, {
    kind: unit.kind, status: unit.status, state: stateOf(unit), label: unit.code, hidden: !isWanted(unit),
  });
}

// -- the list

function isWanted(unit) {
  const text = byId("filter-text").value.trim().toLowerCase();
  const kind = byId("filter-kind").value;
  const status = byId("filter-status").value;
  const words = [unit.code, unit.name, ...unit.skills, ...unit.members.map((member) => member.name)];
  return (
    (!kind || unit.kind === kind) && (!status || unit.status === status)
    && (!byId("filter-duty").checked || unit.is_on_duty)
    && (!text || words.some((word) => word.toLowerCase().includes(text)))
  );
}

function showAges() {
  if (replaying) return;
  for (const unit of units.values()) describe(unit);
  showList();
  if (selected !== null) showUnit();
}

function showList() {
  if (!replaying) for (const unit of units.values()) describe(unit);
  const wanted = [...units.values()].filter(isWanted)
    .sort((a, b) => b.is_on_duty - a.is_on_duty || a.code.localeCompare(b.code));
  const onDuty = [...units.values()].filter((unit) => unit.is_on_duty);
  const silent = onDuty.filter((unit) => stateOf(unit) === "unknown");
  byId("live-summary").textContent = say("live.summary", {
    on_duty: formatNumber(onDuty.length), all: formatNumber(units.size), silent: formatNumber(silent.length),
  });
  byId("sheet-summary").textContent = say("live.summary_short", {
    on_duty: formatNumber(onDuty.length), all: formatNumber(units.size),
  });
  byId("unit-none").hidden = wanted.length > 0;
  const list = byId("unit-list");
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.unit : null;
  list.replaceChildren(...wanted.map(listRow));
  if (focused) list.querySelector(`[data-unit="${CSS.escape(focused)}"]`)?.focus();
  document.documentElement.setAttribute("data-board", String(units.size));
}

function listRow(unit) {
  const state = stateOf(unit);
  return make("li", {},
    make("button", {
      type: "button", class: "unit-row", "data-unit": unit.unit_id,
      "aria-pressed": String(unit.unit_id === selected), onclick: () => select(unit.unit_id, true),
    },
    swatch(unit.kind, unit.status, state),
    make("span", { class: "unit-name" }, unit.name,
      make("span", { class: "unit-line" },
        `${unit.code} · ${say(`live.status_${unit.status}`)} · ${ageText(unit, state)}`)),
    unit.alarm ? make("span", { class: "unit-alarm" }, say("live.alarm")) : null));
}

function swatch(kind, status, state) {
  const stamp = stampOf(kind, status, state);
  stamp.className = "unit-stamp";
  stamp.setAttribute("aria-hidden", "true");
  return stamp;
}

function ageText(unit, state) {
  if (!unit.is_on_duty) {
    return unit.starts_at ? say("live.next_duty", { at: dayAndTime.format(new Date(unit.starts_at)) })
      : say("live.no_duty");
  }
  if (unit.at_s === undefined) return say("live.never_seen");
  const age_s = Math.max(0, Math.round(Date.now() / 1000 - unit.at_s));
  return `${say(`live.state_${state}`)}${COMMA}${age_s < 120 ? say("live.seconds_ago", { value: age_s })
    : say("live.minutes_ago", { value: formatNumber(Math.round(age_s / 60)) })}`;
}

function showSkills() {
  const skills = [...new Set([...units.values()].flatMap((unit) => unit.skills))].sort();
  const choice = byId("nearest-skill");
  if (choice.options.length === skills.length + 1) return;
  const chosen = choice.value;
  choice.replaceChildren(
    make("option", { value: "" }, say("live.any_skill")),
    ...skills.map((skill) => make("option", { value: skill, selected: skill === chosen }, skill)),
  );
}

// -- one unit

function select(id, goThere = false) {
  selected = id;
  layer.select(id);
  byId("unit-block").hidden = id === null;
  for (const row of document.querySelectorAll(".unit-row")) {
    row.setAttribute("aria-pressed", String(Number(row.dataset.unit) === id));
  }
  if (id === null) return;
  showUnit();
  byId("status-choice").value = units.get(id).status;
  const at = layer.latLngOf(id);
  if (goThere && at) map.setView(at, Math.max(map.getZoom(), 15));
  byId("unit-block").scrollIntoView({ block: "nearest" });
}

function showUnit() {
  const unit = units.get(selected);
  if (!unit) {
    select(null);
    return;
  }
  byId("unit-title").textContent = unit.name;
  const facts = [
    ["live.kind", say(`live.kind_${unit.kind}`)],
    ["live.status", say(`live.status_${unit.status}`)
      + (unit.status_since ? ` ${say("live.since", { at: time.format(new Date(unit.status_since)) })}` : "")],
    ["live.duty", unit.starts_at ? `${dayAndTime.format(new Date(unit.starts_at))} – ${dayAndTime.format(new Date(unit.ends_at))}`
      : say("live.no_duty")],
    ["live.seen", ageText(unit, stateOf(unit))],
    ["live.members", unit.members.map(({ name, role }) => say("live.member", {
      name, role: say(`live.role_${role}`),
    })).join(COMMA) || "—"],
    ["live.skills", unit.skills.join(COMMA) || "—"],
    ["live.kit", unit.kit.join(COMMA) || "—"],
    ["live.grids", formatNumber(unit.grid_codes.length)],
  ];
  byId("unit-facts").replaceChildren(...facts.map(([key, text]) =>
    make("div", {}, make("dt", {}, say(key)), make("dd", {}, text))));
}

async function setStatus(event) {
  event.preventDefault();
  const id = selected;
  try {
    const told = await askJson(`/v1/units/${id}/status`, {
      method: "POST", body: JSON.stringify({ status: byId("status-choice").value }),
      headers: { "Content-Type": "application/json" },
    });
    Object.assign(units.get(id), { status: told.status, status_since: new Date().toISOString() });
    byId("status-told").textContent = say("live.status_told");
    showAges();
  } catch (error) {
    byId("status-told").textContent = error.message;
  }
}

// -- who is nearest

async function askNearest(latlng) {
  if (replaying) return;
  place = latlng;
  placeMarker ??= L.circleMarker(latlng, { radius: 9, color: "#b3261e", weight: 3, fillOpacity: 0.15 }).addTo(map);
  placeMarker.setLatLng(latlng);
  const query = new URLSearchParams({ lon: latlng.lng.toFixed(6), lat: latlng.lat.toFixed(6), limit: "8" });
  if (byId("nearest-kind").value) query.set("kind", byId("nearest-kind").value);
  if (byId("nearest-skill").value) query.set("skill", byId("nearest-skill").value);
  if (byId("nearest-free").checked) query.set("status", "free");
  try {
    const { units: found } = await askJson(`/v1/positions/nearest?${query}`);
    byId("nearest-note").textContent = say(found.length ? "live.nearest_note" : "live.nearest_none");
    byId("nearest-list").replaceChildren(...found.map((unit) => make("li", {},
      make("button", { type: "button", class: "unit-row", onclick: () => select(unit.unit_id, true) },
        swatch(unit.kind, unit.status, unit.state),
        make("span", { class: "unit-name" }, unit.name,
          make("span", { class: "unit-line" },
            `${formatMetres(unit.distance_m)} · ${say(`live.status_${unit.status}`)} · ${say(`live.state_${unit.state}`)}`))))));
    byId("nearest-fold").open = true;
    byId("nearest-fold").scrollIntoView({ block: "nearest" });
    document.documentElement.setAttribute("data-nearest", String(found.length));
  } catch (error) {
    byId("nearest-note").textContent = error.message;
  }
}

function setReplaying(on) {
  replaying = on;
  byId("replay-banner").hidden = !on;
  if (on) return;
  for (const unit of units.values()) {
    layer.remove(unit.unit_id);
    describe(unit);
    if (unit.at_s !== undefined) layer.move(unit.unit_id, unit.lon, unit.lat, unit.at_s, false);
  }
  showAges();
}

