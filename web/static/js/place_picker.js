// An address looked up inside a form: typed, then one of those found is ticked.

import { askJson, wasGivenUp } from "./api.js";
import { afterPause, make } from "./dom.js";
import { say } from "./texts.js";

const PAUSE_MS = 200;

/** Return the control; `read()` is the number of the address that is ticked, null where none is. */
export function addressPicker(id) {
  const input = make("input", {
    id, type: "text", autocomplete: "off", maxlength: 200, enterkeyhint: "search",
    placeholder: say("place.picker_placeholder"),
  });
  const status = make("p", { class: "quiet", role: "status" });
  const found = make("div", { class: "picker", role: "radiogroup", "aria-label": say("place.picker_found") });
  let question = null;
  let chosen = null;

  async function ask() {
    const text = input.value.trim();
    question?.abort();
    if (!text) return;
    question = new AbortController();
    try {
      const answer = await askJson(`/v1/suggest?q=${encodeURIComponent(text)}`, { signal: question.signal });
      show(answer.suggestions);
    } catch (error) {
      if (!wasGivenUp(error)) status.textContent = error.message;
    }
  }

  function show(suggestions) {
    chosen = null;
    const ones = suggestions.filter((each) => each.standard_address_id !== null);
    status.textContent = ones.length ? "" : say(suggestions.length ? "place.picker_more" : "place.picker_none");
    found.replaceChildren(...ones.map((each) => make("label", { class: "check" },
      make("input", {
        type: "radio", name: `${id}-found`, value: each.standard_address_id,
        onchange: () => { chosen = each.standard_address_id; },
      }),
      make("span", {}, each.canonical_text))));
  }

  const askSoon = afterPause(ask, PAUSE_MS);
  input.addEventListener("input", (event) => {
    if (!event.isComposing) askSoon();
  });
  input.addEventListener("compositionend", askSoon);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault(); // looks up, doesn't send the form
    ask();
  });
  return { node: make("div", { class: "picker" }, input, status, found), main: input, read: () => chosen };
}
