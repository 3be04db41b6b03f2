// The panel as a sheet at the foot of a phone: a handle opens it, by tap, by key or by a swipe.

import { byId } from "./dom.js";

const SWIPE_PIXELS = 30;

export function startSheet() {
  const panel = byId("panel");
  const handle = byId("panel-handle");
  let startY = null;
  let swiped = false;

  function set(open) {
    panel.classList.toggle("is-open", open);
    handle.setAttribute("aria-expanded", String(open));
  }

  handle.addEventListener("click", () => {
    if (!swiped) set(!panel.classList.contains("is-open"));
    swiped = false;
  });
  handle.addEventListener("pointerdown", (event) => {
    startY = event.clientY;
    swiped = false;
  });
  handle.addEventListener("pointermove", (event) => {
    if (startY === null) return;
    const moved = event.clientY - startY;
    if (Math.abs(moved) > SWIPE_PIXELS) {
      set(moved < 0);
      swiped = true;
      startY = null;
    }
  });
  document.addEventListener("pointerup", () => {
    startY = null;
  });
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && panel.classList.contains("is-open")) {
      set(false);
      handle.focus();
    }
  });
  return { close: () => set(false) };
}
