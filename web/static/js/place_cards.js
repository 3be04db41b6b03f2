// One record as it is shown: what it says, what is missing, when it was looked at, and what can be done.

import { askJson } from "./api.js";
import { make } from "./dom.js";
import { dueOf, fieldName, missingText, valueText } from "./place_words.js";
import { say, settings } from "./texts.js";

const { may } = settings;
const DWELLING_REPORTED = ["use", "room_count", "registered_on", "safety_findings"];
const ESTABLISHMENT_REPORTED = ["name", "credit_code", "establishment_class", "trade", "occupied_from"];
const PERSON_REPORTED = ["name", "identity_number", "birth_year", "phone"];
const RESIDENCE_REPORTED = ["kind", "household_ref", "lived_from"];

export function dwellingCard(dwelling, forms) {
  const anchor = `dwelling-${dwelling.id}`;
  const url = `/v1/dwellings/${dwelling.id}`;
  const name = valueText("use", dwelling.use);
  return card(anchor, [name], [
    facts("dwelling", [
      ["room_count", dwelling.room_count],
      ["safety_findings", dwelling.safety_findings, { quiet: say("place.no_findings") }],
      ["registered_on", dwelling.registered_on, { isOptional: true }],
      ["landlord_name", dwelling.landlord?.name, { isOptional: true }],
      ["landlord_phone", dwelling.landlord?.phone, { isOptional: true }],
      ["note", dwelling.landlord?.note, { isOptional: true }],
    ]),
    ...quality("dwelling", dwelling.quality),
    buttons([
      [say("place.verify"), () => forms.verify("dwelling", url, dwelling.version, name, anchor, "dwelling")],
      [say("place.correct"), () => forms.correctDwelling(dwelling)],
      [say("place.report"), () => forms.report("dwelling", url, DWELLING_REPORTED, anchor, "dwelling")],
      [say("place.end_dwelling"), () => forms.endDwelling(dwelling)],
    ]),
  ]);
}

export function establishmentCard(establishment, forms) {
  const anchor = `establishment-${establishment.id}`;
  const url = `/v1/establishments/${establishment.id}`;
  return card(anchor, [
    establishment.name,
    make("span", { class: "tag" }, valueText("establishment_class", establishment.establishment_class)),
  ], [
    facts("establishment", [
      ["trade", establishment.trade],
      ["credit_code", establishment.credit_code, { isCode: true }],
      ["occupied_from", establishment.occupied_from],
      ["occupied_to", establishment.occupied_to, { isOptional: true }],
      ["contact_name", establishment.contact?.name, { isOptional: true }],
      ["contact_phone", establishment.contact?.phone, { isOptional: true }],
      ["note", establishment.contact?.note, { isOptional: true }],
    ]),
    ...quality("establishment", establishment.quality),
    buttons([
      [say("place.verify"), () => forms.verify(
        "establishment", url, establishment.version, establishment.name, anchor, "establishment",
      )],
      [say("place.correct"), () => forms.correctEstablishment(establishment)],
      [say("place.report"), () => forms.report("establishment", url, ESTABLISHMENT_REPORTED, anchor, "establishment")],
      [say("place.leave_establishment"), () => forms.leaveEstablishment(establishment)],
    ]),
  ]);
}

export function residentCard(resident, forms) {
  const anchor = `resident-${resident.id}`;
  const url = `/v1/residents/${resident.id}`;
  return card(anchor, [resident.name], [
    facts("resident", [
      ["identity_number", resident.identity_number, { isCode: true, after: unmask(resident, "identity_number", may.identity) }],
      ["birth_year", resident.birth_year],
      ["phone", resident.phone, { isCode: true, after: unmask(resident, "phone", may.persons) }],
    ]),
    missing("resident", resident.missing),
    ...resident.residences.map((residence) => residencePart(resident, residence, forms, anchor)),
    buttons([
      [say("place.correct_person"), () => forms.correctPerson(resident)],
      [say("place.report"), () => forms.report("resident", url, PERSON_REPORTED, anchor, "resident")],
    ]),
  ]);
}

function residencePart(resident, residence, forms, anchor) {
  const url = `/v1/residences/${residence.id}`;
  return make("div", { class: "residence" },
    facts("residence", [
      ["kind", residence.kind],
      ["household_ref", residence.household_ref],
      ["lived_from", residence.lived_from],
      ["lived_to", residence.lived_to, { isOptional: true }],
    ]),
    ...quality("residence", residence.quality).filter(Boolean),
    buttons([
      [say("place.verify"), () => forms.verify("residence", url, residence.version, resident.name, anchor, "resident")],
      [say("place.correct_residence"), () => forms.correctResidence(resident, residence)],
      [say("place.leave_resident"), () => forms.leaveResident(resident, residence)],
      [say("place.report_residence"), () => forms.report("residence", url, RESIDENCE_REPORTED, anchor, "resident")],
    ]));
}

function card(anchor, name, parts) {
  return make("article", { class: "record", id: anchor, tabindex: "-1" },
    make("h3", { class: "record-name" }, ...name), ...parts.filter(Boolean));
}

/** Names and values; what is optional and empty isn't told, what is empty and wanted is. */
function facts(record, rows) {
  return make("dl", { class: "record-facts" }, ...rows.flatMap(([name, value, how = {}]) => {
    const isEmpty = value === null || value === undefined || value === "" || value.length === 0;
    if (isEmpty && how.isOptional) return [];
    return [
      make("dt", {}, fieldName(record, name)),
      make("dd", { class: isEmpty ? "quiet" : how.isCode ? "code" : false },
        isEmpty && how.quiet ? how.quiet : valueText(name, value), isEmpty ? null : how.after ?? null),
    ];
  }));
}

function missing(record, names) {
  return names.length ? make("p", { class: "record-missing" }, missingText(record, names)) : null;
}

/** What is missing, when it is due, when and how it was last looked at. */
function quality(record, { missing: names, due_on, verified_on, verified_by, verified_how }) {
  const due = dueOf(due_on);
  return [
    missing(record, names),
    make("p", { class: "record-state" },
      make("span", { class: due.isDue ? "tag tag-late" : "tag" }, due.text),
      make("span", { class: "quiet" }, verified_on
        ? say("place.verified", { day: verified_on, how: say(`place.how_${verified_how}`), by: verified_by })
        : say("place.never_verified"))),
  ];
}

function buttons(named) {
  if (!may.write || !settings.is_current) return null;
  return make("div", { class: "button-row" }, ...named.map(([text, act]) =>
    make("button", { type: "button", class: "button button-small", onclick: act }, text)));
}

/** A button that shows a number whole; each such look is an entry of its own in the audit log. */
function unmask(resident, name, isAllowed) {
  if (!isAllowed || !resident[name]) return null;
  const button = make("button", {
    type: "button", class: "button button-small", title: say("place.unmask_note"),
    "aria-label": say("place.unmask_name", { field: fieldName("resident", name), name: resident.name }),
    onclick: show,
  }, say("place.unmask"));

  async function show() {
    button.disabled = true;
    try {
      const numbers = await askJson(`/v1/residents/${resident.id}/numbers`, {
        method: "POST", headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ fields: [name] }),
      });
      const whole = numbers[name] ?? say("place.empty");
      button.parentElement.replaceChildren(
        name === "phone" ? make("a", { href: `tel:${whole.replace(/[^+\d]/g, "")}` }, whole) : whole,
        make("span", { class: "quiet", role: "status" }, ` ${say("place.unmasked")}`));
    } catch (error) {
      button.disabled = false;
      button.after(make("span", { class: "fault", role: "alert" }, ` ${error.message}`));
    }
  }
  return button;
}
