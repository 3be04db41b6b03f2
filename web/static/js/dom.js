// Elements made from values. Text goes in as text, never as HTML: a name can't become a script.

/** Return an element: `make("a", {href: "/x", class: "y"}, "text", otherElement)`. */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function byId(id) {
  return document.getElementById(id);
}

/** Return a function that runs `action` once calls have paused for `pause_ms`. */
export function afterPause(action, pause_ms) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), pause_ms);
  };
}

/** Give the visitor a file made on the page. */
export function download(text, fileName, mediaType) {
  // the mark at the front lets Excel read the Chinese of a CSV file as UTF-8
  const url = URL.createObjectURL(new Blob(["\ufeff", text], { type: mediaType }));
  make("a", { href: url, download: fileName }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** One line of CSV. What a spreadsheet would take for a formula gets an apostrophe in front. */
export function csvLine(values) {
  return values
    .map((value) => {
      let text = value === null || value === undefined ? "" : String(value);
      if (typeof value !== "number" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
      return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    })
    .join(",");
}
