// Classes of a figure for a map of colours. The API names their lower bounds, round numbers.
// Pure functions, so that they can be tried without a map.

// ColorBrewer YlGnBu: ordered in lightness, safe for colour-blind readers.
const RAMP = ["#ffffcc", "#d6efb3", "#a2d9b8", "#5fc0c0", "#2f9bc2", "#2464a8", "#1e2f86"];

/** Colour lies over the ground at this strength, on the map as in the legend. */
export const STRENGTH = 0.72;
export const GROUND = "#f4f1ea";

/** Return a colour as it is laid over the ground: the same with its strength as alpha. */
export function glaze(colour) {
  return `${colour}${Math.round(STRENGTH * 255).toString(16)}`;
}

/** Cells with fewer addresses than this are hatched and belong to no class. */
export const TOO_FEW = 3;

/**
 * Return the classes [{from, to, colour}] from low to high, without gaps.
 * `breaks`: lower bounds, ascending; `most`: the largest count.
 */
export function classesOf(breaks, most) {
  const bounds = [...new Set(breaks.map((bound) => Math.max(bound, TOO_FEW)))]
    .filter((bound) => bound <= most);
  return bounds.map((from, index) => ({
    from,
    to: index + 1 < bounds.length ? bounds[index + 1] - 1 : most,
    colour: colourOf(index, bounds.length),
  }));
}

/** Return the place of a count in the classes, or -1 where it is too small for any. */
export function classOf(count, classes) {
  for (let index = classes.length - 1; index >= 0; index -= 1) {
    if (count >= classes[index].from) return index;
  }
  return -1;
}

function colourOf(index, classCount) {
  if (classCount === 1) return RAMP[3];
  return RAMP[Math.round((index * (RAMP.length - 1)) / (classCount - 1))];
}
