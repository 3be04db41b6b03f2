// Addresses by H3 cell: asked for as the map moves, finer as it comes nearer.

import { askJson, wasGivenUp } from "./api.js";
import { classOf, classesOf, STRENGTH, TOO_FEW } from "./classes.js";
import { afterPause, make } from "./dom.js";
import { isShown, registerLayer, setShown } from "./layer_switch.js";
import { showDensityLegend } from "./legend.js";
import { clearFault, reportFault } from "./notices.js";
import { formatNumber, say } from "./texts.js";

const PAUSE_MS = 140; // between a movement's end and the question

/** Return a grey hatch, the same on the map and in the legend. */
export function hatch(context) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 7;
  const pen = tile.getContext("2d");
  pen.fillStyle = "rgba(255,255,255,.35)";
  pen.fillRect(0, 0, 7, 7);
  pen.strokeStyle = "rgba(95,100,108,.75)";
  pen.lineWidth = 1.1;
  pen.beginPath();
  for (const shift of [-7, 0, 7]) {
    pen.moveTo(shift, 7);
    pen.lineTo(shift + 7, 0);
  }
  pen.stroke();
  return context.createPattern(tile, "repeat");
}

export function addAddressDensity(map, options) {
  const pane = map.createPane("density");
  pane.style.zIndex = 350;
  const renderer = L.canvas({ pane: "density", padding: 0.3 });
  const group = L.layerGroup().addTo(map);
  const fewPattern = hatch(document.createElement("canvas").getContext("2d"));
  let question = null;

  async function load() {
    question?.abort();
    if (!isShown("density")) {
      tellState("loaded");
      return;
    }
    question = new AbortController();
    tellState("loading");
    const box = map.getBounds().pad(0.1);
    const bbox = [
      Math.max(box.getWest(), -180), Math.max(box.getSouth(), -85),
      Math.min(box.getEast(), 180), Math.min(box.getNorth(), 85),
    ].map((degrees) => degrees.toFixed(6));
    try {
      const answer = await askJson(
        `${options.url}?bbox=${bbox.join(",")}&zoom=${Math.round(map.getZoom())}`, { signal: question.signal },
      );
      clearFault("density");
      draw(answer);
    } catch (error) {
      if (wasGivenUp(error)) return;
      reportFault("density", say("map.error_density", { reason: error.message }), load);
      showDensityLegend(map, null, [], error.message);
    }
    tellState("loaded");
  }

  function draw(collection) {
    const counts = collection.features.map((feature) => feature.properties.address_count);
    const classes = classesOf(collection.class_breaks, Math.max(0, ...counts));
    group.clearLayers();
    L.geoJSON(collection, {
      renderer, pane: "density",
      style: (feature) => styleOf(feature.properties.address_count, classes),
    })
      .bindTooltip((shape) => tooltipOf(shape.feature.properties), { sticky: true, opacity: 1 })
      .addTo(group);
    showDensityLegend(map, collection, classes, null);
  }

  function styleOf(count, classes) {
    const edge = { color: "#ffffff", weight: 0.7, opacity: 0.9 };
    if (count < TOO_FEW) return { ...edge, fillColor: fewPattern, fillOpacity: 1 };
    return { ...edge, fillColor: classes[classOf(count, classes)].colour, fillOpacity: STRENGTH };
  }

  registerLayer("density", (shown) => {
    if (shown) {
      setShown("hotspots", false); // two colourings on one ground can't be read
      group.addTo(map);
      load();
    } else {
      question?.abort();
      group.remove();
      showDensityLegend(map, null, [], say("map.density_hidden"));
    }
  });
  const loadSoon = afterPause(load, PAUSE_MS);
  map.once("placed", () => {
    load();
    map.on("moveend", loadSoon);
  });
}

/** Tests and printing wait for this. */
function tellState(state) {
  document.documentElement.setAttribute("data-density", state);
}

function tooltipOf(properties) {
  const count = properties.address_count;
  return make("span", {}, count < TOO_FEW
    ? say("map.tooltip_few", { limit: TOO_FEW })
    : say("map.tooltip_count", { count: formatNumber(count) }));
}
