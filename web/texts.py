"""What the pages say, in Chinese and in English: `translations/zh.json` and `en.json`.

Both files hold the same keys; a test holds them together, and another looks up every key that
templates and scripts name. Chinese is the language of a page unless the visitor chose otherwise.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TRANSLATIONS_FOLDER = Path(__file__).parent / "translations"
LANGUAGES = ("zh", "en")
DEFAULT_LANGUAGE = "zh"
LANGUAGE_COOKIE = "gridbeat_language"


@dataclass(frozen=True)
class Texts:
    """All texts of one language."""

    language: str
    by_key: dict[str, str]

    @property
    def html_language(self) -> str:
        return {"zh": "zh-CN", "en": "en"}[self.language]

    def say(self, key: str, **values: object) -> str:
        """Return the text of a key, its `{names}` filled in.

        Raises
        ------
        KeyError : no such key; every key is looked up by a test
        """
        return self.by_key[key].format(**values) if values else self.by_key[key]

    def group(self, *prefixes: str) -> dict[str, str]:
        """Return the texts whose keys begin with one of the prefixes, for the page's scripts."""
        return {key: text for key, text in self.by_key.items() if key.startswith(prefixes)}


@cache
def load_texts(language: str) -> Texts:
    """Return the texts of a language out of LANGUAGES, read once a process."""
    path = TRANSLATIONS_FOLDER / f"{language}.json"
    return Texts(language, json.loads(path.read_text(encoding="utf-8")))


def choose_language(asked: str | None, remembered: str | None) -> str:
    """Return the language of a page: `?lang=`, else the cookie, else Chinese.

    An unknown language is no error to a visitor: the next choice is taken.
    """
    for choice in (asked, remembered):
        if choice in LANGUAGES:
            return choice
    return DEFAULT_LANGUAGE
