// Rings of 1, 3 and 5 minutes: from sites or units, by hexagon, grid or area, and if one leaves.

import { askJson, wasGivenUp } from "./api.js";
import { startClosures } from "./closures.js";
import { byId, make } from "./dom.js";
import { registerLayer } from "./layer_switch.js";
import { clearFault, reportFault } from "./notices.js";
import { duration, EDGE, legendRow, OFF_ROAD, pin, RING_COLOURS, ringText, share, whyNot } from "./response.js";
import { formatNumber, say } from "./texts.js";
import { addLinkPart, linkChanged } from "./view_link.js";

export { startPageMap } from "./page_map.js";
export { addVectorTiles } from "./tiles.js";

export function addReach(map, options) {
  const pane = map.createPane("response");
  pane.style.zIndex = 352;
  const renderer = L.canvas({ pane: "response", padding: 0.3 });
  const ground = L.layerGroup().addTo(map);
  const pins = L.layerGroup().addTo(map);
  let question = null;
  let answer = null;
  let away = null; // the one thought away

  async function load() {
    question?.abort();
    question = new AbortController();
    tellState("loading");
    const of = byId("reach-of").value;
    const words = new URLSearchParams({ of, by: byId("reach-by").value });
    if (away) words.set(of === "units" ? "without" : "without_site", away);
    try {
      answer = await askJson(`${options.url}?${words}`, { signal: question.signal, timeLimit_ms: 60000 });
      clearFault("reach");
      draw();
    } catch (error) {
      if (wasGivenUp(error)) return;
      reportFault("reach", say("reach.error", { reason: error.message }), load);
      byId("reach-summary").textContent = error.message;
    }
    tellState("loaded");
  }

  function draw() {
    ground.clearLayers();
    pins.clearLayers();
    L.geoJSON(answer, { renderer, pane: "response", style: ({ properties }) => styleOf(properties) })
      .bindTooltip((shape) => make("span", {}, tooltipOf(shape.feature.properties)), { sticky: true, opacity: 1 })
      .addTo(ground);
    for (const source of answer.sources) {
      if (source.lon === null || source.why_not === "off_duty") continue;
      const isAway = answer.without === source.code;
      const kind = `${source.unit_id === null ? "is-site" : ""} ${isAway ? "is-away" : source.counts ? "" : "is-out"}`;
      L.marker([source.lat, source.lon], { icon: pin(kind, source.name), keyboard: false })
        .bindTooltip(make("span", {}, `${source.name} · ${stateOf(source)}`), { opacity: 1 })
        .on("click", () => leave(source)).addTo(pins);
    }
    showTotals();
    showSources();
  }

  function styleOf(properties) {
    if (answer.by === "area") {
      return { stroke: false, fillColor: RING_COLOURS[properties.ring], fillOpacity: 0.55 };
    }
    if (answer.by === "grid") {
      const open = properties.outside_share;
      return { ...EDGE, fillColor: open === null ? OFF_ROAD : open > 0 ? RING_COLOURS[3] : RING_COLOURS[1],
        fillOpacity: open ? 0.25 + 0.6 * open : 0.45 };
    }
    return { ...EDGE, fillOpacity: 0.6, fillColor: properties.ring === null ? OFF_ROAD : RING_COLOURS[properties.ring] };
  }

  function tooltipOf(properties) {
    if (answer.by === "area") return ringText(properties.ring, answer.rings_s);
    if (answer.by === "grid") {
      return say("reach.grid_tooltip", {
        name: properties.name ?? properties.grid_code, share: share(properties.outside_share),
        open: formatNumber(Math.round(properties.households_outside)),
      });
    }
    const who = properties.source === null ? "" : ` · ${answer.sources[properties.source].name}`;
    return say("reach.cell_tooltip", {
      households: formatNumber(properties.households), time: duration(properties.time_s),
    }) + who;
  }

  function showTotals() {
    const before = answer.totals_with;
    byId("reach-rows").replaceChildren(...answer.totals.map((row, index) => {
      const difference = before ? row.households - before[index].households : 0;
      const more = before && Math.round(difference) ? ` (${difference > 0 ? "+" : ""}${formatNumber(Math.round(difference))})` : "";
      return legendRow(row.ring === null ? OFF_ROAD : RING_COLOURS[row.ring], ringText(row.ring, answer.rings_s),
        `${formatNumber(Math.round(row.households))}${more}`, share(row.households_share), formatNumber(row.key_places));
    }));
    const outside = answer.totals[answer.rings_s.length];
    const isAny = answer.totals.some((row) => row.cell_count > 0);
    const text = !isAny ? say("response.no_demand") : say("reach.summary", {
      open: formatNumber(Math.round(outside.households)), share: share(outside.households_share),
      time: duration(answer.rings_s.at(-1)),
    });
    byId("reach-summary").textContent = text;
    byId("sheet-summary").textContent = text;
    byId("method-facts").textContent = [
      say("reach.method_facts", {
        network: answer.network, source: say(`response.households_${answer.household_source}`),
      }),
      ...Object.entries(answer.speed_sources).map(([mode, source]) => `${say(`response.mode_${mode}`)}: ${source}`),
    ].join(" ");
    const gone = answer.sources.find((source) => source.code === answer.without);
    byId("reach-away").hidden = !gone;
    byId("reach-away-text").textContent = gone ? say("reach.away", { name: gone.name }) : "";
  }

  function showSources() {
    byId("source-list").replaceChildren(...[...answer.sources]
      .sort((a, b) => Number(b.counts) - Number(a.counts) || (b.lost_if_leaves?.households ?? 0) - (a.lost_if_leaves?.households ?? 0))
      .map((source) => make("li", { class: `card ${answer.without === source.code ? "card-away" : source.counts ? "" : "card-not"}` },
        make("div", { class: "card-head" },
          make("strong", {}, source.name),
          make("span", { class: "chip" }, say(`response.kind_${source.kind}`))),
        make("p", {}, stateOf(source)),
        source.readiness ? make("p", {}, readinessOf(source.readiness)) : null,
        source.lost_if_leaves ? make("p", {}, say("reach.lost", {
          households: formatNumber(Math.round(source.lost_if_leaves.households)),
          keys: formatNumber(source.lost_if_leaves.key_places),
        })) : null,
        source.counts ? make("button", {
          type: "button", class: "button button-small", "aria-pressed": String(answer.without === source.code),
          onclick: () => leave(source),
        }, say(answer.without === source.code ? "reach.back" : "reach.leave")) : null)));
  }

  function leave(source) {
    if (!source.counts) return;
    const key = source.unit_id === null ? source.code : String(source.unit_id);
    away = away === key ? null : key;
    linkChanged();
    load();
  }

  function choose() {
    away = null;
    linkChanged();
    load();
  }

  addLinkPart("of", {
    write: () => (byId("reach-of").value === "sites" ? null : byId("reach-of").value),
    read: (text) => { if (text) byId("reach-of").value = text; if (!byId("reach-of").value) byId("reach-of").value = "sites"; },
  });
  addLinkPart("by", {
    write: () => (byId("reach-by").value === "cell" ? null : byId("reach-by").value),
    read: (text) => { if (["cell", "grid", "area"].includes(text)) byId("reach-by").value = text; },
  });
  addLinkPart("without", {
    write: () => away,
    read: (text) => { away = text; },
  });
  registerLayer("reach", (isShown) => (isShown ? ground.addTo(map) : ground.remove()));
  registerLayer("sources", (isShown) => (isShown ? pins.addTo(map) : pins.remove()));
  map.on("placed", () => {
    startClosures(map, load);
    byId("reach-of").addEventListener("change", choose);
    byId("reach-by").addEventListener("change", () => { linkChanged(); load(); });
    byId("reach-back").addEventListener("click", choose);
    load();
  });
}

function stateOf(source) {
  if (!source.counts) return whyNot(source);
  return say("response.rings", { mode: say(`response.mode_${source.mode}`), times: source.rings_s.map(duration).join(" / ") });
}

function readinessOf(readiness) {
  const parts = ["staffed", "kit", "drill"]
    .map((part) => `${say(`response.${part}`)} ${say(`response.part_${readiness[part]}`)}`).join(" · ");
  if (!readiness.missing_kit.length) return parts;
  return say("response.lacks", { parts, items: readiness.missing_kit.join("、") });
}

/** Tests and printing wait for this. */
function tellState(state) {
  document.documentElement.setAttribute("data-reach", state);
}
