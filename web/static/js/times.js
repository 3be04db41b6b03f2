// Moments as the deployment's clock shows them, whatever zone the visitor's device is set to.

import { language, timeZone } from "./texts.js";

/** Return a formatter of `Intl` for moments, in the page's language and the deployment's zone. */
export function timeFormat(options) {
  return new Intl.DateTimeFormat(language, { timeZone, hourCycle: "h23", ...options });
}

const CLOCK = { hour: "2-digit", minute: "2-digit" };
const DAY = { month: "numeric", day: "numeric" };
const clockFormat = timeFormat(CLOCK);
const secondsFormat = timeFormat({ ...CLOCK, second: "2-digit" });
const dayFormat = timeFormat({ ...DAY, ...CLOCK });
const dateFormat = timeFormat({ dateStyle: "medium", timeStyle: "short" });

/** 14:05 */
export function clock(moment) {
  return clockFormat.format(new Date(moment));
}

/** 14:05:31 */
export function clockWithSeconds(moment) {
  return secondsFormat.format(new Date(moment));
}

/** 14:05 and the day before it, without the year. */
export function dayAndClock(moment) {
  return dayFormat.format(new Date(moment));
}

/** The whole date, and 14:05. */
export function dateAndClock(moment) {
  return dateFormat.format(new Date(moment));
}
