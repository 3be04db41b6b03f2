// Requests of persons about what is kept of them: written down, answered, refused.

import { askJson } from "./api.js";
import { byId, download, make } from "./dom.js";
import { say } from "./texts.js";

let rows = [];
let nextPage = null;

async function send(path, body) {
  return askJson(`/v1/subject-requests${path}`, {
    method: "POST",
    body: body === undefined ? undefined : JSON.stringify(body),
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
  });
}

async function receive(event) {
  event.preventDefault();
  byId("rights-fault").hidden = true;
  const resident = byId("rights-resident").value.trim();
  try {
    const made = await send("", {
      kind: byId("rights-kind").value,
      resident_id: resident ? Number(resident) : null,
      details: byId("rights-details").value.trim() || null,
      identity_checked: byId("rights-checked").checked,
      received_on: byId("rights-received").value,
    });
    byId("rights-status").textContent = say("rights.received", { id: made.id, day: made.due_on });
    byId("rights-form").reset();
    await load();
  } catch (error) {
    byId("rights-status").textContent = "";
    byId("rights-fault").textContent = error.message;
    byId("rights-fault").hidden = false;
  }
}

async function load() {
  try {
    const page = await askJson("/v1/subject-requests?limit=100");
    rows = page.requests;
    nextPage = nextOf(page);
    byId("ledger-status").textContent = rows.length
      ? say("rights.counts", { open: page.counts.open, overdue: page.counts.overdue })
      : say("rights.none");
    draw();
  } catch (error) {
    byId("ledger-status").textContent = error.message;
  }
}

async function loadMore() {
  try {
    const page = await askJson(nextPage);
    rows.push(...page.requests);
    nextPage = nextOf(page);
    draw();
  } catch (error) {
    byId("ledger-status").textContent = error.message;
  }
}

function nextOf(page) {
  return page.links.find((link) => link.rel === "next")?.href ?? null;
}

function draw() {
  byId("ledger").replaceChildren(...rows.map(rowView));
  byId("ledger-more").hidden = nextPage === null;
}

/** Do one step, show what came of it, and load the ledger anew. */
async function step(row, verb, body) {
  try {
    const answer = await send(`/${row.id}/${verb}`, body);
    await load();
    return answer;
  } catch (error) {
    byId("ledger-status").textContent = error.message;
    return null;
  }
}

async function copy(row) {
  const made = await step(row, "copy");
  if (made) download(JSON.stringify(made, null, 2), `copy-${row.id}.json`, "application/json");
}

async function erase(row) {
  // A second press says that it is meant: what is deleted does not come back.
  const button = document.activeElement;
  if (button.dataset.meant !== "yes") {
    button.dataset.meant = "yes";
    button.textContent = say("rights.erase_really");
    return;
  }
  await step(row, "erase");
}

async function showDetails(row, place) {
  try {
    const full = await askJson(`/v1/subject-requests/${row.id}`);
    place.replaceChildren(make("p", {}, full.details ?? say("rights.no_details")));
    if (row.status === "open" && row.kind === "correction" && full.resident_version !== null) {
      place.append(correctionForm(row, full.resident_version));
    }
  } catch (error) {
    place.replaceChildren(make("p", { class: "fault" }, error.message));
  }
}

function correctionForm(row, version) {
  const field = make("select", { "aria-label": say("rights.field") },
    ...["name", "identity_number", "birth_year", "phone"].map((name) =>
      make("option", { value: name }, say(`rights.field_${name}`))));
  const value = make("input", { type: "text", maxlength: 60, "aria-label": say("rights.right_value") });
  return make("form", {
    class: "decision",
    onsubmit: (event) => {
      event.preventDefault();
      const text = value.value.trim();
      const isYear = field.value === "birth_year";
      const right = text === "" ? null : isYear ? Number(text) : text;
      step(row, "correct", { expected_version: version, [field.value]: right });
    },
  }, field, value, make("button", { type: "submit", class: "button button-small button-main" }, say("rights.correct")));
}

function rowView(row) {
  const state = row.is_overdue ? "overdue" : row.status;
  const css = { open: "waiting", overdue: "failed", fulfilled: "done" }[state] ?? "stopped";
  const details = make("div", {});
  const isOpen = row.status === "open";
  return make("li", { class: `job job-${css}` },
    make("div", { class: "job-head" },
      make("span", { class: "job-state" }, say(`rights.status_${state}`)),
      make("span", { class: "job-name" }, `${say(`rights.kind_${row.kind}`)} · #${row.id}`),
      make("span", { class: "quiet" }, row.resident_id === null
        ? say("rights.nobody") : say("rights.of_resident", { id: row.resident_id })),
    ),
    make("p", { class: "quiet" }, say("rights.days", {
      received: row.received_on, due: row.due_on, who: row.received_by,
    })),
    row.identity_checked ? null : make("p", { class: "quiet" }, say("rights.not_checked")),
    row.closed_by ? make("p", {}, say("rights.closed", {
      who: row.closed_by, what: row.refusal_reason ?? say(`rights.status_${row.status}`),
    })) : null,
    details,
    make("div", { class: "button-row" },
      actionButton("rights.details_show", () => showDetails(row, details)),
      isOpen && !row.identity_checked ? actionButton("rights.check", () => step(row, "check-identity")) : null,
      row.kind === "access" && row.identity_checked && ["open", "fulfilled"].includes(row.status)
        ? actionButton("rights.copy", () => copy(row)) : null,
      isOpen && row.kind === "deletion" && row.identity_checked ? actionButton("rights.erase", () => erase(row)) : null,
      isOpen ? actionButton("rights.withdraw", () => step(row, "withdraw")) : null,
    ),
    isOpen ? refusalForm(row) : null,
  );
}

function refusalForm(row) {
  const reason = make("input", {
    type: "text", maxlength: 500, required: true, "aria-label": say("rights.reason"), placeholder: say("rights.reason"),
  });
  return make("form", {
    class: "decision",
    onsubmit: (event) => {
      event.preventDefault();
      step(row, "refuse", { reason: reason.value.trim() });
    },
  }, reason, make("button", { type: "submit", class: "button button-small" }, say("rights.refuse")));
}

function actionButton(key, action) {
  return make("button", { type: "button", class: "button button-small", onclick: action }, say(key));
}

byId("rights-form").addEventListener("submit", receive);
byId("ledger-more").addEventListener("click", loadMore);
await load();
document.documentElement.setAttribute("data-ready", "true");
