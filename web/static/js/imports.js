// Bringing files in: a form that tries or starts an import, and the jobs with how far they are.

import { askJson } from "./api.js";
import { byId, make } from "./dom.js";
import { reportView } from "./report.js";
import { formatNumber, say } from "./texts.js";
import { dateAndClock } from "./times.js";

const WATCH_MS = 2000; // between looks at jobs that are at work
const UNDER_WAY = ["waiting", "running"];
const ACCEPTED = {
  areas: ".csv,.xlsx,.geojson,.json,.zip,.gpkg,.kml",
  addresses: ".csv,.txt,.tsv,.xlsx,.geojson,.json,.gpkg,.parquet",
  grids: ".geojson,.json,.zip,.gpkg,.kml",
  basemap: ".pbf,.osm,.gpkg,.geojson,.json,.zip",
};

let jobs = [];
let nextPage = null;
let watch = 0;

function showFault(text) {
  byId("import-fault").hidden = text === null;
  byId("import-fault").textContent = text ?? "";
}

function showFields() {
  const kind = byId("import-kind").value;
  for (const field of document.querySelectorAll("[data-for]")) {
    field.hidden = !field.dataset.for.split(" ").includes(kind);
  }
  byId("import-file").accept = ACCEPTED[kind];
  byId("import-kind-note").textContent = say(`imports.note_${kind}`);
  byId("import-valid-from").required = ["areas", "grids"].includes(kind);
  byId("import-datum").required = kind !== "areas"; // a table of areas has no coordinates
}

function formOf(kind, isTrial) {
  const form = new FormData();
  form.append("file", byId("import-file").files[0]);
  form.append("source", byId("import-source").value.trim());
  const datum = byId("import-datum").value.trim();
  if (datum) form.append("datum", datum);
  form.append("dry_run", String(isTrial));
  if (kind === "areas" || kind === "grids") {
    form.append("valid_from", byId("import-valid-from").value);
    form.append("standard", byId("import-standard").value);
  }
  if (kind === "grids") {
    form.append("accept_warnings", String(byId("import-accept-warnings").checked));
  }
  const attribution = byId("import-attribution").value.trim();
  if (kind === "basemap" && attribution) form.append("attribution", attribution);
  return form;
}

async function submit(event) {
  event.preventDefault();
  const kind = byId("import-kind").value;
  const isTrial = event.submitter?.value === "try";
  const buttons = byId("import-form").querySelectorAll("button");
  showFault(null);
  byId("import-trial").hidden = true;
  byId("import-status").textContent = say("imports.sending");
  for (const button of buttons) button.disabled = true;
  try {
    const answer = await askJson(`/v1/imports/${kind}`, {
      method: "POST", body: formOf(kind, isTrial), timeLimit_ms: 0,
    });
    if (isTrial) {
      byId("import-trial").replaceChildren(
        make("h3", {}, say("imports.trial")), reportView(answer.report),
      );
      byId("import-trial").hidden = false;
      byId("import-status").textContent = "";
    } else {
      byId("import-status").textContent = say("imports.started", { id: answer.id });
      await loadJobs();
    }
  } catch (error) {
    byId("import-status").textContent = "";
    showFault(error.message);
  }
  for (const button of buttons) button.disabled = false;
}

async function loadJobs() {
  clearTimeout(watch);
  try {
    const page = await askJson("/v1/imports?limit=20");
    const known = new Set(page.imports.map((job) => job.id));
    jobs = [...page.imports, ...jobs.filter((job) => !known.has(job.id))];
    nextPage ??= nextOf(page);
    byId("jobs-status").textContent = jobs.length ? "" : say("imports.none");
    draw();
  } catch (error) {
    byId("jobs-status").textContent = error.message;
  }
  if (jobs.some((job) => UNDER_WAY.includes(job.status))) watch = setTimeout(loadJobs, WATCH_MS);
}

async function loadOlder() {
  try {
    const page = await askJson(nextPage);
    jobs.push(...page.imports);
    nextPage = nextOf(page);
    draw();
  } catch (error) {
    byId("jobs-status").textContent = error.message;
  }
}

function nextOf(page) {
  return page.links.find((link) => link.rel === "next")?.href ?? null;
}

function draw() {
  const open = new Set(
    [...document.querySelectorAll(".job details[open]")].map((fold) => fold.dataset.job),
  );
  byId("jobs").replaceChildren(...jobs.map((job) => jobView(job, open.has(String(job.id)))));
  byId("jobs-more").hidden = nextPage === null;
}

async function command(job, verb) {
  try {
    await askJson(`/v1/imports/${job.id}/${verb}`, { method: "POST" });
  } catch (error) {
    byId("jobs-status").textContent = error.message;
  }
  await loadJobs();
}

function jobView(job, isOpen) {
  const isUnderWay = UNDER_WAY.includes(job.status);
  const rows = say(job.rows_total === null ? "imports.rows" : "imports.rows_of", {
    done: formatNumber(job.rows_done), total: formatNumber(job.rows_total ?? 0),
    failed: formatNumber(job.rows_failed),
  });
  const time = dateAndClock(job.created_at);
  const hasReport = Object.keys(job.report).length > 0;
  return make("li", { class: `job job-${job.status}` },
    make("div", { class: "job-head" },
      make("span", { class: "job-state" }, say(`imports.status_${job.status}`)),
      make("span", { class: "job-name" }, job.file_name),
      make("span", { class: "quiet" }, `${say(`imports.kind_${job.kind}`)} · ${time} · #${job.id}`),
    ),
    make("p", {}, rows),
    job.status === "running" && job.rows_total
      ? make("progress", { max: job.rows_total, value: job.rows_done, "aria-label": job.file_name }) : null,
    job.message ? make("p", { class: job.status === "failed" ? "fault" : "quiet" }, job.message) : null,
    make("div", { class: "button-row" },
      ...job.files.map((file) =>
        make("a", { class: "button button-small", href: file.href, download: file.name }, file.name)),
      isUnderWay ? commandButton(job, "stop") : null,
      job.is_resumable ? commandButton(job, "resume") : null,
    ),
    hasReport ? make("details", { class: "report", "data-job": job.id, open: isOpen },
      make("summary", {}, say("imports.report")), reportView(job.report)) : null,
  );
}

function commandButton(job, verb) {
  return make("button", {
    type: "button", class: "button button-small", onclick: () => command(job, verb),
  }, say(`imports.${verb}`));
}

byId("import-kind").addEventListener("change", showFields);
byId("import-form").addEventListener("submit", submit);
byId("jobs-more").addEventListener("click", loadOlder);
showFields();
await loadJobs();
document.documentElement.setAttribute("data-ready", "true");
