// One record as it is shown: what it says, what is missing, when it was looked at, and what can be done.

import { askJson } from "./api.js";
import { make } from "./dom.js";
import { dueOf, fieldName, missingText, valueText } from "./place_words.js";
import { formatNumber, say, settings } from "./texts.js";

const { may } = settings;
const DWELLING_REPORTED = ["use", "room_count", "registered_on", "safety_findings"];
const ESTABLISHMENT_REPORTED = ["name", "credit_code", "establishment_class", "trade", "occupied_from"];
const HISTORY_FIELDS = new Set([
  ...DWELLING_REPORTED, ...ESTABLISHMENT_REPORTED, "ended_on", "occupied_to",
]);
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
      ["landlord_phone", dwelling.landlord?.phone, {
        isOptional: true, isCode: true,
        after: unmask({ url, record: "dwelling", name: "landlord_phone", of: dwelling.landlord?.name ?? name, isAllowed: may.persons }),
      }],
      ["note", dwelling.landlord?.note, { isOptional: true }],
    ]),
    ...quality("dwelling", dwelling.quality),
    ...reports("dwelling", dwelling.id, forms, anchor, "dwelling"),
    history("dwelling", url, dwelling.version),
    buttons(forms, [
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
      ["contact_phone", establishment.contact?.phone, {
        isOptional: true, isCode: true,
        after: unmask({
          url, record: "establishment", name: "contact_phone", of: establishment.contact?.name ?? establishment.name,
          isAllowed: may.persons,
        }),
      }],
      ["note", establishment.contact?.note, { isOptional: true }],
    ]),
    ...quality("establishment", establishment.quality),
    ...reports("establishment", establishment.id, forms, anchor, "establishment"),
    history("establishment", url, establishment.version),
    buttons(forms, [
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
  const unmaskOf = (name, isAllowed) =>
    (resident[name] ? unmask({ url, record: "resident", name, of: resident.name, isAllowed, fields: [name] }) : null);
  return card(anchor, [resident.name], [
    facts("resident", [
      ["identity_number", resident.identity_number, { isCode: true, after: unmaskOf("identity_number", may.identity) }],
      ["birth_year", resident.birth_year],
      ["phone", resident.phone, { isCode: true, after: unmaskOf("phone", may.persons) }],
    ]),
    missing("resident", resident.missing),
    ...reports("resident", resident.id, forms, anchor, "resident"),
    ...resident.residences.map((residence) => residencePart(resident, residence, forms, anchor)),
    buttons(forms, [
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
    ...reports("residence", residence.id, forms, anchor, "resident"),
    buttons(forms, [
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

/** What is said wrong with a record, and who settles it. */
function reports(record, id, forms, anchor, section) {
  return forms.reportsOf(record, id).map((report) => make("div", { class: "record-report" },
    make("p", {}, make("b", {}, say("place.reported_wrong")), " ",
      report.field ? `${fieldName(record, report.field)}: ` : "", report.note, " ",
      make("span", { class: "quiet" }, say("place.reported_by", { day: report.created_at.slice(0, 10), by: report.reported_by }))),
    buttons(forms, [
      [say("place.settle_mended"), () => forms.settle(report, true, anchor, section)],
      [say("place.settle_unfounded"), () => forms.settle(report, false, anchor, section)],
    ])));
}

/** What a record was before each change; asked for when it is opened. */
function history(record, url, version) {
  if (version < 2) return null;
  const list = make("ul", {});
  return make("details", {
    class: "record-history",
    async ontoggle({ target }) {
      if (!target.open || list.childElementCount) return;
      try {
        const { history: rows } = await askJson(`${url}/history`);
        list.replaceChildren(...rows.toReversed().map((row, at) => was(record, row, rows.toReversed()[at + 1])));
      } catch (error) {
        list.replaceChildren(make("li", { class: "fault" }, error.message));
      }
    },
  }, make("summary", {}, say("place.history", { count: formatNumber(version - 1) })), list);
}

/** A former state: until when, and the fields in which it differs from the one before it, or all. */
function was(record, row, earlier) {
  const names = Object.keys(row.was).filter((name) => HISTORY_FIELDS.has(name)
    && (!earlier || JSON.stringify(row.was[name]) !== JSON.stringify(earlier.was[name])));
  return make("li", {},
    make("span", { class: "quiet" }, say("place.history_until", { day: row.recorded_to.slice(0, 10), by: row.recorded_by ?? "–" })), " ",
    names.length
      ? names.map((name) => `${fieldName(record, name)} ${valueText(name, row.was[name])}`).join("; ")
      : say("place.history_persons"));
}

function buttons(forms, named) {
  if (!may.write || !settings.is_current || forms.isPast()) return null;
  return make("div", { class: "button-row" }, ...named.map(([text, act]) =>
    make("button", { type: "button", class: "button button-small", onclick: act }, text)));
}

/** A button that shows a number whole; each such look is an entry of its own in the audit log. */
function unmask({ url, record, name, of, isAllowed, fields = null }) {
  if (!isAllowed) return null;
  const button = make("button", {
    type: "button", class: "button button-small", title: say("place.unmask_note"),
    "aria-label": say("place.unmask_name", { field: fieldName(record, name), name: of }),
    onclick: show,
  }, say("place.unmask"));

  async function show() {
    button.disabled = true;
    try {
      const numbers = await askJson(`${url}/numbers`, {
        method: "POST",
        ...(fields ? { headers: { "Content-Type": "application/json" }, body: JSON.stringify({ fields }) } : {}),
      });
      const whole = numbers[name] ?? say("place.empty");
      button.parentElement.replaceChildren(
        name !== "identity_number" ? make("a", { href: `tel:${whole.replace(/[^+\d]/g, "")}` }, whole) : whole,
        make("span", { class: "quiet", role: "status" }, ` ${say("place.unmasked")}`));
    } catch (error) {
      button.disabled = false;
      button.after(make("span", { class: "fault", role: "alert" }, ` ${error.message}`));
    }
  }
  return button;
}
