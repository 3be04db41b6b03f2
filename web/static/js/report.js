// A report of any shape as text: names and values, tables of likes, nothing left out in silence.

import { make } from "./dom.js";
import { formatNumber, has, language, say } from "./texts.js";

const ENTRIES_SHOWN = 20;

// Members whose values are names from a list, not words of the operator.
const CODED = ["kind", "severity", "reason", "verdict", "status"];

/** Return a node that shows a value of a report. Empty parts are left out. */
export function reportView(value, name = "") {
  if (typeof value === "string" && CODED.includes(name)) return nameOf(value);
  if (typeof value === "string" && name === "level" && has(`level.${value}`)) return say(`level.${value}`);
  if (Array.isArray(value)) return listView(value);
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value).filter(([, entry]) => !isEmpty(entry));
    return make("dl", {}, ...entries.flatMap(([name, entry]) => [
      make("dt", {}, nameOf(name)), make("dd", {}, reportView(entry, name)),
    ]));
  }
  if (typeof value === "number") return Number.isInteger(value) ? formatNumber(value) : String(value);
  if (typeof value === "boolean") return say(value ? "imports.yes" : "imports.no");
  return String(value);
}

/** What is said for a member of a report; members and reasons without a text show their own name. */
function nameOf(name) {
  if (!has(`report.${name}`) && has(`level.${name}`)) return say(`level.${name}`);
  return has(`report.${name}`) ? say(`report.${name}`) : name.replaceAll("_", " ");
}

function listView(values) {
  if (values.every((value) => typeof value !== "object")) {
    return values.join(language === "zh" ? "、" : ", ");
  }
  const shown = values.slice(0, ENTRIES_SHOWN);
  const more = values.length - shown.length;
  return make("ul", {},
    ...shown.map((value) => make("li", { class: "entry" }, reportView(value))),
    more > 0 ? make("li", { class: "quiet" }, say("imports.more_entries", { count: formatNumber(more) })) : null,
  );
}

function isEmpty(value) {
  if (value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
