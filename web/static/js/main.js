// What Folium's script calls, in this order: the layers, then the workbench around the map.

import { byId } from "./dom.js";
import { startHere } from "./here.js";
import { startLayerSwitch } from "./layer_switch.js";
import { startLegend } from "./legend.js";
import { addMyPlaceButton } from "./my_place.js";
import { startNotices } from "./notices.js";
import { startSearch } from "./search.js";
import { startSheet } from "./sheet.js";
import { say } from "./texts.js";
import { startViewLink } from "./view_link.js";

export { addAddressDensity } from "./density.js";
export { addFreshness } from "./freshness.js";
export { addVectorTiles } from "./tiles.js";

/** Put search, panels, coordinates and the link of the view around a map with its layers. */
export function startWorkbench(map, options) {
  L.control.zoom({
    position: "topright", zoomInTitle: say("map.zoom_in"), zoomOutTitle: say("map.zoom_out"),
  }).addTo(map);
  L.control.scale({ position: "bottomleft", imperial: false, maxWidth: 120 }).addTo(map);
  map.getContainer().setAttribute("aria-label", say("map.map_keys"));
  map.getContainer().setAttribute("role", "application");

  startNotices();
  startLegend();
  startLayerSwitch();
  const sheet = startSheet();
  const here = startHere(map, sheet);
  const centre = () => ({ lon: map.getCenter().lng, lat: map.getCenter().lat });
  startSearch(centre, (suggestion, zoom) => {
    if (suggestion.lon === null) {
      here.tellUnplaced(suggestion);
      return;
    }
    const point = { lon: suggestion.lon, lat: suggestion.lat };
    const quiet = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    here.open(point, { chosen: suggestion, stay: true });
    map.flyTo(here.centreFor(point, zoom), zoom, { animate: !quiet, duration: 0.9 });
  });
  addMyPlaceButton(map, (point) => here.open(point));
  map.on("click", (event) => here.open({ lon: event.latlng.lng, lat: event.latlng.lat }));
  map.getContainer().addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target !== map.getContainer()) return;
    here.open(centre(), { takeFocus: true });
  });
  startViewLink(map, here, options.bounds);
  map.fire("placed"); // layers wait for this, or they'd ask for a view that nobody sees
  startCoordinates(map);
  startTools();
  document.documentElement.setAttribute("data-ready", "true");
}

function startCoordinates(map) {
  const line = byId("coordinates");
  const write = ({ lng, lat }) => {
    line.textContent = `${lng.toFixed(5)}, ${lat.toFixed(5)}  z${map.getZoom()}`;
  };
  map.on("mousemove", (event) => write(event.latlng));
  map.on("moveend", () => write(map.getCenter()));
  write(map.getCenter());
}

function startTools() {
  byId("copy-link").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      byId("copy-link").textContent = say("map.link_copied");
      byId("tool-status").textContent = say("map.link_copied");
    } catch {
      // no clipboard without HTTPS: the address bar holds the same link
      window.prompt(say("map.copy_link"), location.href);
    }
    setTimeout(() => {
      byId("copy-link").textContent = say("map.copy_link");
    }, 2500);
  });
  byId("print-page").addEventListener("click", () => window.print());
  window.addEventListener("beforeprint", () => {
    byId("print-line").textContent = say("map.print_line", {
      link: location.href, time: new Date().toLocaleString(document.documentElement.lang),
    });
  });
  // the other language, the same view
  byId("language-link").addEventListener("click", (event) => {
    event.currentTarget.href = `${event.currentTarget.getAttribute("href").split("#")[0]}${location.hash}`;
  });
}
