// A past period again: all units at once, by a slider or at a chosen speed.

import { askJson } from "./api.js";
import { byId } from "./dom.js";
import { localTimeIn, momentIn } from "./local_days.js";
import { formatNumber, say, timeZone } from "./texts.js";
import { timeFormat } from "./times.js";

const STEP_MS = 100;
const GAP_S = 300; // longer without a position: nobody knows where it was
const moment = timeFormat({
  month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
});

export function startReplay(layer, { begun, ended }) {
  let answer = null;
  let timer = 0;

  byId("replay-start").value = localTimeIn(timeZone, new Date(Date.now() - 3600 * 1000));

  byId("replay-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!byId("replay-start").value) return;
    const start = new Date(momentIn(byId("replay-start").value, timeZone));
    const end = new Date(start.valueOf() + Number(byId("replay-minutes").value) * 60000);
    const query = new URLSearchParams({ start: start.toISOString(), end: end.toISOString() });
    byId("replay-note").textContent = say("live.replay_loading");
    try {
      answer = await askJson(`/v1/positions/replay?${query}`);
    } catch (error) {
      byId("replay-note").textContent = error.message;
      return;
    }
    byId("replay-note").textContent = say(answer.units.length ? "live.replay_found" : "live.replay_none", {
      units: formatNumber(answer.units.length),
      positions: formatNumber(answer.units.reduce((sum, unit) => sum + unit.seconds.length, 0)),
    });
    if (answer.units.length === 0) return;
    begun();
    for (const id of [...layer.units.keys()]) layer.remove(id);
    for (const unit of answer.units) {
      layer.describe(unit.unit_id, {
        kind: unit.kind, status: "free", state: "fresh", label: unit.code, hidden: true,
      });
    }
    const slider = byId("replay-slider");
    slider.max = String((Date.parse(answer.end) - Date.parse(answer.start)) / 1000);
    slider.value = "0";
    byId("replay-controls").hidden = false;
    show();
    byId("replay-play").focus();
  });

  function show() {
    const now_s = Number(byId("replay-slider").value);
    for (const unit of answer.units) {
      const place = placeAt(unit, now_s);
      layer.describe(unit.unit_id, { hidden: place === null, state: place?.isSure ? "fresh" : "stale" });
      if (place === null) continue;
      const trail = layer.units.get(unit.unit_id).trail;
      if (trail.length && trail[trail.length - 1].at_s > now_s) trail.length = 0; // the slider went back
      layer.move(unit.unit_id, place.lon, place.lat, now_s, false);
    }
    const at = moment.format(new Date(Date.parse(answer.start) + now_s * 1000));
    byId("replay-at").textContent = at;
    byId("replay-slider").setAttribute("aria-valuetext", at);
    byId("replay-banner-at").textContent = at;
    document.documentElement.setAttribute("data-replay", String(now_s));
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    byId("replay-play").textContent = say("live.replay_play");
  }

  byId("replay-slider").addEventListener("input", show);
  byId("replay-play").addEventListener("click", () => {
    if (timer) {
      stop();
      return;
    }
    byId("replay-play").textContent = say("live.replay_pause");
    timer = setInterval(() => {
      const slider = byId("replay-slider");
      const next = Number(slider.value) + (Number(byId("replay-speed").value) * STEP_MS) / 1000;
      slider.value = String(Math.min(next, Number(slider.max)));
      show();
      if (next >= Number(slider.max)) stop();
    }, STEP_MS);
  });
  byId("replay-end").addEventListener("click", () => {
    stop();
    byId("replay-controls").hidden = true;
    byId("replay-note").textContent = "";
    document.documentElement.removeAttribute("data-replay");
    ended();
  });
}

/** Where a unit was: between two positions on the straight line, if they aren't too far apart. */
export function placeAt(unit, now_s) {
  const next = unit.seconds.findIndex((each) => each > now_s);
  const last = (next === -1 ? unit.seconds.length : next) - 1;
  if (last < 0) return null;
  if (next === -1 || unit.seconds[next] - unit.seconds[last] > GAP_S) {
    const age_s = now_s - unit.seconds[last];
    return age_s > GAP_S ? null : { lon: unit.lon[last], lat: unit.lat[last], isSure: age_s <= 60 };
  }
  const share = (now_s - unit.seconds[last]) / (unit.seconds[next] - unit.seconds[last]);
  return {
    lon: unit.lon[last] + share * (unit.lon[next] - unit.lon[last]),
    lat: unit.lat[last] + share * (unit.lat[next] - unit.lat[last]),
    isSure: true,
  };
}
