// The legend of the hotspots with its counts, and the same numbers as a table and as a file.

import { glaze, GROUND } from "./classes.js";
import { byId, csvLine, download, make } from "./dom.js";
import { centreOf, MEAN_AREA_M2 } from "./hexagons.js";
import { classOfCell, FEW } from "./hotspot_classes.js";
import { columnsOf, countText, decimal, placeOf, rateText } from "./hotspot_words.js";
import { narrowedText } from "./hotspot_question.js";
import { formatNumber, formatSquareMetres, say } from "./texts.js";

const ROWS_AT_ONCE = 50;
const percent = new Intl.NumberFormat(document.documentElement.lang, { style: "percent" });

let shown = null; // {answer, classes, question, cells, onOpen}
let rowsShown = 0;

/** Show what an answer says. `onOpen(feature)` shows one cell on the map. */
export function showHotspotLegend(answer, classes, question, onOpen) {
  const cells = [...answer.features].sort((a, b) => b.properties.value - a.properties.value);
  shown = { answer, classes, question, cells, onOpen };
  byId("hot-summary").textContent = summaryOf(answer, question);
  byId("hot-short").textContent = byId("sheet-summary").textContent = say("map.hot_short", {
    count: formatNumber(answer.incident_count), days: say("map.hot_days", question),
  });
  byId("hot-crowded").hidden = !answer.crowded;
  if (answer.crowded) {
    byId("hot-crowded").textContent = say("map.hot_crowded", {
      share: percent.format(answer.crowded.share), cell: answer.crowded.h3_cell,
    });
  }
  byId("hot-method").textContent = answer.method;
  byId("hot-class-head").textContent = classHeadOf(question);
  byId("hot-counted-head").textContent = question.measure === "forecast"
    ? say("map.hot_col_sum") : say("map.hot_col_count");
  byId("hot-legend").hidden = cells.length === 0;
  byId("hot-legend-rows").replaceChildren(...legendRows());
  byId("hot-download").disabled = cells.length === 0;
  byId("hot-table-head").replaceChildren(
    make("th", { scope: "col" }, say("map.hot_col_place")),
    ...columnsOf(question.measure, question).map(({ head }) => make("th", { scope: "col", class: "number" }, head)),
  );
  byId("hot-table-rows").replaceChildren();
  rowsShown = 0;
  if (byId("hot-table-fold").open) showRows();
}

/** Say why there is nothing to show. */
export function tellNoHotspots(text) {
  shown = null;
  byId("hot-summary").textContent = text;
  byId("hot-short").textContent = byId("sheet-summary").textContent = "";
  byId("hot-legend").hidden = byId("hot-crowded").hidden = true;
  byId("hot-table-rows").replaceChildren();
  byId("hot-download").disabled = true;
}

function summaryOf(answer, question) {
  const category = byId("hot-category").selectedOptions[0]?.textContent.trim() ?? question.category;
  const values = {
    category, from: question.from, to: question.to, count: formatNumber(answer.incident_count),
    cells: formatNumber(answer.features.length), resolution: answer.resolution,
    area: formatSquareMetres(MEAN_AREA_M2[answer.resolution] ?? 0), days: question.horizon,
    narrowed: narrowedText(question),
  };
  const key = question.measure === "forecast" ? "map.hot_summary_forecast" : "map.hot_summary";
  return [
    say(key, values),
    values.narrowed ? say("map.hot_summary_narrowed", values) : "",
    answer.features.length ? say(question.by === "grid" ? "map.hot_summary_grids" : "map.hot_summary_cells", values)
      : say("map.hot_none"),
  ].filter(Boolean).join(" ");
}

function classHeadOf({ measure, horizon, per }) {
  if (measure === "counts") return say("map.hot_col_count");
  if (measure === "risk" || measure === "rate") return rateText({ per });
  if (measure === "density") return say("map.hot_col_density");
  return measure === "forecast" ? say("map.hot_col_expected", { days: horizon }) : say("map.hot_col_says");
}

function legendRows() {
  const { classes, cells, question } = shown;
  const members = new Map(classes.map((each) => [each, []]));
  for (const { properties } of cells) members.get(classOfCell(properties, classes))?.push(properties);
  return classes.map((each) => {
    const held = members.get(each);
    const swatch = make("span", { class: each.isHatched ? "swatch swatch-few" : "swatch" });
    if (!each.isHatched) {
      const glazed = glaze(each.colour);
      swatch.style.background = `linear-gradient(${glazed}, ${glazed}), ${GROUND}`;
    }
    const isForecast = question.measure === "forecast";
    const sum = held.reduce((total, cell) => total + (isForecast ? cell.value : cell.count), 0);
    return make("tr", { "data-class": each.name, "data-from": each.from },
      make("td", {}, swatch),
      make("th", { scope: "row" }, labelOf(each, question.measure)),
      make("td", { class: "number" }, formatNumber(held.length)),
      make("td", { class: "number" }, isForecast ? decimal(sum) : countText(sum)),
    );
  });
}

function labelOf(each, measure) {
  if (each.name === "few") return say("map.hot_class_few", { few: FEW });
  if (each.name === "none") return say(measure === "risk" ? "map.hot_class_risk_none" : "map.hot_class_none");
  if (each.name !== "range") return say(`map.hot_class_${each.name.replaceAll(" ", "_")}`);
  const whole = measure === "counts";
  const number = whole ? formatNumber : decimal;
  if (each.isOpen) return say("map.hot_class_from", { from: number(each.from) });
  return each.from === each.to ? number(each.from) : say("map.hot_interval", { low: number(each.from), high: number(each.to) });
}

function showRows() {
  if (shown === null) return;
  const { cells, question, onOpen } = shown;
  const next = cells.slice(rowsShown, rowsShown + ROWS_AT_ONCE);
  const columns = columnsOf(question.measure, question);
  byId("hot-table-rows").append(...next.map((feature) => {
    const cell = feature.properties;
    return make("tr", {},
      make("th", { scope: "row" }, make("button", {
        type: "button", class: cell.name ? "hot-go" : "hot-go code", "data-place": cell.h3_cell ?? cell.grid_code,
        "aria-label": say("map.table_go_to", { cell: placeOf(cell) }), onclick: () => onOpen(feature),
      }, placeOf(cell))),
      ...columns.map(({ of }) => make("td", { class: "number" }, of(cell))),
    );
  }));
  rowsShown += next.length;
  byId("hot-table-more").hidden = rowsShown >= cells.length;
}

export function startHotspotTable() {
  byId("hot-table-fold").addEventListener("toggle", () => {
    if (byId("hot-table-fold").open && rowsShown === 0) showRows();
  });
  byId("hot-table-more").addEventListener("click", showRows);
  byId("hot-download").addEventListener("click", () => {
    if (shown === null) return;
    const { cells, question } = shown;
    const columns = columnsOf(question.measure, question);
    const lines = [
      [say("map.hot_col_place"), ...columns.map(({ head }) => head), "longitude", "latitude"],
      ...cells.map((feature) => {
        const [latitude, longitude] = centreOf(feature);
        return [
          placeOf(feature.properties), ...columns.map(({ of }) => of(feature.properties)),
          Number(longitude.toFixed(6)), Number(latitude.toFixed(6)),
        ];
      }),
    ];
    download(`${lines.map(csvLine).join("\r\n")}\r\n`, `hotspots_${question.measure}.csv`, "text/csv");
  });
}
