// Faults that a visitor can see and try to mend: one line over the map, with a way to try again.

import { byId } from "./dom.js";

const faults = new Map();

/** Show a fault of one source until it is cleared. `retry` runs when the visitor asks for it. */
export function reportFault(name, text, retry) {
  faults.set(name, { text, retry });
  draw();
}

export function clearFault(name) {
  if (faults.delete(name)) draw();
}

function draw() {
  const texts = new Set([...faults.values()].map((fault) => fault.text));
  byId("notice").hidden = faults.size === 0;
  byId("notice-text").textContent = [...texts].join(" ");
}

export function startNotices() {
  byId("notice-retry").addEventListener("click", () => {
    const retries = new Set([...faults.values()].map((fault) => fault.retry));
    faults.clear();
    draw();
    for (const retry of retries) retry();
  });
}
