// Closed roads: what is closed, closing a road picked on the map, opening it again.

import { askJson } from "./api.js";
import { byId, make } from "./dom.js";
import { momentIn } from "./local_days.js";
import { clockOfDay } from "./response.js";
import { say, timeZone } from "./texts.js";

const ROADS = "/v1/roads";

/** Start the list and the form of a page; `changed` is called after a closure was made or ended. */
export function startClosures(map, changed) {
  if (!byId("closure-list")) return;
  const chosen = new Map(); // number of the road → what it is called
  const marks = L.layerGroup().addTo(map);
  let isPicking = false;

  async function load() {
    const { closures } = await askJson(`${ROADS}/closures`);
    byId("closure-none").hidden = closures.length > 0;
    byId("closure-list").replaceChildren(...closures.map(cardOf));
  }

  function cardOf(closure) {
    const until = closure.ends_at ? clockOfDay(closure.ends_at) : say("closures.until_reopened");
    return make("li", { class: "card" },
      make("div", { class: "card-head" },
        make("strong", {}, closure.reason),
        make("span", { class: "chip" }, say("closures.roads", { count: closure.road_ids.length }))),
      make("p", {}, `${clockOfDay(closure.starts_at)} – ${until}`),
      make("button", {
        type: "button", class: "button button-small",
        onclick: () => attempt(() => askJson(`${ROADS}/closures/${closure.closure_id}/end`, { method: "POST" })),
      }, say("closures.reopen")));
  }

  /** Do something, show what is closed then, or say why it failed. */
  async function attempt(action) {
    byId("closure-fault").hidden = true;
    try {
      await action();
      await load();
      changed();
    } catch (error) {
      byId("closure-fault").textContent = error.message;
      byId("closure-fault").hidden = false;
      return false;
    }
    return true;
  }

  function pick(on) {
    isPicking = on;
    byId("closure-pick").setAttribute("aria-pressed", String(on));
    map.getContainer().classList.toggle("is-picking", on);
  }

  function showChosen() {
    byId("closure-chosen").replaceChildren(...[...chosen].map(([id, name]) => make("li", {}, name, " ",
      make("button", {
        type: "button", class: "button button-small", "aria-label": `${say("closures.leave_out")}: ${name}`,
        onclick: () => { chosen.delete(id); showChosen(); },
      }, "×"))));
    byId("closure-send").disabled = chosen.size === 0;
    if (chosen.size === 0) marks.clearLayers();
  }

  map.on("click", async ({ latlng }) => {
    if (!isPicking) return;
    byId("closure-fault").hidden = true;
    try {
      const at = await askJson(`${ROADS}/at?lon=${latlng.lng}&lat=${latlng.lat}`);
      const name = at.name ?? say("closures.unnamed", { number: at.road_id });
      chosen.set(at.road_id, name);
      L.circleMarker(latlng, { radius: 6, color: "#b3261e", interactive: false }).addTo(marks);
      showChosen();
    } catch (error) {
      byId("closure-fault").textContent = error.message;
      byId("closure-fault").hidden = false;
    }
  });
  byId("closure-pick").addEventListener("click", () => pick(!isPicking));
  byId("closure-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const until = byId("closure-until").value;
    const body = {
      road_ids: [...chosen.keys()],
      reason: byId("closure-reason").value.trim(),
      ends_at: until ? momentIn(until, timeZone) : null,
    };
    if (!(await attempt(() => askJson(`${ROADS}/closures`, {
      method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" },
    })))) return;
    chosen.clear();
    byId("closure-form").reset();
    pick(false);
    showChosen();
  });
  byId("closure-fold").addEventListener("toggle", () => {
    if (byId("closure-fold").open) attempt(load);
    else pick(false);
  });
}
