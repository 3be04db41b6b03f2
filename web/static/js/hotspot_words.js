// What a cell says, in words: in its bubble, in the table, in the file.

import { make } from "./dom.js";
import { FEW } from "./hotspot_classes.js";
import { formatNumber, say } from "./texts.js";

const locale = document.documentElement.lang;
const tenths = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });
const signed = new Intl.NumberFormat(locale, { maximumFractionDigits: 1, signDisplay: "exceptZero" });

export function decimal(value) {
  return value === null || value === undefined ? "—" : tenths.format(value);
}

export function intervalText(low, high) {
  return low === null || low === undefined ? "—" : say("map.hot_interval", { low: decimal(low), high: decimal(high) });
}

/** A count as it may be told: few say little, and of a dwelling too much. */
export function countText(count, isFew = count < FEW) {
  return isFew && count > 0 ? say("map.hot_fewer_than", { few: FEW }) : formatNumber(count);
}

/** What a rate is of. */
export function rateText({ per }) {
  return say(`map.hot_rate_${per}`);
}

/** The name of a place: of a grid its own, of a hexagon its code. */
export function placeOf(cell) {
  return cell.name ?? cell.grid_code ?? cell.h3_cell;
}

export function kindText(cell) {
  return cell.is_too_few ? say("map.hot_class_few", { few: FEW })
    : say(`map.hot_class_${cell.kind.replaceAll(" ", "_")}`);
}

/** Return pairs of words and value for one cell of a measure. */
export function factsOf(cell, measure, question) {
  const counted = [say("map.hot_fact_count"), countText(cell.count)];
  if (measure === "density") return [[say("map.hot_fact_density"), decimal(cell.value)], counted];
  if (measure === "rate") {
    return [counted, [rateText(question), cell.is_too_few ? say("map.hot_nothing_said") : decimal(cell.rate)]];
  }
  if (measure === "risk") {
    if (cell.is_too_few) return [counted, [rateText(question), say("map.hot_nothing_said")]];
    return [
      counted,
      [rateText(question), decimal(cell.rate)],
      [say("map.hot_fact_interval"), intervalText(cell.low, cell.high)],
      [say("map.hot_fact_says"), say(cell.is_coloured ? "map.hot_above" : "map.hot_class_risk_none")],
    ];
  }
  if (measure === "gi" || measure === "moran") {
    return [counted, [say("map.hot_fact_z"), decimal(cell.z)], [say("map.hot_fact_says"), kindText(cell)]];
  }
  if (measure === "change") {
    return [
      [say("map.hot_fact_before"), countText(cell.before)],
      counted,
      ...(cell.is_too_few ? [] : [[say("map.hot_fact_change"), signed.format(cell.change)]]),
      [say("map.hot_fact_says"), kindText(cell)],
    ];
  }
  if (measure === "forecast") {
    return [
      [say("map.hot_fact_expected", { days: question.horizon }), decimal(cell.value)],
      [say("map.hot_fact_interval"), intervalText(cell.low, cell.high)],
      [say("map.hot_fact_reason"), reasonText(cell.reason)],
    ];
  }
  return [counted];
}

export function reasonText(reason) {
  return say(`map.hot_reason_${reason.replace(" ", "_")}`);
}

/** Return the inside of a cell's bubble. */
export function bubbleOf(cell, measure, question) {
  return make("div", { class: "hot-bubble" },
    make("p", { class: "hot-bubble-title" },
      cell.h3_cell ? say("map.hot_cell_title") : placeOf(cell),
      cell.h3_cell ? make("span", { class: "code quiet" }, ` ${cell.h3_cell}`) : null),
    measure === "forecast" ? null : make("p", { class: "quiet" }, say("map.hot_days", question)),
    make("dl", {}, ...factsOf(cell, measure, question).map(([term, value]) =>
      make("div", {}, make("dt", {}, term), make("dd", {}, value)))),
  );
}

/** Return the head and the cells of a table of a measure: [{head, isNumber, of(cell)}]. */
export function columnsOf(measure, question) {
  const count = { head: say("map.hot_col_count"), of: (cell) => countText(cell.count) };
  const range = { head: say("map.hot_col_interval"), of: (cell) => intervalText(cell.low, cell.high) };
  if (measure === "density") return [{ head: say("map.hot_col_density"), of: (cell) => decimal(cell.value) }, count];
  if (measure === "risk" || measure === "rate") {
    const unless = (text) => (cell) => (cell.is_too_few ? "—" : text(cell));
    return [
      count,
      { head: rateText(question), of: unless((cell) => decimal(cell.rate)) },
      ...(measure === "risk" ? [{ ...range, of: unless(range.of) }] : []),
    ];
  }
  if (measure === "gi" || measure === "moran") return [count, { head: "z", of: (cell) => decimal(cell.z) }, { head: say("map.hot_col_says"), of: kindText }];
  if (measure === "change") {
    return [
      { head: say("map.hot_col_before"), of: (cell) => countText(cell.before) }, count,
      { head: say("map.hot_col_says"), of: kindText },
    ];
  }
  if (measure === "forecast") {
    return [
      { head: say("map.hot_col_expected", { days: question.horizon }), of: (cell) => decimal(cell.value) }, range,
      { head: say("map.hot_col_reason"), of: (cell) => reasonText(cell.reason) },
    ];
  }
  return [count];
}
