// What the pages with a queue share: keys, the buttons of the statuses, the box of the note.

import { byId } from "./dom.js";

/** Let keys act, unless something is typed into a box; one press is one action. */
export function startKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.repeat && !event.key.startsWith("Arrow")) return;
    if (event.target.closest("input, textarea, select")) return;
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

/** Let one of the buttons of the statuses be pressed; `chosen` is told which. */
export function startStatusButtons(chosen) {
  const buttons = [...document.querySelectorAll("[data-status]")];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      chosen(button.dataset.status);
    });
  }
}

/** Let Enter and Escape leave the box of the note, so that the keys act again. */
export function startNote() {
  byId("note").addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === "Escape") event.target.blur();
  });
}

/** A fault in the line of faults, null clears it. */
export function faultLine(id) {
  return (text) => {
    byId(id).hidden = text === null;
    byId(id).textContent = text ?? "";
  };
}

