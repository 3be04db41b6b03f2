// Routes on the map: a line a unit along the roads, its stops with their numbers.

import { make } from "./dom.js";

// Okabe and Ito's colours, told apart by colour-blind readers, dark enough for white figures.
const COLOURS = ["#0072b2", "#a63d00", "#00735a", "#8f3f71", "#5b5b00", "#4b3fa0", "#7a2e2e", "#2f5d62"];

export function colourOf(number) {
  return COLOURS[number % COLOURS.length];
}

/** Draw routes into a group that held others: each with `line` (legs of lon, lat) and `stops`. */
export function drawRoutes(group, routes) {
  group.clearLayers();
  routes.forEach((route, number) => {
    const colour = colourOf(number);
    for (const leg of route.line) {
      if (leg.length < 2) continue;
      L.polyline(leg.map(([lon, lat]) => [lat, lon]), { color: colour, weight: 4, opacity: 0.8 }).addTo(group);
    }
    route.stops.forEach((stop, at) => {
      L.marker([stop.lat, stop.lon], { icon: pin(String(at + 1), colour), keyboard: false, title: stop.name })
        .addTo(group);
    });
  });
}

/** Show all of some routes. */
export function showRoutes(map, routes) {
  const points = routes.flatMap((route) => route.stops.map((stop) => [stop.lat, stop.lon]));
  if (points.length) map.fitBounds(points, { padding: [30, 30], maxZoom: 16, animate: false });
}

function pin(text, colour) {
  const node = make("div", { class: "route-pin" }, text);
  node.style.backgroundColor = colour;
  return L.divIcon({ html: node, className: "", iconSize: [22, 22] });
}
