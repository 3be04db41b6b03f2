// The legend of the address density, and the same numbers as a table and as a file.

import { classOf, glaze, GROUND, TOO_FEW } from "./classes.js";
import { byId, csvLine, download, make } from "./dom.js";
import { centreOf, MEAN_AREA_M2 } from "./hexagons.js";
import { formatNumber, formatSquareMetres, say } from "./texts.js";
import { dateAndClock } from "./times.js";

const ROWS_AT_ONCE = 50;

let cells = [];
let rowsShown = 0;
let mapOfTable = null;

/** Show a collection of cells and its classes; `fault` tells why there is none. */
export function showDensityLegend(map, collection, classes, fault) {
  mapOfTable = map;
  const features = collection?.features ?? [];
  cells = features
    .map((feature) => ({ ...feature.properties, centre: centreOf(feature) }))
    .sort((a, b) => b.address_count - a.address_count);
  const resolution = collection?.resolution ?? 0;
  const unplaced = collection?.unplaced_count ?? 0;
  const values = {
    addresses: formatNumber(collection?.address_count ?? 0),
    cells: formatNumber(cells.length),
    resolution,
    area: formatSquareMetres(MEAN_AREA_M2[resolution]),
    unplaced: formatNumber(unplaced),
    time: dateAndClock(new Date()),
  };
  const summary = fault ?? say(cells.length ? "map.density_summary" : "map.density_none", values);
  byId("density-summary").textContent = summary;
  byId("sheet-summary").textContent = cells.length ? say("map.density_short", values) : "";
  byId("method-now").textContent = cells.length ? say("map.method_now", values) : "";
  byId("density-unplaced").hidden = unplaced === 0;
  byId("density-unplaced").textContent = say("map.density_unplaced", values);
  byId("legend-table").hidden = cells.length === 0;
  byId("legend-rows").replaceChildren(...legendRows(classes));
  byId("table-caption").textContent = summary;
  byId("table-rows").replaceChildren();
  byId("table-download").disabled = cells.length === 0;
  rowsShown = 0;
  if (byId("table-fold").open) showRows();
}

function legendRows(classes) {
  const rows = classes.map(({ from, to, colour }, index) => {
    const swatch = make("span", { class: "swatch" });
    const glazed = glaze(colour);
    swatch.style.background = `linear-gradient(${glazed}, ${glazed}), ${GROUND}`;
    const members = cells.filter((cell) => classOf(cell.address_count, classes) === index);
    const range = from === to ? formatNumber(from) : `${formatNumber(from)} – ${formatNumber(to)}`;
    return legendRow(swatch, range, members);
  });
  const few = cells.filter((cell) => cell.address_count < TOO_FEW);
  if (few.length > 0) {
    rows.unshift(
      legendRow(make("span", { class: "swatch swatch-few" }), say("map.legend_few", { limit: TOO_FEW }), few),
    );
  }
  return rows.reverse(); // most addresses at the top
}

function legendRow(swatch, range, members) {
  const addresses = members.reduce((sum, cell) => sum + cell.address_count, 0);
  return make("tr", {},
    make("td", {}, swatch),
    make("th", { scope: "row" }, range),
    make("td", { class: "number" }, formatNumber(members.length)),
    make("td", { class: "number" }, formatNumber(addresses)),
  );
}

function showRows() {
  const next = cells.slice(rowsShown, rowsShown + ROWS_AT_ONCE);
  byId("table-rows").append(...next.map((cell) =>
    make("tr", {},
      make("th", { scope: "row", class: "code" }, cell.h3_cell),
      make("td", { class: "number" }, formatNumber(cell.address_count)),
      make("td", {}, make("button", {
        type: "button", class: "button button-small",
        "aria-label": say("map.table_go_to", { cell: cell.h3_cell }),
        onclick: () => mapOfTable.flyTo(cell.centre, Math.max(mapOfTable.getZoom(), 16)),
      }, say("map.table_go"))),
    ),
  ));
  rowsShown += next.length;
  byId("table-more").hidden = rowsShown >= cells.length;
}

export function startLegend() {
  byId("table-fold").addEventListener("toggle", () => {
    if (byId("table-fold").open && rowsShown === 0) showRows();
  });
  byId("table-more").addEventListener("click", showRows);
  byId("table-download").addEventListener("click", () => {
    const lines = [
      ["h3_cell", "resolution", "address_count", "longitude", "latitude"],
      ...cells.map((cell) => [
        cell.h3_cell, cell.resolution, cell.address_count,
        Number(cell.centre[1].toFixed(6)), Number(cell.centre[0].toFixed(6)),
      ]),
    ];
    download(`${lines.map(csvLine).join("\r\n")}\r\n`, "address_density.csv", "text/csv");
  });
}
