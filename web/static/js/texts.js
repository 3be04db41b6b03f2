// The page's configuration and its texts, in the page's language.

const config = JSON.parse(document.getElementById("page-config").textContent);

export const language = config.language;
export const settings = config.settings;
export const openTask = config.task; // null where none is open
export const timeZone = config.time_zone; // the deployment's

const locale = document.documentElement.lang;
const wholeNumbers = new Intl.NumberFormat(locale);

export function say(key, values = {}) {
  const text = config.texts[key];
  if (text === undefined) throw new Error(`No text is called ${key}. See web/translations.`);
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

export function has(key) {
  return key in config.texts;
}

export function formatNumber(value) {
  return wholeNumbers.format(value);
}

/** Metres as people read them: 8 m, 120 m, 1.4 km. */
export function formatMetres(metres) {
  if (metres < 1000) return say("common.metres", { value: formatNumber(Math.round(metres)) });
  const kilometres = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  return say("common.kilometres", { value: kilometres.format(metres / 1000) });
}

/** An area as people read it: 870 m², 0.11 km². */
export function formatSquareMetres(squareMetres) {
  const threeFigures = new Intl.NumberFormat(locale, { maximumSignificantDigits: 2 });
  if (squareMetres < 10000) {
    return say("common.square_metres", { value: threeFigures.format(squareMetres) });
  }
  return say("common.square_kilometres", { value: threeFigures.format(squareMetres / 1e6) });
}
