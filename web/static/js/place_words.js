// What the fields and values of records are called, and days as people read them.

import { daysUntil } from "./days.js";
import { formatNumber, has, say, settings } from "./texts.js";

const list = new Intl.ListFormat(document.documentElement.lang, { type: "conjunction" });

/** The name of a field; some are called otherwise in one kind of record. */
export function fieldName(record, name) {
  const own = `place.field_${record}_${name}`;
  if (has(own)) return say(own);
  return has(`place.field_${name}`) ? say(`place.field_${name}`) : name;
}

/** A value as it is shown: one of a list by its text, several joined, nothing as “empty”. */
export function valueText(field, value) {
  if (value === null || value === undefined || value === "" || value.length === 0) return say("place.empty");
  if (Array.isArray(value)) return join(value.map((each) => valueText(field, each)));
  return field in settings.choices ? say(`place.${field}_${value}`) : String(value);
}

export function join(texts) {
  return list.format(texts);
}

export function missingText(record, missing) {
  return say("place.missing", { fields: join(missing.map((name) => fieldName(record, name))) });
}

/** When something is due, and how it is to look: {text, isDue}. */
export function dueOf(day) {
  const days = daysUntil(day);
  if (days > 0) return { isDue: false, text: say("place.due_on", { day }) };
  if (days === 0) return { isDue: true, text: say("place.due_today") };
  return { isDue: true, text: say("place.due_late", { days: formatNumber(-days), day }) };
}

/** What a write answered, for who sent it: stored, what is still missing, when it is due. */
export function savedText(record, answer) {
  return [
    say(answer.replayed ? "place.saved_before" : "place.saved"),
    answer.missing?.length ? missingText(record, answer.missing) : null,
    answer.due_on ? dueOf(answer.due_on).text : null,
  ].filter(Boolean).join(" ");
}
