// One place: what is recorded at an address. Persons are shown once a task is open (task.js).

import { askJson, taskWasOpened, wasGivenUp } from "./api.js";
import { daysUntil } from "./days.js";
import { byId, make } from "./dom.js";
import { dwellingCard, establishmentCard, residentCard } from "./place_cards.js";
import { placeForms } from "./place_forms.js";
import { formatNumber, say, settings } from "./texts.js";

const PAGE = settings.shown_at_first;
const SECTIONS = {
  dwelling: { card: dwellingCard, list: (found) => found.dwellings },
  establishment: { card: establishmentCard, list: (found) => found.establishments },
  resident: { card: residentCard, list: (found) => found.residents },
};

const shown = { dwelling: PAGE, establishment: PAGE, resident: PAGE };
let records = null;
let nextPage = null; // of what lies here, where it is very much
let asOf = settings.today;
let question = null;
let told = null; // { anchor, section, text }: what was just stored

const forms = {
  ...placeForms({ saved, reload: load }),
  reportsOf: (kind, id) => records.reports.filter((each) => each.record_kind === kind && each.record_id === id),
  isPast: () => asOf !== settings.today,
};

async function load() {
  question?.abort();
  question = new AbortController();
  showFault(null);
  try {
    records = await askJson(`/v1/addresses/${settings.address_id}/records?on=${asOf}`, { signal: question.signal });
    nextPage = nextOf(records);
    draw();
  } catch (error) {
    if (wasGivenUp(error)) return;
    byId("place-summary").textContent = "";
    showFault(error.message);
  }
  document.documentElement.setAttribute("data-ready", "true");
}

function nextOf(page) {
  return page.links.find((link) => link.rel === "next")?.href ?? null;
}

async function loadMore() {
  const page = await askJson(nextPage);
  for (const name of ["dwellings", "establishments", "residents", "reports"]) records[name]?.push(...page[name] ?? []);
  nextPage = nextOf(page);
}

function showFault(text) {
  byId("place-fault").hidden = text === null;
  byId("place-fault").replaceChildren(...(text === null ? [] : [
    text, " ", make("button", { type: "button", class: "button button-small", onclick: load }, say("common.retry")),
  ]));
}

function saved(anchor, section, text) {
  told = { anchor, section, text };
  load();
}

function draw() {
  for (const name of Object.keys(SECTIONS)) drawSection(name);
  drawSummary();
  tell();
}

function drawSection(name) {
  const list = SECTIONS[name].list(records);
  const wanted = told?.section === name ? told.anchor : location.hash.slice(1);
  const at = (list ?? []).findIndex((each) => `${name}-${each.id}` === wanted);
  shown[name] = Math.max(shown[name], at + 1);
  byId(`${name}-count`).textContent = list?.length ? formatNumber(list.length) + (nextPage ? "+" : "") : "";
  const some = (list ?? []).slice(0, shown[name]);
  const cards = name === "resident" ? byHousehold(some) : some.map((each) => SECTIONS[name].card(each, forms));
  if (list === null) cards.push(behindTask());
  else if (list.length === 0) cards.push(make("p", { class: "record-none" }, say(`place.none_${name}`)));
  byId(`${name}-list`).replaceChildren(...cards);
  byId(`${name}-more`).hidden = (list?.length ?? 0) <= shown[name] && nextPage === null;
}

/** Residents under the household they are recorded in, where the place has more than one. */
function byHousehold(residents) {
  const refOf = (resident) => resident.residences[0]?.household_ref ?? null;
  const isOne = new Set(residents.map(refOf)).size < 2;
  return residents.flatMap((resident, at) => {
    const cards = [residentCard(resident, forms)];
    const ref = refOf(resident);
    if (!isOne && (at === 0 || ref !== refOf(residents[at - 1]))) {
      cards.unshift(make("h3", { class: "household" }, ref === null ? say("place.no_household") : say("place.household", { ref })));
    }
    return cards;
  });
}

/** Persons aren't shown: for want of a task, which is asked for here, or to this role never. */
function behindTask() {
  if (!settings.may.persons) return make("p", { class: "record-none" }, say("place.no_persons"));
  return make("div", { class: "record-none" },
    make("p", {}, say("place.persons_need_task")),
    make("button", { type: "button", class: "button button-main", id: "show-residents", onclick: askForTask },
      say("place.show_persons")));
}

async function askForTask() {
  if (await taskWasOpened()) byId("resident-title").focus(); // the list is drawn anew on "task-changed"
}

function drawSummary() {
  const qualities = [
    ...records.dwellings.map((each) => each.quality),
    ...records.establishments.map((each) => each.quality),
    ...(records.residents ?? []).flatMap((each) => each.residences.map((residence) => residence.quality)),
  ];
  const due = qualities.filter((each) => daysUntil(each.due_on) <= 0).length;
  const incomplete = qualities.filter((each) => each.missing.length).length
    + (records.residents ?? []).filter((each) => each.missing.length).length;
  const tags = [];
  if (due) tags.push(make("span", { class: "tag tag-late" }, say("place.summary_due", { count: formatNumber(due) })));
  if (incomplete) {
    tags.push(make("span", { class: "tag tag-due" }, say("place.summary_missing", { count: formatNumber(incomplete) })));
  }
  const wrong = records.reports.length;
  if (wrong) tags.push(make("span", { class: "tag tag-late" }, say("place.summary_reports", { count: formatNumber(wrong) })));
  if (forms.isPast()) tags.unshift(make("span", { class: "tag" }, say("place.summary_past", { day: asOf })));
  if (qualities.length === 0) tags.push(make("span", { class: "quiet" }, say("place.summary_none")));
  else if (!tags.length) tags.push(make("span", { class: "tag" }, say("place.summary_good")));
  if (records.residents === null) tags.push(make("span", { class: "quiet" }, say("place.summary_without_persons")));
  byId("place-summary").replaceChildren(...tags);
}

/** Say what was stored where it stands now, and put the focus there. */
function tell() {
  if (told === null) {
    if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
    return;
  }
  const line = make("p", { class: "place-done", role: "status", tabindex: "-1" }, told.text);
  const card = told.anchor && byId(told.anchor);
  (card ?? byId(`${told.section}-list`)).prepend(line);
  line.focus({ preventScroll: true });
  line.scrollIntoView({ block: "center" });
  told = null;
}

for (const name of Object.keys(SECTIONS)) {
  byId(`${name}-more`).addEventListener("click", async () => {
    shown[name] += PAGE;
    try {
      if (nextPage && (SECTIONS[name].list(records)?.length ?? 0) < shown[name]) await loadMore();
    } catch (error) {
      showFault(error.message);
    }
    for (const each of Object.keys(SECTIONS)) drawSection(each);
  });
}
byId("place-day").addEventListener("change", (event) => {
  asOf = event.target.value || settings.today;
  for (const button of document.querySelectorAll(".register-head .button")) button.hidden = forms.isPast();
  load();
});
byId("record-dwelling")?.addEventListener("click", () => forms.recordDwelling());
byId("record-establishment")?.addEventListener("click", () => forms.recordEstablishment());
byId("record-resident")?.addEventListener("click", () => forms.recordResident());
document.addEventListener("task-changed", load);
load();
