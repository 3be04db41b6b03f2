// Beside the map of coverage: key places that were missed, the week's shares, the mismatch matrix.

import { askJson } from "./api.js";
import { lastDayAsked, periodAsked } from "./coverage.js";
import { byId, make } from "./dom.js";
import { formatNumber, say } from "./texts.js";
import { clock, timeFormat } from "./times.js";

const ROWS_AT_ONCE = 12;
const locale = document.documentElement.lang;
const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
const twoDigits = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
const oneDigit = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });

export function startCoverageLists(map, options) {
  const fold = byId("mismatch-fold");
  const ground = byId("ground-fold"); // only who leads units has it
  const all = () => {
    showUncovered(map, options);
    if (fold.open) showMismatch(options);
    if (ground?.open) showGround(options);
  };
  document.addEventListener("coverage-period", all);
  fold.addEventListener("toggle", () => fold.open && showMismatch(options));
  ground?.addEventListener("toggle", () => ground.open && showGround(options));
  all();
  if (byId("week-of")) {
    byId("week-of").addEventListener("change", () => showWeekly(options));
    showWeekly(options);
  }
  byId("unit-day-form")?.addEventListener("submit", (event) => {
    event.preventDefault();
    location.href = `/coverage/units/${byId("unit-choice").value}?on=${byId("unit-day").value}`;
  });
}

const weekday = timeFormat({ month: "numeric", day: "numeric", weekday: "short" });

function whenText(start, end) {
  return `${weekday.format(new Date(start))} ${clock(start)}–${clock(end)}`;
}

async function showUncovered(map, options) {
  const summary = byId("uncovered-summary");
  let answer;
  try {
    answer = await askJson(`${options.url}/uncovered?${new URLSearchParams(periodAsked())}`);
  } catch (error) {
    summary.textContent = error.message;
    return;
  }
  const total = answer.wanted_count;
  summary.textContent = say(total ? "coverage.uncovered_summary" : "coverage.uncovered_none", {
    wanted: formatNumber(total), covered: formatNumber(answer.covered_count),
    probably: formatNumber(answer.probably_count),
    missed: formatNumber(total - answer.covered_count - answer.probably_count),
  });
  byId("uncovered").hidden = answer.occasions.length === 0;
  let shown = 0;
  const rows = byId("uncovered-rows");
  rows.replaceChildren();
  const more = byId("uncovered-more");
  const add = () => {
    rows.append(...answer.occasions.slice(shown, shown + ROWS_AT_ONCE).map((each) => make("tr", {},
      make("th", { scope: "row" }, make("button", {
        type: "button", class: "button button-small",
        onclick: () => map.flyTo([each.lat, each.lon], Math.max(map.getZoom(), 17)),
      }, each.name)),
      make("td", {}, whenText(each.starts_at, each.ends_at)),
      make("td", { class: "number" }, say("coverage.of_wanted", {
        missing: oneDigit.format(each.missing_s / 60), wanted: oneDigit.format(each.dose_s / 60),
      })),
      make("td", {}, say(`coverage.dose_${each.state}`)))));
    shown += ROWS_AT_ONCE;
    more.hidden = shown >= answer.occasions.length;
  };
  more.onclick = add;
  add();
}

/** The last day of the period: ground covered, and which key places were passed. */
async function showGround(options) {
  const summary = byId("ground-summary");
  const rows = byId("checkpoint-rows");
  let answer;
  summary.textContent = say("common.loading");
  try {
    answer = await askJson(`${options.url}/ground?${new URLSearchParams(lastDayAsked())}`);
  } catch (error) {
    summary.textContent = error.message;
    rows.replaceChildren();
    byId("checkpoints").hidden = true;
    return;
  }
  const km2 = (value) => say("common.square_kilometres", { value: twoDigits.format(value) });
  const { area, checkpoints } = answer;
  const count = (verdict) => formatNumber(checkpoints.filter((each) => each.verdict === verdict).length);
  summary.textContent = [
    say("coverage.ground_summary", {
      start: whenText(answer.start, answer.end), length: twoDigits.format(area.length_km), merged: km2(area.merged_km2),
      unmerged: km2(area.unmerged_km2), swath: formatNumber(area.swath_m),
    }),
    checkpoints.length === 0 ? "" : say("coverage.checkpoint_summary", {
      visited: count("visited"), probable: count("probable"), not_visited: count("not_visited"), unknown: count("unknown"),
    }),
  ].join(" ");
  byId("checkpoints").hidden = checkpoints.length === 0;
  rows.replaceChildren(...checkpoints.map((each) => make("tr", {},
    make("th", { scope: "row" }, each.name),
    make("td", {}, say(`coverage.checkpoint_${each.verdict}`)),
    make("td", { class: "number" }, each.at === null ? "—" : clock(each.at)))));
}

async function showWeekly(options) {
  const asked = byId("week-of").value ? `?week_of=${byId("week-of").value}` : "";
  let answer;
  try {
    answer = await askJson(`${options.url}/weekly${asked}`);
  } catch (error) {
    byId("weekly-summary").textContent = error.message;
    return;
  }
  byId("weekly-summary").textContent = say(
    answer.rows.length ? "coverage.weekly_summary" : "coverage.weekly_none", { monday: answer.monday },
  );
  byId("weekly").hidden = answer.rows.length === 0;
  byId("weekly-rows").replaceChildren(...answer.rows.map((each) => make("tr", {},
    make("th", { scope: "row" }, each.station_name ?? each.station),
    make("td", {}, say("coverage.kind_count", { kind: say(`coverage.unit_${each.kind}`), count: each.unit_count })),
    make("td", { class: "number" }, oneDigit.format(each.duty_s / 3600)),
    make("td", { class: "number" }, each.share_high - each.share > 0.005
      ? say("coverage.share_between", { low: percent.format(each.share), high: percent.format(each.share_high) })
      : percent.format(each.share),
    make("br"), say("coverage.beat_share", { share: each.duty_s > 0 ? percent.format(each.beat_s / each.duty_s) : "—" })),
    make("td", { class: `number verdict-${each.verdict}` }, each.target === null ? "—" : say("coverage.verdict", {
      target: percent.format(each.target), verdict: say(`coverage.verdict_${each.verdict}`),
    })))));
}

async function showMismatch(options) {
  const table = byId("mismatch-matrix");
  let answer;
  try {
    answer = await askJson(`${options.url}/mismatch?${new URLSearchParams(periodAsked())}`);
  } catch (error) {
    byId("mismatch-summary").textContent = error.message;
    table.replaceChildren();
    return;
  }
  byId("mismatch-summary").textContent = say("coverage.mismatch_summary", {
    index: percent.format(answer.index), reports: formatNumber(answer.demand_count),
  });
  const grids = [...new Set(answer.matrix.map((each) => each.grid_code))].sort();
  const of = new Map(answer.matrix.map((each) => [`${each.grid_code} ${each.slot}`, each]));
  const most = Math.max(...answer.matrix.map((each) => Math.abs(each.difference)), 1e-9);
  table.replaceChildren(
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, say("coverage.kind_grid")),
      ...answer.slots.map((slot) => make("th", { scope: "col" }, slot)))),
    make("tbody", {}, ...grids.map((grid) => make("tr", {},
      make("th", { scope: "row", class: "code", title: grid }, grid.slice(-8)),
      ...answer.slots.map((_, slot) => matrixCell(of.get(`${grid} ${slot}`), most))))),
  );
}

// ColorBrewer PuOr: too little is orange, more than its share purple.
function matrixCell(each, most) {
  if (!each) return make("td", {}, "0");
  const strength = Math.round(Math.min(1, Math.abs(each.difference) / most) * 200).toString(16).padStart(2, "0");
  const cell = make("td", {
    title: say("coverage.mismatch_cell", {
      presence: percent.format(each.presence_share), demand: percent.format(each.demand_share),
    }),
  }, `${each.difference > 0 ? "+" : ""}${(each.difference * 100).toFixed(1)}`);
  cell.style.backgroundColor = `${each.difference < 0 ? "#e66101" : "#5e3c99"}${strength}`;
  if (each.difference > 0 && Math.abs(each.difference) > most * 0.6) cell.style.color = "#fff";
  return cell;
}
