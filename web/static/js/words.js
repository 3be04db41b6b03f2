// Words in one field, parted by commas of either language.

export function wordsOf(text) {
  return [...new Set(text.split(/[,，、;；\n]/).map((word) => word.trim()).filter(Boolean))];
}
