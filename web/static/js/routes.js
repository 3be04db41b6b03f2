// A leader plans a shift: what Folium's script calls first adds the layer, then the frame starts.

import { askJson } from "./api.js";
import { afterPause, byId, make } from "./dom.js";
import { addDays, dayIn, localTimeIn, momentIn } from "./local_days.js";
import { dragStops } from "./route_dragging.js";
import { colourOf, drawRoutes, showRoutes } from "./route_drawing.js";
import { formatMetres, formatNumber, say, timeZone } from "./texts.js";
import { clock as at, dateAndClock } from "./times.js";

export { startPageMap } from "./page_map.js";
export { addVectorTiles } from "./tiles.js";

const POLL_MS = 700;
const ACTUAL_MS = 15000;
const TABS = ["ask", "plan", "actual"];
const locale = document.documentElement.lang;
const share = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
const one = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const minutes = (seconds) => say("routes.minutes", { value: formatNumber(Math.round(seconds / 60)) });

let plan = null;
let map = null;
let group = null;
let actualTimer = 0;

export function addRoutes(given) {
  map = given;
  group = L.layerGroup().addTo(map);
  for (const name of TABS) byId(`tab-${name}`).addEventListener("click", () => showTab(name));
  byId("tab-ask").parentElement.addEventListener("keydown", moveTab);
  byId("ask-day").value = dayIn(timeZone, new Date());
  const wanted = new URLSearchParams(location.search);
  if (wanted.get("from") && wanted.get("until")) fillPeriod(new Date(wanted.get("from")), new Date(wanted.get("until")));
  const reload = afterPause(() => guarded(loadCandidates), 300);
  for (const id of ["day", "from", "until", "slots", "dwell"]) byId(`ask-${id}`).addEventListener("change", reload);
  byId("ask-form").addEventListener("submit", (event) => event.preventDefault());
  byId("solve").addEventListener("click", () => guarded(createPlan, byId("solve")));
  byId("stop-solving").addEventListener("click", () => guarded(() => post("stop", null, true)));
  byId("again").addEventListener("click", () => guarded(solveAgain, byId("again")));
  byId("assign").addEventListener("click", () => guarded(assign, byId("assign")));
  byId("end-plan").addEventListener("click", () => guarded(endPlan, byId("end-plan")));
  dragStops(byId("route-lists"), (stop, unitId, position) => guarded(() => edit({
    kind: "move", place_id: stop.dataset.place, slot: Number(stop.dataset.slot), unit_id: unitId, position,
  })));
  byId("plan-choice").addEventListener("change", (event) => guarded(() => openPlan(event.target.value)));
  byId("near-equal-choice").addEventListener("change", (event) =>
    guarded(() => edit({ kind: "choose", chosen: Number(event.target.value) })));
  map.on("placed", () => guarded(async () => {
    await Promise.all([loadCandidates(), loadPlans()]);
    if (wanted.get("place")) want(wanted.get("place"));
    document.documentElement.setAttribute("data-routes", "ready");
  }));
}

function showTab(name) {
  for (const other of TABS) {
    byId(`tab-${other}`).setAttribute("aria-selected", String(other === name));
    byId(`tab-${other}`).tabIndex = other === name ? 0 : -1;
    byId(`part-${other}`).hidden = other !== name;
  }
  clearInterval(actualTimer);
  if (name === "actual") {
    guarded(loadActual);
    actualTimer = setInterval(() => guarded(loadActual), ACTUAL_MS);
  }
}

function moveTab(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const here = TABS.findIndex((name) => byId(`tab-${name}`) === document.activeElement);
  const next = TABS[(here + step + TABS.length) % TABS.length];
  showTab(next);
  byId(`tab-${next}`).focus();
}

/** Run something that asks the server; tell what went wrong. */
async function guarded(action, button = null) {
  if (button) button.disabled = true;
  tell("");
  try {
    await action();
  } catch (error) {
    tell(error.message);
  } finally {
    if (button) button.disabled = false;
  }
}

function tell(text) {
  byId("routes-status").textContent = text;
}

function send(path, body, hasNoAnswer = false) {
  const options = { method: "POST", body: JSON.stringify(body ?? {}), headers: { "Content-Type": "application/json" } };
  if (!hasNoAnswer) return askJson(`/v1/patrol-plans${path}`, options);
  return fetch(`/v1/patrol-plans${path}`, { ...options, credentials: "same-origin" });
}

function post(what, body, hasNoAnswer = false) {
  return send(`/${plan.plan_id}/${what}`, body, hasNoAnswer);
}

// -- what is asked

const LEAST_MS = 4 * 3600 * 1000; // of a shift that is filled in for one place

/** Fill in a shift of whole hours, four at least, that holds a stretch. */
function fillPeriod(from, until) {
  if (Number.isNaN(from.getTime()) || Number.isNaN(until.getTime())) return;
  const start = new Date(from);
  start.setMinutes(0, 0, 0);
  const end = new Date(Math.max(until, Number(start) + LEAST_MS));
  const [first, last] = [localTimeIn(timeZone, start), localTimeIn(timeZone, end)];
  byId("ask-day").value = first.slice(0, 10);
  byId("ask-from").value = first.slice(11, 16);
  byId("ask-until").value = last.slice(11, 16);
}

/** Mark the place that another page asked for as one that has to be. */
function want(placeId) {
  const box = [...document.querySelectorAll("input[name=must]")].find((each) => each.value === placeId);
  if (!box) {
    tell(say("routes.place_elsewhere"));
    return;
  }
  box.checked = true;
  box.closest("li").classList.add("is-wanted");
  box.closest("li").scrollIntoView({ block: "center" });
}

function period() {
  const day = byId("ask-day").value;
  const [from, until] = [byId("ask-from").value, byId("ask-until").value];
  const lastDay = until <= from ? addDays(day, 1) : day; // a night shift
  return { start: momentIn(`${day}T${from}`, timeZone), end: momentIn(`${lastDay}T${until}`, timeZone) };
}

async function loadCandidates() {
  const { start, end } = period();
  const query = new URLSearchParams({
    start, end, slots: byId("ask-slots").value, dwell_min: byId("ask-dwell").value,
  });
  const found = await askJson(`/v1/patrol-plans/candidates?${query}`);
  // What was chosen stays chosen, where it is still there.
  const units = new Set(checked("unit"));
  const musts = new Set(checked("must"));
  const left = new Set([...document.querySelectorAll("input[name=place]:not(:checked)")].map((box) => box.value));
  byId("unit-list").replaceChildren(...found.units.map((unit) => make(
    "li", {},
    make("label", {},
      make("input", { type: "checkbox", name: "unit", value: unit.unit_id, disabled: !unit.has_home, checked: units.has(String(unit.unit_id)) }),
      make("span", {}, unit.name, make("span", { class: "why" },
        `${at(unit.on_duty_from)} – ${at(unit.on_duty_until)} · ${say(`routes.mode_${unit.mode}`)}`))),
  )));
  if (!found.units.length) byId("unit-list").append(make("li", {}, say("routes.no_units")));
  byId("places-note").textContent = found.too_few_incidents
    ? say("routes.too_few") : say("routes.places_note", { count: formatNumber(found.places.length) });
  byId("place-list").replaceChildren(...found.places.map((place, number) => make(
    "li", {},
    make("label", {},
      make("input", { type: "checkbox", name: "place", value: place.place_id, checked: !left.has(place.place_id) }),
      make("span", {}, `${number + 1}. ${place.name}`, make("span", { class: "why" }, reasonOf(place)))),
    make("label", { class: "must" },
      make("input", { type: "checkbox", name: "must", value: place.place_id, checked: musts.has(place.place_id) }), say("routes.must")),
  )));
}

function reasonOf(place) {
  const words = say(`routes.reason_${place.reason.replaceAll(" ", "_")}`);
  const expected = place.expected === null || place.expected === undefined
    ? "" : ` · ${say("routes.expected", { value: place.expected.toFixed(2) })}`;
  const recent = place.recent_min >= 1 ? ` · ${say("routes.recent", { minutes: formatNumber(Math.round(place.recent_min)) })}` : "";
  return `${words}${expected}${recent}`;
}

const checked = (name) => [...document.querySelectorAll(`input[name=${name}]:checked`)].map((box) => box.value);

async function createPlan() {
  if (!checked("unit").length) throw new Error(say("routes.choose_units"));
  const { start, end } = period();
  const number = (id) => Number(byId(`ask-${id}`).value);
  plan = await send("", {
    starts_at: start, ends_at: end, unit_ids: checked("unit").map(Number), place_ids: checked("place"),
    must_ids: checked("must"), slots: number("slots"), dwell_min: number("dwell"), gap_min: number("gap"),
    break_min: number("break"), seconds: number("seconds"),
  });
  await loadPlans();
  showTab("plan");
  await follow();
}

// -- the plan

async function loadPlans() {
  const { plans } = await askJson("/v1/patrol-plans");
  byId("plan-choice").replaceChildren(
    make("option", { value: "" }, say("routes.choose_plan")),
    ...plans.map((each) => make("option", { value: each.plan_id, selected: each.plan_id === plan?.plan_id },
      `#${each.plan_id} · ${dateAndClock(each.starts_at)} · ${say(`routes.status_${each.status}`)}`)),
  );
}

async function openPlan(planId) {
  if (!planId) return;
  plan = await askJson(`/v1/patrol-plans/${planId}`);
  await follow();
}

/** Show the plan, and go on looking while it is being solved. */
async function follow() {
  const id = plan.plan_id;
  while (plan?.plan_id === id && plan.solving?.is_running) {
    showPlan();
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    plan = await askJson(`/v1/patrol-plans/${id}`);
  }
  showPlan();
  showRoutes(map, plan.routes);
}

async function solveAgain() {
  await post("solve", { seconds: Number(byId("ask-seconds").value) });
  await openPlan(plan.plan_id);
}

async function edit(change) {
  const tool = document.activeElement?.dataset?.tool;
  byId("route-lists").setAttribute("aria-busy", "true");
  try {
    plan = await post("edits", { version: plan.version, ...change });
  } finally {
    byId("route-lists").removeAttribute("aria-busy");
  }
  showPlan();
  const stop = [...document.querySelectorAll("li[data-place]")].find(
    (each) => each.dataset.place === change.place_id && Number(each.dataset.slot) === change.slot);
  if (!stop) return;
  stop.classList.add("is-changed");
  stop.scrollIntoView({ block: "nearest" });
  // Who works by keyboard stays at the stop, and at what was pressed.
  if (tool) (stop.querySelector(`[data-tool=${tool}]:not(:disabled)`) ?? stop.querySelector("[data-tool]:not(:disabled)"))?.focus();
}

async function assign() {
  await post("assign", { version: plan.version });
  await loadPlans();
  await openPlan(plan.plan_id);
  tell(say("routes.assigned"));
}

async function endPlan() {
  await post("end", {});
  await loadPlans();
  await openPlan(plan.plan_id);
}

function showPlan() {
  const running = plan.solving?.is_running ?? false;
  document.documentElement.setAttribute("data-plan", running ? "solving" : "shown");
  byId("solving").hidden = !running;
  if (running) {
    byId("solve-progress").value = plan.solving.share;
    byId("solve-text").textContent = say("routes.so_far", { prize: one.format(plan.solving.prize) });
  } else if (plan.solving?.error) {
    tell(plan.solving.error);
  }
  const figures = [
    ["routes.prize", plan.prize_asked ? share.format(plan.prize / plan.prize_asked) : "–"],
    ["routes.visits", formatNumber(plan.visits)],
    ["routes.on_the_way", minutes(plan.routes.reduce((sum, route) => sum + route.travel_s, 0))],
  ];
  byId("plan-figures").replaceChildren(
    ...figures.map(([key, text]) => make("div", {}, make("dt", {}, say(key)), make("dd", {}, text))));
  byId("plan-unmet").replaceChildren(...plan.unmet.map((each) => make("li", {}, unmetText(each))));
  byId("plan-replaces").hidden = plan.replaces === null;
  byId("plan-replaces").textContent = plan.replaces === null ? "" : say("routes.replaces", { number: plan.replaces });
  showForeseeable();
  const isDraft = plan.status === "draft";
  byId("near-equal").hidden = !isDraft || plan.prizes.length < 2;
  byId("near-equal-choice").replaceChildren(...plan.prizes.map((prize, k) => make("option", { value: k, selected: k === plan.chosen },
    say("routes.near_equal_option", { number: k + 1, prize: one.format(prize) })
      + (plan.is_drawn && k === plan.chosen ? ` ${say("routes.drawn")}` : ""))));
  byId("again").hidden = !isDraft || running;
  byId("assign").hidden = !isDraft || running || plan.visits === 0;
  byId("end-plan").hidden = plan.status === "ended";
  byId("route-lists").replaceChildren(...plan.routes.map((route, k) => routeSection(route, k, isDraft && !running)));
  byId("left-out").hidden = !plan.left_out.length;
  byId("left-out-list").replaceChildren(...plan.left_out.map((each) => leftOutItem(each, isDraft)));
  drawRoutes(group, plan.routes);
}

function unmetText(each) {
  const name = each.name || say("routes.kind_break");
  const short = each.short_min === null ? "" : ` ${say("routes.short_by", { minutes: one.format(each.short_min) })}`;
  return `${name}: ${say(`routes.obstacle_${each.obstacle}`)}${short}`;
}

function showForeseeable() {
  const told = plan.foreseeable;
  byId("plan-foreseeable").textContent = told === null ? "" : say("routes.foreseeable", {
    plans: told.plans, bits: one.format(told.choice_bits), rate: share.format(told.hit_rate),
    cv: told.gap_cv === null ? "–" : told.gap_cv.toFixed(2),
  });
  byId("plan-warning").hidden = plan.foreseeable_before === null;
  if (plan.foreseeable_before !== null) {
    byId("plan-warning").textContent = say("routes.warning_foreseeable", {
      before: share.format(plan.foreseeable_before.hit_rate), after: share.format(told.hit_rate),
    });
  }
}

function routeSection(route, number, mayEdit) {
  const colour = make("span", { class: "route-colour", "aria-hidden": "true" });
  colour.style.backgroundColor = colourOf(number);
  const links = plan.status === "draft" ? null : make("p", { class: "route-links" },
    make("a", { href: `/routes/${plan.plan_id}/roadbook/${route.unit_id}` }, say("routes.roadbook")),
    make("a", { href: `/v1/patrol-plans/${plan.plan_id}/routes/${route.unit_id}/gpx` }, "GPX"));
  const list = make("ol", { class: "stops", "data-unit": route.unit_id });
  route.stops.forEach((stop, position) => list.append(stopItem(route, stop, position, number, mayEdit)));
  return make("section", { class: "block", "aria-label": route.name },
    make("h3", { class: "route-head" }, colour, route.name),
    make("p", { class: "figure-line" }, say("routes.route_line", {
      from: at(route.on_duty_from), until: at(route.on_duty_until), stops: formatNumber(route.stops.length),
      length: formatMetres(route.length_m),
    })),
    links, list);
}

function stopItem(route, stop, position, number, mayEdit) {
  const pin = make("span", { class: "stop-number", "aria-hidden": "true" }, String(position + 1));
  pin.style.backgroundColor = colourOf(number);
  const isPlace = stop.place_id !== null;
  const why = isPlace
    ? say("routes.why", { reason: reasonOf(stop), prize: one.format(stop.prize), lost: one.format(stop.lost), takes: minutes(stop.takes_s) })
    : "";
  const name = stop.name || say("routes.kind_break");
  const mayMove = mayEdit && isPlace;
  const item = make("li", {
    class: mayMove ? "stop may-move" : "stop",
    "data-place": mayMove && stop.place_id, "data-slot": mayMove && String(stop.slot),
  },
    pin,
    make("div", {},
      make("time", { datetime: stop.begin_at }, `${at(stop.begin_at)} – ${at(stop.leave_at)}`), " ", name,
      stop.is_locked ? make("span", { class: "locked" }, say("routes.locked")) : null,
      make("span", { class: "why" }, why)));
  if (!mayEdit || !isPlace) return item;
  const key = { place_id: stop.place_id, slot: stop.slot };
  const move = (unitId, where) => guarded(() => edit({ kind: "move", ...key, unit_id: unitId, position: where }));
  const tool = (what, text, label, action, disabled = false) => make("button", {
    type: "button", class: "button button-small", "data-tool": what, "aria-label": `${label}: ${name}`, title: label,
    onclick: action, disabled,
  }, text);
  const others = plan.routes.filter((other) => other.unit_id !== route.unit_id);
  const give = others.length ? make("select", { "aria-label": `${say("routes.give")}: ${name}`,
    onchange: (event) => move(Number(event.target.value), bestPosition(event.target.value, stop)) },
    make("option", { value: "" }, say("routes.give")),
    ...others.map((other) => make("option", { value: other.unit_id }, other.name))) : null;
  item.append(make("div", { class: "stop-tools" },
    tool("earlier", "↑", say("routes.earlier"), () => move(route.unit_id, position - 1), position === 0),
    tool("later", "↓", say("routes.later"), () => move(route.unit_id, position + 1), position === route.stops.length - 1),
    stop.is_locked
      ? tool("lock", say("routes.unlock"), say("routes.unlock"), () => guarded(() => edit({ kind: "unlock", ...key })))
      : tool("lock", say("routes.lock"), say("routes.lock"), () => guarded(() => edit({ kind: "lock", ...key }))),
    tool("forbid", say("routes.forbid"), say("routes.forbid"), () => guarded(() => edit({ kind: "forbid", ...key }))),
    give));
  return item;
}

/** Where in another unit's route a stop keeps about its time. */
function bestPosition(unitId, stop) {
  const route = plan.routes.find((each) => each.unit_id === Number(unitId));
  const later = route.stops.findIndex((other) => new Date(other.begin_at) > new Date(stop.begin_at));
  return later < 0 ? route.stops.length : later;
}

function leftOutItem(each, mayEdit) {
  const short = each.short_min === null ? say("routes.cannot") : say("routes.short_by", { minutes: one.format(each.short_min) });
  const allow = each.is_forbidden && mayEdit ? make("button", { type: "button", class: "button button-small",
    onclick: () => guarded(() => edit({ kind: "allow", place_id: each.place_id })) }, say("routes.allow")) : null;
  return make("li", {}, make("span", {}, each.name), make("span", {}, each.is_forbidden ? say("routes.forbidden") : short), allow);
}

// -- plan against actual

/** What is still to be done, by the units that go on, as a new draft. */
async function planRest(withoutIds) {
  plan = await post("rest", { without_ids: withoutIds });
  await loadPlans();
  showTab("plan");
  await follow();
}

function wasThere(stop) {
  if (stop.began_at === null) return "";
  const late = Math.round(stop.late_min);
  const kept = late === 0 ? say("routes.in_time") : say(late > 0 ? "routes.minutes_late" : "routes.minutes_early", { minutes: formatNumber(Math.abs(late)) });
  return say("routes.was_there", { time: at(stop.began_at), minutes: formatNumber(Math.round(stop.stayed_min)), kept });
}

async function loadActual() {
  if (!plan || plan.status === "draft") {
    byId("actual-note").textContent = say("routes.actual_none");
    byId("actual-lists").replaceChildren();
    byId("actual-warnings").replaceChildren();
    byId("plan-rest").hidden = true;
    return;
  }
  const found = await askJson(`/v1/patrol-plans/${plan.plan_id}/actual`);
  byId("actual-note").textContent = say("routes.actual_at", { time: at(found.at) });
  const doubts = found.routes.filter((route) => route.warning !== null);
  byId("actual-warnings").replaceChildren(...doubts.map((route) => make("li", {},
    say(`routes.doubt_${route.warning}`, { name: route.name, count: formatNumber(route.pending) }))));
  byId("plan-rest").hidden = plan.status !== "assigned" || !found.routes.some((route) => route.pending > 0);
  byId("plan-rest").onclick = () => guarded(
    () => planRest(doubts.map((route) => route.unit_id)), byId("plan-rest"));
  byId("actual-lists").replaceChildren(...found.routes.map((route) => make(
    "section", { "aria-label": route.name },
    make("h3", {}, route.name),
    make("p", { class: "figure-line" }, say("routes.actual_line", {
      done: route.visited + route.late, all: route.stops.length, late: route.late, missed: route.missed,
      unknown: route.unknown, off: route.off_way_share === null ? "–" : share.format(route.off_way_share),
    })),
    make("ol", { class: "stops" }, ...route.stops.map((stop) => make(
      "li", { class: "stop" },
      make("span", {}, String(stop.number)),
      make("div", {},
        make("time", { datetime: stop.planned_at }, at(stop.planned_at)), " ", stop.name || say("routes.kind_break"), " ",
        make("span", { class: `state state-${stop.state}` }, say(stop.state === "pending" && plan.status === "ended" ? "routes.state_dropped" : `routes.state_${stop.state}`)),
        make("span", { class: "why" }, wasThere(stop))))))))) ;
  drawRoutes(group, plan.routes);
}
