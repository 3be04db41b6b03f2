// What the geocoder found for a text, as pages show it.

import { make } from "./dom.js";
import { language } from "./texts.js";

export function reasonText(reasons) {
  return (reasons ?? []).map((reason) => reason[language]).join(language === "zh" ? "；" : "; ");
}

/** A link to the place on the map, or null where it has none. */
export function mapLink(candidate, text) {
  if (!candidate || candidate.lon === null || candidate.lon === undefined) return null;
  const place = `${candidate.lat.toFixed(6)}/${candidate.lon.toFixed(6)}`;
  const href = `/#map=18/${place}&at=${candidate.lon.toFixed(6)},${candidate.lat.toFixed(6)}`;
  return make("a", { href, target: "_blank", rel: "noopener" }, text);
}

export function percent(value) {
  return `${Math.floor(value * 100)}%`;
}
