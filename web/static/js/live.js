// The live board: units on the map as they move, the list of a leader's people, one unit's panel, who
// is nearest to a place, and the replay of a past period.

import { askJson } from "./api.js";
import { byId, make } from "./dom.js";
import { swatch, UnitList } from "./live_list.js";
import { startReplay } from "./live_replay.js";
import { MusterBoard, wayOf } from "./muster_board.js";
import { MusterCalls } from "./muster_call.js";
import { clearFault, reportFault } from "./notices.js";
import { startPageMap } from "./page_map.js";
import { formatNumber, language, say } from "./texts.js";
import { clock, dayAndClock } from "./times.js";
import { UnitLayer } from "./unit_layer.js";

export { addVectorTiles } from "./tiles.js";

const COMMA = language === "zh" ? "、" : ", ";
const FRESH_S = 60;
const STALE_S = 300;
const BOARD_EVERY_MS = 30000;
const AGE_EVERY_MS = 5000;
const MUSTERS_EVERY_MS = 15000; // how far those on their way are; what happens comes by events

const units = new Map(); // id → what the board says, with `at_s` of the last position
let layer = null;
let list = null;
let map = null;
let selected = null;
let place = null; // where the nearest are asked for
let placeMarker = null;
let replaying = false;
let wasHeard = false; // the stream tells all positions first
let wasPlaced = location.hash.length > 1; // by a link, or by who looks: then the map stays there
let leads = false;
let musters = null; // the leader's board
let calls = null; // of one's own units

export function startLive(leafletMap, options) {
  map = leafletMap;
  layer = new UnitLayer(map, { onSelect: select, onPlace: (latlng) => askNearest(latlng) });
  list = new UnitList(byId("unit-list"), {
    rows: wantedUnits, textOf: lineOf, stateOf, onSelect: (id) => select(id, true), onShown: tellShown,
  });
  startPageMap(map, options);
  map.once("dragstart", () => { wasPlaced = true; });
  leads = byId("muster-form") !== null;
  musters = leads ? new MusterBoard(map) : null;
  calls = new MusterCalls({
    onAnswer: (muster) => musters?.take(muster),
    onPlace: (muster) => map.setView([muster.lat, muster.lon], Math.max(map.getZoom(), 16)),
  });
  byId("nearest-address")?.addEventListener("submit", findPlace);
  for (const id of ["filter-text", "filter-kind", "filter-status", "filter-duty"]) {
    byId(id).addEventListener("input", showAges);
  }
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
  setInterval(() => {
    if (document.visibilityState === "visible") loadMusters(openMusters);
  }, MUSTERS_EVERY_MS);
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
    tellSummary();
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
    const filter = readFilter();
    for (const position of JSON.parse(event.data)) take(position, filter);
    if (!wasHeard) {
      wasHeard = true;
      showAges(); // until now nobody's position was known
    }
    showAllAtFirst();
    list.later();
    if (selected !== null && !replaying) showUnit();
  });
  stream.addEventListener("musters", (event) => loadMusters(JSON.parse(event.data)));
  stream.addEventListener("error", () => {
    // The browser tries again by itself, and tells the last event it saw; not where it was refused.
    tellConnection(stream.readyState === EventSource.CLOSED ? "closed" : "lost");
  });
}

const openMusters = new Set();

async function loadMusters(ids) {
  for (const id of ids) {
    try {
      const muster = await askJson(`/v1/musters/${id}`);
      if (muster.ended_at) openMusters.delete(id);
      else openMusters.add(id);
      musters?.take(muster);
      calls.take(muster);
      if (muster.ended_at || muster.units.some((unit) => units.get(unit.unit_id)?.status !== unit.status)) loadBoard();
      clearFault("musters");
    } catch (error) {
      if (error.status === 404) openMusters.delete(id); // out of sight since
      else reportFault("musters", error.message, () => loadMusters([...openMusters, id]));
    }
  }
}

function tellConnection(state) {
  if (byId("connection").dataset.state === state && document.documentElement.dataset.live === state) return;
  byId("connection").dataset.state = state;
  byId("connection").textContent = say(`live.connection_${state}`);
  document.documentElement.setAttribute("data-live", state);
  if (state === "closed") reportFault("live", say("live.connection_closed"), () => location.reload());
  else clearFault("live");
}

function take({ unit_id: id, at, lon, lat, alarm, battery_share: battery, speed_mps: speed }, filter) {
  const unit = units.get(id);
  if (!unit) return; // made since; the next board knows it
  Object.assign(unit, { at_s: Date.parse(at) / 1000, lon, lat, alarm, battery, speed });
  if (replaying) return;
  describe(unit, filter);
  layer.move(id, lon, lat, unit.at_s);
}

/** A leader's units go beyond the grids that are led: what opens is the grids and who is on duty. */
function showAllAtFirst() {
  if (wasPlaced) return;
  wasPlaced = true;
  const outside = [...units.values()].filter((unit) =>
    unit.is_on_duty && stateOf(unit) !== "unknown" && !map.getBounds().contains([unit.lat, unit.lon]));
  if (!outside.length) return;
  const box = map.getBounds();
  for (const unit of outside) box.extend([unit.lat, unit.lon]);
  map.fitBounds(box, { animate: false });
}

function stateOf(unit, now_s = Date.now() / 1000) {
  if (unit.at_s === undefined || now_s - unit.at_s > STALE_S) return "unknown";
  return now_s - unit.at_s > FRESH_S ? "stale" : "fresh";
}

function describe(unit, filter) {
  layer.describe(unit.unit_id, {
    kind: unit.kind, status: unit.status, state: stateOf(unit), label: unit.code,
    hidden: !isWanted(unit, filter), alarm: Boolean(unit.alarm),
  });
}

// -- the list

function readFilter() {
  return {
    text: byId("filter-text").value.trim().toLowerCase(), kind: byId("filter-kind").value,
    status: byId("filter-status").value, onDuty: byId("filter-duty").checked,
  };
}

function isWanted(unit, { text, kind, status, onDuty }) {
  return (
    (!kind || unit.kind === kind) && (!status || unit.status === status) && (!onDuty || unit.is_on_duty)
    && (!text || wordsOf(unit).some((word) => word.toLowerCase().includes(text)))
  );
}

function wordsOf(unit) {
  return [unit.code, unit.name, ...unit.skills, ...unit.members.map((member) => member.name)];
}

function showAges() {
  tellSummary();
  if (replaying) return;
  const filter = readFilter();
  for (const unit of units.values()) describe(unit, filter);
  list.now();
  if (selected !== null) showUnit();
}

/** Those of the filter: who raises an alarm first, then who is on duty, by code. */
function wantedUnits() {
  const filter = readFilter();
  const rank = (unit) => (unit.alarm ? 0 : unit.is_on_duty ? 1 : 2);
  return [...units.values()].filter((unit) => isWanted(unit, filter))
    .sort((a, b) => rank(a) - rank(b) || (a.code < b.code ? -1 : 1));
}

function lineOf(unit, state) {
  return `${unit.code} · ${say(`live.status_${unit.status}`)} · ${ageText(unit, state)}`;
}

function tellSummary() {
  const onDuty = [...units.values()].filter((unit) => unit.is_on_duty);
  const silent = onDuty.filter((unit) => stateOf(unit) === "unknown");
  byId("live-summary").textContent = say("live.summary", {
    on_duty: formatNumber(onDuty.length), all: formatNumber(units.size), silent: formatNumber(silent.length),
  });
  byId("sheet-summary").textContent = say("live.summary_short", {
    on_duty: formatNumber(onDuty.length), all: formatNumber(units.size),
  });
  document.documentElement.setAttribute("data-board", String(units.size));
}

function tellShown(shown, wanted) {
  byId("unit-none").hidden = wanted > 0;
  byId("unit-more").hidden = shown === wanted;
  byId("unit-more").textContent = say("live.more", { value: formatNumber(wanted - shown) });
}

function ageText(unit, state) {
  if (!unit.is_on_duty) {
    return unit.starts_at ? say("live.next_duty", { at: dayAndClock(unit.starts_at) })
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
  list.select(id);
  byId("unit-block").hidden = id === null;
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
  const title = byId("unit-title");
  if (title.dataset.shown !== String(selected) || title.textContent !== unit.name) {
    title.dataset.shown = selected;
    title.replaceChildren(make("a", { href: `/units/${selected}` }, unit.name));
  }
  const facts = [
    ["live.kind", say(`live.kind_${unit.kind}`)],
    ["live.status", say(`live.status_${unit.status}`)
      + (unit.status_since ? ` ${say("live.since", { at: clock(unit.status_since) })}` : "")],
    ["live.duty", unit.starts_at ? `${dayAndClock(unit.starts_at)} – ${dayAndClock(unit.ends_at)}`
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

async function findPlace(event) {
  event.preventDefault();
  const text = byId("nearest-text").value.trim();
  if (!text) return;
  try {
    const { suggestions } = await askJson(`/v1/suggest?q=${encodeURIComponent(text)}`);
    const found = suggestions.find((each) => each.lon !== null);
    if (!found) {
      byId("nearest-note").textContent = say("muster.no_address");
      return;
    }
    const latlng = L.latLng(found.lat, found.lon);
    map.setView(latlng, Math.max(map.getZoom(), 16));
    await askNearest(latlng, found.canonical_text);
  } catch (error) {
    byId("nearest-note").textContent = error.message;
  }
}

async function askNearest(latlng, name = null) {
  if (replaying) return;
  place = latlng;
  placeMarker ??= L.circleMarker(latlng, { radius: 9, color: "#b3261e", weight: 3, fillOpacity: 0.15 }).addTo(map);
  placeMarker.setLatLng(latlng);
  const query = new URLSearchParams({ lon: latlng.lng.toFixed(6), lat: latlng.lat.toFixed(6), limit: leads ? "20" : "8" });
  if (byId("nearest-kind").value) query.set("kind", byId("nearest-kind").value);
  if (byId("nearest-skill").value) query.set("skill", byId("nearest-skill").value);
  if (byId("nearest-free").checked) query.set("status", "free");
  try {
    const { units: found } = await askJson(`/v1/positions/nearest?${query}`);
    const byRoad = found.some((unit) => unit.p50_s !== null);
    byId("nearest-note").textContent = say(
      !found.length ? "live.nearest_none" : byRoad ? "live.nearest_note_road" : "live.nearest_note",
    );
    musters?.offer(latlng, name, found);
    byId("nearest-list").replaceChildren(...found.map((unit) => make("li", { class: "nearest-row" },
      musters ? musters.box(unit) : null,
      make("button", { type: "button", class: "unit-row", onclick: () => select(unit.unit_id, true) },
        swatch(unit.kind, unit.status, unit.state),
        make("span", { class: "unit-name" }, unit.name,
          make("span", { class: "unit-line" },
            `${wayOf(unit)} · ${say(`live.status_${unit.status}`)} · ${say(`live.state_${unit.state}`)}`))))));
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
  const filter = readFilter();
  for (const unit of units.values()) {
    layer.remove(unit.unit_id);
    describe(unit, filter);
    if (unit.at_s !== undefined) layer.move(unit.unit_id, unit.lon, unit.lat, unit.at_s, false);
  }
  showAges();
}

