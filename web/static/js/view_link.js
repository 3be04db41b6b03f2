// The view in the page's address, so that a link shows another person the same map:
// #map=16/30.27415/120.15515&layers=basemap,density,grids&at=120.15512,30.27401
// A page or layer adds a part of its own: `addLinkPart("slot", { write: () => "3", read: (text) => … })`.

import { layerNames, onLayersChanged, setShown, shownLayers } from "./layer_switch.js";

const SPILL = 1.15; // share of the screen a box may take before the map stays a step farther
const DECIMALS = 5; // about a metre

const parts = new Map();
let isWritten = () => {};

/**
 * Keep something of a layer or a page in the link: `write` returns its text, or null for what goes
 * without saying; `read` is given the text of a link that was opened, or null where it names none.
 */
export function addLinkPart(name, { write, read }) {
  parts.set(name, { write, read });
}

/** Tell that a part of the link has changed. */
export function linkChanged() {
  isWritten();
}

/** Return the view an address names: {zoom, centre, layers, point}, each absent if not sound. */
export function readHash(hash) {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  const view = {};
  const [zoom, latitude, longitude] = (values.get("map") ?? "").split("/").map(Number);
  if (isPlace(longitude, latitude) && zoom >= 1 && zoom <= 22) {
    view.zoom = Math.round(zoom);
    view.centre = [latitude, longitude];
  }
  if (values.has("layers")) {
    view.layers = values.get("layers").split(",").filter((name) => /^[a-z_-]+$/.test(name));
  }
  const [lon, lat] = (values.get("at") ?? "").split(",").map(Number);
  if (values.has("at") && isPlace(lon, lat)) view.point = { lon, lat };
  return view;
}

function writeHash({ zoom, centre, layers, point, more }) {
  const words = [
    `map=${zoom}/${centre.lat.toFixed(DECIMALS)}/${centre.lng.toFixed(DECIMALS)}`,
    `layers=${layers.join(",")}`,
    ...more.map(([name, text]) => `${name}=${encodeURIComponent(text)}`),
  ];
  if (point) words.push(`at=${point.lon.toFixed(DECIMALS)},${point.lat.toFixed(DECIMALS)}`);
  return `#${words.join("&")}`;
}

function isPlace(longitude, latitude) {
  return Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90 && (longitude !== 0 || latitude !== 0);
}

/** Show a box; one step nearer where only its margins would be lost. */
function showAll(map, bounds) {
  const box = L.latLngBounds(bounds);
  const zoom = map.getBoundsZoom(box);
  const nearer = L.bounds(
    map.project(box.getSouthWest(), zoom + 1), map.project(box.getNorthEast(), zoom + 1),
  ).getSize();
  const size = map.getSize();
  const fits = nearer.x <= size.x * SPILL && nearer.y <= size.y * SPILL;
  map.setView(box.getCenter(), fits ? zoom + 1 : zoom, { animate: false });
}

/**
 * Keep the page's address and the view together.
 * `here` is the panel of a place: {point, open(point), close(), onChanged}; null on a page without one.
 */
export function startViewLink(map, here, fallbackBounds) {
  let written = "";
  let isPlaced = false;

  function apply() {
    const view = readHash(location.hash);
    if (view.centre) map.setView(view.centre, view.zoom, { animate: false });
    else if (!isPlaced) showAll(map, fallbackBounds);
    isPlaced = true;
    const values = new URLSearchParams(location.hash.replace(/^#/, ""));
    for (const [name, part] of parts) part.read(values.get(name));
    if (view.layers) for (const name of layerNames()) setShown(name, view.layers.includes(name));
    if (view.point) here?.open(view.point);
    else here?.close();
  }

  function write() {
    written = writeHash({
      zoom: map.getZoom(), centre: map.getCenter(), layers: shownLayers(), point: here?.point,
      more: [...parts].map(([name, part]) => [name, part.write()]).filter(([, text]) => text !== null),
    });
    if (written !== location.hash) history.replaceState(null, "", written);
  }

  apply();
  map.on("moveend", write);
  onLayersChanged(write);
  here?.onChanged(write);
  isWritten = write;
  window.addEventListener("hashchange", () => {
    if (location.hash !== written) apply();
  });
  write();
}
