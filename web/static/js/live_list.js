// The list of units beside the map. A row is made once and then changed: of 5,000 units that move,
// what is written anew each second is the ages of those shown.

import { make } from "./dom.js";
import { say } from "./texts.js";
import { stampOf } from "./unit_layer.js";

export const ROWS_AT_MOST = 150; // more than anybody reads; the filter finds the others
const EVERY_MS = 1000;

export class UnitList {
  /** `rows` returns the units to show, in order; `textOf` a unit's line; `stateOf` its state. */
  constructor(list, { rows, textOf, stateOf, onSelect, onShown }) {
    Object.assign(this, { list, wanted: rows, textOf, stateOf, onSelect, onShown });
    this.rows = new Map();
    this.selected = null;
    this.shownAt = 0;
    this.waiting = 0;
  }

  /** Show soon: at most once a second, however often units move. */
  later() {
    if (this.waiting) return;
    const wait = Math.max(0, this.shownAt + EVERY_MS - performance.now());
    this.waiting = setTimeout(() => this.now(), wait);
  }

  now() {
    clearTimeout(this.waiting);
    this.waiting = 0;
    this.shownAt = performance.now();
    const wanted = this.wanted();
    const shown = wanted.slice(0, ROWS_AT_MOST);
    // Who is chosen on the map stands in the list, however far down.
    const chosen = wanted.find((unit) => unit.unit_id === this.selected);
    if (chosen && !shown.includes(chosen)) shown.push(chosen);
    const ids = new Set(shown.map((unit) => unit.unit_id));
    for (const [id, row] of this.rows) {
      if (ids.has(id)) continue;
      row.item.remove();
      this.rows.delete(id);
    }
    shown.forEach((unit, place) => {
      const row = this.rows.get(unit.unit_id) ?? this.add(unit.unit_id);
      this.fill(row, unit);
      const there = this.list.children[place] ?? null;
      if (there !== row.item) this.list.insertBefore(row.item, there);
    });
    this.onShown(shown.length, wanted.length);
  }

  select(id) {
    this.selected = id;
    for (const [of, row] of this.rows) row.button.setAttribute("aria-pressed", String(of === id));
  }

  add(id) {
    const row = {
      stamp: make("span", { "aria-hidden": "true" }), title: make("span"), line: make("span", { class: "unit-line" }),
      alarm: make("span", { class: "unit-alarm", hidden: true }, say("live.alarm")), look: "",
    };
    row.button = make("button", {
      type: "button", class: "unit-row", "data-unit": id, "aria-pressed": String(id === this.selected),
      onclick: () => this.onSelect(id),
    }, row.stamp, make("span", { class: "unit-name" }, row.title, row.line), row.alarm);
    row.item = make("li", {}, row.button);
    this.rows.set(id, row);
    return row;
  }

  fill(row, unit) {
    const state = this.stateOf(unit);
    const look = `${unit.kind} ${unit.status} ${state}`;
    if (row.look !== look) {
      row.look = look;
      const stamp = swatch(unit.kind, unit.status, state);
      row.stamp.replaceWith(stamp);
      row.stamp = stamp;
    }
    setText(row.title, unit.name);
    setText(row.line, this.textOf(unit, state));
    row.alarm.hidden = !unit.alarm;
  }
}

/** A unit's shape, as on the map. */
export function swatch(kind, status, state) {
  const stamp = stampOf(kind, status, state);
  stamp.className = "unit-stamp";
  stamp.setAttribute("aria-hidden", "true");
  return stamp;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
