// Pairs of addresses that are probably one place: seen side by side, decided, taken back.

import { askJson, wasGivenUp } from "./api.js";
import { mapLink, percent, reasonText } from "./candidates.js";
import { faultLine, startKeys, startNote, startStatusButtons } from "./desk.js";
import { byId, make } from "./dom.js";
import { levelName } from "./search.js";
import { formatMetres, formatNumber, say } from "./texts.js";
import { dateAndClock } from "./times.js";

const PAGE_PAIRS = 50;
const LOAD_BELOW = 5; // pairs left in the list at which the next page is asked for
const POLL_MS = 1000;

let status = "open";
let pairs = []; // of this status, the likeliest first
let counts = { open: 0, later: 0, merged: 0, apart: 0 };
let nextPage = null;
let selected = null; // id of the pair at the right
let decisions = []; // made on this page and not taken back, last one last
let question = null;
let isBusy = false;

const showFault = faultLine("duplicates-fault");

function tell(text) {
  byId("duplicates-status").textContent = text;
}

async function load() {
  showFault(null);
  try {
    const page = await askJson(`/v1/duplicates?status=${status}&limit=${PAGE_PAIRS}`);
    pairs = page.duplicates;
    takePage(page);
    tell("");
    select(pairs[0]?.id ?? null);
  } catch (error) {
    tell("");
    showFault(error.message);
  }
}

async function loadMore() {
  if (nextPage === null) return;
  const asked = nextPage;
  nextPage = null;
  try {
    const page = await askJson(asked);
    if (!asked.includes(`status=${status}`)) return; // another list was chosen meanwhile
    const known = new Set(pairs.map((pair) => pair.id));
    pairs.push(...page.duplicates.filter((pair) => !known.has(pair.id)));
    takePage(page);
    if (selected === null) select(pairs[0]?.id ?? null);
    else draw();
  } catch (error) {
    nextPage = asked;
    showFault(error.message);
  }
}

function takePage(page) {
  counts = page.counts;
  nextPage = page.links.find((link) => link.rel === "next")?.href ?? null;
}

function current() {
  return pairs.find((pair) => pair.id === selected);
}

function draw() {
  for (const [name, count] of Object.entries(counts)) {
    document.querySelector(`[data-count=${name}]`).textContent = formatNumber(count);
  }
  byId("pairs").replaceChildren(...pairs.map(itemView));
  byId("pairs-more").hidden = nextPage === null;
  byId("desk").hidden = pairs.length === 0;
  byId("undo").hidden = decisions.length === 0;
  if (pairs.length === 0 && nextPage === null && byId("duplicates-status").textContent === "") {
    tell(say(`duplicates.empty_${status}`));
  }
}

function itemView(pair) {
  return make("li", {}, make("button", {
    type: "button", class: "review-item", "aria-current": pair.id === selected && "true",
    "data-pair": pair.id, onclick: () => select(pair.id),
  },
  make("span", { class: "text" }, pair.first.canonical_text),
  make("span", { class: "aside" }, likeness(pair)),
  make("span", { class: "guess" }, pair.second.canonical_text),
  make("span", { class: "aside" }, distanceText(pair))));
}

/** Nobody is certain before they have looked. */
function likeness(pair) {
  return percent(Math.min(pair.score, 0.99));
}

function distanceText(pair) {
  if (pair.distance_m === null) return "";
  return formatMetres(pair.distance_m);
}

function select(id) {
  const hadFocus = document.activeElement?.closest?.("#pairs") !== null;
  question?.abort();
  selected = id;
  byId("note").value = "";
  draw();
  drawDetail();
  if (id === null) return;
  const button = document.querySelector(`[data-pair="${id}"]`);
  button?.scrollIntoView({ block: "nearest" });
  if (hadFocus) button?.focus({ preventScroll: true });
  loadHistory(current());
}

/** What either address swallowed before. */
async function loadHistory(pair) {
  question = new AbortController();
  try {
    const ids = [pair.first.standard_address_id, pair.second.standard_address_id];
    const answers = await Promise.all(ids.map((id) => (
      askJson(`/v1/addresses/${id}/merges`, { signal: question.signal }))));
    const merges = new Map(answers.flatMap((answer) => answer.merges).map((one) => [one.id, one]));
    if (pair.id !== selected || merges.size === 0) return;
    byId("history").replaceChildren(
      make("h3", {}, say("duplicates.history")),
      make("ul", {}, ...[...merges.values()].map((one) => make("li", { class: "quiet" },
        say("duplicates.merged_line", {
          merged: one.merged_id, kept: one.kept_id, who: one.merged_by ?? say("duplicates.unsaid"),
          time: dateAndClock(one.merged_at),
        }),
        one.note ? ` · ${one.note}` : null,
        one.undone_at === null ? null : ` · ${say("duplicates.undone_line", {
          who: one.undone_by ?? say("duplicates.unsaid"), time: dateAndClock(one.undone_at),
        })}`))),
    );
  } catch (error) {
    if (!wasGivenUp(error)) showFault(error.message);
  }
}

function drawDetail() {
  const pair = current();
  byId("history").replaceChildren();
  byId("differences").replaceChildren();
  byId("deciding").hidden = !pair || !["open", "later"].includes(pair.status);
  byId("later").hidden = pair?.status !== "open";
  if (!pair) {
    byId("detail").replaceChildren();
    return;
  }
  const against = pair.reasons.filter((reason) => reason.is_against);
  const speaksFor = pair.reasons.filter((reason) => !reason.is_against);
  byId("detail").replaceChildren(
    make("h2", {}, say("duplicates.heading", { percent: likeness(pair) })),
    make("p", { class: "pair-why" }, reasonText(speaksFor)),
    against.length === 0 ? "" : make("p", { class: "reasons" }, reasonText(against)),
    make("div", { class: "pair-sides" },
      sideView(pair, pair.first, "left"), sideView(pair, pair.second, "right")),
    pair.distance_m === null ? make("p", { class: "quiet" }, say("duplicates.no_distance"))
      : make("p", { class: "quiet" }, say("duplicates.distance", { distance: distanceText(pair) })),
    ...decisionViews(pair),
  );
  byId("differences").replaceChildren(differencesView(pair));
}

function sideView(pair, side, name) {
  const isKept = pair.merge !== null && pair.merge.kept_id === side.standard_address_id;
  const link = mapLink(side, say("review.show_map"));
  const hangs = Object.entries(side.references).map(([table, count]) => (
    `${say(`duplicates.hangs_${table}`)} ${formatNumber(count)}`)).join(" · ");
  const canKeep = ["open", "later"].includes(pair.status);
  const isBetter = pair.suggested_keep === side.standard_address_id;
  return make("section", { class: "pair-side", "aria-label": say(`duplicates.${name}`) },
    make("p", { class: "quiet" }, say(`duplicates.${name}`), ` · #${side.standard_address_id}`,
      isKept ? ` · ${say("duplicates.kept")}` : null,
      canKeep && isBetter ? ` · ${say("duplicates.better")}` : null),
    make("p", { class: "place" }, side.canonical_text),
    make("p", { class: "facts" }, say("duplicates.grid"), " ",
      side.grid_code ?? say("duplicates.no_grid"), link ? " · " : null, link),
    make("p", { class: "facts" }, say("duplicates.hangs"), " ", hangs || say("duplicates.nothing")),
    side.aliases.length === 0 ? null
      : make("p", { class: "facts" }, say("duplicates.aliases"), " ", side.aliases.join("、")),
    make("p", { class: "facts" }, say("duplicates.source"), " ", side.source),
    canKeep ? make("button", {
      type: "button", class: isBetter ? "button button-main" : "button", id: `keep-${name}`,
      onclick: () => keep(name),
    }, say(`duplicates.keep_${name}`), " ", make("kbd", {}, name === "left" ? "1" : "2")) : null);
}

const MARKS = { same: "＝", written: "≈", one: "＋", differs: "≠" };

function markOf(difference) {
  if (difference.first === null || difference.second === null) return "one";
  if (!difference.same_value) return "differs";
  return difference.first === difference.second ? "same" : "written";
}

function differencesView(pair) {
  return make("table", { class: "pair-levels" },
    make("thead", {}, make("tr", {}, ...["level", "left", "right"].map((name) => (
      make("th", { scope: "col" }, say(`duplicates.${name}`)))))),
    make("tbody", {}, ...pair.differences.map((each) => {
      const mark = markOf(each);
      return make("tr", { class: `mark-${mark}` },
        make("th", { scope: "row" },
          make("span", { class: "mark", title: say(`duplicates.mark_${mark}`) }, MARKS[mark]),
          " ", levelName(each.level),
          make("span", { class: "visually-hidden" }, say(`duplicates.mark_${mark}`))),
        make("td", {}, each.first ?? "—"), make("td", {}, each.second ?? "—"));
    })));
}

function decisionViews(pair) {
  if (pair.status === "open") return [];
  return [
    pair.note ? make("p", {}, pair.note) : "",
    make("p", { class: "quiet" }, say(`duplicates.status_${pair.status}`), " · ",
      pair.decided_by ?? say("duplicates.unsaid"), " · ", dateAndClock(pair.decided_at)),
    make("div", { class: "button-row" }, make("button", {
      type: "button", class: "button", id: "take-back", onclick: () => takeBack(pair),
    }, say("duplicates.take_back"), " ", make("kbd", {}, "U"))),
  ];
}

function keep(name) {
  const pair = current();
  if (!pair) return;
  const kept = name === "left" ? pair.first : pair.second;
  decide("merge", {
    keep_id: kept.standard_address_id,
    first_version: pair.first.version,
    second_version: pair.second.version,
  });
}

async function decide(verb, facts = {}) {
  const pair = current();
  if (isBusy || !pair || !["open", "later"].includes(pair.status)) return;
  const note = byId("note").value.trim();
  const after = await send(pair, verb, { ...facts, note: note || null });
  if (after === null) return;
  decisions.push(after);
  counts[pair.status] -= 1;
  counts[after.status] += 1;
  tell(say(`duplicates.done_${after.status}`));
  leave(after.id);
}

/** Take the pair out of the list; the one that stood behind it is next. */
function leave(id) {
  const at = pairs.findIndex((pair) => pair.id === id);
  if (at < 0) {
    draw();
    return;
  }
  pairs.splice(at, 1);
  if (pairs.length < LOAD_BELOW) loadMore();
  document.activeElement?.blur(); // so that the keys mean the next pair, not a field of this one
  select(pairs[Math.min(at, pairs.length - 1)]?.id ?? null);
}

async function takeBack(pair) {
  if (isBusy || !pair || pair.status === "open") return;
  const after = await send(pair, "reopen", {});
  if (after === null) return;
  decisions = decisions.filter((decision) => decision.id !== pair.id);
  counts[pair.status] -= 1;
  counts.open += 1;
  tell(say("duplicates.undone"));
  if (status !== "open") {
    leave(pair.id);
    return;
  }
  pairs = [...pairs.filter((each) => each.id !== pair.id), after]
    .sort((a, b) => b.score - a.score || a.id - b.id);
  select(pair.id);
}

/** The pair after a decision, or null where it could not be made. */
async function send(pair, verb, facts) {
  isBusy = true;
  showFault(null);
  try {
    return await askJson(`/v1/duplicates/${pair.id}/${verb}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ version: pair.version, ...facts }),
    });
  } catch (error) {
    // where it could not be taken back because something depends on it, it can be tried again
    if (verb !== "reopen") await load();
    showFault(error.message);
    return null;
  } finally {
    isBusy = false;
  }
}

async function search() {
  byId("search-register").disabled = true;
  showFault(null);
  try {
    let job = await askJson("/v1/duplicates/search", { method: "POST" });
    while (["waiting", "running"].includes(job.status)) {
      tell(say("duplicates.searching", {
        done: formatNumber(job.rows_done), total: formatNumber(job.rows_total ?? 0),
      }));
      await new Promise((resume) => { setTimeout(resume, POLL_MS); });
      job = await askJson(`/v1/imports/${job.id}`);
    }
    await load();
    if (job.status === "done") {
      tell(say("duplicates.searched", { count: formatNumber(job.report.suggested) }));
    } else {
      showFault(job.message ?? say("duplicates.search_ended"));
    }
  } catch (error) {
    showFault(error.message);
  } finally {
    byId("search-register").disabled = false;
  }
}

function move(step) {
  const next = pairs[pairs.findIndex((pair) => pair.id === selected) + step];
  if (next) select(next.id);
  else if (step > 0) loadMore();
}

function undo() {
  const pair = current();
  takeBack(pair && pair.status !== "open" ? pair : decisions.at(-1));
}

const KEYS = {
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  1: () => keep("left"),
  2: () => keep("right"),
  n: () => decide("apart"),
  l: () => current()?.status === "open" && decide("later"),
  u: undo,
};

startKeys(KEYS);
startStatusButtons((chosen) => {
  status = chosen;
  load();
});
byId("apart").addEventListener("click", () => decide("apart"));
byId("later").addEventListener("click", () => decide("later"));
byId("undo").addEventListener("click", () => takeBack(decisions.at(-1)));
byId("pairs-more").addEventListener("click", loadMore);
byId("search-register").addEventListener("click", search);
startNote();
await load();
document.documentElement.setAttribute("data-ready", "true");
