// One patrol unit: what it is, who belongs to it, its roster by the week, its devices; and calls to it.

import { askJson } from "./api.js";
import { faultLine } from "./desk.js";
import { byId, make } from "./dom.js";
import { addDays, dayIn, momentIn, mondayOf, startOfDay } from "./local_days.js";
import { MusterCalls } from "./muster_call.js";
import { formatNumber, language, say, settings, timeZone } from "./texts.js";
import { clock, dateAndClock, timeFormat } from "./times.js";
import { wordsOf } from "./words.js";

const COMMA = language === "zh" ? "、" : ", ";
const path = `/v1/units/${settings.unit_id}`;
const showFault = faultLine("unit-fault");
const dayFormat = timeFormat({ month: "numeric", day: "numeric", weekday: "short" });
let unit = null;
let monday = mondayOf(dayIn(timeZone, new Date())); // "2026-11-23"

function dayName(day) {
  return dayFormat.format(new Date(startOfDay(day, timeZone)));
}

/** Ask for a change, then draw all anew; `told` says what was done. */
async function change(url, method, body, told = "units.saved") {
  showFault(null);
  try {
    const answer = await askJson(url, {
      method, headers: { "Content-Type": "application/json" }, body: body === undefined ? undefined : JSON.stringify(body),
    });
    await load();
    byId("unit-told").textContent = say(told);
    return answer ?? true;
  } catch (error) {
    showFault(error.message);
    if (error.status === 409) await load(); // somebody else was quicker: show what is
    return false;
  }
}

async function load() {
  const [found, members, shifts] = await Promise.all([
    askJson(path), askJson(`${path}/members?former=true`),
    askJson(`${path}/shifts?start=${encodeURIComponent(startOfDay(monday, timeZone))}&end=${encodeURIComponent(startOfDay(addDays(monday, 7), timeZone))}`),
  ]);
  unit = found;
  showFacts();
  showMembers(members.members);
  showRoster(shifts.shifts);
  showDevices();
  byId("unit-told").textContent = unit.ended_at ? say("units.ended", { at: dateAndClock(unit.ended_at) }) : "";
  document.documentElement.setAttribute("data-version", String(unit.version));
}

function showFacts() {
  const facts = [
    ["live.kind", say(`live.kind_${unit.kind}`)], ["live.status", say(`live.status_${unit.status}`)],
    ["live.skills", unit.skills.join(COMMA)], ["live.kit", unit.kit.join(COMMA)],
    ["units.home", unit.home ? `${unit.home.lon.toFixed(5)}, ${unit.home.lat.toFixed(5)}` : ""],
    ["units.drilled", unit.drilled_on], ["units.grids", unit.grid_codes.join(COMMA)],
  ];
  byId("facts").replaceChildren(...facts.map(([key, text]) =>
    make("div", {}, make("dt", {}, say(key)), make("dd", {}, text || "—"))));
  if (!settings.leads) return;
  byId("fact-name").value = unit.name;
  byId("fact-kind").value = unit.kind;
  byId("fact-grids").value = unit.grid_codes.join(COMMA);
  byId("fact-skills").value = unit.skills.join(COMMA);
  byId("fact-kit").value = unit.kit.join(COMMA);
  byId("fact-home").value = unit.home ? `${unit.home.lon}, ${unit.home.lat}` : "";
  byId("fact-drilled").value = unit.drilled_on ?? "";
}

function button(text, onclick, name) {
  return make("button", { type: "button", class: "button button-small", "data-act": name, onclick }, text);
}

function showMembers(members) {
  byId("members").replaceChildren(...members.map((member) => make("li", { class: member.left_at ? "is-over" : "" },
    make("span", {}, make("b", {}, member.name), member.account ? make("span", { class: "code" }, ` ${member.account}`) : "",
      make("span", { class: "quiet" }, ` ${say(`live.role_${member.role}`)} · ${dateAndClock(member.joined_at)} – ${member.left_at ? dateAndClock(member.left_at) : ""}`)),
    settings.leads && !member.left_at
      ? button(say("units.leave"), () => change(`${path}/members/${member.member_id}/leave`, "POST"), `leave ${member.member_id}`) : null)));
}

function showRoster(shifts) {
  byId("week-text").textContent = `${dayName(monday)} – ${dayName(addDays(monday, 6))}`;
  const now = Date.now();
  const today = dayIn(timeZone, new Date());
  byId("roster").replaceChildren(...[...Array(7).keys()].map((number) => {
    const day = addDays(monday, number);
    const own = shifts.filter(({ starts_at: at }) => dayIn(timeZone, new Date(at)) === day);
    return make("tr", { class: day === today ? "is-today" : "" },
      make("th", { scope: "row" }, dayName(day)),
      make("td", {}, ...(own.length ? own.map((shift) => shiftView(shift, now)) : [make("span", { class: "quiet" }, "—")])));
  }));
}

function shiftView(shift, now) {
  const isRunning = new Date(shift.starts_at) <= now && new Date(shift.ends_at) > now;
  return make("span", { class: isRunning ? "shift is-running" : "shift" },
    `${clock(shift.starts_at)}–${clock(shift.ends_at)}`,
    settings.leads && new Date(shift.starts_at) > now
      ? make("button", {
        type: "button", class: "shift-remove", "aria-label": say("units.cancel_shift"), title: say("units.cancel_shift"),
        onclick: () => change(`${path}/shifts/${shift.shift_id}`, "DELETE"),
      }, "×") : null);
}

function showDevices() {
  const dropped = (device) => Object.entries(device.dropped).map(([reason, count]) => `${reason} ${formatNumber(count)}`).join(COMMA);
  byId("devices").replaceChildren(...unit.devices.filter((device) => !device.ended_at).map((device) => make("li", {},
    make("span", {}, make("b", {}, device.name ?? say("units.any_name")),
      make("span", { class: "quiet" }, ` #${device.device_id} · ${say("units.skew", { seconds: formatNumber(Math.round(device.skew_s)) })}`
        + (dropped(device) ? ` · ${say("units.dropped", { counts: dropped(device) })}` : ""))),
    settings.leads ? make("span", { class: "button-row" },
      button(say("units.new_token"), async () => showOnce(await change(`${path}/devices/${device.device_id}/token`, "POST")), `token ${device.device_id}`),
      button(say("units.revoke"), () => change(`${path}/devices/${device.device_id}`, "DELETE"), `revoke ${device.device_id}`)) : null)));
  if (byId("devices").childElementCount === 0) byId("devices").append(make("li", { class: "quiet" }, say("units.no_devices")));
}

function showOnce(answer) {
  if (!answer?.token) return;
  byId("once-secret").textContent = answer.token;
  byId("once").hidden = false;
  byId("once").scrollIntoView({ block: "nearest" });
}

function onSubmit(id, action) {
  byId(id)?.addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });
}

onSubmit("facts-form", () => {
  const home = byId("fact-home").value.split(/[,，\s]+/).filter(Boolean).map(Number);
  change(path, "PATCH", {
    version: unit.version, name: byId("fact-name").value, kind: byId("fact-kind").value,
    grid_codes: wordsOf(byId("fact-grids").value), skills: wordsOf(byId("fact-skills").value),
    kit: wordsOf(byId("fact-kit").value), home: home.length === 2 ? { lon: home[0], lat: home[1] } : null,
    drilled_on: byId("fact-drilled").value || null,
  });
});
onSubmit("member-form", async () => {
  const name = byId("member-name").value.trim();
  const done = await change(`${path}/members`, "POST", {
    role: byId("member-role").value, ...(byId("member-account").checked ? { account: name } : { shown_name: name }),
  });
  if (done) byId("member-name").value = "";
});
onSubmit("shift-form", async () => {
  const [from, to] = ["shift-from", "shift-to"].map((id) => byId(id).value); // "2026-11-23T08:00"
  for (let number = 0; number < Number(byId("shift-days").value); number += 1) {
    const shifted = [from, to].map((each) =>
      momentIn(`${addDays(each.slice(0, 10), number)}${each.slice(10)}`, timeZone));
    if (!(await change(`${path}/shifts`, "POST", { starts_at: shifted[0], ends_at: shifted[1] }))) return;
  }
});
onSubmit("device-form", async () => {
  showOnce(await change(`${path}/devices`, "POST", { name: byId("device-name").value.trim() || null }));
  byId("device-name").value = "";
});
byId("off-duty")?.addEventListener("click", () => change(`${path}/off-duty`, "POST"));
byId("unit-end")?.addEventListener("click", (event) => {
  if (event.target.dataset.asked) {
    change(`${path}/end`, "POST", { version: unit.version });
    return;
  }
  event.target.dataset.asked = "true"; // what can't be taken back takes a second press
  event.target.textContent = say("units.end_sure");
});
byId("once-done").addEventListener("click", () => {
  byId("once-secret").textContent = "";
  byId("once").hidden = true;
});
for (const [id, days] of [["week-before", -7], ["week-after", 7]]) {
  byId(id).addEventListener("click", () => {
    monday = addDays(monday, days);
    load().catch((error) => showFault(error.message));
  });
}

const calls = new MusterCalls({ onPlace: ({ lat, lon }) => { location.href = `/live#map=17/${lat.toFixed(5)}/${lon.toFixed(5)}`; } });
const stream = new EventSource("/v1/positions/live");
stream.addEventListener("musters", async (event) => {
  for (const id of JSON.parse(event.data)) {
    try {
      calls.take(await askJson(`/v1/musters/${id}`));
    } catch (error) {
      if (error.status !== 404) showFault(error.message);
    }
  }
});
window.addEventListener("pagehide", () => stream.close());
try {
  await load();
} catch (error) {
  showFault(error.message);
  byId("unit-told").textContent = "";
}
document.documentElement.setAttribute("data-ready", "true");
