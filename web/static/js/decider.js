// Who decides: written once, kept in this browser, and asked for before the first decision.

import { byId } from "./dom.js";

const REMEMBERED_NAME = "gridbeat.review.decider";

/** Fill the box from what this browser remembers; `changed` is called when it is changed. */
export function startDecider(changed) {
  byId("decider").value = localStorage.getItem(REMEMBERED_NAME) ?? "";
  byId("decider").addEventListener("change", () => {
    localStorage.setItem(REMEMBERED_NAME, byId("decider").value.trim());
    changed();
  });
}

/** The name in the box; where it is empty, the box is shown and null returned. */
export function deciderName() {
  const name = byId("decider").value.trim();
  if (name === "") byId("decider").focus();
  return name || null;
}

export function timeText(time) {
  return new Date(time).toLocaleString(document.documentElement.lang, {
    dateStyle: "medium", timeStyle: "short",
  });
}
