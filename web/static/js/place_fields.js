// One field of a form: a label, a control, a place for a hint and for what is wrong with it.

import { make } from "./dom.js";
import { addressPicker } from "./place_picker.js";
import { fieldName, valueText } from "./place_words.js";
import { say, settings } from "./texts.js";

/**
 * Return {name, node, read, fault(text), check()} of a field described as
 * { name, type, label?, required?, value?, options?, hint?, max?, when? }.
 * type: text, tel, number, date, moment, choice, checks, note, place. `read()` is null where it is empty.
 */
export function buildField(record, spec) {
  const id = `record-${spec.name}`;
  const label = spec.label ?? fieldName(record, spec.name);
  const fault = make("p", { class: "fault", id: `${id}-fault`, hidden: true });
  const control = CONTROLS[spec.type](spec, id);
  const hint = spec.hint ? make("p", { class: "quiet", id: `${id}-hint` }, spec.hint) : null;
  const described = `${spec.hint ? `${id}-hint ` : ""}${id}-fault`;
  control.main.setAttribute("aria-describedby", described);
  const mark = spec.required
    ? make("span", { class: "required-mark", "aria-hidden": "true" }, " *") : null;
  if (spec.required) control.main.setAttribute("aria-required", "true");
  const head = control.isGroup
    ? make("legend", {}, label, mark) : make("label", { for: id }, label, mark);
  if (control.isGroup) control.node.prepend(head);
  const node = make("div", { class: "field" }, control.isGroup ? null : head, control.node, hint, fault);

  function show(text) {
    fault.hidden = text === null;
    fault.textContent = text ?? "";
    control.main.setAttribute("aria-invalid", String(text !== null));
  }

  function check() {
    const text = control.unreadable?.() ?? null;
    if (text !== null || !spec.required || control.read() !== null) return text;
    return say("place.fault_empty");
  }

  return { spec, name: spec.name, node, read: control.read, fault: show, check, focus: () => control.main.focus() };
}

const CONTROLS = {
  text: (spec, id) => line(spec, id, { type: "text" }),
  tel: (spec, id) => line(spec, id, { type: "tel", inputmode: "tel" }),

  number(spec, id) {
    const control = line(spec, id, { type: "text", inputmode: "numeric" });
    const typed = control.read;
    control.read = () => (typed() === null ? null : Number(typed()));
    control.unreadable = () => (typed() === null || /^\d{1,9}$/.test(typed()) ? null : say("place.fault_number"));
    return control;
  },

  date(spec, id) {
    const control = line(spec, id, { type: "date", max: settings.today, min: "1900-01-01" });
    control.unreadable = () => (control.main.validity.badInput ? say("place.fault_day") : null);
    return control;
  },

  moment(spec, id) {
    const control = line(spec, id, { type: "datetime-local", max: spec.max, min: "1950-01-01T00:00" });
    control.unreadable = () => {
      const { badInput, rangeOverflow, rangeUnderflow } = control.main.validity;
      return badInput || rangeOverflow || rangeUnderflow ? say("place.fault_moment") : null;
    };
    return control;
  },

  note(spec, id) {
    const box = make("textarea", { id, rows: 3, maxlength: settings.note_max });
    box.value = spec.value ?? "";
    return { node: box, main: box, read: () => box.value.trim() || null };
  },

  choice(spec, id) {
    const options = (spec.options ?? settings.choices[spec.name]).map((value) =>
      make("option", { value }, spec.texts?.[value] ?? valueText(spec.name, value)));
    if (spec.empty) options.unshift(make("option", { value: "" }, spec.empty));
    const select = make("select", { id }, ...options);
    select.value = spec.value ?? (spec.empty ? "" : options[0].value);
    return { node: select, main: select, read: () => select.value || null };
  },

  checks(spec, id) {
    const boxes = settings.choices[spec.name].map((value) => {
      const box = make("input", { type: "checkbox", value });
      box.checked = (spec.value ?? []).includes(value);
      return box;
    });
    const set = make("fieldset", { id, tabindex: "-1" }, ...boxes.map((box) =>
      make("label", { class: "check" }, box, make("span", {}, valueText(spec.name, box.value)))));
    const read = () => boxes.filter((box) => box.checked).map((box) => box.value);
    return { node: set, main: set, isGroup: true, read };
  },

  place: (_spec, id) => addressPicker(id),
};

function line(spec, id, attributes) {
  const input = make("input", {
    id, autocomplete: "off", maxlength: spec.max ?? settings.text_max, placeholder: spec.placeholder,
    ...attributes,
  });
  input.value = spec.value ?? "";
  return { node: input, main: input, read: () => input.value.trim() || null };
}
