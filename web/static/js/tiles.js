// Vector tiles of the platform's own base map and grids, in two canvases: the ground below the
// density layer, outlines and names above it. Both read one tile cache, so a tile comes once.

import { gridPaintRules, labelRules, paintRules } from "./basemap_style.js";
import { registerLayer } from "./layer_switch.js";
import { clearFault, reportFault } from "./notices.js";
import { say } from "./texts.js";

const LABELLED_TILES = 64; // tiles whose names are kept: a wide screen and its margin

/** Tiles by HTTP for protomaps-leaflet, which itself would read an error page as a tile. */
class TileSource {
  constructor(url, faultName, retry) {
    Object.assign(this, { url, faultName, retry });
  }

  async getZxy(z, x, y, signal) {
    const url = this.url.replace("{z}", z).replace("{x}", x).replace("{y}", y);
    let answer;
    try {
      answer = await fetch(url, { signal, credentials: "same-origin" });
    } catch (error) {
      if (error.name !== "AbortError") reportFault(this.faultName, say("map.error_tiles"), this.retry);
      throw error;
    }
    if (answer.status === 204 || answer.status === 404) return undefined;
    if (!answer.ok) {
      reportFault(this.faultName, say("map.error_tiles"), this.retry);
      throw new DOMException(`tile ${z}/${x}/${y}: ${answer.status}`, "AbortError");
    }
    clearFault(this.faultName);
    return { data: await answer.arrayBuffer() };
  }
}

function setUpPane(map, name, order) {
  const pane = map.createPane(name);
  pane.style.zIndex = order;
  pane.style.pointerEvents = "none";
  return name;
}

/** Add base map and grids to a map. Called by the script that Folium writes. */
export function addVectorTiles(map, options) {
  const P = protomapsL;
  const redraw = () => [ground, names].forEach((layer) => map.hasLayer(layer) && layer.redraw());
  const common = {
    attribution: "", lang: document.documentElement.lang,
    maxZoom: map.options.maxZoom, updateWhenZooming: false,
    sources: {
      basemap: {
        url: new TileSource(options.basemapUrl, "basemap", redraw), maxDataZoom: options.maxTileZoom,
      },
      grids: {
        url: new TileSource(options.gridsUrl, "grids", redraw), maxDataZoom: options.maxTileZoom,
      },
    },
  };
  const ground = P.leafletLayer({
    ...common, paintRules: paintRules(P), labelRules: [], pane: setUpPane(map, "ground", 200),
  });
  const names = P.leafletLayer({
    ...common, paintRules: [], labelRules: labelRules(P), pane: setUpPane(map, "names", 450),
  });
  const views = ground.views;
  ground.views = new Map([["basemap", views.get("basemap")]]);

  const shown = { basemap: true, grids: true };
  const applyToNames = () => {
    names.views = new Map([...views].filter(([source]) => shown[source]));
    names.paintRules = shown.grids ? gridPaintRules(P) : [];
    names.labelers = new P.Labelers(
      names.scratch, names.labelRules, LABELLED_TILES, names.onTilesInvalidated,
    );
    if (map.hasLayer(names)) names.redraw();
  };
  applyToNames();
  map.once("placed", () => {
    if (shown.basemap) ground.addTo(map);
    names.addTo(map);
  });

  registerLayer("basemap", (isShown) => {
    shown.basemap = isShown;
    if (!isShown) ground.remove();
    else if (map.hasLayer(names)) ground.addTo(map);
    applyToNames();
  });
  registerLayer("grids", (isShown) => {
    shown.grids = isShown;
    applyToNames();
  });
  names.on("loading", () => document.documentElement.setAttribute("data-tiles", "loading"));
  names.on("load", () => document.documentElement.setAttribute("data-tiles", "loaded"));
}
