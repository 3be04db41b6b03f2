// One unit's own day: its way with a moment to move along it, where it stopped, how its time went.

import { askJson, wasGivenUp } from "./api.js";
import { byId, make } from "./dom.js";
import { clearFault, reportFault } from "./notices.js";
import { formatNumber, say } from "./texts.js";
import { clock } from "./times.js";

export { startPageMap } from "./page_map.js";
export { addVectorTiles } from "./tiles.js";

const SILENCE_MS = 330000; // beyond it nothing is known of the way: no line is drawn
const locale = document.documentElement.lang;
const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
const oneDigit = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });

export function addUnitDay(map, options) {
  const group = L.layerGroup().addTo(map);
  const marker = L.circleMarker([0, 0], { radius: 8, color: "#0f2a4a", weight: 3, fillColor: "#ffd84d", fillOpacity: 1 });
  let question = null;
  let way = [];

  async function load() {
    question?.abort();
    question = new AbortController();
    document.documentElement.setAttribute("data-day", "loading");
    const on = byId("day").value || options.today;
    history.replaceState(null, "", `?on=${on}${location.hash}`);
    byId("day-after").disabled = on >= options.today;
    try {
      draw(await askJson(`${options.url}?on=${on}`, { signal: question.signal }));
      clearFault("day");
    } catch (error) {
      if (wasGivenUp(error)) return;
      clear();
      byId("day-summary").textContent = error.message;
      reportFault("day", error.message, load);
    }
    document.documentElement.setAttribute("data-day", "loaded");
  }

  function clear() {
    group.clearLayers();
    marker.remove();
    way = [];
    byId("day-rows").replaceChildren();
    byId("stops").replaceChildren();
    byId("moment-block").hidden = true;
  }

  function draw(day) {
    clear();
    way = day.way;
    byId("day-summary").textContent = day.shifts.length === 0 ? say("coverage.no_duty") : say("coverage.day_summary", {
      shifts: day.shifts.map((each) => `${clock(each.starts_at)}–${clock(each.ends_at)}`).join("、"),
      fixes: formatNumber(way.length),
    });
    for (const part of partsOf(way)) {
      L.polyline(part.map(({ lat, lon }) => [lat, lon]), { color: "#1257a8", weight: 4, opacity: 0.8 }).addTo(group);
    }
    day.stops.forEach((stop, index) => {
      L.circleMarker([stop.lat, stop.lon], { radius: 7, color: "#7a3b00", weight: 2, fillColor: "#fdae61", fillOpacity: 0.95 })
        .bindTooltip(say("coverage.stop", { number: index + 1, from: clock(stop.starts_at), to: clock(stop.ends_at) }))
        .addTo(group);
    });
    showFigures(day);
    byId("stops-none").hidden = day.stops.length > 0;
    byId("stops").replaceChildren(...day.stops.map((stop) => make("li", {}, make("button", {
      type: "button", class: "button button-small",
      onclick: () => map.flyTo([stop.lat, stop.lon], Math.max(map.getZoom(), 17)),
    }, `${clock(stop.starts_at)}–${clock(stop.ends_at)}`), " ",
    say("coverage.minutes", { value: Math.round((new Date(stop.ends_at) - new Date(stop.starts_at)) / 60000) }))));
    byId("sheet-summary").textContent = day.on;
    if (way.length > 0) {
      byId("moment-block").hidden = false;
      byId("moment").max = String(way.length - 1);
      byId("moment").value = String(way.length - 1);
      marker.addTo(group);
      moveTo(way.length - 1);
      map.fitBounds(L.latLngBounds(way.map(({ lat, lon }) => [lat, lon])).pad(0.1), { animate: false, maxZoom: 17 });
    }
  }

  function moveTo(index) {
    const { at, lat, lon } = way[index];
    marker.setLatLng([lat, lon]);
    byId("moment-text").textContent = clock(at);
    byId("moment").setAttribute("aria-valuetext", clock(at));
  }

  function shift(days) {
    const day = new Date(`${byId("day").value || options.today}T12:00:00Z`);
    day.setUTCDate(day.getUTCDate() + days);
    byId("day").value = day.toISOString().slice(0, 10);
    load();
  }

  byId("day").addEventListener("change", load);
  byId("day-before").addEventListener("click", () => shift(-1));
  byId("day-after").addEventListener("click", () => shift(1));
  byId("moment").addEventListener("input", () => moveTo(Number(byId("moment").value)));
  map.once("placed", load);
}

function partsOf(way) {
  const parts = [];
  let last = null;
  for (const each of way) {
    if (last === null || new Date(each.at) - new Date(last.at) > SILENCE_MS) parts.push([]);
    parts.at(-1).push(each);
    last = each;
  }
  return parts.filter((part) => part.length > 1);
}

function showFigures(day) {
  const share = (seconds) => (day.duty_s > 0 ? percent.format(seconds / day.duty_s) : "—");
  const hours = (seconds) => say("coverage.hours", { value: oneDigit.format(seconds / 3600) });
  const rows = [
    ["duty", hours(day.duty_s), ""],
    ["known", hours(day.known_s), share(day.known_s)],
    ["unknown", hours(Math.max(0, day.duty_s - day.known_s)), share(Math.max(0, day.duty_s - day.known_s))],
    ["community", hours(day.community_s), day.community_target === null
      ? share(day.community_s)
      : say("coverage.share_target", { share: share(day.community_s), target: percent.format(day.community_target) })],
    ["beat", hours(day.beat_s), share(day.beat_s)],
    ["patrolling", hours(day.patrolling_s), share(day.patrolling_s)],
    ["stationary", hours(day.stationary_s), share(day.stationary_s)],
    ["responding", hours(day.responding_s), share(day.responding_s)],
    ["length", say("common.kilometres", { value: oneDigit.format(day.area.length_km) }), ""],
    ["ground", say("common.square_kilometres", { value: oneDigit.format(day.area.merged_km2) }),
      say("coverage.swath", { value: formatNumber(day.area.swath_m) })],
    ["cells", formatNumber(day.cell_count), ""],
    ["streets", formatNumber(day.street_count), ""],
  ];
  byId("day-rows").replaceChildren(...rows.map(([name, value, more]) => make("tr", {},
    make("th", { scope: "row" }, say(`coverage.day_${name}`)),
    make("td", { class: "number" }, value), make("td", { class: "number" }, more))));
}
