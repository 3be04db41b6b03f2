// The musters that are open, for who leads units: who was called, comes, is there; and the call itself.

import { askJson } from "./api.js";
import { byId, make } from "./dom.js";
import { formatMetres, formatNumber, language, say } from "./texts.js";
import { clockWithSeconds } from "./times.js";

const FIRST_CHOSEN = 3; // of the nearest free ones, until somebody chooses otherwise

export class MusterBoard {
  constructor(map) {
    this.map = map;
    this.musters = new Map();
    this.marks = L.layerGroup().addTo(map);
    this.chosen = new Set();
    this.key = null;
    this.place = null;
    byId("muster-form").addEventListener("submit", (event) => this.call(event));
  }

  /** Take in a muster as the API tells it; one that is over stays until the page is left. */
  take(muster) {
    this.musters.set(muster.muster_id, muster);
    this.draw();
  }

  isOpen() {
    return [...this.musters.values()].some((each) => !each.ended_at);
  }

  draw() {
    const block = byId("muster-board");
    block.hidden = this.musters.size === 0;
    const open = new Set([...block.querySelectorAll("details[open]")].map((each) => each.dataset.log));
    const focused = document.activeElement?.dataset?.act;
    byId("muster-list").replaceChildren(
      ...[...this.musters.values()].sort((a, b) => b.muster_id - a.muster_id).map((each) => this.card(each, open)),
    );
    if (focused) block.querySelector(`[data-act="${CSS.escape(focused)}"]`)?.focus();
    this.marks.clearLayers();
    for (const each of this.musters.values()) {
      if (each.ended_at) continue;
      L.circle([each.lat, each.lon], { radius: each.within_m, color: "#b3261e", weight: 2, fillOpacity: 0.08, interactive: false })
        .addTo(this.marks);
      L.circleMarker([each.lat, each.lon], { radius: 6, color: "#fff", weight: 2, fillColor: "#b3261e", fillOpacity: 1 })
        .bindTooltip(each.reason).addTo(this.marks);
    }
    document.documentElement.setAttribute("data-musters", String([...this.musters.values()].filter((each) => !each.ended_at).length));
  }

  card(muster, open) {
    const { figures } = muster;
    const told = make("p", { role: "status", class: "muster-told" });
    const act = async (path) => {
      try {
        this.take(await askJson(`/v1/musters/${muster.muster_id}/${path}`, { method: "POST" }));
      } catch (error) {
        told.textContent = error.message;
      }
    };
    const times = [
      ["first_acknowledged", figures.first_acknowledged_at], ["last_acknowledged", figures.last_acknowledged_at],
      ["first_arrived", figures.first_arrived_at], ["last_arrived", figures.last_arrived_at],
    ].filter(([, at]) => at);
    const log = make("details", { class: "fold", "data-log": muster.muster_id },
      make("summary", {}, say("muster.log", { count: formatNumber(muster.log.length) })),
      make("ol", { class: "muster-log" }, ...muster.log.map((entry) => {
        const unit = muster.units.find((each) => each.unit_id === entry.unit_id);
        return make("li", {}, `${clockWithSeconds(entry.at)} `, unit ? `${unit.code} ` : "",
          say(`muster.event_${entry.what}`),
          entry.what === "arrived" ? `（${say(`muster.how_${entry.note}`)}）` : entry.note ? `：${entry.note}` : "",
          entry.told_by === "position" ? "" : ` · ${entry.told_by}`);
      })));
    log.open = open.has(String(muster.muster_id));
    return make("article", { class: "muster", "data-muster": muster.muster_id, "data-open": String(!muster.ended_at) },
      make("h3", {}, muster.reason),
      make("p", { class: "unit-line" },
        `${muster.place_name || `${muster.lat.toFixed(5)}, ${muster.lon.toFixed(5)}`} · `
        + say("muster.called_at", { at: clockWithSeconds(muster.called_at), by: muster.called_by })),
      make("p", { class: "muster-figures" }, say("muster.figures", {
        called: figures.called, acknowledged: figures.acknowledged, arrived: figures.arrived,
        declined: figures.declined, silent: figures.silent,
      })),
      times.length ? make("p", { class: "unit-line" }, times.map(([key, at]) =>
        `${say(`muster.${key}`)} ${clockWithSeconds(at)}`).join(" · ")) : null,
      make("ul", { class: "muster-units" }, ...muster.units.map((unit) => this.unitRow(muster, unit, act))),
      log,
      muster.ended_at
        ? make("p", { class: "note" }, say("muster.ended", { at: clockWithSeconds(muster.ended_at), by: muster.ended_by }))
        : make("div", { class: "button-row" },
          make("button", {
            type: "button", class: "button button-small", "data-act": `go ${muster.muster_id}`,
            onclick: () => this.map.setView([muster.lat, muster.lon], Math.max(this.map.getZoom(), 16)),
          }, say("muster.show")),
          muster.may_end ? make("button", {
            type: "button", class: "button button-small", "data-act": `end ${muster.muster_id}`, onclick: () => act("end"),
          }, say("muster.end")) : null),
      told);
  }

  unitRow(muster, unit, act) {
    let line = say(`muster.state_${unit.state}`);
    if (unit.state === "arrived") {
      line += ` ${clockWithSeconds(unit.arrived_at)}（${say(`muster.how_${unit.arrived_how}`)}）`;
    } else if (unit.state === "acknowledged") line += ` ${clockWithSeconds(unit.acknowledged_at)}`;
    else if (unit.state === "declined") line += `：${unit.decline_reason}`;
    const isAwaited = !muster.ended_at && ["called", "acknowledged"].includes(unit.state);
    if (isAwaited) line += ` · ${wayOf(unit)}`;
    return make("li", { "data-state": unit.state, "data-unit-code": unit.code },
      make("span", { class: "muster-dot", "aria-hidden": "true" }),
      make("span", { class: "unit-name" }, unit.name, make("span", { class: "unit-line" }, line)),
      isAwaited || (!muster.ended_at && unit.state === "arrived") ? make("button", {
        type: "button", class: "button button-small", "data-act": `down ${muster.muster_id} ${unit.unit_id}`,
        onclick: () => act(`units/${unit.unit_id}/stand-down`),
      }, say("muster.stand_down")) : null);
  }

  // -- whom to call, of the nearest to a place

  /** A place was chosen, with the nearest units to it: the first free ones are chosen. */
  offer(place, name, found) {
    if (this.place?.lat !== place.lat || this.place?.lng !== place.lng) {
      this.place = place;
      this.key = null;
      byId("muster-place").value = name ?? "";
    }
    this.chosen = new Set(found.filter((unit) => unit.status === "free" && unit.state !== "unknown")
      .slice(0, FIRST_CHOSEN).map((unit) => unit.unit_id));
    byId("muster-form").hidden = found.length === 0;
    this.countChosen();
  }

  box(unit) {
    return make("input", {
      type: "checkbox", "data-call": unit.unit_id, checked: this.chosen.has(unit.unit_id),
      "aria-label": say("muster.choose", { name: unit.name }),
      onchange: (event) => {
        if (event.target.checked) this.chosen.add(unit.unit_id);
        else this.chosen.delete(unit.unit_id);
        this.key = null;
        this.countChosen();
      },
    });
  }

  countChosen() {
    byId("muster-send").textContent = say("muster.call", { count: formatNumber(this.chosen.size) });
    byId("muster-send").disabled = this.chosen.size === 0;
  }

  async call(event) {
    event.preventDefault();
    const told = byId("muster-form-told");
    this.key ??= crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`; // sent again after a fault: called once
    byId("muster-send").disabled = true;
    told.textContent = "";
    try {
      const muster = await askJson("/v1/musters", {
        method: "POST",
        headers: { "Content-Type": "application/json", "Idempotency-Key": this.key },
        body: JSON.stringify({
          reason: byId("muster-reason").value, lon: this.place.lng, lat: this.place.lat,
          place_name: byId("muster-place").value || null, within_m: Number(byId("muster-within").value),
          unit_ids: [...this.chosen],
        }),
      });
      this.key = null;
      byId("muster-reason").value = "";
      byId("muster-form").hidden = true;
      byId("nearest-fold").open = false;
      this.take(muster);
      byId("muster-board").scrollIntoView({ block: "nearest" });
    } catch (error) {
      told.textContent = error.message;
      this.key = error.status === 0 ? this.key : null;
    }
    byId("muster-send").disabled = this.chosen.size === 0;
  }
}

/** How far a unit is, and when it would be there: by road where there is a time by road. */
export function wayOf(unit) {
  if (unit.distance_m === null || unit.distance_m === undefined) return say("muster.place_unknown");
  const metres = formatMetres(unit.distance_m);
  if (unit.p50_s === null) return say("muster.straight", { distance: metres });
  return say("muster.by_road", { distance: metres, p50: minutes(unit.p50_s), p90: minutes(unit.p90_s) });
}

function minutes(seconds) {
  return new Intl.NumberFormat(language, { maximumFractionDigits: seconds < 600 ? 1 : 0 }).format(seconds / 60);
}
