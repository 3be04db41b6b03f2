"""Texts that are no address, for every face to answer without a fault and without an invention."""

NO_ADDRESS = {
    "emoji": "😀🏠👮‍♀️",
    "latin": "the quick brown fox",
    "cyrillic": "Привет, мир",
    "thai": "สวัสดี",
    "arabic": "مرحبا",
    "brackets": "((((【【【〔〔[[[{{{" * 12,
    "pairs of brackets": "(" * 200 + ")" * 200,
    "sql": "'; DROP TABLE standard_address; --",
    "html": "<img src=x onerror=alert(1)><script>alert(2)</script>",
    "null bytes": "\x00\x00\x00",
    "controls": "\x01\x02\x1b[31m\x7f",
    "separators": " ,;./|\\~-- ",
    "one character": "a" * 500,
    "zero width": "\u200b\u200d\ufeff",
    "surrogate": "\ud800",
    "template": "{{7*7}} ${7*7} %s {0}",
}
TOO_LONG = "路" * 400_000  # 1.2 MB in UTF-8
"""More than any face reads; the answer says how much is."""
