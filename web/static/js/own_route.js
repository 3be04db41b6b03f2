// The route of the visitor's own unit: stops in order, the way to each, on the map.

import { askJson } from "./api.js";
import { byId, make } from "./dom.js";
import { drawRoutes, showRoutes } from "./route_drawing.js";
import { language, say } from "./texts.js";
import { clock } from "./times.js";

export { startPageMap } from "./page_map.js";
export { addVectorTiles } from "./tiles.js";


export function addOwnRoute(map) {
  const group = L.layerGroup().addTo(map);
  map.on("placed", async () => {
    try {
      const { routes } = await askJson(`/v1/patrol-plans/mine?language=${language}`);
      byId("own-state").textContent = routes.length ? "" : say("routes.no_own_route");
      byId("own-routes").replaceChildren(...routes.map(listOf));
      drawRoutes(group, routes);
      showRoutes(map, routes);
    } catch (error) {
      byId("own-state").textContent = error.message;
    }
  });
}

function listOf(route) {
  return make(
    "section", { class: "own-route" },
    make("h3", {}, route.unit_name),
    make("p", { class: "route-links" },
      make("a", { href: `/routes/${route.plan_id}/roadbook/${route.unit_id}` }, say("routes.roadbook")),
      make("a", { href: `/v1/patrol-plans/${route.plan_id}/routes/${route.unit_id}/gpx` }, "GPX")),
    make("ol", { class: "stops" }, ...route.stops.map((stop) => make(
      "li", { class: "stop" },
      make("span", {}, String(stop.number)),
      make("div", {},
        make("time", { datetime: stop.begin_at }, clock(stop.begin_at)), " ",
        stop.name || say(`routes.kind_${stop.kind}`),
        make("details", {}, make("summary", {}, say("routes.way")),
          make("ul", {}, ...stop.instructions.map((text) => make("li", {}, text)))))))),
  );
}
