// What was reported at a place: earlier calls, disputes that come back, a new call, its status.

import { askJson } from "./api.js";
import { byId, make } from "./dom.js";
import { localTimeIn, momentIn } from "./local_days.js";
import { openForm } from "./place_dialog.js";
import { formatMetres, formatNumber, language, say, settings, timeZone } from "./texts.js";
import { dateAndClock } from "./times.js";

const URL = `/v1/addresses/${settings.address_id}/incidents`;
const AT_FIRST = 6;
const HOUR_MS = 3600000;
const SOURCES = ["resident_reported", "officer_initiated", "sensor", "transferred"];

let found = null;
let categories = [];
let shown = AT_FIRST;
let told = null; // { id, parts }: what was just stored

async function load() {
  try {
    [found, { categories }] = await Promise.all([askJson(URL), askJson("/v1/incident-categories")]);
    draw();
  } catch (error) {
    byId("incident-list").replaceChildren(
      make("p", { class: "fault", role: "alert" }, error.message, " ",
        make("button", { type: "button", class: "button button-small", onclick: load }, say("common.retry"))));
  }
  document.documentElement.setAttribute("data-incidents", "loaded");
}

function draw() {
  const here = found.incidents.filter((each) => each.is_here);
  const near = found.incidents.filter((each) => !each.is_here);
  byId("incident-count").textContent = here.length ? formatNumber(here.length) : "";
  const repeated = found.repeated;
  byId("incident-repeated").hidden = repeated === null;
  if (repeated) {
    byId("incident-repeated").textContent = say("place.incident_repeated", {
      count: formatNumber(repeated.count), open: formatNumber(repeated.open_count),
      since: dateAndClock(repeated.first_at),
    });
  }
  byId("incident-list").replaceChildren(
    ...(here.length ? here.slice(0, shown).map(row) : [make("p", { class: "record-none" }, say("place.none_incident"))]));
  byId("incident-more").hidden = here.length <= shown;
  byId("incident-near").hidden = near.length === 0;
  byId("incident-near-count").textContent = formatNumber(near.length);
  byId("incident-near-list").replaceChildren(...near.map(row));
  byId("incident-cut").hidden = found.count <= found.incidents.length;
  byId("incident-cut").textContent = say("place.incident_cut", {
    shown: formatNumber(found.incidents.length), count: formatNumber(found.count),
  });
  if (told) {
    const line = make("div", { class: "place-done", role: "status", tabindex: "-1" }, ...told.parts);
    (byId(`incident-${told.id}`) ?? byId("incident-list")).prepend(line);
    line.focus({ preventScroll: true });
    line.scrollIntoView({ block: "center" });
    told = null;
  }
}

function nameOf(code) {
  const category = categories.find((each) => each.code === code);
  if (!category) return code;
  return language === "en" ? category.name_en ?? category.name : category.name;
}

/** When it happened: a moment, or a stretch. */
function whenText({ occurred_from, occurred_to }) {
  return occurred_from === occurred_to
    ? dateAndClock(occurred_from) : say("place.incident_stretch", { from: dateAndClock(occurred_from), to: dateAndClock(occurred_to) });
}

function row(incident) {
  const tag = { open: "tag tag-due", closed: "tag", annulled: "tag incident-annulled" }[incident.status];
  const step = (name) => incident[name] && say(`place.incident_${name}`, { time: dateAndClock(incident[name]) });
  return make("article", { class: "record incident", id: `incident-${incident.id}`, tabindex: "-1" },
    make("h3", { class: "record-name" }, nameOf(incident.category_code),
      make("span", { class: tag }, say(`place.incident_${incident.status}`)),
      incident.duplicate_of
        ? make("span", { class: "quiet" }, say("place.incident_same_as", { number: incident.duplicate_of })) : null,
      make("span", { class: "quiet" }, say("place.incident_number", { number: incident.id }))),
    make("p", {}, whenText(incident),
      incident.is_here || incident.distance_m === null ? null
        : make("span", { class: "quiet" }, ` ${say("place.incident_away", { distance: formatMetres(incident.distance_m) })}`)),
    make("details", { class: "incident-course", ontoggle: (event) => event.target.open && showHistory(event.target, incident) },
      make("summary", {}, say("place.incident_course")),
      make("ul", { class: "incident-steps" }, ...[
        say(`place.incident_source_${incident.source}`), step("reported_at"), step("dispatched_at"),
        step("arrived_at"), step("cleared_at"),
      ].filter(Boolean).map((text) => make("li", {}, text)))),
    buttons(incident));
}

async function showHistory(details, incident) {
  if (details.dataset.asked) return;
  details.dataset.asked = "true";
  try {
    const { history } = await askJson(`/v1/incidents/${incident.id}`);
    details.querySelector("ul").append(...history.map((was) => make("li", {}, say("place.incident_was", {
      status: say(`place.incident_${was.status}`), until: dateAndClock(was.until),
    }))));
  } catch (error) {
    details.append(make("p", { class: "fault", role: "alert" }, error.message));
  }
}

function buttons(incident) {
  if (!settings.may.write) return null;
  const ways = { open: ["closed", "annulled"], closed: ["open"], annulled: ["open"] }[incident.status];
  return make("div", { class: "button-row" }, ...ways.map((status) => make("button", {
    type: "button", class: "button button-small",
    "aria-label": say("place.incident_do_which", { act: say(`place.incident_do_${status}`), number: incident.id }),
    onclick: () => setStatus(incident, status),
  }, say(`place.incident_do_${status}`))));
}

async function setStatus({ id, version }, status) {
  try {
    await askJson(`/v1/incidents/${id}/status`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ status, version }),
    });
    told = { id, parts: [say("place.incident_now", { number: id, status: say(`place.incident_${status}`) })] };
  } catch (error) {
    // Somebody else may have changed it: what is there now is shown with the fault.
    told = { id, parts: [make("span", { class: "fault" }, error.message)] };
  }
  await load();
}

function record() {
  const now = localTimeIn(timeZone, new Date());
  const kinds = leaves();
  openForm({
    title: say("place.record_incident"),
    lead: say("place.incident_lead"),
    record: "incident",
    save: say("place.incident_save"),
    fields: [
      {
        name: "category_code", type: "choice", label: say("place.incident_category"), required: true,
        empty: say("place.incident_choose"), options: kinds.map(([code]) => code), texts: Object.fromEntries(kinds),
      },
      {
        name: "source", type: "choice", label: say("place.incident_source"), options: SOURCES,
        texts: Object.fromEntries(SOURCES.map((each) => [each, say(`place.incident_source_${each}`)])),
      },
      {
        name: "occurred_from", type: "moment", label: say("place.incident_from"), required: true, value: now, max: now,
        hint: say("place.incident_from_hint"),
      },
      {
        name: "occurred_to", type: "moment", label: say("place.incident_to"), max: now,
        hint: say("place.incident_to_hint"),
      },
    ],
    request: (values) => ({
      url: "/v1/incidents",
      body: {
        category_code: values.category_code, source: values.source, reported_at: new Date().toISOString(),
        occurred_from: momentIn(values.occurred_from, timeZone),
        ...(values.occurred_to ? { occurred_to: momentIn(values.occurred_to, timeZone) } : {}),
        address_text: settings.address_text,
        ...(settings.point ? { lon: settings.point[0], lat: settings.point[1] } : {}),
      },
    }),
    done: recorded,
  });
  const from = byId("record-occurred_from");
  const suggest = () => {
    byId("record-occurred_from-hint").textContent = suggestion(from.value) ?? say("place.incident_from_hint");
  };
  from.addEventListener("input", suggest);
  suggest();
}

/** Kinds that have none below, in the order of the tree: code and its way down to the name. */
function leaves() {
  const parents = new Set(categories.map((each) => each.parent_code));
  return categories.filter((each) => !parents.has(each.code)).map((each) => [
    each.code, each.parent_code ? `${nameOf(each.parent_code)} › ${nameOf(each.code)}` : nameOf(each.code),
  ]);
}

/** What is recorded already within an hour, here or near by; null where nothing is. */
function suggestion(localTime) {
  if (!localTime) return null;
  const at = Date.parse(momentIn(localTime, timeZone));
  const same = found.incidents.filter((each) => each.status !== "annulled"
    && Math.abs(Date.parse(each.occurred_from) - at) <= HOUR_MS);
  if (!same.length) return null;
  return say("place.incident_perhaps", {
    which: same.map((each) => `${nameOf(each.category_code)} ${dateAndClock(each.occurred_from)} (${each.id})`).join(" · "),
  });
}

function recorded(answer) {
  const parts = [say("place.incident_stored", { number: answer.id })];
  if (answer.likely_duplicates.length) {
    parts.push(" ", say("place.incident_alike", { which: answer.likely_duplicates.join(", ") }), " ",
      make("button", {
        type: "button", class: "button button-small",
        onclick: () => setStatus({ id: answer.id, version: answer.version }, "annulled"),
      }, say("place.incident_annul_new")));
  }
  told = { id: answer.id, parts };
  load();
}

byId("incident-more").addEventListener("click", () => {
  shown += AT_FIRST;
  draw();
});
byId("record-incident")?.addEventListener("click", record);
load();
