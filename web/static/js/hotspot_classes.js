// Classes of the hotspots, by measure: which a cell is of, its colour, its words. Pure functions.

// ColorBrewer YlOrRd: ordered in lightness, safe for colour-blind readers.
const RAMP = ["#ffffb2", "#fed976", "#feb24c", "#fd8d3c", "#f03b20", "#bd0026"];
// Of two sides: ColorBrewer RdYlBu's ends, told apart by colour-blind readers too.
const [MORE, FEWER] = ["#d7301f", "#2c7bb6"];
// Local Moran: alike in full colour, unlike in pale.
const MORAN = {
  "high among high": MORE, "high among low": "#fdae61", "low among high": "#abd9e9", "low among low": FEWER,
};
export const NOTHING = "#d3d6da";
/** Below this many incidents a cell is hatched and no number is told; as in `layers.hotspots.layer`. */
export const FEW = 5;
const STEPS = [1, 2, 5];
const FINE_STEPS = [1, 1.5, 2, 3, 5, 7];
const CLASSES_MIN = 4;

/** Return bounds of 1, 2, 5, 10, 20, … that hold values, closer ones where that gives too few; the
 * first is at most the smallest. */
export function roundBounds(least, most) {
  if (!(least > 0)) return [];
  const wide = boundsOf(least, most, STEPS);
  return wide.length >= CLASSES_MIN ? wide : boundsOf(least, most, FINE_STEPS);
}

function boundsOf(least, most, steps, classesMax = RAMP.length) {
  const bounds = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.log10(most); power += 1) {
    for (const step of steps) {
      const bound = Number((step * 10 ** power).toPrecision(2));
      if (bound <= most) bounds.push(bound);
    }
  }
  const first = bounds.findLastIndex((bound) => bound <= least);
  const fitting = bounds.slice(Math.max(first, 0));
  // Where there are more than colours, the lowest are one class.
  return fitting.length <= classesMax ? fitting : [fitting[0], ...fitting.slice(1 - classesMax)];
}

/**
 * Return the classes [{name, from, to, colour, isHatched, holds(properties)}], the most telling first.
 * `isSliding`: the same bounds in each window, so that a colour means one number throughout.
 */
export function classesOf(measure, answer, isSliding = false) {
  const cells = answer.features.map((feature) => feature.properties);
  const few = { name: "few", colour: null, isHatched: true, holds: (cell) => cell.is_too_few };
  const none = { name: "none", colour: NOTHING, isHatched: false, holds: () => true };
  const side = (name, colour) => ({
    name, colour, isHatched: false, holds: (cell) => !cell.is_too_few && cell.kind === name,
  });
  if (measure === "gi") return [side("hot", MORE), side("cold", FEWER), none, few].map(fewFirst);
  if (measure === "moran") {
    return [...Object.entries(MORAN).map(([name, colour]) => side(name, colour)), none, few].map(fewFirst);
  }
  if (measure === "change") return [side("more", MORE), side("fewer", FEWER), none, few].map(fewFirst);
  if (measure === "counts") {
    const counts = cells.filter((cell) => !cell.is_too_few).map((cell) => cell.count);
    const most = Math.max(0, ...counts);
    const bounds = isSliding
      ? [5, 10, 20, 50, 100, 200]
      : [...new Set(answer.class_breaks.map((bound) => Math.max(bound, FEW)))].filter((bound) => bound <= most);
    return [...ranges(bounds, most, true, (cell) => cell.count, (cell) => !cell.is_too_few), few];
  }
  if (measure === "risk" || measure === "rate") {
    const told = (cell) => !cell.is_too_few && (measure === "rate" || cell.is_coloured);
    const rates = cells.filter(told).map((cell) => cell.rate);
    const bounds = roundBounds(Math.min(...rates), Math.max(...rates));
    const rated = ranges(bounds, Math.max(0, ...rates), false, (cell) => cell.rate, told);
    return [...rated, ...(measure === "risk" ? [none] : []), few].map(fewFirst);
  }
  const values = cells.map((cell) => cell.value).filter((value) => value > 0);
  const bounds = roundBounds(Math.min(...values), Math.max(...values));
  return ranges(bounds, Math.max(0, ...values), false, (cell) => cell.value, () => true);
}

/** "None" doesn't hold what is too few. */
function fewFirst(each) {
  return each.name === "none" ? { ...each, holds: (cell) => !cell.is_too_few } : each;
}

/** Classes between bounds, the highest first. */
function ranges(bounds, most, isWhole, valueOf, isTold) {
  return bounds.map((from, index) => {
    const next = bounds[index + 1];
    return {
      name: "range", from, to: next === undefined ? most : isWhole ? next - 1 : next,
      isOpen: next === undefined, colour: colourOf(index, bounds.length), isHatched: false,
      holds: (cell) => isTold(cell) && (index === 0 || valueOf(cell) >= from)
        && (next === undefined || valueOf(cell) < next),
    };
  }).reverse();
}

function colourOf(index, count) {
  if (count === 1) return RAMP[3];
  return RAMP[Math.round((index * (RAMP.length - 1)) / (count - 1))];
}

/** Return the class of a cell; the classes hold each cell of their answer once, at most. */
export function classOfCell(cell, classes) {
  // "None" holds what no other does, so it is asked last.
  return classes.filter((each) => each.name !== "none").find((each) => each.holds(cell))
    ?? classes.find((each) => each.name === "none");
}
