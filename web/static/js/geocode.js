// Many addresses at once: taken from the box or a file, asked in parts, shown as they come.

import { askJson, wasGivenUp } from "./api.js";
import { mapLink, percent, reasonText } from "./candidates.js";
import { byId, csvLine, download, make } from "./dom.js";
import { decodeText, guessAddressColumn, parseTable } from "./table_file.js";
import { formatNumber, say, settings } from "./texts.js";

const PART_ROWS = 200; // of the 1,000 the API takes: the first answers are there within a second
const SHOWN_ROWS = 300;
const STATUSES = ["matched", "review", "not_found", "error"];

let fileRows = null; // rows of the chosen file, or null
let results = []; // {text, status, best, candidates, reasons} in the order of the input
let queueAs = null; // who asks, where unsure texts are to wait for review
let running = null; // AbortController while it works
let filter = "all";

function showFault(text) {
  byId("geocode-fault").hidden = text === null;
  byId("geocode-fault").textContent = text ?? "";
}

/** The addresses to look for: of the file if one was chosen, else the lines of the box. */
function addressTexts() {
  if (fileRows) {
    const column = Number(byId("address-column").value);
    const rows = byId("file-has-head").checked ? fileRows.slice(1) : fileRows;
    return rows.map((row) => (row[column] ?? "").trim());
  }
  return byId("address-lines").value.split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
}

function countLines() {
  const texts = addressTexts().filter(Boolean);
  byId("line-count").textContent = texts.length
    ? say("geocode.count", { count: formatNumber(texts.length) }) : "";
}

async function chooseFile() {
  const file = byId("address-file").files[0];
  showFault(null);
  fileRows = null;
  byId("file-options").hidden = true;
  byId("address-lines").disabled = false;
  if (file) {
    const text = file.size > settings.most_bytes ? null : decodeText(await file.arrayBuffer());
    const rows = text === null || text.includes("\0") ? [] : parseTable(text);
    if (rows.length === 0) {
      showFault(say("geocode.fault_file", { name: file.name }));
      byId("address-file").value = "";
    } else {
      fileRows = rows;
      showColumns();
      byId("file-options").hidden = false;
      byId("address-lines").disabled = true;
    }
  }
  countLines();
}

function showColumns() {
  const hasHead = byId("file-has-head").checked;
  const options = fileRows[0].map((head, column) =>
    make("option", { value: column }, hasHead && head.trim()
      ? head.trim() : say("geocode.column_number", { number: column + 1 })));
  byId("address-column").replaceChildren(...options);
  byId("address-column").value = String(guessAddressColumn(fileRows, hasHead));
}

function removeFile() {
  byId("address-file").value = "";
  chooseFile();
  byId("address-file").focus();
}

async function start(event) {
  event.preventDefault();
  showFault(null);
  const texts = addressTexts();
  if (!texts.some(Boolean)) {
    showFault(say("geocode.fault_empty"));
    return;
  }
  if (texts.length > settings.most_rows) {
    showFault(say("geocode.fault_many", {
      count: formatNumber(texts.length), most: formatNumber(settings.most_rows),
    }));
    return;
  }
  running = new AbortController();
  results = [];
  queueAs = byId("queue-unsure").checked
    ? byId("address-file").files[0]?.name.slice(0, 200) ?? say("geocode.pasted") : null;
  byId("results").hidden = false;
  setWorking(true);
  drawRows();
  try {
    for (let at = 0; at < texts.length; at += PART_ROWS) {
      showProgress(at, texts.length, "geocode.working");
      results.push(...(await askPart(texts.slice(at, at + PART_ROWS), running.signal)));
      drawRows();
    }
    showProgress(texts.length, texts.length, "geocode.done");
  } catch (error) {
    showProgress(results.length, texts.length, "geocode.stopped");
    if (!wasGivenUp(error)) showFault(error.message);
  }
  setWorking(false);
}

function setWorking(isWorking) {
  byId("geocode-start").disabled = isWorking;
  byId("geocode-stop").hidden = !isWorking;
  byId("geocode-progress").hidden = !isWorking;
  byId("result-download").disabled = isWorking;
}

function showProgress(done, total, key) {
  byId("geocode-progress").max = total;
  byId("geocode-progress").value = done;
  byId("geocode-status").textContent = say(key, {
    done: formatNumber(done), total: formatNumber(total),
  });
}

/** Ask for some texts; an empty line is answered here, as nothing found. */
async function askPart(texts, signal) {
  const asked = texts.filter(Boolean);
  const answer = asked.length === 0 ? { results: [] } : await askJson("/v1/geocode", {
    method: "POST", signal,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ addresses: asked, ...(queueAs ? { queue_unsure: true, source: queueAs } : {}) }),
  });
  const answers = answer.results[Symbol.iterator]();
  return texts.map((text) =>
    text === "" ? { text, status: "not_found", candidates: [], reasons: [] } : answers.next().value);
}

function statusView(status) {
  return make("span", { class: `result-status is-${status}` },
    make("span", { class: "status-mark", "aria-hidden": "true" }), say(`geocode.status_${status}`));
}

function rowView(result, number) {
  const best = result.candidates[0];
  const reasons = reasonText(best?.reasons?.length ? best.reasons : result.reasons);
  const others = result.candidates.slice(1);
  return make("tr", {},
    make("td", { class: "number" }, formatNumber(number)),
    make("th", { scope: "row", class: "said" }, result.text || say("geocode.no_text")),
    make("td", {}, statusView(result.status)),
    make("td", { class: "found" },
      best ? make("div", {}, best.canonical_text) : null,
      result.status === "error" ? make("p", { class: "reasons" }, say("common.text_unreadable", {
        most: formatNumber(settings.text_max),
      })) : null,
      reasons ? make("p", { class: "reasons" }, reasons) : null,
      others.length === 0 ? null : make("details", { class: "candidates" },
        make("summary", {}, say("geocode.others", { count: others.length })),
        make("ul", {}, ...others.map((other) =>
          make("li", {}, `${other.canonical_text} · ${percent(other.confidence)} `, mapLink(other, say("geocode.show"))))))),
    make("td", {}, best ? say(`level.${best.level}`) : ""),
    make("td", { class: "number" }, best ? percent(best.confidence) : ""),
    make("td", { class: "code" }, best?.grid_code ?? ""),
    make("td", {}, mapLink(best, say("geocode.show"))),
  );
}

function drawRows() {
  for (const status of STATUSES) {
    const count = results.filter((result) => result.status === status).length;
    document.querySelector(`[data-count=${status}]`).textContent = formatNumber(count);
  }
  document.querySelector("[data-count=all]").textContent = formatNumber(results.length);
  const wanted = results
    .map((result, index) => [result, index + 1])
    .filter(([result]) => filter === "all" || result.status === filter);
  byId("result-rows").replaceChildren(
    ...wanted.slice(0, SHOWN_ROWS).map(([result, number]) => rowView(result, number)),
  );
  byId("result-more").hidden = wanted.length <= SHOWN_ROWS;
  byId("result-more").textContent = say("geocode.more", {
    shown: formatNumber(SHOWN_ROWS), total: formatNumber(wanted.length),
  });
}

function downloadResults() {
  const heads = [
    "row", "address_text", "status", "canonical_text", "level", "confidence", "longitude", "latitude",
    "grid_code", "h3_cell", "standard_address_id", "reasons",
  ];
  const lines = results.map((result, index) => {
    const best = result.candidates[0];
    const reasons = best?.reasons?.length ? best.reasons : result.reasons;
    return [
      index + 1, result.text, result.status, best?.canonical_text, best?.level, best?.confidence,
      best?.lon, best?.lat, best?.grid_code, best?.h3_cell, best?.standard_address_id,
      reasonText(reasons),
    ];
  });
  download(`${[heads, ...lines].map(csvLine).join("\r\n")}\r\n`, "geocoded.csv", "text/csv");
}

byId("address-lines").addEventListener("input", countLines);
byId("address-file").addEventListener("change", chooseFile);
byId("file-has-head").addEventListener("change", () => {
  showColumns();
  countLines();
});
byId("file-remove").addEventListener("click", removeFile);
byId("geocode-form").addEventListener("submit", start);
byId("geocode-stop").addEventListener("click", () => running?.abort());
byId("result-download").addEventListener("click", downloadResults);
for (const button of document.querySelectorAll("[data-filter]")) {
  button.addEventListener("click", () => {
    filter = button.dataset.filter;
    for (const other of document.querySelectorAll("[data-filter]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    drawRows();
  });
}
byId("language-link").addEventListener("click", (event) => {
  // what was found would be lost with the page
  if (results.length > 0 && !window.confirm(say("geocode.leave"))) event.preventDefault();
});
countLines();
document.documentElement.setAttribute("data-ready", "true");
