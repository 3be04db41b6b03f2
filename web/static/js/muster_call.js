// A call to one's own unit (集结): seen at once, answered with one touch: comes, can't, is there.

import { askJson } from "./api.js";
import { byId, make } from "./dom.js";
import { formatMetres, say } from "./texts.js";
import { clock } from "./times.js";

const REASONS = ["busy", "far", "fault"];
const BUZZ_MS = [300, 150, 300];

/** Show calls of one's own units in `#muster-alert`; `onAnswer` is told a muster as it is after an answer. */
export class MusterCalls {
  constructor({ onAnswer = () => {}, onPlace = () => {} } = {}) {
    this.onAnswer = onAnswer;
    this.onPlace = onPlace;
    this.known = new Set(); // calls that were told: the phone buzzes once
    this.shown = new Map(); // muster and unit → what is shown
    this.title = document.title;
  }

  /** Take in a muster as the API tells it. */
  take(muster) {
    for (const [key, { muster_id: id }] of this.shown) if (id === muster.muster_id) this.shown.delete(key);
    if (!muster.ended_at) {
      for (const unit of muster.units) {
        if (!unit.is_own || !["called", "acknowledged", "arrived"].includes(unit.state)) continue;
        const key = `${muster.muster_id} ${unit.unit_id} ${unit.called_at}`;
        this.shown.set(key, { muster_id: muster.muster_id, muster, unit });
        if (unit.state === "called" && !this.known.has(key)) navigator.vibrate?.(BUZZ_MS);
        this.known.add(key);
      }
    }
    this.draw();
  }

  draw() {
    const alert = byId("muster-alert");
    const waiting = [...this.shown.values()].some(({ unit }) => unit.state === "called");
    document.title = waiting ? `● ${say("muster.called_title")} · ${this.title}` : this.title;
    // What is being typed, a reason, isn't taken away by news of others.
    if (alert.contains(document.activeElement) && document.activeElement.tagName === "SELECT") return;
    alert.hidden = this.shown.size === 0;
    alert.replaceChildren(...[...this.shown.values()].map((each) => this.card(each)));
  }

  card({ muster, unit }) {
    const told = make("p", { class: "muster-told", role: "status" });
    const answer = async (what, body) => {
      for (const button of card.querySelectorAll("button")) button.disabled = true;
      try {
        const after = await askJson(`/v1/musters/${muster.muster_id}/units/${unit.unit_id}/${what}`, {
          method: "POST", headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body),
        });
        document.activeElement?.blur();
        this.take(after);
        this.onAnswer(after);
      } catch (error) {
        for (const button of card.querySelectorAll("button")) button.disabled = false;
        told.textContent = error.message;
      }
    };
    const why = make("select", { "aria-label": say("muster.decline_why") },
      ...REASONS.map((reason) => make("option", {}, say(`muster.decline_${reason}`))));
    const buttons = [];
    if (unit.state === "called") {
      buttons.push(make("button", {
        type: "button", class: "button button-main", "data-answer": "acknowledge", onclick: () => answer("acknowledge"),
      }, say("muster.acknowledge")));
    }
    if (unit.state !== "arrived") {
      buttons.push(make("button", {
        type: "button", class: "button", "data-answer": "check-in", onclick: () => answer("check-in"),
      }, say("muster.check_in")));
      buttons.push(make("span", { class: "muster-decline" }, why, make("button", {
        type: "button", class: "button", "data-answer": "decline", onclick: () => answer("decline", { reason: why.value }),
      }, say("muster.decline"))));
    }
    const way = [
      unit.distance_m === null ? null : formatMetres(unit.distance_m),
      unit.p50_s === null ? null : say("muster.minutes_by_road", { value: Math.max(1, Math.round(unit.p50_s / 60)) }),
    ].filter(Boolean).join(" · ");
    const card = make("div", { class: "muster-card", "data-muster": muster.muster_id, "data-state": unit.state },
      make("p", { class: "muster-head" }, make("strong", {}, say(`muster.own_${unit.state}`)),
        ` ${unit.name} · ${say("muster.called_at", { at: clock(unit.called_at), by: muster.called_by })}`),
      make("p", { class: "muster-reason" }, muster.reason),
      make("p", { class: "muster-place" },
        make("button", { type: "button", class: "link-button", onclick: () => this.onPlace(muster) },
          muster.place_name || `${muster.lat.toFixed(5)}, ${muster.lon.toFixed(5)}`), way ? ` · ${way}` : ""),
      make("div", { class: "muster-buttons" }, ...buttons), told);
    return card;
  }
}
