// A map as one file: its data stand in the page, and nothing is asked of anybody.

import { byId, make } from "./dom.js";

const ROAD_WIDTHS = [3.2, 2.4, 1.6, 1, 0.6];
const ROAD_COLOURS = ["#b9a98a", "#c4b89f", "#cfc7b6", "#d5cfc3", "#dbd6cc"];
const ROADS_FROM = [0, 0, 11, 13, 14]; // zoom
const POINT = 6; // pixels

export function showResults(map) {
  const data = JSON.parse(byId("map-data").textContent);
  const pane = map.createPane("roads");
  pane.style.zIndex = 350;
  const box = JSON.parse(byId("map-box").textContent);
  map.options.zoomSnap = 0.25;
  map.fitBounds(box, { animate: false, padding: [10, 10] });
  L.control.zoom({ position: "topright" }).addTo(map);
  L.control.scale({ position: "bottomleft", imperial: false }).addTo(map);
  if (data.ground) addRoads(map, data.ground);
  const groups = data.layers.map(groupOf);
  const boxes = [...document.querySelectorAll("[data-result]")];
  boxes.forEach((input, number) => {
    const show = () => (input.checked ? groups[number].addTo(map) : groups[number].remove());
    input.addEventListener("change", show);
    show();
  });
  document.documentElement.setAttribute("data-ready", "true");
}

function addRoads(map, ground) {
  const renderer = L.canvas({ pane: "roads", padding: 0.3 });
  const tiers = ground.tiers.map((lines, tier) => L.polyline(
    lines.map((steps) => pointsOf(steps, ground.step)),
    { renderer, pane: "roads", interactive: false, smoothFactor: 1.5, color: ROAD_COLOURS[tier] },
  ));
  const draw = () => {
    const zoom = map.getZoom();
    tiers.forEach((roads, tier) => {
      roads.setStyle({ weight: ROAD_WIDTHS[tier] * (zoom < 13 ? 0.5 : zoom < 15 ? 1 : 2) });
      // What would only be a haze from afar is drawn from near.
      if (zoom >= ROADS_FROM[tier]) roads.addTo(map);
      else roads.remove();
    });
    tiers.forEach((roads) => map.hasLayer(roads) && roads.bringToBack()); // the widest on top
  };
  map.on("zoomend", draw);
  draw();
}

/** Longitude, latitude and the steps to the next points → points as Leaflet wants them. */
function pointsOf(steps, step) {
  const points = [];
  let east = 0;
  let north = 0;
  for (let at = 0; at < steps.length; at += 2) {
    east += steps[at];
    north += steps[at + 1];
    points.push([north * step, east * step]);
  }
  return points;
}

function groupOf(layer) {
  const group = L.layerGroup();
  // Areas first, lines over them, points on top.
  const rank = ({ geometry }) => ["Polygon", "MultiPolygon", "LineString", "MultiLineString", "Point"].indexOf(geometry.type);
  for (const shape of [...layer.shapes].sort((a, b) => rank(a) - rank(b))) {
    const colour = layer.classes[shape.of_class].colour;
    L.geoJSON(shape.geometry, {
      style: styleOf(shape.geometry.type, colour),
      pointToLayer: (_, at) => point(at, colour, shape.mark),
    }).bindTooltip(() => make("span", {}, shape.text), { sticky: true, opacity: 1 }).addTo(group);
  }
  return group;
}

function styleOf(type, colour) {
  if (type === "Point") return {}; // has its own
  if (type.endsWith("LineString")) return { color: colour, weight: 4, opacity: 0.85 };
  return { stroke: false, fillColor: colour, fillOpacity: 0.6 };
}

function point(at, colour, mark) {
  if (!mark) {
    return L.circleMarker(at, { radius: POINT, color: "#fff", weight: 2, fillColor: colour, fillOpacity: 1 });
  }
  const node = make("div", { class: "stop-pin" }, mark);
  node.style.backgroundColor = colour;
  return L.marker(at, { icon: L.divIcon({ html: node, className: "", iconSize: [22, 22] }), keyboard: false });
}
