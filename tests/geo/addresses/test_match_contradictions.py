"""Contradictions weigh more than omissions, at every level, and each reason reads as a sentence."""

from __future__ import annotations

import pytest

from geo.addresses.match import MatchResult, match_standard_address
from geo.addresses.match_reasons import _WORDS, LEVEL_NAMES, MatchReason
from geo.addresses.register_index import RegisterIndex
from geo.values import GridScope

EVERYTHING = GridScope.everything()
# An invented estate of two buildings with two entrances and two rooms each, and two groups.
_ROOMS = [
    f"江南省临溪市云山区清泉街道柳岸路{door}号木棉花园{building}幢{entrance}单元{room}室"
    for door, building in ((12, 1), (12, 2))
    for entrance in (1, 2)
    for room in (101, 102)
]
_VILLAGE = [
    f"江南省临溪市云山区清泉街道桑田村{group}组{door}号" for group in (1, 2) for door in (5, 6)
]
INDEX = RegisterIndex.from_rows(
    [(i, text, 120.0 + i / 1e4, 30.0) for i, text in enumerate([*_ROOMS, *_VILLAGE], 1)]
)
WHOLE = "柳岸路12号木棉花园2幢1单元102室"
HOME = "桑田村2组6号"


def match(text: str) -> MatchResult:
    return match_standard_address(text, INDEX, scope=EVERYTHING)


def confidence_of(text: str, meant: str) -> float:
    """Return how sure the match is that the whole address is meant."""
    wanted = match(meant).best
    assert wanted is not None
    assert wanted.standard_address_id is not None
    found = [
        each.confidence
        for each in match(text).candidates
        if each.standard_address_id == wanted.standard_address_id
    ]
    return max(found, default=0.0)


@pytest.mark.parametrize(
    "level, wrong, left_out, meant",
    [
        ("door", "柳岸路77号木棉花园2幢1单元102室", "木棉花园2幢1单元102室", WHOLE),
        ("building", "柳岸路12号木棉花园9幢1单元102室", "柳岸路12号木棉花园1单元102室", WHOLE),
        ("entrance", "柳岸路12号木棉花园2幢7单元102室", "柳岸路12号木棉花园2幢102室", WHOLE),
        ("room", "柳岸路12号木棉花园2幢1单元909室", "柳岸路12号木棉花园2幢1单元", WHOLE),
        ("village_group", "桑田村9组6号", "桑田村6号", HOME),
    ],
)
def test_a_number_that_differs_is_no_near_match(
    level: str, wrong: str, left_out: str, meant: str
) -> None:
    result = match(wrong)
    assert result.status == "review"
    assert result.best is not None
    said = {(reason.code, reason.level) for reason in result.reasons}
    assert ("differs", level) in said or ("absent", level) in said
    assert confidence_of(wrong, meant) <= confidence_of(left_out, meant) + 0.05
    # What the wrong number would have named is not claimed.
    assert (
        result.best.standard_address_id != getattr(match(meant).best, "standard_address_id", None)
        or level == "door"
    )


@pytest.mark.parametrize("code", sorted(_WORDS))
@pytest.mark.parametrize("level", ["building", "road", "point_of_interest"])
def test_each_reason_reads_in_both_languages(code: str, level: str) -> None:
    reason = MatchReason(code, level, said="甲", stored="乙")
    for words in (reason.zh, reason.en):
        assert words
        assert "{" not in words
    assert any("一" <= char <= "鿿" for char in reason.zh)
    template = "".join(_WORDS[code])
    if "{said}" in template:
        assert "甲" in reason.zh
        assert "甲" in reason.en


def test_the_worker_reads_which_number_differs() -> None:
    differs = MatchReason("differs", "building", said="9", stored="2")
    assert differs.zh == "楼号不同：所写 9，登记 2"
    assert set(LEVEL_NAMES) >= {"door", "building", "entrance", "floor", "room", "village_group"}
