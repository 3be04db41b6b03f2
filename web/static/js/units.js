// The list of patrol units, and a form for a new one.

import { askJson } from "./api.js";
import { faultLine } from "./desk.js";
import { byId, make } from "./dom.js";
import { formatNumber, language, say } from "./texts.js";
import { wordsOf } from "./words.js";

const COMMA = language === "zh" ? "、" : ", ";
const showFault = faultLine("units-fault");
let units = [];

function draw() {
  const text = byId("units-filter").value.trim().toLowerCase();
  const kind = byId("units-kind").value;
  const wanted = units.filter((unit) => (!kind || unit.kind === kind)
    && (!text || [unit.code, unit.name, ...unit.skills, ...unit.kit].some((word) => word.toLowerCase().includes(text))));
  byId("units-status").textContent = say("units.count", { count: formatNumber(wanted.length), all: formatNumber(units.length) });
  byId("units").replaceChildren(...wanted.map((unit) => make("li", {},
    make("a", { href: `/units/${unit.unit_id}`, class: "units-row", "data-code": unit.code },
      make("b", {}, unit.name), make("span", { class: "code" }, unit.code),
      make("span", { class: `unit-status unit-status-${unit.status}` }, say(`live.status_${unit.status}`)),
      make("span", { class: "quiet" }, [
        say(`live.kind_${unit.kind}`), say("units.grid_count", { count: formatNumber(unit.grid_codes.length) }),
        unit.skills.join(COMMA),
      ].filter(Boolean).join(" · "))))));
  document.documentElement.setAttribute("data-units", String(wanted.length));
}

async function load() {
  try {
    units = (await askJson("/v1/units")).units;
    draw();
  } catch (error) {
    showFault(error.message);
  }
}

byId("units-filter").addEventListener("input", draw);
byId("units-kind").addEventListener("change", draw);
byId("unit-form")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  showFault(null);
  try {
    const made = await askJson("/v1/units", {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        code: byId("new-code").value, name: byId("new-name").value, kind: byId("new-kind").value,
        grid_codes: wordsOf(byId("new-grids").value),
      }),
    });
    location.href = `/units/${made.unit_id}`;
  } catch (error) {
    showFault(error.message);
  }
});
await load();
document.documentElement.setAttribute("data-ready", "true");
