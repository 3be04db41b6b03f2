// The search box: suggestions while typing, keys to walk through them, and the flight to a place.
// After the pattern "Editable combobox with list autocomplete" of the ARIA practices guide.

import { askJson, wasGivenUp } from "./api.js";
import { afterPause, byId, make } from "./dom.js";
import { recentChoices, rememberChoice } from "./recent.js";
import { formatNumber, say } from "./texts.js";

const PAUSE_MS = 120;
const ZOOM_BY_LEVEL = {
  province: 8, city: 10, county: 12, township: 14, development_zone: 14, community: 15,
  village_group: 16, road: 16, estate: 17, door: 18, building: 18, entrance: 19, floor: 19, room: 19,
};

const LEAST_FOR_MATCHING = 4; // characters from which a text that completes to nothing is matched

/**
 * Start the box. `nearPoint()` is where the visitor looks, or null: what is near comes first,
 * and so does what was chosen lately in this browser.
 * `arrive(suggestion, zoom)` is called when a place was chosen.
 */
export function startSearch(nearPoint, arrive) {
  const input = byId("search-input");
  const list = byId("search-list");
  const clear = byId("search-clear");
  let suggestions = [];
  let active = -1;
  let question = null;
  let asked = "";

  function close() {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function tell(text) {
    byId("search-status").textContent = text;
  }

  function highlight(index) {
    active = index;
    [...list.querySelectorAll("[role=option]")].forEach((option, position) => {
      option.setAttribute("aria-selected", String(position === index));
      if (position === index) option.scrollIntoView({ block: "nearest" });
    });
    if (index < 0) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", `suggestion-${index}`);
  }

  function choose(index) {
    const chosen = suggestions[index];
    input.value = chosen.canonical_text;
    asked = input.value;
    clear.hidden = false;
    close();
    if (window.matchMedia("(pointer: coarse)").matches) input.blur(); // puts the keyboard away
    rememberChoice(chosen.standard_address_id);
    arrive(chosen, ZOOM_BY_LEVEL[chosen.level] ?? 17);
  }

  function show(found, text) {
    suggestions = found;
    const options = found.map((suggestion, index) =>
      make("li", {
        id: `suggestion-${index}`, role: "option", "aria-selected": "false",
        // without this the box would lose focus at the press, and close before the click
        onpointerdown: (event) => event.preventDefault(),
        onmousedown: (event) => event.preventDefault(),
        onclick: () => choose(index),
      },
      make("span", { class: "suggestion-text" }, ...marked(suggestion.canonical_text, text)),
      make("span", { class: "suggestion-level" }, noteOf(suggestion))),
    );
    if (options.length === 0) {
      options.push(make("li", { class: "search-none", role: "presentation" }, say("map.search_none")));
    }
    list.replaceChildren(...options);
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    highlight(-1);
    tell(found.length ? say("map.search_found", { count: found.length }) : say("map.search_none"));
  }

  /** Completions of what was typed; where there are none, places that a whole address may mean. */
  async function find(text, signal) {
    const place = nearPoint();
    const near = place ? `&lon=${place.lon.toFixed(5)}&lat=${place.lat.toFixed(5)}` : "";
    const chosen = recentChoices();
    const recent = chosen.length ? `&recent=${chosen.join(",")}` : "";
    const completed = await askJson(
      `/v1/suggest?q=${encodeURIComponent(text)}${near}${recent}`, { signal },
    );
    if (completed.suggestions.length > 0 || text.length < LEAST_FOR_MATCHING) {
      return completed.suggestions;
    }
    const matched = await askJson(`/v1/geocode?q=${encodeURIComponent(text)}`, { signal });
    return matched.candidates;
  }

  async function ask() {
    const text = input.value.trim();
    if (text === asked && !list.hidden) return;
    asked = text;
    question?.abort();
    if (text === "") {
      close();
      tell("");
      return;
    }
    question = new AbortController();
    try {
      show(await find(text, question.signal), text);
    } catch (error) {
      if (wasGivenUp(error)) return;
      suggestions = [];
      list.replaceChildren(make("li", { class: "search-none", role: "presentation" }, error.message));
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
      tell(error.message);
      asked = "";
    }
  }
  const askSoon = afterPause(ask, PAUSE_MS);

  // While an input method composes (pinyin), the letters aren't yet what was meant.
  input.addEventListener("input", (event) => {
    clear.hidden = input.value === "";
    if (!event.isComposing) askSoon();
  });
  input.addEventListener("compositionend", askSoon);
  input.addEventListener("focus", () => {
    if (input.value.trim() !== "" && suggestions.length > 0 && input.value.trim() !== asked) askSoon();
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", async (event) => {
    if (event.isComposing) return;
    const count = suggestions.length;
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && count > 0) {
      event.preventDefault();
      if (list.hidden) show(suggestions, asked);
      const step = event.key === "ArrowDown" ? 1 : -1;
      const next = active + step;
      highlight(next < 0 ? count - 1 : next % count);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (input.value.trim() !== asked) await ask();
      if (suggestions.length > 0 && !list.hidden) choose(Math.max(active, 0));
    } else if (event.key === "Escape") {
      event.stopPropagation();
      if (!list.hidden) close();
      else {
        input.value = "";
        clear.hidden = true;
      }
    }
  });
  clear.addEventListener("click", () => {
    input.value = "";
    asked = "";
    suggestions = [];
    clear.hidden = true;
    close();
    input.focus();
  });
}

export function levelName(level) {
  return say(`level.${level}`);
}

/** What stands behind a suggestion: its level, and how many addresses it gathers or how sure it is. */
function noteOf({ level, address_count: count, confidence }) {
  if (count > 1) return say("map.search_group", { level: levelName(level), count: formatNumber(count) });
  if (confidence === undefined) return levelName(level);
  return say("map.search_sure", {
    level: levelName(level), percent: Math.floor(confidence * 100),
  });
}

/** The text with what was typed in it marked, as nodes. */
function marked(text, typed) {
  const at = text.indexOf(typed);
  if (typed === "" || at < 0) return [text];
  return [text.slice(0, at), make("mark", {}, typed), text.slice(at + typed.length)];
}
