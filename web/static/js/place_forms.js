// The forms of a place: record, correct, verify, let leave, report. Each says which fields it has and
// what is sent; a correction sends only what was changed, with the version it is based on.

import { openForm } from "./place_dialog.js";
import { fieldName, savedText, valueText } from "./place_words.js";
import { say, settings } from "./texts.js";

const { may, today } = settings;
const here = settings.address_id;

const LOOKS = ["visit", "call"];
const RENTED = ["rented_whole", "rented_shared"];
// Shown masked: an empty box leaves what is stored.
const MASKED = new Set(["identity_number", "phone", "landlord_phone", "contact_phone"]);

function lookField() {
  return {
    name: "look", type: "choice", label: say("place.look"), options: LOOKS, empty: say("place.look_none"),
    value: "visit", texts: lookTexts(),
  };
}

function lookTexts() {
  return Object.fromEntries(LOOKS.map((how) => [how, say(`place.how_${how}`)]));
}

function withLook({ look, ...values }) {
  return { ...filled(values), ...(look ? { look: { on: today, how: look } } : {}) };
}

function filled(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}

function dwellingFields(values = {}, withLandlord = may.persons) {
  const isRented = (now) => RENTED.includes(now.use);
  return [
    { name: "use", type: "choice", required: true, value: values.use, empty: values.use ? null : say("place.choose") },
    { name: "room_count", type: "number", value: values.room_count, max: 3 },
    { name: "safety_findings", type: "checks", value: values.safety_findings },
    { name: "registered_on", type: "date", value: values.registered_on, hint: say("place.hint_registered_on"), when: isRented },
    ...(withLandlord ? [
      { name: "landlord_name", type: "text", value: values.landlord?.name, when: isRented },
      { name: "landlord_phone", type: "tel", ...masked(values.landlord?.phone), when: isRented },
      { name: "note", type: "note", value: values.landlord?.note },
    ] : []),
  ];
}

function establishmentFields(values = {}, withContact = may.persons) {
  return [
    { name: "name", type: "text", required: true, value: values.name },
    {
      name: "establishment_class", type: "choice", required: true, value: values.establishment_class,
      empty: values.establishment_class ? null : say("place.choose"),
    },
    { name: "trade", type: "text", value: values.trade },
    { name: "credit_code", type: "text", value: values.credit_code, hint: say("place.hint_credit_code") },
    { name: "occupied_from", type: "date", required: true, value: values.occupied_from ?? today },
    ...(withContact ? [
      { name: "contact_name", type: "text", value: values.contact?.name },
      { name: "contact_phone", type: "tel", ...masked(values.contact?.phone) },
      { name: "note", type: "note", value: values.contact?.note },
    ] : []),
  ];
}

function personFields(values = {}) {
  return [
    { name: "name", type: "text", required: true, value: values.name },
    { name: "identity_kind", type: "choice", value: values.identity_kind ?? "resident_identity" },
    { name: "identity_number", type: "text", ...masked(values.identity_number) },
    { name: "birth_year", type: "number", value: values.birth_year, max: 4, hint: say("place.hint_birth_year") },
    { name: "phone", type: "tel", ...masked(values.phone) },
  ];
}

function residenceFields(values = {}) {
  return [
    { name: "kind", type: "choice", required: true, value: values.kind, empty: values.kind ? null : say("place.choose") },
    { name: "household_ref", type: "text", value: values.household_ref, max: 40, hint: say("place.hint_household_ref") },
    { name: "lived_from", type: "date", required: true, value: values.lived_from ?? today },
  ];
}

function masked(shown) {
  return shown ? { placeholder: shown, hint: say("place.hint_masked") } : {};
}

/** What differs from the values the form began with, but for fields whose stored value stays. */
function changesOf(specs, values, dropped) {
  const changed = specs.filter(({ name, value, type }) => {
    if (name === "look" || dropped.has(name)) return false;
    if (MASKED.has(name)) return values[name] !== null;
    const before = type === "checks" ? (value ?? []) : (value ?? null);
    return JSON.stringify(before) !== JSON.stringify(values[name]);
  });
  return Object.fromEntries(changed.map(({ name }) => [name, values[name]]));
}

/** A form that corrects a record: only what changed is sent. */
function correct({ record, title, lead, url, version, specs, withLookField, reload, done, mayBeAnother }) {
  openForm({
    title, lead, record, reload, mayBeAnother,
    fields: withLookField ? [...specs, { ...lookField(), value: null }] : specs,
    request(values, { version: seen, dropped, althoughAlike }) {
      const shown = specs.filter((spec) => spec.when?.(values) ?? true);
      const changes = changesOf(shown, values, dropped);
      if (Object.keys(changes).length === 0) return null;
      return {
        url, method: "PATCH",
        body: {
          expected_version: seen ?? version, ...changes, ...(althoughAlike ? { although_alike: true } : {}),
          ...(values.look ? { look: { on: today, how: values.look } } : {}),
        },
      };
    },
    done,
  });
}

/** The forms; `saved(anchor, section, text)` is told where a record was written, `reload` draws anew. */
export function placeForms({ saved, reload }) {
  function after(record, anchor, section) {
    return (answer) => saved(anchor?.(answer) ?? null, section, savedText(record, answer));
  }

  return {
    recordDwelling() {
      openForm({
        title: say("place.record_dwelling"), record: "dwelling", reload, mayBeAnother: true,
        fields: [...dwellingFields(), lookField()],
        request: (values, { althoughAlike }) => ({
          url: "/v1/dwellings",
          body: { standard_address_id: here, ...withLook(values), although_alike: althoughAlike ?? false },
        }),
        done: after("dwelling", (answer) => `dwelling-${answer.record_id}`, "dwelling"),
      });
    },

    recordEstablishment() {
      openForm({
        title: say("place.record_establishment"), record: "establishment", reload, mayBeAnother: true,
        fields: [...establishmentFields(), lookField()],
        request: (values, { althoughAlike }) => ({
          url: "/v1/establishments",
          body: { standard_address_id: here, ...withLook(values), although_alike: althoughAlike ?? false },
        }),
        done: after("establishment", (answer) => `establishment-${answer.record_id}`, "establishment"),
      });
    },

    recordResident() {
      openForm({
        title: say("place.record_resident"), lead: say("place.record_resident_lead"), record: "resident", reload,
        mayBeAnother: true, takeOver, elsewhere,
        fields: [...personFields(), ...residenceFields(), lookField()],
        request: (values, { althoughAlike }) => {
          const { kind, household_ref, lived_from, ...person } = values;
          return {
            url: "/v1/residents",
            body: {
              ...withLook(person), although_alike: althoughAlike ?? false,
              residence: filled({ standard_address_id: here, kind, household_ref, lived_from }),
            },
          };
        },
        done: after("resident", () => null, "resident"),
      });
    },

    correctDwelling(dwelling) {
      const knowsLandlord = may.persons && dwelling.landlord !== null;
      correct({
        record: "dwelling", title: say("place.correct_dwelling"), reload,
        lead: may.persons && !knowsLandlord ? say("place.without_task") : null,
        url: `/v1/dwellings/${dwelling.id}`, version: dwelling.version,
        specs: dwellingFields(dwelling, knowsLandlord), withLookField: true,
        done: after("dwelling", () => `dwelling-${dwelling.id}`, "dwelling"),
      });
    },

    correctEstablishment(establishment) {
      const knowsContact = may.persons && establishment.contact !== null;
      correct({
        record: "establishment", title: say("place.correct_establishment"), reload, mayBeAnother: true,
        lead: may.persons && !knowsContact ? say("place.without_task") : null,
        url: `/v1/establishments/${establishment.id}`, version: establishment.version,
        specs: establishmentFields(establishment, knowsContact), withLookField: true,
        done: after("establishment", () => `establishment-${establishment.id}`, "establishment"),
      });
    },

    correctPerson(resident) {
      correct({
        record: "resident", title: say("place.correct_person"), reload,
        url: `/v1/residents/${resident.id}`, version: resident.version, specs: personFields(resident),
        done: after("resident", () => `resident-${resident.id}`, "resident"),
      });
    },

    correctResidence(resident, residence) {
      correct({
        record: "residence", title: say("place.correct_residence"), lead: resident.name, reload,
        url: `/v1/residences/${residence.id}`, version: residence.version, specs: residenceFields(residence),
        done: after("residence", () => `resident-${resident.id}`, "resident"),
      });
    },

    /** Somebody looked, and it is as it is recorded. */
    verify(record, url, version, name, anchor, section) {
      openForm({
        title: say("place.verify"), lead: say("place.verify_lead", { name }), record, reload, save: say("place.verify_send"),
        fields: [
          { name: "how", type: "choice", label: say("place.field_how"), options: LOOKS, texts: lookTexts() },
          { name: "on", type: "date", label: say("place.field_verified_on"), required: true, value: today },
        ],
        request: ({ how, on }) => ({ url: `${url}/verify`, body: { expected_version: version, look: { on, how } } }),
        done: after(record, () => anchor, section),
      });
    },

    report(record, url, names, anchor, section) {
      openForm({
        title: say("place.report"), lead: say("place.report_lead"), record, reload, save: say("place.report_send"),
        fields: [
          {
            name: "field", type: "choice", label: say("place.report_field"), options: names, empty: say("place.report_whole"),
            texts: Object.fromEntries(names.map((name) => [name, fieldName(record, name)])),
          },
          { name: "note", type: "note", label: say("place.report_note"), required: true },
        ],
        request: (values) => ({ url: `${url}/reports`, body: filled(values) }),
        done: () => saved(anchor, section, say("place.reported")),
      });
    },

    /** What came of a report: the record was mended, or it was right as it was. */
    settle(report, mended, anchor, section) {
      openForm({
        title: say(mended ? "place.settle_mended" : "place.settle_unfounded"), lead: report.note,
        record: report.record_kind, reload, save: say("place.settle_send"),
        fields: [{ name: "note", type: "note", label: say("place.settle_note") }],
        request: (values) => ({ url: `/v1/record-reports/${report.id}/settle`, body: { mended, ...filled(values) } }),
        done: () => saved(anchor, section, say("place.settled")),
      });
    },

    endDwelling(dwelling) {
      openForm({
        title: say("place.end_dwelling"), lead: say("place.end_lead"), record: "dwelling", reload, save: say("place.end_send"),
        fields: [{ name: "ended_on", type: "date", required: true, value: today }],
        request: ({ ended_on }) => ({
          url: `/v1/dwellings/${dwelling.id}/end`, body: { expected_version: dwelling.version, ended_on },
        }),
        done: after("dwelling", null, "dwelling"),
      });
    },

    leaveEstablishment(establishment) {
      openForm({
        title: say("place.leave_establishment"), lead: establishment.name, record: "establishment", reload, mayBeAnother: true,
        save: say("place.leave_send"),
        fields: leaveFields(["leave", "move"], "occupied_to"),
        request: ({ what, day, to }, { althoughAlike }) => (what === "move"
          ? {
            url: `/v1/establishments/${establishment.id}/move`,
            body: {
              expected_version: establishment.version, standard_address_id: to, moved_on: day,
              although_alike: althoughAlike ?? false,
            },
          }
          : {
            url: `/v1/establishments/${establishment.id}/end`,
            body: { expected_version: establishment.version, left_on: day },
          }),
        done: () => saved(null, "establishment", say("place.left")),
      });
    },

    leaveResident(resident, residence) {
      openForm({
        title: say("place.leave_resident"), lead: resident.name, record: "residence", reload, save: say("place.leave_send"),
        fields: leaveFields(["leave", "move", "never"], "lived_to"),
        request: ({ what, day, to }) => {
          const url = `/v1/residences/${residence.id}`;
          const seen = { expected_version: residence.version };
          if (what === "never") return { url: `${url}/annul`, body: seen };
          if (what === "leave") return { url: `${url}/end`, body: { ...seen, lived_to: day } };
          return {
            url: `${url}/move`, body: { ...seen, standard_address_id: to, kind: residence.kind, lived_from: day },
          };
        },
        done: () => saved(null, "resident", say("place.left")),
      });
    },
  };
}

function leaveFields(ways, dayName) {
  return [
    {
      name: "what", type: "choice", label: say("place.leave_what"), options: ways,
      texts: Object.fromEntries(ways.map((way) => [way, say(`place.leave_${way}`)])),
    },
    { name: "to", type: "place", label: say("place.leave_to"), required: true, when: ({ what }) => what === "move" },
    {
      name: "day", type: "date", label: fieldName("", dayName), required: true, value: today,
      when: ({ what }) => what !== "never",
    },
  ];
}

/** Who is recorded where this account doesn't see: those who do are told; where that is isn't said. */
function elsewhere(values, residentId) {
  const { kind, household_ref, lived_from, identity_number } = values;
  return {
    url: "/v1/residents/report-elsewhere",
    body: {
      ...(residentId ? { resident_id: residentId } : { identity_number }),
      residence: filled({ standard_address_id: here, kind, household_ref, lived_from }),
    },
  };
}

/** The ways to let a person who is recorded elsewhere live here; a second record is never made. */
function takeOver(resident, { kind, household_ref, lived_from, look }) {
  const residence = withLook({ standard_address_id: here, kind, household_ref, lived_from, look });
  const elsewhere = resident.residences.filter((each) =>
    each.lived_to === null && each.standard_address_id !== here);
  return [
    ...elsewhere.map((each) => ({
      text: say("place.move_here", { kind: valueText("kind", each.kind), address: each.address_text }),
      request: { url: `/v1/residences/${each.id}/move`, body: { ...residence, expected_version: each.version } },
    })),
    {
      text: say(elsewhere.length ? "place.live_here_too" : "place.live_here"),
      request: { url: `/v1/residents/${resident.id}/residences`, body: residence },
    },
  ];
}
