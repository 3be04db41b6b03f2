// What the engine makes of a text: its parts marked in it, the standard text, what is left over.

import { askJson } from "./api.js";
import { byId, make } from "./dom.js";
import { formatNumber, language, say, settings } from "./texts.js";

const GROUPS = {
  province: "division", city: "division", county: "division", township: "division",
  development_zone: "place", community: "place", village_group: "place",
  road: "street", door: "street", estate: "site", building: "site",
  entrance: "inside", floor: "inside", room: "inside",
};
const BESIDE = ["relation", "distance", "repeated", "note"];

function showFault(text) {
  byId("address-fault").hidden = text === null;
  byId("address-fault").textContent = text ?? "";
}

async function start(event) {
  event?.preventDefault();
  showFault(null);
  const texts = byId("address-texts").value.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (texts.length === 0) {
    showFault(say("address.fault_empty"));
    byId("address-texts").focus();
    return;
  }
  if (texts.length > settings.most_texts) {
    showFault(say("address.fault_many", {
      count: formatNumber(texts.length), most: formatNumber(settings.most_texts),
    }));
    return;
  }
  byId("address-start").disabled = true;
  byId("address-status").textContent = say("common.loading");
  try {
    const [read, standard] = await Promise.all([ask("read", texts), ask("standardise", texts)]);
    byId("readings").replaceChildren(
      ...read.map((reading, index) => readingView(reading, standard[index])),
    );
    byId("address-status").textContent = say("address.done", { count: formatNumber(read.length) });
  } catch (error) {
    byId("address-status").textContent = "";
    showFault(error.message);
  }
  byId("address-start").disabled = false;
}

async function ask(verb, texts) {
  const answer = await askJson(`/v1/addresses/${verb}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ addresses: texts }),
  });
  return answer.results;
}

function readingView(reading, standard) {
  if (reading.status === "error") {
    return make("li", { class: "reading" },
      make("p", {}, reading.text),
      make("p", { class: "fault" }, say("common.text_unreadable", { most: formatNumber(settings.text_max) })));
  }
  const facts = [
    fact("address.standard", standard.canonical_text
      ? make("span", { class: "standard-text" }, standard.canonical_text)
      : say("address.no_address")),
    standard.full_text && standard.full_text !== standard.canonical_text
      ? fact("address.full", standard.full_text) : null,
    standard.level ? fact("address.level", say(`level.${standard.level}`)) : null,
    standard.divisions.length
      ? fact("address.divisions", make("ul", {}, ...standard.divisions.map(divisionView))) : null,
    standard.alternatives.length
      ? fact("address.alternatives", make("ul", {}, ...standard.alternatives.map(alternativeView))) : null,
    reading.leftovers.length ? fact("address.leftovers", joined(reading.leftovers)) : null,
    standard.canonical_text && !standard.reads_back ? fact("address.beware", say("address.swings")) : null,
  ];
  return make("li", { class: "reading" }, markedView(reading),
    make("dl", { class: "facts" }, ...facts.flat()));
}

function fact(key, value) {
  return [make("dt", {}, say(key)), make("dd", {}, value)];
}

function joined(notes) {
  return notes.map((note) => note.text).join(language === "zh" ? "、" : ", ");
}

/** The text as it was typed, cut into its pieces, each with its label. */
function markedView(reading) {
  const characters = Array.from(reading.text); // spans count characters, not UTF-16 units
  const pieces = [
    ...reading.parts.map((part) => ({ ...part, ...partLabel(part) })),
    ...[...reading.relation, ...reading.notes, ...reading.leftovers]
      .map((note) => ({ ...note, ...noteLabel(note) })),
  ].sort((one, other) => one.start - other.start || one.end - other.end);
  const views = [];
  let at = 0;
  for (const piece of pieces) {
    if (piece.start > at) views.push(pieceView(characters.slice(at, piece.start), "piece-none", ""));
    const from = Math.max(at, piece.start);
    if (piece.end > from) {
      views.push(pieceView(characters.slice(from, piece.end), piece.class, piece.label));
      at = piece.end;
    }
  }
  if (at < characters.length) views.push(pieceView(characters.slice(at), "piece-none", ""));
  return make("div", { class: "marked", role: "group", "aria-label": say("address.marked") }, ...views);
}

function partLabel(part) {
  const name = say(`level.${part.level}`);
  return part.counts
    ? { class: `piece-${GROUPS[part.level]}`, label: name }
    : { class: `piece-${GROUPS[part.level]} piece-second`, label: say("address.second", { level: name }) };
}

function noteLabel(note) {
  return {
    class: BESIDE.includes(note.kind) ? "piece-beside" : "piece-unknown",
    label: say(`address.kind_${note.kind}`),
  };
}

function pieceView(characters, kind, label) {
  const text = characters.join("");
  if (label === "" && text.trim() === "") return null;
  return make("span", { class: `piece ${kind}` },
    make("span", { class: "piece-text" }, text),
    label ? make("span", { class: "piece-label" }, label) : null);
}

function divisionView(division) {
  return make("li", {},
    `${say(`level.${division.level}`)} ${division.name} `,
    make("span", { class: "code" }, division.code),
    division.is_written ? null : make("span", { class: "quiet" }, ` ${say("address.implied")}`),
    division.successor ? make("span", { class: "abolished" }, ` ${say("address.abolished", {
      year: division.until, name: division.successor.name, code: division.successor.code,
    })}`) : null,
  );
}

function alternativeView(alternative) {
  return make("li", {}, `${alternative.name} `,
    make("span", { class: "code" }, alternative.division_code ?? ""));
}

byId("address-form").addEventListener("submit", start);
byId("address-texts").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) start(event);
});
document.documentElement.setAttribute("data-ready", "true");
