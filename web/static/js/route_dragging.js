// Dragging a stop to another place of the order, or into another unit's route: with the mouse
// anywhere on it, with a finger on its number (elsewhere a finger scrolls).

import { make } from "./dom.js";

const STARTS_PX = 5; // moved less, it was a click
const EDGE_PX = 48; // so near to the panel's end the list scrolls
const SCROLL_PX = 12;

/**
 * Let the stops below `root` be dragged. Lists are `ol[data-unit]`, stops `li[data-place]`.
 *
 * `moved(stop, unitId, position)` is called at a drop: the position counts the list's other stops.
 * A drop where the stop was, outside of all lists, or after Escape, does nothing.
 */
export function dragStops(root, moved) {
  root.addEventListener("pointerdown", (event) => {
    const stop = event.target.closest("li[data-place]");
    const byFinger = event.pointerType !== "mouse";
    if (!stop || event.button !== 0 || event.target.closest("button, select, a, input")) return;
    if (byFinger && !event.target.closest(".stop-number")) return;
    event.preventDefault();
    follow(root, stop, event, moved);
  });
}

function follow(root, stop, first, moved) {
  const line = make("li", { class: "drop-line", "aria-hidden": "true" });
  const ends = new AbortController();
  const on = (name, action) => document.addEventListener(name, action, { signal: ends.signal });
  let goal = null;

  const end = () => {
    ends.abort();
    line.remove();
    stop.classList.remove("is-dragged");
  };
  on("pointermove", (event) => {
    if (event.pointerId !== first.pointerId) return;
    const isDragged = stop.classList.contains("is-dragged");
    if (!isDragged && Math.hypot(event.clientX - first.clientX, event.clientY - first.clientY) < STARTS_PX) return;
    stop.classList.add("is-dragged");
    scrollNear(root, event.clientY);
    goal = goalAt(root, stop, event);
    if (goal) goal.list.insertBefore(line, goal.before);
    else line.remove();
  });
  on("pointerup", (event) => {
    if (event.pointerId !== first.pointerId) return;
    const wanted = goal;
    const isOld = wanted && wanted.list === stop.parentElement && wanted.position === positionOf(stop);
    end();
    if (wanted && !isOld) moved(stop, Number(wanted.list.dataset.unit), wanted.position);
  });
  on("pointercancel", end);
  on("keydown", (event) => { if (event.key === "Escape") end(); });
}

const stopsOf = (list) => [...list.children].filter((each) => each.classList.contains("stop"));

function positionOf(stop) {
  return stopsOf(stop.parentElement).indexOf(stop);
}

/** Before which stop of which list it would come; null where it is over no list. */
function goalAt(root, stop, event) {
  for (const list of root.querySelectorAll("ol[data-unit]")) {
    // The head of a route belongs to it: an empty route has no stop to drop at.
    const box = list.parentElement.getBoundingClientRect();
    if (event.clientY < box.top || event.clientY > box.bottom || event.clientX < box.left || event.clientX > box.right) continue;
    const others = stopsOf(list).filter((each) => each !== stop);
    const found = others.findIndex((each) => {
      const at = each.getBoundingClientRect();
      return event.clientY < at.top + at.height / 2;
    });
    const position = found < 0 ? others.length : found;
    return { list, position, before: others[position] ?? null };
  }
  return null;
}

function scrollNear(root, y) {
  const panel = scroller(root);
  if (!panel) return;
  const box = panel.getBoundingClientRect();
  if (y < box.top + EDGE_PX) panel.scrollTop -= SCROLL_PX;
  else if (y > box.bottom - EDGE_PX) panel.scrollTop += SCROLL_PX;
}

function scroller(node) {
  for (let each = node.parentElement; each; each = each.parentElement) {
    if (each.scrollHeight > each.clientHeight && /auto|scroll/.test(getComputedStyle(each).overflowY)) return each;
  }
  return null;
}
