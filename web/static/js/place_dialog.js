// The form in which a record is written: faults beside their fields, what is alike, both sides of a
// record that somebody else changed. What is sent again bears the same key, and is stored once.

import { askJson, taskWasOpened } from "./api.js";
import { byId, make } from "./dom.js";
import { drawAlike } from "./place_alike.js";
import { buildField } from "./place_fields.js";
import { fieldName, valueText } from "./place_words.js";
import { has, say } from "./texts.js";

const ABOUT_PERSONS = ["landlord_name", "landlord_phone", "contact_name", "contact_phone"];

let form = null; // what the dialog writes now
let fields = [];
let state = null;
let isSending = false;

/**
 * Open the dialog. `given` is
 * { title, lead?, record, fields, save?, mayBeAnother?, takeOver?,
 *   request(values, { version, dropped, althoughAlike }), done(answer) }.
 * `request` returns { url, method, body }, or null where nothing is to be stored. `version` is set
 * once both sides of a changed record were looked at, `dropped` then names the fields whose stored
 * value stays.
 */
export function openForm(given) {
  form = given;
  state = { version: null, dropped: new Set(), sides: null, key: null, sent: null };
  fields = given.fields.map((spec) => buildField(given.record, spec));
  byId("record-title").textContent = given.title;
  byId("record-lead").hidden = !given.lead;
  byId("record-lead").textContent = given.lead ?? "";
  byId("record-send").textContent = given.save ?? say("place.save");
  byId("record-fields").replaceChildren(...fields.map((field) => field.node));
  byId("record-form").scrollTop = 0;
  hideAnswer();
  showFault(null);
  showFitting();
  if (!byId("record-dialog").open) byId("record-dialog").showModal();
  (fields.find((field) => !field.node.hidden) ?? { focus: () => byId("record-send").focus() }).focus();
}

export function closeForm() {
  byId("record-dialog").close();
}

function valuesNow() {
  return Object.fromEntries(fields.map((field) => [field.name, field.node.hidden ? null : field.read()]));
}

/** Show the fields that fit what was chosen in others. */
function showFitting() {
  const values = Object.fromEntries(fields.map((field) => [field.name, field.read()]));
  for (const field of fields) field.node.hidden = !(field.spec.when?.(values) ?? true);
}

function showFault(text) {
  byId("record-fault").hidden = text === null;
  byId("record-fault").textContent = text ?? "";
}

function hideAnswer() {
  byId("record-answer").hidden = true;
  byId("record-answer").replaceChildren();
}

function showAnswer(...parts) {
  byId("record-answer").replaceChildren(...parts);
  byId("record-answer").hidden = false;
  byId("record-answer").focus();
  byId("record-answer").scrollIntoView({ block: "nearest" });
}

/** A new key for each new content; the same for what is sent again after a lost answer. */
function keyOf(request) {
  const sent = JSON.stringify(request);
  if (sent !== state.sent) {
    const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID is missing without HTTPS
    state.key = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    state.sent = sent;
  }
  return state.key;
}

async function submit(event) {
  event.preventDefault();
  if (isSending) return;
  if (state.sides && !takeSides()) return;
  for (const field of fields) field.fault(null);
  const wrong = fields.filter((field) => !field.node.hidden && field.check() !== null);
  for (const field of wrong) field.fault(field.check());
  if (wrong.length) {
    showFault(say("place.look_at_fields"));
    wrong[0].focus();
    return;
  }
  await send(form.request(valuesNow(), state));
}

async function send(request) {
  const sending = form;
  showFault(null);
  if (request === null) {
    showFault(say("place.nothing_changed"));
    return;
  }
  isSending = true;
  byId("record-send").disabled = true;
  try {
    if (isAboutPersons(request.body) && !taskIsOpen() && !(await taskWasOpened())) {
      showFault(say("error.purpose_missing"));
      return;
    }
    const answer = await askJson(request.url, {
      method: request.method ?? "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": keyOf(request) },
      body: JSON.stringify(request.body),
    });
    if (form === sending) closeForm();
    sending.done(answer);
  } catch (error) {
    if (form === sending) refuse(error);
  } finally {
    isSending = false;
    byId("record-send").disabled = false;
  }
}

/** Whether a record of a place names a landlord or a contact: that takes a task, as all persons do. */
function isAboutPersons(body) {
  return ABOUT_PERSONS.some((name) => (body[name] ?? null) !== null);
}

function taskIsOpen() {
  return document.body.classList.contains("has-task"); // drawn by task.js
}

function refuse(error) {
  const facts = error.body?.error?.facts ?? {};
  hideAnswer();
  const isNamed = facts.faults?.length ? showFaults(facts.faults) : false;
  if (facts.alike?.length || facts.conflicts?.length) {
    const again = { althoughAlike: true, version: state.version, dropped: state.dropped };
    drawAlike(facts, {
      form,
      values: valuesNow(),
      show: showAnswer,
      send,
      another: () => send(form.request(valuesNow(), again)),
    });
  } else if (Object.keys(facts.sides ?? {}).length) {
    showSides(facts);
  } else if (error.status === 409) {
    showChanged(error);
  } else if (!isNamed) {
    showFault(isLost(error) ? `${error.message} ${say("place.send_again")}` : error.message);
  }
}

function isLost(error) {
  return error.status === 0 || error.status >= 500;
}

/** Each fault beside its field; those of no field here in the line below. Whether all were told. */
function showFaults(faults) {
  const others = [];
  for (const each of faults) {
    const name = String(each.field).split(".").at(-1);
    const text = has(`place.fault_${each.code}`) ? say(`place.fault_${each.code}`) : each.message;
    const field = fields.find((one) => one.name === name && !one.node.hidden);
    if (field) field.fault(text);
    else others.push(`${fieldName(form.record, name)}: ${text}`);
  }
  showFault([say("place.look_at_fields"), ...others].join(" "));
  fields.find((one) => one.node.querySelector("[aria-invalid=true]"))?.focus();
  return true;
}

/** Somebody else changed the record meanwhile: both sides of each field, and the person chooses. */
function showSides(facts) {
  const names = Object.keys(facts.sides);
  state.sides = { names, version: facts.version };
  showAnswer(
    make("h3", {}, say("place.stale")),
    make("p", {}, say("place.stale_choose")),
    ...names.map((name) => make("fieldset", { class: "sides" },
      make("legend", {}, fieldName(form.record, name)),
      ...["given", "stored"].map((side) => make("label", { class: "side" },
        make("input", { type: "radio", name: `side-${name}`, value: side }),
        make("span", { class: "quiet" }, say(`place.side_${side}`)),
        make("span", {}, valueText(name, facts.sides[name][side])))))),
  );
  byId("record-send").textContent = say("place.save_chosen");
}

/** Take over what was chosen between the sides; false where something isn't chosen yet. */
function takeSides() {
  const chosen = state.sides.names.map((name) =>
    document.querySelector(`#record-answer input[name="side-${name}"]:checked`)?.value);
  if (chosen.includes(undefined)) {
    showFault(say("place.choose_sides"));
    return false;
  }
  const dropped = state.sides.names.filter((_, index) => chosen[index] === "stored");
  state = { ...state, version: state.sides.version, dropped: new Set([...state.dropped, ...dropped]), sides: null };
  byId("record-send").textContent = form.save ?? say("place.save");
  hideAnswer();
  return true;
}

/** What was to be confirmed or ended isn't what it was: look at it first. */
function showChanged(error) {
  const { reload } = form;
  showAnswer(
    make("p", {}, error.message),
    make("div", { class: "button-row" },
      make("button", { type: "button", class: "button", onclick: () => { closeForm(); reload(); } },
        say("place.look_again"))),
  );
}

byId("record-form").addEventListener("submit", submit);
byId("record-form").addEventListener("change", showFitting);
byId("record-cancel").addEventListener("click", closeForm);
byId("record-close").addEventListener("click", closeForm);
byId("record-dialog").addEventListener("close", () => {
  if (!byId("record-dialog").open) form = null; // it may have been opened again already
});
