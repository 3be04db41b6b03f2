"""The ways in which people shorten a name, each with how much of its meaning is left.

翠苑小区 → 翠苑, 文一路 → 文一, 大关社区 → 大关, 杭州市 → 杭州, 翠苑一区 → 翠苑 (the part is lost).
"""

from __future__ import annotations

import functools
import re

from geo.addresses.divisions import division_stem
from geo.addresses.levels import AddressLevel

FULL, STEM, WHOLE_OF_PART = 1.0, 0.88, 0.55
"""Quality of a hit: the full name, the name without class word, an estate without its part."""

_ENDINGS = {
    "road": re.compile(r"(?:大道|大街|公路|国道|省道|县道|胡同|街|路|巷|弄|道|线)$"),
    "estate": re.compile(
        r"(?:住宅小区|小区|花园|家园|公寓|花苑|佳苑|嘉苑|雅苑|名苑|嘉园|新苑|新村|公馆|大厦|大楼|广场|中心"
        r"|商务楼|工业园区|工业园|产业园|科技园|创业园|物流园|园区|苑|园|院)$"
    ),
    "community": re.compile(
        r"(?:社区居民委员会|社区居委会|村民委员会|居民委员会|村委会|居委会|社区|嘎查|村)$"
    ),
    "township": re.compile(r"(?:街道办事处|街道|地区办事处|民族乡|苏木|镇|乡)$"),
    "development_zone": re.compile(
        r"(?:经济技术开发区|高新技术产业开发区|高新技术开发区|经济开发区|开发区|产业园区|新区)$"
    ),
    "village_group": re.compile(r"(?:自然村|村|里|庄)$"),
}
_ENDINGS["building"] = _ENDINGS["estate"]
_PART = re.compile(r"(?:\d{1,2}|[A-Z]|[东南西北中])(?:区|期|里|坊|村|园)$")
_DIVISIONS = {
    "province": AddressLevel.PROVINCE,
    "city": AddressLevel.CITY,
    "county": AddressLevel.COUNTY,
}

# A shortened name directly before one of these was not the name that was meant: 中山 in 中山路 is
# not 中山花园.
_OTHER_NAME_FOLLOWS = re.compile(
    r"[东南西北中上下前后新老]?(?:\d{0,2})(?:大道|大街|公路|胡同|路|街道|街|巷|弄堂|里弄|镇|乡|社区|村|花园|家园|公寓"
    r"|花苑|佳苑|嘉苑|新村|新苑|大厦|广场|中心|苑|园|桥|市|区|县|期)"
)
_GENERIC_FOLLOWS = re.compile(r"(?:小区|住宅小区|住宅区|生活区|大院|院内)")
_COMMUNITY_FOLLOWS = re.compile(r"(?:社区|村委会|居委会|村)")
_SIGNIFICANT = re.compile(r"[\d东南西北中上下前后内外新老A-Z]")


@functools.lru_cache(maxsize=65_536)
def short_forms(key: str, level: str) -> tuple[tuple[str, float], ...]:
    """Return the shortened forms of a folded name at `level`, each with its quality."""
    forms: dict[str, float] = {}
    if level in _DIVISIONS:
        stem = division_stem(key, _DIVISIONS[level])
        if stem != key:
            forms[stem] = 0.95
        return tuple(forms.items())
    ending = _ENDINGS.get(level)
    if ending is not None:
        stem = ending.sub("", key)
        if stem != key and len(stem) >= 2:
            forms[stem] = STEM
    if level == "estate":
        whole = _PART.sub("", key)
        if whole != key and len(whole) >= 2:
            forms.setdefault(whole, WHOLE_OF_PART)
            stem = _ENDINGS["estate"].sub("", whole)
            if stem != whole and len(stem) >= 2:
                forms.setdefault(stem + key[len(whole) :], STEM)
                forms.setdefault(stem, WHOLE_OF_PART - 0.05)
    return tuple(forms.items())


def quality_in_context(quality: float, text: str, end: int, levels: frozenset[str]) -> float:
    """Return what a shortened form found in `text` up to `end` is worth there."""
    if _GENERIC_FOLLOWS.match(text, end):
        return quality
    if "community" in levels and _COMMUNITY_FOLLOWS.match(text, end):
        return quality * 0.85
    if _OTHER_NAME_FOLLOWS.match(text, end):
        return quality * 0.3
    return quality


def differs_in_number_or_side(first: str, second: str) -> bool:
    """Whether two similar names are told apart on purpose: 文一路, 文二路; 文一路, 文一西路."""
    return sorted(_SIGNIFICANT.findall(first)) != sorted(_SIGNIFICANT.findall(second))
