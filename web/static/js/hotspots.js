// Where and when incidents are: cells for a period, kinds, hours and weekdays, by several measures.

import { askJson, wasGivenUp } from "./api.js";
import { STRENGTH } from "./classes.js";
import { dayIn } from "./local_days.js";
import { hatch } from "./density.js";
import { afterPause, byId, make } from "./dom.js";
import { centreOf } from "./hexagons.js";
import { startBacktest } from "./hotspot_backtest.js";
import { classesOf, classOfCell } from "./hotspot_classes.js";
import { showHotspotLegend, startHotspotTable, tellNoHotspots } from "./hotspot_legend.js";
import { fillCategories, firstQuestion, linkOf, parametersOf, readLink, startPickers } from "./hotspot_question.js";
import { startSlider } from "./hotspot_slider.js";
import { bubbleOf, factsOf, placeOf } from "./hotspot_words.js";
import { isShown, registerLayer, setShown } from "./layer_switch.js";
import { clearFault, reportFault } from "./notices.js";
import { language, say, timeZone } from "./texts.js";
import { addLinkPart, linkChanged } from "./view_link.js";

const PAUSE_MS = 140; // between a movement's end and the question
const TIME_LIMIT_MS = 60000; // the first forecast learns from all of the past

export function addHotspots(map, options) {
  const today = dayIn(timeZone, new Date());
  const pane = map.createPane("hotspots");
  pane.style.zIndex = 352;
  const renderer = L.canvas({ pane: "hotspots", padding: 0.3 });
  const few = hatch(document.createElement("canvas").getContext("2d"));
  const outline = L.geoJSON(null, {
    renderer, pane: "hotspots", interactive: false,
    style: { color: "#0f2a4a", weight: 3, fill: false },
  });
  const bubble = L.popup({ maxWidth: 290, minWidth: 200, autoPanPadding: [16, 70] });
  let question = firstQuestion(today);
  let cells = L.layerGroup();
  let answer = null;
  let asking = null;
  let chosen = null; // the code of the cell whose bubble is open
  let cameFrom = null; // what had the focus before the bubble
  let knowsCategories = false;

  const showPickers = startPickers(question, today, (asked) => ask(asked));
  const slider = startSlider(today, (window) => ask({ ...question, ...window }));
  const backtest = startBacktest(`${options.url}/backtest`, () => ask({ ...question, measure: "counts" }));
  startHotspotTable();

  function ask(asked) {
    question = asked;
    showPickers(question);
    slider.show(question, isShown("hotspots"));
    byId("hot-backtest").hidden = question.measure !== "forecast";
    linkChanged();
    load();
  }

  async function load() {
    asking?.abort();
    if (!isShown("hotspots")) {
      tellState("loaded");
      return;
    }
    asking = new AbortController();
    const { signal } = asking;
    tellState("loading");
    const parameters = parametersOf(question, timeZone);
    const box = map.getBounds().pad(0.1);
    parameters.set("bbox", [
      Math.max(box.getWest(), -180), Math.max(box.getSouth(), -85),
      Math.min(box.getEast(), 180), Math.min(box.getNorth(), 85),
    ].map((degrees) => degrees.toFixed(6)).join(","));
    parameters.set("zoom", Math.round(map.getZoom()));
    try {
      await learnCategories();
      const found = await askJson(`${options.url}?${parameters}`, { signal, timeLimit_ms: TIME_LIMIT_MS });
      clearFault("hotspots");
      draw(found);
      if (question.measure === "forecast") {
        for (const name of ["bbox", "zoom", "measure"]) parameters.delete(name);
        backtest.load(parameters, Math.max(found.resolution, 5));
      }
    } catch (error) {
      if (wasGivenUp(error)) return;
      answer = null;
      cells.clearLayers();
      close();
      tellNoHotspots(error.message);
      // Too little to say anything is an answer, not a fault.
      if (error.status !== 409) reportFault("hotspots", say("map.error_hotspots", { reason: error.message }), load);
      else clearFault("hotspots");
    }
    tellState("loaded");
  }

  async function learnCategories() {
    if (knowsCategories) return;
    const { categories } = await askJson(options.categoriesUrl);
    fillCategories(categories, language);
    knowsCategories = true;
    showPickers(question);
  }

  function draw(found) {
    answer = found;
    const classes = classesOf(question.measure, found, question.window !== "");
    const drawn = L.geoJSON(found, {
      renderer, pane: "hotspots",
      style: ({ properties }) => styleOf(properties, classes),
    });
    drawn.bindTooltip((shape) => tooltipOf(shape.feature.properties), { sticky: true, opacity: 1 });
    drawn.on("click", (event) => {
      L.DomEvent.stopPropagation(event); // else the panel of the place opens too
      open(event.sourceTarget.feature, event.latlng);
    });
    // The new picture first, then the old one away: no empty map in between.
    const old = cells;
    cells = L.layerGroup([drawn]).addTo(map);
    old.remove();
    showHotspotLegend(found, classes, question, (feature) => {
      cameFrom = document.activeElement;
      const middle = centreOf(feature);
      map.setView(middle, Math.max(map.getZoom(), 15), { animate: false });
      open(feature, middle, true);
    });
    refresh();
  }

  function styleOf(properties, classes) {
    const edge = { color: "#ffffff", weight: 0.8, opacity: 0.9 };
    const its = classOfCell(properties, classes);
    if (!its || its.isHatched) return { ...edge, fillColor: few, fillOpacity: 1 };
    return { ...edge, fillColor: its.colour, fillOpacity: STRENGTH };
  }

  function tooltipOf(properties) {
    return make("span", {}, factsOf(properties, question.measure, question)
      .map(([term, value]) => say("map.hot_fact", { term, value })).join(" · "));
  }

  function open(feature, at, takeFocus = false) {
    chosen = placeOfFeature(feature);
    outline.clearLayers().addData(feature).addTo(map);
    bubble.setLatLng(at).setContent(bubbleOf(feature.properties, question.measure, question)).openOn(map);
    const shown = bubble.getElement();
    shown.setAttribute("role", "dialog");
    shown.setAttribute("aria-label", placeOf(feature.properties));
    shown.querySelector(".leaflet-popup-close-button")?.setAttribute("aria-label", say("common.close"));
    shown.addEventListener("keydown", (event) => { // Leaflet hears Escape only while the map has the focus
      if (event.key === "Escape") map.closePopup(bubble);
    });
    cells.eachLayer((layer) => layer.closeTooltip());
    if (takeFocus) shown.querySelector(".leaflet-popup-close-button")?.focus({ preventScroll: true });
    linkChanged();
  }

  /** Let the bubble say what the new answer says of its cell. */
  function refresh() {
    if (chosen === null) return;
    const feature = answer.features.find((each) => placeOfFeature(each) === chosen);
    if (!feature) {
      // Another size of cells, or nothing there now.
      if (map.hasLayer(bubble)) close();
      return;
    }
    if (map.hasLayer(bubble)) bubble.setContent(bubbleOf(feature.properties, question.measure, question));
    else open(feature, centreOf(feature));
    outline.clearLayers().addData(feature).addTo(map);
  }

  function close() {
    chosen = null;
    outline.remove();
    map.closePopup(bubble);
    linkChanged();
  }

  map.on("popupclose", (event) => {
    if (event.popup !== bubble) return;
    // The table was written anew when the map moved: its row is found by its cell.
    const origin = cameFrom?.isConnected ? cameFrom : document.querySelector(`[data-place="${CSS.escape(chosen ?? "")}"]`);
    if (cameFrom) origin?.focus({ preventScroll: true });
    cameFrom = null;
    chosen = null;
    outline.remove();
    linkChanged();
  });
  // From the keyboard: Enter tells of the cell in the middle, before the panel of the place would.
  map.getContainer().addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target !== map.getContainer() || !isShown("hotspots") || !answer) return;
    const middle = map.getCenter();
    const feature = answer.features.find((each) => isWithin(middle, each.geometry));
    if (!feature) return;
    event.stopImmediatePropagation();
    cameFrom = map.getContainer();
    open(feature, middle, true);
  }, { capture: true });

  registerLayer("hotspots", (shown) => {
    byId("hot-block").hidden = !shown;
    slider.show(question, shown);
    if (shown) {
      setShown("density", false); // two colourings on one ground can't be read
      setShown("freshness", false);
      cells.addTo(map);
      byId("hot-backtest").hidden = question.measure !== "forecast";
      if (isPlaced) load();
    } else {
      asking?.abort();
      backtest.stop();
      cells.remove();
      close();
      clearFault("hotspots");
      tellState("loaded");
    }
  }, false);

  let isPlaced = false;
  map.once("placed", () => {
    isPlaced = true;
    load();
    map.on("moveend", afterPause(load, PAUSE_MS));
  });

  addLinkPart("hotspots", {
    write: () => (isShown("hotspots") ? linkOf(question, chosen) : null),
    read: (text) => {
      if (text === null) return;
      const named = readLink(text, firstQuestion(today));
      chosen = named.cell;
      ask(named.question);
    },
  });
}

function placeOfFeature(feature) {
  return feature.properties.h3_cell ?? feature.properties.grid_code;
}

/** Whether a point lies in a polygon or one of several, by the crossings of a ray. */
function isWithin({ lat, lng }, geometry) {
  const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
  return polygons.some(([ring]) => {
    let inside = false;
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
      const [x1, y1] = ring[i];
      const [x2, y2] = ring[j];
      if ((y1 > lat) !== (y2 > lat) && lng < ((x2 - x1) * (lat - y1)) / (y2 - y1) + x1) inside = !inside;
    }
    return inside;
  });
}

/** Tests and printing wait for this. */
function tellState(state) {
  document.documentElement.setAttribute("data-hotspots", state);
  byId("hot-block").setAttribute("aria-busy", state === "loading");
}
