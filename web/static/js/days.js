// Days, counted from the deployment's today: the page's settings say which day that is.

import { settings } from "./texts.js";

const DAY_MS = 24 * 3600 * 1000;

/** Days until a day; negative where it is over. */
export function daysUntil(day) {
  return Math.round((Date.parse(day) - Date.parse(settings.today)) / DAY_MS);
}
