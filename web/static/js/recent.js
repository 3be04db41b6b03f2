// What was chosen lately, kept in this browser only: numbers of addresses, no text of them.

const KEPT_AS = "gridbeat.chosen";
const MOST = 20; // as many as the API takes

/** Numbers of the addresses chosen lately, the last one first. */
export function recentChoices() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT_AS) ?? "[]");
    return Array.isArray(kept) ? kept.filter((id) => Number.isSafeInteger(id) && id > 0).slice(0, MOST) : [];
  } catch {
    return []; // storage is switched off, or something else lies there
  }
}

/** Remember that an address was chosen. A group of addresses has no number and isn't kept. */
export function rememberChoice(addressId) {
  if (addressId === null || addressId === undefined) return;
  const others = recentChoices().filter((id) => id !== addressId);
  try {
    localStorage.setItem(KEPT_AS, JSON.stringify([addressId, ...others].slice(0, MOST)));
  } catch {
    // storage is switched off or full: nothing is remembered, everything else works
  }
}
