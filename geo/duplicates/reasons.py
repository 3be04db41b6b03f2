"""Why a pair is suggested, in words: codes are `code` or `code:level`."""

from __future__ import annotations

from dataclasses import dataclass

from geo.addresses.match_reasons import LEVEL_NAMES

_WORDS = {
    "near": ("相距很近", "close together"),
    "far": ("相距较远", "some way apart"),
    "no_point": ("有一方没有坐标", "one has no coordinates"),
    "alias": ("一方的别名就是另一方", "an alias of one is the other"),
    "left_out": ("一方未写{level}", "{level} written by one only"),
    "short": ("{level}用了简称", "{level} shortened"),
    "sound": ("{level}读音相同", "{level} sounds the same"),
    "slip": ("{level}有一字之差", "{level} one slip off"),
    "former": ("{level}是旧名", "{level} is a former name"),
    "differs": ("{level}不同", "{level} differs"),
}
SPEAKS_AGAINST = frozenset({"far", "no_point", "slip", "differs"})


@dataclass(frozen=True, slots=True)
class DuplicateReason:
    """One reason; `is_against`: it speaks against one place."""

    code: str
    level: str | None
    zh: str
    en: str
    is_against: bool


def explain(reason: str) -> DuplicateReason:
    """Return a stored reason in words."""
    code, _, level = reason.partition(":")
    zh, en = _WORDS[code]
    names = LEVEL_NAMES[level] if level else ("", "")
    return DuplicateReason(
        code, level or None, zh.format(level=names[0]), en.format(level=names[1]),
        code in SPEAKS_AGAINST,
    )  # fmt: skip
