// Days of the deployment's own calendar, as text: "2026-11-26". Pure functions.

const DAY_MS = 86400000;
const PATTERN = /^\d{4}-\d{2}-\d{2}$/;

export function isDay(text) {
  return PATTERN.test(text) && dayOf(asDate(text)) === text;
}

/** Return the day that it is in a zone at a moment. */
export function dayIn(zone, moment) {
  return new Intl.DateTimeFormat("en-CA", {
    timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit",
  }).format(moment);
}

export function addDays(day, count) {
  return dayOf(new Date(asDate(day).getTime() + count * DAY_MS));
}

/** Return the first day of the month that lies so many months on. */
export function addMonths(day, count) {
  const date = asDate(day);
  return dayOf(new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + count, 1)));
}

/** Return the Monday of a day's week. */
export function mondayOf(day) {
  return addDays(day, -((asDate(day).getUTCDay() + 6) % 7));
}

/** Return how many days lie between two, the first included. */
export function daysBetween(from, until) {
  return Math.round((asDate(until) - asDate(from)) / DAY_MS);
}

/** Return the moment a day begins in a zone, with its offset: 2026-11-26T00:00:00+08:00. */
export function startOfDay(day, zone) {
  return momentIn(`${day}T00:00`, zone);
}

/** Return a local time of a zone, "2026-11-26T20:15", with its offset: 2026-11-26T20:15:00+08:00. */
export function momentIn(localTime, zone) {
  // The offset there: first guessed at the same clock in UTC, then asked again at what was found.
  const clock = new Date(`${localTime}:00Z`);
  const guess = offsetAt(clock, zone);
  const offset = offsetAt(new Date(clock.getTime() - minutesOf(guess) * 60000), zone);
  return `${localTime}:00${offset}`;
}

/** Return the local time of a moment in a zone, as a field of a form takes it. */
export function localTimeIn(zone, moment) {
  const clock = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  }).format(moment);
  return `${dayIn(zone, moment)}T${clock}`;
}

function offsetAt(moment, zone) {
  const parts = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" })
    .formatToParts(moment);
  const name = parts.find((part) => part.type === "timeZoneName").value; // GMT+08:00, or GMT
  return name.slice(3) || "+00:00";
}

function minutesOf(offset) {
  const [hours, minutes] = offset.slice(1).split(":").map(Number);
  return (offset[0] === "-" ? -1 : 1) * (hours * 60 + minutes);
}

function asDate(day) {
  return new Date(`${day}T00:00:00Z`);
}

function dayOf(date) {
  return Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, 10);
}
