// The front map: what Folium's script calls, in this order: the layers, then what is around the map.

import { startHere } from "./here.js";
import { startLegend } from "./legend.js";
import { addMyPlaceButton } from "./my_place.js";
import { startFrame, startView } from "./page_map.js";
import { startSearch } from "./search.js";

export { addAddressDensity } from "./density.js";
export { addFreshness } from "./freshness.js";
export { addHotspots } from "./hotspots.js";
export { addVectorTiles } from "./tiles.js";

/** Put search, panels, coordinates and the link of the view around a map with its layers. */
export function startWorkbench(map, options) {
  const sheet = startFrame(map);
  startLegend();
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
  startView(map, options, here);
}
