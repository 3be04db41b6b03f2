// The frame around the map of any page: controls, panel, faults, coordinates, tools, and the link of
// the view. A page with nothing of its own around the map has Folium call `startPageMap`, last.

import { byId } from "./dom.js";
import { startLayerSwitch } from "./layer_switch.js";
import { startNotices } from "./notices.js";
import { startSheet } from "./sheet.js";
import { say } from "./texts.js";
import { dateAndClock } from "./times.js";
import { startViewLink } from "./view_link.js";

/** Put controls and panel around a map with its layers; the sheet of a phone is returned. */
export function startFrame(map) {
  L.control.zoom({
    position: "topright", zoomInTitle: say("map.zoom_in"), zoomOutTitle: say("map.zoom_out"),
  }).addTo(map);
  L.control.scale({ position: "bottomleft", imperial: false, maxWidth: 120 }).addTo(map);
  map.getContainer().setAttribute("aria-label", say("map.map_keys"));
  map.getContainer().setAttribute("role", "application");
  startNotices();
  startLayerSwitch();
  return startSheet();
}

/** Go to the view that the page's address names, and let the layers begin. */
export function startView(map, options, here = null) {
  startViewLink(map, here, options.bounds);
  map.fire("placed"); // layers wait for this, or they'd ask for a view that nobody sees
  startCoordinates(map);
  startTools();
  document.documentElement.setAttribute("data-ready", "true");
}

export function startPageMap(map, options) {
  startFrame(map);
  startView(map, options);
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
      link: location.href, time: dateAndClock(new Date()),
    });
  });
  // the other language, the same view
  byId("language-link").addEventListener("click", (event) => {
    event.currentTarget.href = `${event.currentTarget.getAttribute("href").split("#")[0]}${location.hash}`;
  });
}
