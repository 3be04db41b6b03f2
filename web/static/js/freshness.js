// How fresh and complete the registers are, by grid or hexagon: colours, legend, table, file.

import { askJson, wasGivenUp } from "./api.js";
import { glaze, GROUND, STRENGTH } from "./classes.js";
import { hatch } from "./density.js";
import { byId, csvLine, download, make } from "./dom.js";
import { isShown, registerLayer, setShown } from "./layer_switch.js";
import { clearFault, reportFault } from "./notices.js";
import { formatNumber, say } from "./texts.js";

// ColorBrewer RdYlBu, from stale to fresh: safe for colour-blind readers, where red and green are not.
const COLOURS = ["#d7191c", "#fdae61", "#ffffbf", "#abd9e9", "#2c7bb6"];
const NONE = "#c9ced6"; // a place without records, or none looked at: neither fresh nor stale
const percent = new Intl.NumberFormat(document.documentElement.lang, { style: "percent" });

let answer = null;

export function addFreshness(map, options) {
  const pane = map.createPane("freshness");
  pane.style.zIndex = 351;
  const renderer = L.canvas({ pane: "freshness", padding: 0.3 });
  const group = L.layerGroup();
  const hidden = hatch(document.createElement("canvas").getContext("2d"));
  let question = null;

  async function load() {
    question?.abort();
    question = new AbortController();
    tellState("loading");
    const records = byId("freshness-records").value;
    const by = records === "residence" ? "grid" : byId("freshness-by").value;
    byId("freshness-by").disabled = records === "residence"; // persons are counted by grid only
    byId("freshness-by").value = by;
    try {
      answer = await askJson(`${options.url}?records=${records}&by=${by}`, { signal: question.signal });
      clearFault("freshness");
      draw();
    } catch (error) {
      if (wasGivenUp(error)) return;
      answer = null;
      group.clearLayers();
      reportFault("freshness", say("map.error_freshness", { reason: error.message }), load);
      byId("freshness-summary").textContent = error.message;
    }
    tellState("loaded");
  }

  function draw() {
    group.clearLayers();
    if (answer === null) return;
    const measure = byId("freshness-measure").value;
    L.geoJSON(answer, {
      renderer, pane: "freshness",
      style: ({ properties }) => styleOf(properties, measure, hidden),
    })
      .bindTooltip((shape) => tooltipOf(shape.feature.properties), { sticky: true, opacity: 1 })
      .addTo(group);
    showLegend(measure);
  }

  registerLayer("freshness", (shown) => {
    byId("freshness-block").hidden = !shown;
    if (shown) {
      setShown("density", false); // two colourings on one ground can't be read
      setShown("hotspots", false);
      group.addTo(map);
      load();
    } else {
      question?.abort();
      group.remove();
    }
  }, false);
  for (const id of ["freshness-records", "freshness-by"]) {
    byId(id).addEventListener("change", () => isShown("freshness") && load());
  }
  byId("freshness-measure").addEventListener("change", draw);
  byId("freshness-download").addEventListener("click", save);
}

function classOf(share) {
  return answer.class_breaks.findLastIndex((bound) => share >= bound);
}

function styleOf(properties, measure, hidden) {
  const edge = { color: "#ffffff", weight: 1, opacity: 0.9 };
  if (properties.is_hidden) return { ...edge, fillColor: hidden, fillOpacity: 1 };
  const share = properties[measure];
  return { ...edge, fillColor: share === null ? NONE : COLOURS[classOf(share)], fillOpacity: STRENGTH };
}

function shareText(share) {
  return share === null ? "—" : percent.format(share);
}

function countText(properties) {
  return properties.is_hidden ? say("map.freshness_hidden") : formatNumber(properties.record_count);
}

function tooltipOf(properties) {
  return make("span", {}, say("map.freshness_tooltip", {
    place: properties.name ?? properties.place, count: countText(properties),
    fresh: shareText(properties.fresh_share), complete: shareText(properties.complete_share),
  }));
}

function showLegend(measure) {
  const places = answer.features.map((each) => each.properties);
  byId("freshness-summary").textContent = say("map.freshness_summary", {
    records: answer.record_count === null ? say("map.freshness_hidden") : formatNumber(answer.record_count),
    places: formatNumber(places.length), day: answer.counted_on,
  });
  const bounds = [...answer.class_breaks, 1];
  const rows = answer.class_breaks.map((from, index) => {
    const swatch = make("span", { class: "swatch" });
    const glazed = glaze(COLOURS[index]);
    swatch.style.background = `linear-gradient(${glazed}, ${glazed}), ${GROUND}`;
    const members = places.filter((each) => each[measure] !== null && classOf(each[measure]) === index);
    return legendRow(swatch, `${percent.format(from)} – ${percent.format(bounds[index + 1])}`, members.length);
  }).reverse();
  const none = make("span", { class: "swatch" });
  none.style.background = NONE;
  const unknown = places.filter((each) => !each.is_hidden && each[measure] === null);
  rows.push(legendRow(none, say("map.freshness_none"), unknown.length));
  if (answer.k !== null) {
    rows.push(legendRow(
      make("span", { class: "swatch swatch-few" }), say("map.freshness_few", { k: answer.k }), answer.hidden_count,
    ));
  }
  byId("freshness-rows").replaceChildren(...rows);
  byId("freshness-fields").replaceChildren(...Object.entries(answer.field_shares).map(([field, share]) =>
    make("tr", {},
      make("th", { scope: "row" }, say(`map.field_${field}`)),
      make("td", { class: "number" }, shareText(share)))));
  byId("freshness-method").textContent = [
    say("map.freshness_method"), answer.k === null ? "" : say("map.freshness_method_few", { k: answer.k }),
  ].join(" ").trim();
  byId("freshness-table").replaceChildren(...[...places]
    .sort((a, b) => (a[measure] ?? 2) - (b[measure] ?? 2))
    .map((each) => make("tr", {},
      make("th", { scope: "row", class: each.name ? "" : "code" }, each.name ?? each.place),
      make("td", { class: "number" }, countText(each)),
      make("td", { class: "number" }, shareText(each[measure])))));
}

function legendRow(swatch, range, count) {
  return make("tr", {},
    make("td", {}, swatch),
    make("th", { scope: "row" }, range),
    make("td", { class: "number" }, formatNumber(count)),
  );
}

function save() {
  if (answer === null) return;
  const columns = ["place", "name", "record_count", "verified_share", "fresh_share", "complete_share", "median_age_days"];
  const lines = [columns, ...answer.features.map((each) => columns.map((name) => each.properties[name]))];
  download(`${lines.map(csvLine).join("\r\n")}\r\n`, `freshness_${answer.records}.csv`, "text/csv");
}

/** Tests and printing wait for this. */
function tellState(state) {
  document.documentElement.setAttribute("data-freshness", state);
}
