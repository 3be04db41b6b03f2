// Reading a table that a visitor chose: text in UTF-8 or GB18030, separated by comma, tab or semicolon.

/** Return the text of a file's bytes: UTF-8 where it is sound, else GB18030, else null. */
export function decodeText(bytes) {
  for (const encoding of ["utf-8", "gb18030"]) {
    try {
      return new TextDecoder(encoding, { fatal: true }).decode(bytes);
    } catch {
      // the next encoding
    }
  }
  return null;
}

/** Return the rows of a table as arrays of text. Quotes after RFC 4180. */
export function parseTable(text) {
  const separator = separatorOf(text);
  const rows = [];
  let row = [];
  let value = "";
  let quoted = false;
  const endValue = () => {
    row.push(value);
    value = "";
  };
  const endRow = () => {
    endValue();
    if (row.some((entry) => entry.trim() !== "")) rows.push(row);
    row = [];
  };
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i];
    if (quoted) {
      if (character !== '"') value += character;
      else if (text[i + 1] === '"') {
        value += '"';
        i += 1;
      } else quoted = false;
    } else if (character === '"' && value === "") quoted = true;
    else if (character === separator) endValue();
    else if (character === "\n") endRow();
    else if (character !== "\r") value += character;
  }
  if (value !== "" || row.length > 0) endRow();
  return rows;
}

function separatorOf(text) {
  const firstLine = text.slice(0, text.search(/[\r\n]|$/));
  const counts = [",", "\t", ";"].map((mark) => [firstLine.split(mark).length, mark]);
  return counts.sort(([a], [b]) => b - a)[0][1];
}

const ADDRESS_HEADS = /地址|住址|位置|详址|address/i;

/** Return the number of the column that holds addresses: by its head, else the longest Chinese. */
export function guessAddressColumn(rows, hasHead) {
  if (rows.length === 0) return 0;
  if (hasHead) {
    const named = rows[0].findIndex((head) => ADDRESS_HEADS.test(head));
    if (named >= 0) return named;
  }
  const sample = rows.slice(hasHead ? 1 : 0, 51);
  const lengths = rows[0].map((_, column) =>
    sample.reduce((sum, row) => sum + ((row[column] ?? "").match(/\p{Script=Han}/gu) ?? []).length, 0));
  return lengths.indexOf(Math.max(...lengths));
}
