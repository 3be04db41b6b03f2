// Siting: a question, its plan as it gets better, and what changes from one plan to another.

import { askJson } from "./api.js";
import { byId, make } from "./dom.js";
import { registerLayer } from "./layer_switch.js";
import { clearFault, reportFault } from "./notices.js";
import { duration, EDGE, legendRow, pin, share } from "./response.js";
import { formatNumber, say } from "./texts.js";
import { clockWithSeconds } from "./times.js";

export { startPageMap } from "./page_map.js";
export { addVectorTiles } from "./tiles.js";

const COLOURS = { gained: "#1a7f4b", lost: "#d7301f", both: "#9ecae1", neither: "#e3d9c6" };
const POLL_MS = 700;
const PLANS_KEPT = 6;

export function addSiting(map, options) {
  const pane = map.createPane("response");
  pane.style.zIndex = 352;
  const renderer = L.canvas({ pane: "response", padding: 0.3 });
  const ground = L.layerGroup().addTo(map);
  const pins = L.layerGroup().addTo(map);
  const plans = []; // of this visit, to compare
  const forbidden = new Set();
  let current = null;
  let isStopped = false;

  async function solve() {
    isStopped = false;
    tellState("loading");
    byId("siting-solve").disabled = true;
    byId("siting-stop").disabled = false;
    byId("siting-progress").hidden = false;
    try {
      let answer = await ask("POST", options.url, question());
      current = answer.plan_id;
      while (["waiting", "running"].includes(answer.status) && !isStopped) {
        showPlan(answer);
        await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
        answer = await askJson(`${options.url}/${answer.plan_id}`);
      }
      if (isStopped) answer = await askJson(`${options.url}/${answer.plan_id}`);
      clearFault("siting");
      finish(answer);
    } catch (error) {
      reportFault("siting", say("siting.error", { reason: error.message }), solve);
      byId("siting-state").textContent = error.message;
    }
    byId("siting-solve").disabled = false;
    byId("siting-stop").disabled = true;
    byId("siting-progress").hidden = true;
    tellState("loaded");
  }

  function question() {
    const percent = (id) => Number(byId(id).value) / 100;
    return {
      question: byId("siting-question").value, wanted: Number(byId("siting-wanted").value),
      limit_s: Number(byId("siting-limit").value), share: percent("siting-share"),
      busy_share: percent("siting-busy"), mode: byId("siting-mode").value,
      demand: byId("siting-demand").value, keep: byId("siting-keep").checked,
      grid_centres: byId("siting-centres").checked, forbidden: [...forbidden],
    };
  }

  function ask(method, url, body) {
    return askJson(url, {
      method, timeLimit_ms: 120000, body: JSON.stringify(body), headers: { "Content-Type": "application/json" },
    });
  }

  async function stop() {
    isStopped = true;
    if (current) await ask("POST", `${options.url}/${current}/stop`, {});
  }

  function finish(answer) {
    showPlan(answer);
    if (answer.status === "failed" || !answer.sites.length) return;
    plans.unshift(answer);
    plans.length = Math.min(plans.length, PLANS_KEPT);
    byId("compare-with").replaceChildren(
      make("option", { value: "" }, say("siting.compare_standing")),
      ...plans.slice(1).map((plan) => make("option", { value: plan.plan_id }, nameOf(plan))));
    byId("compare-block").hidden = false;
    compare();
  }

  function nameOf(plan) {
    return say("siting.plan_name", {
      question: say(`siting.question_${plan.question}`), count: formatNumber(plan.sites.length),
      time: clockWithSeconds(plan.asked_at),
    });
  }

  function showPlan(answer) {
    byId("siting-progress").max = answer.stage_count;
    byId("siting-progress").value = answer.stage;
    byId("siting-state").textContent = answer.message ?? say(`siting.status_${answer.status}`, {
      stage: answer.stage, count: answer.stage_count,
    });
    byId("plan-block").hidden = answer.sites.length === 0;
    if (!answer.sites.length) return;
    const isTime = answer.question === "nearest";
    const figure = (value) => (isTime ? duration(value) : formatNumber(Math.round(value)));
    const facts = [
      [say("siting.fact_objective"), figure(answer.objective)],
      [say("siting.fact_bound"), `${figure(answer.bound)} · ${answer.is_proven ? say("siting.proven") : say("siting.gap", { gap: share(answer.gap) })}`],
      [say("siting.fact_covered", { time: duration(answer.limit_s) }), `${share(answer.covered / answer.whole)} (${say("siting.before")} ${share(answer.covered_before / answer.whole)})`],
      [say("siting.fact_mean"), `${duration(answer.mean_s)} (${say("siting.before")} ${duration(answer.mean_s_before)})`],
    ];
    byId("plan-facts").replaceChildren(...facts.map(([term, value]) =>
      make("div", {}, make("dt", {}, term), make("dd", {}, value))));
    byId("sheet-summary").textContent = facts[2][1];
    byId("plan-sites").replaceChildren(...[...answer.sites].sort((a, b) => Number(b.is_new) - Number(a.is_new))
      .map((site) => siteCard(site, "")), ...answer.closed.map((site) => siteCard(site, "closed")));
    pins.clearLayers();
    for (const site of answer.sites) {
      L.marker([site.lat, site.lon], { icon: pin(site.is_new ? "is-post" : "is-site", site.name), keyboard: false })
        .bindTooltip(make("span", {}, site.name), { opacity: 1 }).addTo(pins);
    }
    byId("method-facts").textContent = say("siting.method_facts", {
      network: answer.network, found: answer.found_by ?? "", sites: formatNumber(answer.candidate_count),
      cells: formatNumber(answer.cell_count),
    });
  }

  function siteCard(site, state) {
    const isForbidden = forbidden.has(site.code);
    return make("li", { class: `card ${state ? "card-severe" : ""}` },
      make("div", { class: "card-head" },
        make("strong", {}, site.unit_count > 1 ? `${site.name} × ${site.unit_count}` : site.name),
        make("span", { class: "chip" }, say(state ? "siting.closed" : site.is_new ? "siting.new" : "siting.stays"))),
      make("button", {
        type: "button", class: "button button-small", "aria-pressed": String(isForbidden),
        onclick: () => {
          if (isForbidden) forbidden.delete(site.code);
          else forbidden.add(site.code);
          solve();
        },
      }, say(isForbidden ? "siting.allow" : "siting.forbid")));
  }

  async function compare() {
    const before = byId("compare-with").value;
    try {
      const answer = await askJson(`${options.url}/${plans[0].plan_id}/comparison${before ? `?before=${before}` : ""}`, { timeLimit_ms: 60000 });
      ground.clearLayers();
      L.geoJSON(answer, {
        renderer, pane: "response",
        style: ({ properties }) => ({ ...EDGE, fillColor: COLOURS[properties.state], fillOpacity: 0.6 }),
      }).bindTooltip((shape) => make("span", {}, say("siting.cell", {
        demand: formatNumber(Math.round(shape.feature.properties.demand)),
        state: say(`siting.state_${shape.feature.properties.state}`),
      })), { sticky: true, opacity: 1 }).addTo(ground);
      byId("compare-text").textContent = say("siting.compare_text", {
        gained: formatNumber(Math.round(answer.gained)), lost: formatNumber(Math.round(answer.lost)),
        opened: answer.opened.map((site) => site.name).join("、") || "—",
        closed: answer.closed.map((site) => site.name).join("、") || "—",
      });
      byId("compare-legend").replaceChildren(...Object.entries(COLOURS).map(([state, colour]) =>
        legendRow(colour, say(`siting.state_${state}`),
          formatNumber(answer.features.filter((each) => each.properties.state === state).length))));
      clearFault("compare");
    } catch (error) {
      reportFault("compare", say("siting.error", { reason: error.message }), compare);
    }
  }

  function showFields() {
    const asked = byId("siting-question").value;
    byId("wanted-line").hidden = asked === "how_many";
    byId("share-line").hidden = asked !== "how_many";
    byId("busy-line").hidden = asked !== "busy";
    byId("limit-line").hidden = false;
  }

  registerLayer("siting", (isShown) => (isShown ? ground.addTo(map) : ground.remove()));
  map.on("placed", () => {
    byId("siting-question").addEventListener("change", showFields);
    byId("siting-form").addEventListener("submit", (event) => {
      event.preventDefault();
      solve();
    });
    byId("siting-stop").addEventListener("click", stop);
    byId("compare-with").addEventListener("change", compare);
    showFields();
    tellState("loaded");
  });
}

/** Tests and printing wait for this. */
function tellState(state) {
  document.documentElement.setAttribute("data-siting", state);
}
