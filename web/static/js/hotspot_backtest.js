// How the forecast would have done on the deployment's own past, beside counts and random.

import { askJson, wasGivenUp } from "./api.js";
import { byId, make } from "./dom.js";
import { decimal, intervalText } from "./hotspot_words.js";
import { formatNumber, say } from "./texts.js";

const TIME_LIMIT_MS = 90000; // each past week is ranked anew

/** `onCounts()` shows counts in place of a forecast that isn't better. */
export function startBacktest(url, onCounts) {
  let question = null;
  let asked = "";

  byId("hot-share").addEventListener("change", () => reload());
  let reload = () => {};

  async function load(parameters, resolution) {
    reload = () => load(parameters, resolution);
    const wanted = new URLSearchParams(parameters);
    wanted.set("resolution", resolution);
    wanted.set("area_share", byId("hot-share").value);
    for (const name of ["start", "end"]) wanted.delete(name); // it takes all of the past
    if (`${wanted}` === asked) return;
    question?.abort();
    question = new AbortController();
    tellState("loading");
    byId("hot-backtest-said").textContent = say("map.hot_backtest_loading");
    try {
      const answer = await askJson(`${url}?${wanted}`, { signal: question.signal, timeLimit_ms: TIME_LIMIT_MS });
      asked = `${wanted}`;
      show(answer);
    } catch (error) {
      if (wasGivenUp(error)) return;
      asked = "";
      byId("hot-backtest-table").hidden = true;
      byId("hot-backtest-offer").hidden = true;
      byId("hot-backtest-said").textContent = say("map.hot_backtest_fault", { reason: error.message });
    }
    tellState("loaded");
  }

  function show(answer) {
    const isJudged = answer.scores.every((score) => score.judgement !== "cannot be judged");
    byId("hot-backtest-said").textContent = say(isJudged ? "map.hot_backtest_said" : "map.hot_backtest_unjudged", {
      events: formatNumber(answer.n_events), windows: formatNumber(answer.n_windows),
      days: decimal(answer.horizon_days), mean: decimal(answer.n_events / answer.n_windows),
    });
    byId("hot-backtest-sentence").textContent = answer.sentence;
    byId("hot-backtest-table").hidden = false;
    byId("hot-backtest-rows").replaceChildren(...answer.scores.map((score) =>
      make("tr", { "data-method": score.method },
        make("th", { scope: "row" }, say(`map.hot_method_${score.method}`),
          score.method === "forecast"
            ? make("span", { class: "hot-judgement" }, say(`map.hot_judged_${score.judgement.replaceAll(" ", "_")}`)) : null),
        make("td", { class: "number" }, decimal(score.pai),
          // By chance nothing varies: what is expected of it is known.
          score.method === "random" ? null
            : make("span", { class: "hot-range" }, intervalText(score.pai_low, score.pai_high))),
        make("td", { class: "number" }, decimal(score.pei)),
        make("td", { class: "number" }, decimal(score.caught)),
      )));
    byId("hot-backtest-offer").hidden = answer.offered_default === "forecast";
  }

  byId("hot-backtest-counts").addEventListener("click", onCounts);

  return {
    load,
    stop() {
      question?.abort();
    },
  };
}

/** Tests wait for this. */
function tellState(state) {
  document.documentElement.setAttribute("data-backtest", state);
}
