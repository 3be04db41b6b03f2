// The review queue: move through the texts, decide one, take it back; by mouse, touch or keyboard.

import { askJson, wasGivenUp } from "./api.js";
import { mapLink, percent, reasonText } from "./candidates.js";
import { faultLine, startKeys, startNote, startStatusButtons } from "./desk.js";
import { byId, make } from "./dom.js";
import { levelName, startSearch } from "./search.js";
import { formatNumber, say } from "./texts.js";
import { dateAndClock } from "./times.js";

const PAGE_ITEMS = 100;
const LOAD_BELOW = 10; // texts left in the list at which the next page is asked for
const CANDIDATES = 3; // as many as there are keys

let status = "open";
let items = []; // of this status, in the order of their ids
let counts = { open: 0, matched: 0, rejected: 0 };
let nextPage = null;
let selected = null; // id of the text at the right
let detail = null; // the same with its candidates, once it is there
let picked = null; // an address chosen in the search box
let decisions = []; // made on this page and not taken back, last one last
let question = null;
let isBusy = false;

const showFault = faultLine("review-fault");

function tell(text) {
  byId("review-status").textContent = text;
}

async function load() {
  showFault(null);
  try {
    const page = await askJson(`/v1/review-items?status=${status}&limit=${PAGE_ITEMS}`);
    items = page.review_items;
    takePage(page);
    tell("");
    select(items[0]?.id ?? null);
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
    const known = new Set(items.map((item) => item.id));
    items.push(...page.review_items.filter((item) => !known.has(item.id)));
    takePage(page);
    if (selected === null) select(items[0]?.id ?? null);
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

function draw() {
  for (const [name, count] of Object.entries(counts)) {
    document.querySelector(`[data-count=${name}]`).textContent = formatNumber(count);
  }
  byId("open-review-count").textContent = formatNumber(counts.open);
  byId("open-review-count").hidden = counts.open === 0;
  byId("review-items").replaceChildren(...items.map(itemView));
  byId("review-more").hidden = nextPage === null;
  byId("desk").hidden = items.length === 0;
  byId("undo").hidden = decisions.length === 0 || status !== "open";
  if (items.length === 0 && nextPage === null && byId("review-status").textContent === "") {
    tell(say(`review.empty_${status}`));
  }
}

function itemView(item) {
  const isSelected = item.id === selected;
  const guess = item.status === "open"
    ? item.best_guess?.canonical_text ?? say("review.no_guess") : item.standard_address ?? "";
  return make("li", {}, make("button", {
    type: "button", class: "review-item", "aria-current": isSelected && "true", "data-item": item.id,
    onclick: () => select(item.id),
  },
  make("span", { class: "text" }, item.address_text),
  make("span", { class: "aside" }, item.best_guess ? percent(item.best_guess.confidence) : ""),
  make("span", { class: "guess" }, guess),
  make("span", { class: "aside" },
    item.asked_count > 1 ? say("review.asked", { count: formatNumber(item.asked_count) }) : "")));
}

async function select(id) {
  const hadFocus = document.activeElement?.closest?.("#review-items") !== null;
  question?.abort();
  selected = id;
  detail = null;
  picked = null;
  byId("search-input").value = "";
  byId("search-clear").hidden = true;
  byId("note").value = "";
  draw();
  drawDetail();
  if (id === null) return;
  const button = document.querySelector(`[data-item="${id}"]`);
  button?.scrollIntoView({ block: "nearest" });
  if (hadFocus) button?.focus({ preventScroll: true });
  question = new AbortController();
  try {
    detail = await askJson(`/v1/review-items/${id}`, { signal: question.signal });
    drawDetail();
  } catch (error) {
    if (!wasGivenUp(error)) showFault(error.message);
  }
}

function drawDetail() {
  const item = detail ?? items.find((each) => each.id === selected);
  byId("deciding").hidden = item?.status !== "open";
  if (!item) {
    byId("detail").replaceChildren();
    return;
  }
  byId("detail").replaceChildren(
    make("h2", {}, item.address_text),
    make("p", { class: "quiet" }, say("review.from", {
      source: item.source, time: dateAndClock(item.created_at),
    })),
    ...(item.status === "open" ? candidateViews() : decisionViews(item)),
  );
}

function candidateViews() {
  if (detail === null) return [make("p", { class: "quiet" }, say("common.loading"))];
  const shown = detail.answer.candidates.slice(0, CANDIDATES);
  return [
    detail.answer.status === "matched" ? make("p", { class: "note" }, say("review.now_known")) : null,
    make("h3", {}, say("review.candidates")),
    shown.length === 0 ? make("p", { class: "quiet" }, say("review.no_candidates")) : null,
    make("ul", {}, ...shown.map((candidate, index) => candidateView(candidate, index + 1)),
      picked ? candidateView(picked, null) : null),
  ].filter(Boolean);
}

function candidateView(candidate, key) {
  const isGroup = candidate.standard_address_id === null;
  const facts = [
    levelName(candidate.level),
    isGroup ? say("review.group") : null,
    candidate.confidence === undefined ? say("review.picked") : percent(candidate.confidence),
  ].filter(Boolean).join(" · ");
  const reasons = reasonText(candidate.reasons);
  const link = mapLink(candidate, say("review.show_map"));
  return make("li", { class: "candidate" },
    key === null ? null : make("kbd", {}, key),
    make("span", { class: "place" }, candidate.canonical_text),
    reasons ? make("p", { class: "reasons" }, reasons) : null,
    make("p", { class: "facts" }, facts, link ? " · " : null, link),
    make("button", {
      type: "button", class: isGroup ? "button" : "button button-main", id: key === null && "picked",
      onclick: () => choose(candidate),
    }, say(isGroup ? "review.inside" : "review.choose")));
}

function decisionViews(item) {
  const isMatched = item.status === "matched";
  return [
    make("h3", {}, say(isMatched ? "review.decided_address" : "review.status_rejected")),
    isMatched ? make("p", {}, item.standard_address ?? say("review.out_of_sight")) : null,
    item.note ? make("p", {}, item.note) : null,
    make("p", { class: "quiet" }, say("review.decided", {
      who: item.decided_by, time: dateAndClock(item.decided_at),
    })),
    make("div", { class: "button-row" }, make("button", {
      type: "button", class: "button", onclick: () => takeBack(item),
    }, say("review.take_back"), " ", make("kbd", {}, "U"))),
  ].filter(Boolean);
}

/** A group of addresses is no answer: it is searched for the one that is meant. */
function choose(candidate) {
  if (candidate.standard_address_id !== null) {
    decide("match", { standard_address_id: candidate.standard_address_id }, "review.done_match");
    return;
  }
  byId("search-input").value = candidate.canonical_text;
  byId("search-input").focus();
  byId("search-input").dispatchEvent(new InputEvent("input"));
}

async function decide(verb, facts, doneKey) {
  const before = items.find((item) => item.id === selected);
  if (isBusy || before?.status !== "open") return;
  const note = byId("note").value.trim();
  const after = await send(detail ?? before, verb, { ...facts, note: note || null });
  if (after === null) return;
  decisions.push({ ...before, version: after.version, status: after.status });
  counts.open -= 1;
  counts[after.status] += 1;
  tell(say(doneKey, { text: after.address_text, address: after.standard_address ?? "" }));
  leave(after.id);
}

/** Take the text out of the list; the one that stood behind it is next. */
function leave(id) {
  const at = items.findIndex((item) => item.id === id);
  if (at < 0) {
    draw();
    return;
  }
  items.splice(at, 1);
  if (items.length < LOAD_BELOW) loadMore();
  document.activeElement?.blur(); // so that the keys mean the next text, not a field of this one
  select(items[Math.min(at, items.length - 1)]?.id ?? null);
}

async function takeBack(item) {
  if (isBusy || !item) return;
  const after = await send(item, "reopen", {});
  if (after === null) return;
  decisions = decisions.filter((decision) => decision.id !== item.id);
  counts[item.status] -= 1;
  counts.open += 1;
  tell(say("review.undone", { text: after.address_text }));
  if (status !== "open") {
    leave(item.id);
    return;
  }
  const waiting = { ...item, ...after, best_guess: item.best_guess };
  items = [...items.filter((each) => each.id !== item.id), waiting].sort((a, b) => a.id - b.id);
  select(item.id);
}

/** The item after a decision, or null where it could not be made. */
async function send(item, verb, facts) {
  isBusy = true;
  showFault(null);
  try {
    return await askJson(`/v1/review-items/${item.id}/${verb}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ version: item.version, ...facts }),
    });
  } catch (error) {
    if (error.status === 409 || error.status === 404) {
      decisions = decisions.filter((decision) => decision.id !== item.id);
      await load(); // somebody was quicker: show what is so by now, and say it
    }
    showFault(error.message);
    return null;
  } finally {
    isBusy = false;
  }
}

function move(step) {
  const at = items.findIndex((item) => item.id === selected);
  const next = items[at + step];
  if (next) select(next.id);
  else if (step > 0) loadMore();
}

function undo() {
  const seen = items.find((item) => item.id === selected);
  takeBack(status === "open" ? decisions.at(-1) : seen);
}

function reject() {
  decide("reject", {}, "review.done_reject");
}

function chooseByKey(key) {
  const candidate = detail?.answer.candidates.slice(0, CANDIDATES)[Number(key) - 1];
  if (status === "open" && candidate) choose(candidate);
}

const KEYS = {
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  1: () => chooseByKey("1"),
  2: () => chooseByKey("2"),
  3: () => chooseByKey("3"),
  n: reject,
  u: undo,
  "/": () => byId("search-input").focus(),
};

startKeys(KEYS);
startStatusButtons((chosen) => {
  status = chosen;
  load();
});
byId("none").addEventListener("click", reject);
byId("undo").addEventListener("click", () => takeBack(decisions.at(-1)));
byId("review-more").addEventListener("click", loadMore);
startNote();
startSearch(
  () => {
    const near = detail?.answer.candidates.find((candidate) => candidate.lon !== null);
    return near ? { lon: near.lon, lat: near.lat } : null;
  },
  (suggestion) => {
    if (suggestion.standard_address_id === null) {
      tell(say("review.picked_group", { address: suggestion.canonical_text }));
      return;
    }
    picked = { ...suggestion, confidence: undefined };
    drawDetail();
    byId("picked").focus();
  },
);
byId("search-input").addEventListener("keydown", (event) => {
  // the search box has had its turn: Escape closes its list, then clears it, then leaves it
  if (event.key === "Escape" && event.target.value === "") event.target.blur();
});
await load();
document.documentElement.setAttribute("data-ready", "true");
