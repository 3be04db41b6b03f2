// The task in the bar: why somebody looks at what is about persons, said once; changed, ended.

import { askJson } from "./api.js";
import { byId } from "./dom.js";
import { openTask, say } from "./texts.js";
import { clock } from "./times.js";

const TIMER_MAX_MS = 2 ** 31 - 1;

let task = openTask; // { name, case_ref, ends_at }
let waiting = []; // questions that were refused for want of a task
let timer = 0;

function draw() {
  const text = task ? `${task.name} · ${task.case_ref}` : say("task.none");
  for (const place of document.querySelectorAll("[data-task-text]")) {
    place.textContent = text;
    place.title = text;
  }
  document.body.classList.toggle("has-task", task !== null);
  byId("task-until").textContent = task ? say("task.until", { time: clock(task.ends_at) }) : "";
  byId("task-open").textContent = say(task ? "task.change" : "task.begin");
  byId("task-end").hidden = task === null;
  clearTimeout(timer);
  if (task) {
    const left_ms = Math.max(0, new Date(task.ends_at) - Date.now());
    timer = setTimeout(() => take(null), Math.min(left_ms, TIMER_MAX_MS));
  }
}

function take(next) {
  task = next;
  draw();
  document.dispatchEvent(new CustomEvent("task-changed")); // what a page shows of persons depends on it
}

function showFault(text) {
  byId("task-fault").hidden = text === null;
  byId("task-fault").textContent = text ?? "";
}

function openDialog(isNeeded) {
  byId("account-menu").open = false;
  byId("task-needed").hidden = !isNeeded;
  showFault(null);
  if (!byId("task-dialog").open) byId("task-dialog").showModal();
  byId("task-purpose").focus();
}

function answerWaiting(isOpen) {
  for (const resolve of waiting) resolve(isOpen);
  waiting = [];
}

async function start(event) {
  event.preventDefault();
  showFault(null);
  const chosen = byId("task-purpose").selectedOptions[0];
  try {
    const answer = await askJson("/v1/task", {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        purpose: byId("task-purpose").value,
        case_ref: byId("task-case").value,
        note: byId("task-note").value || null,
        hours: Number(byId("task-hours").value),
      }),
    });
    take({ ...answer.task, name: chosen.textContent });
    byId("task-note").value = "";
    answerWaiting(true);
    byId("task-dialog").close();
  } catch (error) {
    showFault(error.message);
  }
}

async function end() {
  const answer = await fetch("/v1/task", { method: "DELETE", credentials: "same-origin" });
  if (answer.ok) take(null);
}

document.addEventListener("task-needed", (event) => {
  event.preventDefault();
  waiting.push(event.detail.resolve);
  if (task) take(null); // it ended elsewhere
  openDialog(true);
});
for (const button of document.querySelectorAll("[data-open-task]")) {
  button.addEventListener("click", () => openDialog(false));
}
byId("task-purpose").addEventListener("change", (event) => {
  const ground = event.target.selectedOptions[0].dataset.ground;
  byId("task-ground").textContent = ground ? say("task.ground", { ground }) : "";
});
byId("task-form").addEventListener("submit", start);
byId("task-end").addEventListener("click", end);
byId("task-cancel").addEventListener("click", () => byId("task-dialog").close());
byId("task-dialog").addEventListener("close", () => answerWaiting(false));
draw();
