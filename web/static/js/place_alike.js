// What a write was refused for: records that are probably the same thing, and contradictions. Of what
// lies outside the caller's scope the server tells that there is one; nothing more is known here.

import { askJson } from "./api.js";
import { make } from "./dom.js";
import { say, settings } from "./texts.js";

const URL_OF = { dwelling: "/v1/dwellings", establishment: "/v1/establishments", resident: "/v1/residents" };

/** Show what is alike and contradicted, with the ways on: look there, take over, store all the same. */
export async function drawAlike(facts, { form, values, show, send, another }) {
  const parts = [make("h3", {}, say("place.alike_title"))];
  const found = await Promise.all((facts.alike ?? []).map(read));
  if (found.length) parts.push(make("ul", {}, ...found.map(item)));
  if (facts.conflicts?.length) {
    parts.push(make("ul", {}, ...facts.conflicts.map((each) => make("li", {},
      say(`place.conflict_${each.code}`), each.record_id === null ? ` ${say("place.out_of_sight")}` : null))));
  }
  const buttons = found.flatMap(({ each, record }) =>
    (form.takeOver && record && each.reason === "identity_number" ? form.takeOver(record, values) : []));
  const outside = (facts.conflicts ?? []).some((each) => each.record_id === null && each.code.endsWith("_elsewhere"));
  const known = found.find(({ each, record }) => record && each.record_kind === "resident")?.record.id ?? null;
  if (outside && form.elsewhere && (known || values.identity_number)) {
    buttons.push({ text: say("place.tell_elsewhere"), act: () => tell(form.elsewhere(values, known), show) });
  }
  const isAnother = form.mayBeAnother && !facts.conflicts?.length && !facts.faults?.length
    && !(facts.alike ?? []).some((each) => each.reason === "identity_number");
  if (isAnother) buttons.push({ text: say("place.is_another"), act: another });
  if (buttons.length) {
    parts.push(make("div", { class: "button-row" }, ...buttons.map((button) =>
      make("button", { type: "button", class: "button", onclick: () => (button.act ?? (() => send(button.request)))() },
        button.text))));
  }
  show(...parts);
}

/** Let the other grid know; it ends its record or answers, and then this one can be stored. */
async function tell({ url, body }, show) {
  try {
    await askJson(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    show(make("p", {}, say("place.told_elsewhere")));
  } catch (error) {
    show(make("p", { class: "fault" }, error.message));
  }
}

async function read(each) {
  if (each.record_id === null) return { each, record: null };
  try {
    return { each, record: await askJson(`${URL_OF[each.record_kind]}/${each.record_id}`) };
  } catch {
    return { each, record: null }; // it is told that there is one, all the same
  }
}

function item({ each, record }) {
  const reason = say(`place.alike_${each.reason}`);
  if (record === null) return make("li", {}, reason, ` ${say("place.out_of_sight")}`);
  const places = each.record_kind === "resident"
    ? record.residences.filter((residence) => residence.lived_to === null) : [record];
  return make("li", {},
    reason, " ", record.name ? make("b", {}, record.name) : null, " ",
    ...(places.length ? places.map((place) => placeLink(place, each)) : [say("place.lives_nowhere")]));
}

function placeLink(place, each) {
  const isHere = place.standard_address_id === settings.address_id;
  const where = isHere ? "" : `/place/${place.standard_address_id}`;
  return make("a", { href: `${where}#${each.record_kind}-${each.record_id}`, target: isHere ? false : "_blank" },
    isHere ? say("place.is_here") : place.address_text);
}
