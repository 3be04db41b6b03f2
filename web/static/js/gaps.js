// The gap board: what is open now, why, since when, who could close it; kept up by events.

import { askJson } from "./api.js";
import { byId, make } from "./dom.js";
import { registerLayer } from "./layer_switch.js";
import { clearFault, reportFault } from "./notices.js";
import {
  clockOfDay, duration, EDGE, legendRow, OFF_ROAD, pin, RING_COLOURS, share, whyNot,
} from "./response.js";
import { formatNumber, say } from "./texts.js";
import { clock, clockWithSeconds, dayAndClock } from "./times.js";

export { startPageMap } from "./page_map.js";
export { addVectorTiles } from "./tiles.js";

// Open cells by how many households are in them: nobody's home is no alarm.
const OPEN = [[20, "#a50f15"], [5, "#de2d26"], [1, "#fb6a4a"], [0, "#fcbba1"]];
const RETRY_MS = 5000;

export function addGaps(map, options) {
  const pane = map.createPane("response");
  pane.style.zIndex = 352;
  const cells = L.layerGroup();
  const units = L.layerGroup();
  const posts = L.layerGroup().addTo(map);
  const renderer = L.canvas({ pane: "response", padding: 0.3 });
  let shapes = [];
  let states = [];
  let source = null;
  let board = null;

  async function load() {
    source?.close();
    tellState("loading");
    try {
      board = await askJson(options.url, { timeLimit_ms: 60000 });
    } catch (error) {
      reportFault("gaps", say("gaps.error", { reason: error.message }), load);
      byId("live-state").textContent = error.message;
      byId("live-dot").className = "live-dot is-broken";
      tellState("failed");
      return;
    }
    clearFault("gaps");
    draw();
    take(board.board);
    showInspections();
    byId("method-facts").textContent = say("gaps.method_facts", {
      network: board.network, source: say(`response.households_${board.household_source}`),
      limits: [...new Set(Object.values(board.limits_s))].map(duration).join(" / "),
    });
    watch();
  }

  function draw() {
    cells.clearLayers();
    shapes = board.features.map((feature) => {
      const shape = L.geoJSON(feature, { renderer, pane: "response", style: { ...EDGE, fillOpacity: 0.6 } })
        .getLayers()[0];
      shape.bindTooltip(() => tooltipOf(feature), { sticky: true, opacity: 1 });
      return shape.addTo(cells);
    });
    states = board.features.map(() => [null, 1]);
  }

  function watch() {
    source = new EventSource(`${options.url}/live`);
    source.addEventListener("gaps", (event) => {
      take(JSON.parse(event.data));
      tellLive(true);
    });
    source.addEventListener("open", () => tellLive(true));
    source.addEventListener("error", () => {
      tellLive(false);
      if (source.readyState === EventSource.CLOSED) setTimeout(load, RETRY_MS);
    });
  }

  function take(change) {
    for (const [k, seconds, isOpen] of change.cells) {
      if (!shapes[k]) continue;
      states[k] = [seconds, isOpen];
      shapes[k].setStyle({ fillColor: colourOf(board.features[k].properties, seconds, isOpen) });
    }
    showFigures(change);
    showGaps(change);
    showUnits(change);
    showLegend();
    document.documentElement.setAttribute("data-board", String(change.number));
    tellState("loaded");
  }

  function tooltipOf(feature) {
    const [seconds, isOpen] = states[feature.id];
    const { households, off_road: offRoad } = feature.properties;
    const state = offRoad ? say("response.off_road")
      : say(isOpen ? "gaps.cell_open" : "gaps.cell_reached", { time: duration(seconds) });
    return make("span", {}, `${say("gaps.cell", { households: formatNumber(households) })} · ${state}`);
  }

  function showFigures(change) {
    const whole = change.households;
    byId("figure-open").textContent = formatNumber(Math.round(change.households_open));
    byId("figure-share").textContent = share(whole ? change.households_open / whole : null);
    const counted = change.units.filter((unit) => unit.counts).length;
    byId("figure-units").textContent = `${counted} / ${change.units.length}`;
    byId("sheet-summary").textContent = say("gaps.short", {
      open: formatNumber(Math.round(change.households_open)), gaps: change.gaps.length,
    });
  }

  function showGaps(change) {
    byId("gap-none").hidden = change.gaps.length > 0;
    // Where nothing is registered nothing is covered either.
    byId("gap-none").textContent = say(change.households > 0 ? "gaps.none" : "response.no_demand");
    // What a visitor reads isn't taken from under their eyes where nothing of it changed.
    const focused = document.activeElement?.dataset.gap;
    byId("gap-list").replaceChildren(...change.gaps.map((gap) => cardOf(gap)));
    if (focused) document.querySelector(`[data-gap="${CSS.escape(focused)}"]`)?.focus();
  }

  function cardOf(gap) {
    const nearest = gap.nearest === null
      ? say("gaps.nobody")
      : say("gaps.nearest", { unit: gap.nearest, time: duration(gap.nearest_s) });
    return make("li", { class: `card card-${gap.severity}` },
      make("div", { class: "card-head" },
        make("strong", {}, gap.grid_name ?? gap.grid_code ?? say("gaps.no_grid")),
        make("span", { class: "chip" }, say(`gaps.severity_${gap.severity}`))),
      make("p", {}, say("gaps.card", {
        open: formatNumber(Math.round(gap.households_open)), whole: formatNumber(Math.round(gap.households)),
        keys: formatNumber(gap.key_places_open),
      })),
      make("p", {}, say(gap.since_start ? "gaps.since_or_earlier" : "gaps.since_time", { time: clockOfDay(gap.since) })),
      make("p", {}, nearest),
      gap.causes.length ? make("ul", {}, ...gap.causes.map((cause) => make("li", {},
        say("gaps.cause", {
          unit: cause.name, why: whyNot(cause), households: formatNumber(Math.round(cause.households)),
        })))) : make("p", {}, say("gaps.no_cause")),
      make("button", {
        type: "button", class: "button button-small", "data-gap": gap.grid_code ?? "-",
        onclick: () => map.flyTo([gap.lat, gap.lon], Math.max(map.getZoom(), 15), { animate: false }),
      }, say("gaps.show")));
  }

  function showUnits(change) {
    units.clearLayers();
    for (const unit of change.units) {
      if (unit.lon === null) continue;
      const label = `${unit.name} · ${unit.counts ? say("response.counts") : whyNot(unit)}`;
      if (!unit.counts && unit.why_not === "off_duty") continue; // a home isn't where it is
      L.marker([unit.lat, unit.lon], { icon: pin(unit.counts ? "" : "is-out", label), keyboard: false })
        .bindTooltip(make("span", {}, label), { opacity: 1 }).addTo(units);
    }
    byId("unit-rows").replaceChildren(...change.units.map((unit) => make("tr", {},
      make("th", { scope: "row" }, unit.name),
      make("td", {}, unit.counts ? say("response.counts") : whyNot(unit)))));
  }

  function showLegend() {
    const counts = OPEN.map(() => 0);
    let reached = 0;
    let offRoad = 0;
    board.features.forEach(({ properties }, k) => {
      if (properties.off_road) offRoad += 1;
      else if (!states[k][1]) reached += 1;
      else counts[OPEN.findIndex(([from]) => properties.households >= from)] += 1;
    });
    byId("gaps-legend").replaceChildren(
      ...OPEN.map(([from, colour], index) => legendRow(colour, say(
        from ? "gaps.legend_open" : "gaps.legend_empty", { from },
      ), formatNumber(counts[index]))),
      legendRow(RING_COLOURS[2], say("gaps.legend_reached"), formatNumber(reached)),
      legendRow(OFF_ROAD, say("response.off_road"), formatNumber(offRoad)),
    );
  }

  function showInspections() {
    byId("inspection-rows").replaceChildren(...board.inspections.slice(0, 100).map((gap) => make("tr", {},
      make("th", { scope: "row" }, gap.grid_name ?? gap.grid_code),
      make("td", { class: "number" }, `${formatNumber(gap.due_count)} / ${formatNumber(gap.record_count)}`),
      make("td", {}, gap.since))));
  }

  async function suggest() {
    const button = byId("moves-ask");
    button.disabled = true;
    try {
      const answer = await askJson(`${options.url}/move-ups`, { timeLimit_ms: 60000 });
      posts.clearLayers();
      byId("move-list").replaceChildren(...(answer.move_ups.length
        ? answer.move_ups.map((move) => {
          L.marker([move.lat, move.lon], { icon: pin("is-post", move.post), keyboard: false })
            .bindTooltip(make("span", {}, `${move.name} → ${move.post}`), { opacity: 1 }).addTo(posts);
          return make("li", { class: "card" },
            make("div", { class: "card-head" }, make("strong", {}, `${move.name} → ${move.post}`)),
            make("p", {}, say("gaps.move", {
              gain: formatNumber(Math.round(move.gain)), cost: formatNumber(Math.round(move.cost)),
              time: duration(move.way_s),
            })));
        })
        : [make("li", { class: "card" }, say("gaps.no_move"))]));
    } catch (error) {
      reportFault("moves", error.message, suggest);
    }
    button.disabled = false;
  }

  async function showSlots() {
    if (!byId("slots-fold").open || byId("slot-rows").childElementCount) return;
    const answer = await askJson(`${options.url}/slots`, { timeLimit_ms: 60000 });
    byId("slot-head").replaceChildren(
      make("tr", {}, make("th", {}, ""), ...answer.slots.map((slot) =>
        make("th", { scope: "col" }, clock(slot)))),
      make("tr", {}, make("th", { scope: "row" }, say("gaps.on_duty")), ...answer.on_duty.map((n) => make("td", {}, n))));
    byId("slot-rows").replaceChildren(...answer.grids
      .filter((grid) => grid.open_share.some((value) => value > 0))
      .map((grid) => make("tr", {},
        make("th", { scope: "row" }, grid.grid_name ?? grid.grid_code),
        ...grid.open_share.map((value) => {
          const cell = make("td", {}, value === null ? "—" : String(Math.round(value * 100)));
          cell.style.background = value ? `rgb(222 45 38 / ${0.12 + 0.6 * value})` : "";
          return cell;
        }))));
  }

  registerLayer("gaps", (isShown) => (isShown ? cells.addTo(map) : cells.remove()));
  registerLayer("units", (isShown) => (isShown ? units.addTo(map) : units.remove()));
  cells.addTo(map);
  units.addTo(map);
  map.on("placed", () => {
    byId("moves-ask").addEventListener("click", suggest);
    byId("slots-fold").addEventListener("toggle", showSlots);
    byId("doses-fold").addEventListener("toggle", showDoses);
    load();
  });
  window.addEventListener("pagehide", () => source?.close());
}

async function showDoses() {
  if (!byId("doses-fold").open) return;
  const { gaps } = await askJson("/v1/gaps/doses", { timeLimit_ms: 60000 });
  byId("dose-none").hidden = gaps.length > 0;
  byId("dose-list").replaceChildren(...gaps.map((gap) => make("li", { class: "card" },
    make("strong", {}, gap.name), " ", make("span", {}, gap.grid_name ?? gap.grid_code ?? ""),
    make("p", {}, [
      say(`gaps.dose_${gap.why}`),
      gap.missing_min === null ? say("routes.expected", { value: gap.expected.toFixed(2) })
        : say("gaps.dose_missing", { minutes: formatNumber(Math.ceil(gap.missing_min)), count: formatNumber(gap.missed) }),
      say(gap.is_older ? "gaps.since_or_earlier" : "gaps.since_time", { time: dayAndClock(gap.since) }),
    ].join(" · ")),
    make("a", { href: `/routes?${new URLSearchParams({ place: gap.place_id, from: gap.closed_from, until: gap.closed_until })}` },
      say("gaps.dose_route", { from: dayAndClock(gap.closed_from), until: dayAndClock(gap.closed_until) })))));
}

function colourOf(properties, seconds, isOpen) {
  if (properties.off_road) return OFF_ROAD;
  if (!isOpen) return RING_COLOURS[2];
  return OPEN.find(([from]) => properties.households >= from)[1];
}

function tellLive(isLive) {
  byId("live-dot").className = `live-dot ${isLive ? "is-live" : "is-broken"}`;
  byId("live-state").textContent = say(isLive ? "gaps.live" : "gaps.not_live", {
    time: clockWithSeconds(new Date()),
  });
}

/** Tests and printing wait for this. */
function tellState(state) {
  document.documentElement.setAttribute("data-gaps", state);
}
