// The audit log: entries by period and kind, days that stand out, own addresses, whether it is whole.

import { askJson } from "./api.js";
import { faultLine } from "./desk.js";
import { byId, make } from "./dom.js";
import { formatNumber, say } from "./texts.js";
import { dateAndClock } from "./times.js";

const showFault = faultLine("audit-fault");
const FIELDS = { since: "since", until: "until", by: "by", action: "action", "object-kind": "object_kind" };

let nextPage = null;

function query(names) {
  const said = new URLSearchParams();
  for (const [id, name] of Object.entries(FIELDS)) {
    const value = byId(id).value.trim();
    if (value && names.includes(name)) said.set(name, value);
  }
  if (names.includes("without_case") && byId("without-case").checked) said.set("without_case", "true");
  return said.toString();
}

const OF_ENTRIES = ["since", "until", "by", "action", "object_kind", "without_case"];

async function load() {
  showFault(null);
  byId("entries").replaceChildren();
  byId("audit-status").textContent = say("common.loading");
  byId("audit-csv").href = `/v1/audit/file?${query(OF_ENTRIES)}`;
  try {
    await addPage(`/v1/audit/entries?limit=100&${query(OF_ENTRIES)}`);
    await Promise.all([loadUnusual(), loadOwn()]);
  } catch (error) {
    byId("audit-status").textContent = "";
    showFault(error.message);
  }
}

async function addPage(url) {
  const page = await askJson(url);
  nextPage = page.links.find((link) => link.rel === "next")?.href ?? null;
  byId("entries").append(...page.entries.map(entryRow));
  byId("audit-more").hidden = nextPage === null;
  byId("audit-status").textContent = byId("entries").children.length
    ? say("audit_page.shown", { count: formatNumber(byId("entries").children.length) }) : say("audit_page.none");
}

function entryRow(entry) {
  const refused = entry.action.startsWith("refused.") || entry.action.endsWith(".refused");
  return make("tr", { class: refused && "is-refused" },
    make("td", { class: "at" }, dateAndClock(entry.at)),
    make("td", {}, actorButton(entry.actor)),
    make("td", {}, entry.action),
    make("td", {}, [entry.object_kind, entry.object_ref].filter(Boolean).join(" ")),
    make("td", {}, [entry.purpose, entry.case_ref].filter(Boolean).join(" · ")),
    make("td", { class: "number" }, entry.row_count === null ? "" : formatNumber(entry.row_count)),
    make("td", {}, entry.origin ?? ""));
}

/** A name that narrows the list to it. */
function actorButton(actor, day) {
  return make("button", {
    type: "button", class: "audit-link",
    onclick: () => {
      byId("by").value = actor;
      if (day) byId("since").value = byId("until").value = day;
      load();
    },
  }, actor);
}

async function loadUnusual() {
  const answer = await askJson(`/v1/audit/volumes?${query(["since", "until"])}`);
  byId("unusual").replaceChildren(answer.days.length === 0
    ? make("p", { class: "audit-good" }, say("audit_page.unusual_none"))
    : make("ul", {}, ...answer.days.map((each) => make("li", {},
      actorButton(each.actor, each.day), " ", each.day, " · ",
      say("audit_page.unusual_rows", { rows: formatNumber(each.rows_read), cases: formatNumber(each.cases) }), " · ",
      each.usual_rows === null ? say("audit_page.usual_unknown")
        : say("audit_page.usual", { rows: formatNumber(each.usual_rows) })))));
}

async function loadOwn() {
  const answer = await askJson(`/v1/audit/own-addresses?${query(["since", "until"])}`);
  const unknown = answer.unknown_count > 0
    ? make("p", { class: "quiet" }, say("audit_page.own_unknown", { count: formatNumber(answer.unknown_count) })) : "";
  byId("own").replaceChildren(answer.entries.length === 0
    ? make("p", { class: answer.unknown_count === 0 && "audit-good" }, say("audit_page.own_none"))
    : make("ul", {}, ...answer.entries.map((entry) => make("li", {},
      actorButton(entry.actor), " ", dateAndClock(entry.at), " · ", entry.action, " ", entry.object_ref,
      entry.case_ref ? ` · ${entry.case_ref}` : ""))), unknown);
}

function showState(state) {
  const { check } = state;
  byId("whole").replaceChildren(...[
    check === null ? make("p", {}, say("audit_page.never_checked"))
      : make("p", { class: check.faults.length ? "audit-bad" : "audit-good" },
        say(check.faults.length ? "audit_page.checked_bad" : "audit_page.checked_good", {
          time: dateAndClock(check.at), entries: formatNumber(check.entry_count),
          anchors: formatNumber(check.anchor_count), faults: formatNumber(check.faults.length),
        })),
    ...(check?.faults ?? []).slice(0, 5).map((fault) => (
      make("p", { class: "quiet" }, `${fault.chain}/${fault.number}: ${fault.what}`))),
    state.anchor_fault ? make("p", { class: "audit-bad" }, say("audit_page.anchor_bad")) : null,
    state.anchored_at === null ? make("p", {}, say("audit_page.never_anchored"))
      : make("p", { class: "quiet" }, say("audit_page.anchored", {
        time: dateAndClock(state.anchored_at), root: state.anchored_root.slice(0, 16),
      })),
  ].filter(Boolean));
}

async function check() {
  byId("check").disabled = true;
  showFault(null);
  try {
    showState(await askJson("/v1/audit/check", { method: "POST", timeLimit_ms: 0 }));
  } catch (error) {
    showFault(error.message);
  } finally {
    byId("check").disabled = false;
  }
}

byId("audit-form").addEventListener("submit", (event) => {
  event.preventDefault();
  load();
});
byId("audit-more").addEventListener("click", () => addPage(nextPage).catch((error) => showFault(error.message)));
byId("check").addEventListener("click", check);
try {
  showState(await askJson("/v1/audit/state"));
} catch (error) {
  showFault(error.message);
}
await load();
document.documentElement.setAttribute("data-ready", "true");
