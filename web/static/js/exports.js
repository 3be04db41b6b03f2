// Exports: asked for with a purpose, decided by a second person, fetched while their file lies here.

import { askJson } from "./api.js";
import { byId, make } from "./dom.js";
import { formatNumber, say } from "./texts.js";
import { dateAndClock } from "./times.js";

const WATCH_MS = 2000; // between looks at exports that are being written
const UNDER_WAY = ["waiting", "running"];

let exports = [];
let nextPage = null;
let watch = 0;

function showFault(text) {
  byId("export-fault").hidden = text === null;
  byId("export-fault").textContent = text ?? "";
}

function showFormats() {
  const offered = byId("export-kind").selectedOptions[0].dataset.formats.split(" ");
  const choice = byId("export-format");
  for (const option of choice.options) option.hidden = option.disabled = !offered.includes(option.value);
  if (choice.selectedOptions[0]?.disabled ?? true) choice.value = offered[0];
}

function order() {
  const code = byId("export-area").value.trim();
  const wanted = { kind: byId("export-kind").value, format: byId("export-format").value };
  // A community's code has twelve digits, a grid's is longer.
  if (code) wanted[code.length > 12 ? "grid_code" : "community_code"] = code;
  return JSON.stringify(wanted);
}

function reasonHeaders() {
  const headers = { "Content-Type": "application/json" };
  const fields = { "X-Purpose": "export-purpose", "X-Case": "export-case" };
  for (const [name, id] of Object.entries(fields)) {
    const text = byId(id).value.trim();
    if (text) headers[name] = encodeURIComponent(text); // a header holds Latin letters only
  }
  return headers;
}

async function submit(event) {
  event.preventDefault();
  showFault(null);
  const button = byId("export-form").querySelector("button");
  button.disabled = true;
  try {
    const asked = await askJson("/v1/exports", {
      method: "POST", body: order(), headers: reasonHeaders(),
    });
    byId("export-status").textContent = say(
      asked.status === "asked" ? "exports.asked" : "exports.begun",
      { id: asked.id, rows: formatNumber(asked.rows_expected) },
    );
    await load();
  } catch (error) {
    byId("export-status").textContent = "";
    showFault(error.message);
  }
  button.disabled = false;
}

async function load() {
  clearTimeout(watch);
  try {
    const page = await askJson("/v1/exports?limit=20");
    const known = new Set(page.exports.map((each) => each.id));
    exports = [...page.exports, ...exports.filter((each) => !known.has(each.id))];
    nextPage ??= nextOf(page);
    byId("exports-status").textContent = exports.length ? "" : say("exports.none");
    draw();
  } catch (error) {
    byId("exports-status").textContent = error.message;
  }
  if (exports.some((each) => UNDER_WAY.includes(each.status))) watch = setTimeout(load, WATCH_MS);
}

async function loadOlder() {
  try {
    const page = await askJson(nextPage);
    exports.push(...page.exports);
    nextPage = nextOf(page);
    draw();
  } catch (error) {
    byId("exports-status").textContent = error.message;
  }
}

function nextOf(page) {
  return page.links.find((link) => link.rel === "next")?.href ?? null;
}

function draw() {
  // What is being typed is kept: the list is drawn anew while a reason is written.
  const typed = new Map(
    [...document.querySelectorAll("#exports input")].map((field) => [field.id, field.value]),
  );
  const focused = document.activeElement?.id;
  byId("exports").replaceChildren(...exports.map(exportView));
  for (const [id, text] of typed) if (byId(id)) byId(id).value = text;
  if (focused && typed.has(focused)) byId(focused)?.focus();
  byId("exports-more").hidden = nextPage === null;
}

async function command(each, verb, body) {
  try {
    await askJson(`/v1/exports/${each.id}/${verb}`, {
      method: "POST",
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
    });
    byId("exports-status").textContent = "";
    await load();
  } catch (error) {
    byId("exports-status").textContent = error.message;
  }
}

function exportView(each) {
  const rows = say(each.status === "running" ? "exports.rows_of" : "exports.rows", {
    done: formatNumber(each.rows_done), rows: formatNumber(each.rows_expected),
  });
  const where = each.grid_code ?? each.community_code ?? say("exports.all_of_scope");
  const what = `${say(`exports.kind_${each.kind}`)} · ${say(`exports.format_${each.format}`)} · ${where}`;
  return make("li", { class: `job job-${cssState(each.status)}` },
    make("div", { class: "job-head" },
      make("span", { class: "job-state" }, say(`exports.status_${each.status}`)),
      make("span", { class: "job-name" }, what),
      make("span", { class: "quiet" }, `${each.requested_by} · ${dateAndClock(each.created_at)} · #${each.id}`),
    ),
    make("p", {}, rows),
    each.purpose ? make("p", {}, say("exports.said_purpose", { text: purposeText(each) })) : null,
    each.decided_by ? make("p", { class: "quiet" },
      say("exports.decided", { who: each.decided_by, note: each.note ?? "—" })) : null,
    each.status === "running" && each.rows_expected
      ? make("progress", { max: each.rows_expected, value: each.rows_done, "aria-label": what }) : null,
    each.message ? make("p", { class: "fault" }, each.message) : null,
    each.may.fetch ? make("p", { class: "quiet" },
      say("exports.until", { time: dateAndClock(each.expires_at) })) : null,
    make("div", { class: "button-row" },
      each.may.fetch ? make("a", {
        class: "button button-small button-main", href: `/v1/exports/${each.id}/file`, download: each.file_name,
      }, say("exports.fetch")) : null,
      each.may.stop ? make("button", {
        type: "button", class: "button button-small", onclick: () => command(each, "stop"),
      }, say("exports.stop")) : null,
    ),
    each.may.decide ? decisionForm(each) : null,
  );
}

function decisionForm(each) {
  const id = `note-${each.id}`;
  const note = make("input", { type: "text", id, maxlength: 500, required: true });
  return make("form", {
    class: "decision",
    onsubmit: (event) => {
      event.preventDefault();
      command(each, "refuse", { note: note.value.trim() });
    },
  },
  make("button", {
    type: "button", class: "button button-small button-main",
    onclick: () => command(each, "approve", { note: note.value.trim() || null }),
  }, say("exports.approve")),
  make("label", { for: id, class: "quiet" }, say("exports.reason")),
  note,
  make("button", { type: "submit", class: "button button-small" }, say("exports.refuse")));
}

function cssState(status) {
  return { ready: "done", refused: "failed", asked: "stopped", expired: "over" }[status] ?? status;
}

function purposeText(each) {
  const option = [...byId("export-purpose").options].find((one) => one.value === each.purpose);
  return [option?.textContent ?? each.purpose, each.case_ref].filter(Boolean).join(" · ");
}

byId("export-kind").addEventListener("change", showFormats);
byId("export-form").addEventListener("submit", submit);
byId("exports-more").addEventListener("click", loadOlder);
showFormats();
await load();
document.documentElement.setAttribute("data-ready", "true");
