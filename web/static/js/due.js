// What is due: places in the order they are walked. What was asked for stands in the address of the
// page, so that who comes back from a place finds the list as they left it.

import { askJson, wasGivenUp } from "./api.js";
import { daysUntil } from "./days.js";
import { byId, make } from "./dom.js";
import { formatMetres, formatNumber, say, settings } from "./texts.js";

const PAGE = 50;
const LIMIT_MAX = 1000;
const POSITION_LIMIT_MS = 15000;

const list = new Intl.ListFormat(document.documentElement.lang, { type: "unit" });

const wish = readWish();
let places = [];
let nextPage = null;
let question = null;

function readWish() {
  const given = new URLSearchParams(location.hash.slice(1));
  const one = (name, choices, otherwise) => (choices.includes(given.get(name)) ? given.get(name) : otherwise);
  return {
    grid: given.get("grid") ?? "",
    kind: one("kind", settings.kinds, ""),
    within: one("within", settings.within_days.map(String), "0"),
    order: one("order", ["since", "street"], "since"), // where somebody was isn't kept
    near: null,
  };
}

function keepWish() {
  const kept = new URLSearchParams();
  for (const name of ["grid", "kind", "within", "order"]) {
    if (wish[name] && wish[name] !== "0" && wish[name] !== "near") kept.set(name, wish[name]);
  }
  history.replaceState(history.state, "", `#${kept}`);
}

function filterQuery() {
  const query = new URLSearchParams({ within_days: wish.within });
  if (wish.kind) query.set("record_kind", wish.kind);
  return query;
}

function placeQuery(limit) {
  const query = filterQuery();
  query.set("limit", limit);
  query.set("order", wish.order);
  if (wish.grid) query.set("grid_code", wish.grid);
  if (wish.order === "near") {
    query.set("lon", wish.near.lon);
    query.set("lat", wish.near.lat);
  }
  return query;
}

async function load(limit = PAGE) {
  question?.abort();
  question = new AbortController();
  const { signal } = question;
  showFault(null);
  try {
    const [page, counted] = await Promise.all([
      askJson(`/v1/due?${placeQuery(Math.min(limit, LIMIT_MAX))}`, { signal }),
      askJson(`/v1/due/grids?${filterQuery()}`, { signal }),
    ]);
    places = page.places;
    nextPage = nextOf(page);
    drawGrids(counted.grids);
    drawSummary(counted.grids);
    draw();
  } catch (error) {
    if (wasGivenUp(error)) return;
    byId("due-summary").textContent = "";
    showFault(error.message);
  }
  document.documentElement.setAttribute("data-ready", "true");
}

async function loadMore() {
  byId("due-more").disabled = true;
  try {
    const page = await askJson(nextPage);
    places.push(...page.places);
    nextPage = nextOf(page);
    draw();
  } catch (error) {
    showFault(error.message);
  }
  byId("due-more").disabled = false;
}

function nextOf(page) {
  return page.links.find((link) => link.rel === "next")?.href ?? null;
}

function showFault(text) {
  byId("due-fault").hidden = text === null;
  byId("due-fault").replaceChildren(...(text === null ? [] : [
    text, " ", make("button", { type: "button", class: "button button-small", onclick: () => load() }, say("common.retry")),
  ]));
}

/** The grids that have something due, with how much; who has but one isn't asked. */
function drawGrids(grids) {
  const known = grids.some((each) => each.grid_code === wish.grid);
  if (wish.grid && !known) grids = [...grids, { grid_code: wish.grid, name: null, place_count: 0 }];
  byId("due-grid-wish").hidden = grids.length < 2 && !wish.grid;
  byId("due-grid").replaceChildren(
    make("option", { value: "" }, say("due.all_grids")),
    ...grids.map((each) => make("option", { value: each.grid_code },
      `${each.name ?? each.grid_code} (${formatNumber(each.place_count)})`)),
  );
  byId("due-grid").value = wish.grid;
}

function drawSummary(grids) {
  const shown = wish.grid ? grids.filter((each) => each.grid_code === wish.grid) : grids;
  const sum = (name) => shown.reduce((total, each) => total + each[name], 0);
  const count = sum("place_count");
  byId("due-summary").textContent = count === 0
    ? say("due.none") : say("due.summary", { count: formatNumber(count), late: formatNumber(sum("overdue_count")) });
}

function draw() {
  const into = byId("due-list");
  if (wish.order === "street") {
    const parts = [];
    for (const place of places) {
      if (parts.at(-1)?.street !== place.street) parts.push({ street: place.street, places: [] });
      parts.at(-1).places.push(place);
    }
    into.replaceChildren(...parts.flatMap((part) => [
      make("h2", { class: "due-street" }, part.street || say("due.no_street")), listOf(part.places),
    ]));
  } else into.replaceChildren(listOf(places));
  byId("due-more").hidden = nextPage === null;
}

function listOf(shown) {
  return make("ul", { class: "due-places" }, ...shown.map((place) => make("li", {}, placeLink(place))));
}

function placeLink(place) {
  const { where, name } = parted(place);
  return make("a", { class: isLate(place.due_on) ? "due-place is-late" : "due-place", href: `/place/${place.address_id}` },
    where ? make("span", { class: "due-where" }, where) : null,
    make("b", {}, name),
    make("span", { class: "due-far" }, place.distance_m === null ? "" : formatMetres(place.distance_m)),
    make("span", { class: "due-what" }, ...place.dues.map((due) => make("span", { class: isLate(due.due_on) ? "is-late" : false },
      nameOf(due, place), " ", dueText(due.due_on)))));
}

function isLate(day) {
  return daysUntil(day) < 0;
}

function dueText(day) {
  const days = daysUntil(day);
  if (days > 0) return say("due.due_in", { days: formatNumber(days) });
  return days === 0 ? say("due.due_today") : say("due.due_late", { days: formatNumber(-days) });
}

function nameOf(due, place) {
  const kind = say(`due.kind_${due.record_kind}`);
  const names = place.establishment_names;
  return due.record_kind === "establishment" && names.length ? `${kind} ${list.format(names)}` : kind;
}

/** An address in two parts: the town, which the whole list shares, and from the street on. */
function parted({ address_text: text, street }) {
  const at = street ? text.indexOf(street) : -1;
  return at > 0 ? { where: text.slice(0, at), name: text.slice(at) } : { where: "", name: text };
}

function press(buttons, name, value) {
  for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset[name] === value));
}

function setOrder(order) {
  wish.order = order;
  press(orders, "order", order);
  keepWish();
  load();
}

/** Nearest first takes the phone's own position; it goes with this one question and isn't kept. */
function askWhere() {
  byId("due-summary").textContent = say("due.finding_position");
  if (!window.isSecureContext || !navigator.geolocation) notFound(null);
  else {
    navigator.geolocation.getCurrentPosition(({ coords }) => {
      wish.near = { lon: coords.longitude, lat: coords.latitude };
      setOrder("near");
    }, notFound, { enableHighAccuracy: true, timeout: POSITION_LIMIT_MS, maximumAge: 10000 });
  }
}

function notFound(error) {
  const before = wish.order;
  load().then(() => showFault(say(error?.code === 1 ? "due.position_denied" : "due.position_failed")));
  press(orders, "order", before);
}

const kinds = [...document.querySelectorAll("[data-kind]")];
const orders = [...document.querySelectorAll("[data-order]")];
for (const button of kinds) {
  button.addEventListener("click", () => {
    wish.kind = button.dataset.kind;
    press(kinds, "kind", wish.kind);
    keepWish();
    load();
  });
}
for (const button of orders) {
  button.addEventListener("click", () => {
    if (button.dataset.order === "near") askWhere();
    else setOrder(button.dataset.order);
  });
}
for (const name of ["grid", "within"]) {
  byId(`due-${name}`).addEventListener("change", (event) => {
    wish[name] = event.target.value;
    keepWish();
    load();
  });
}
byId("due-more").addEventListener("click", loadMore);
// Coming back: as many places as there were, at the same height.
addEventListener("pagehide", () => {
  history.replaceState({ shown: places.length, height: scrollY }, "", location.href);
});
addEventListener("pageshow", (event) => {
  if (event.persisted) load(Math.max(places.length, PAGE)); // it may have been looked at meanwhile
});

byId("due-within").value = wish.within;
press(kinds, "kind", wish.kind);
press(orders, "order", wish.order);
const before = history.state;
await load(Math.max(before?.shown ?? 0, PAGE));
if (before?.height) scrollTo(0, before.height);
