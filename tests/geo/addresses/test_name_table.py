"""Names found although misheard, mistyped or in part: the compiled search against plain words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from geo.addresses.name_forms import differs_in_number_or_side
from geo.addresses.name_table import NameTable

NAMES = [
    "文一路",
    "文二路",
    "翠苑一区",
    "龙庭西路",
    "花园路",
    "春江花园",
    "河滨小区",
    "A座大厦",
    "古墩",
]


def table_of(names: list[str]) -> NameTable:
    table = NameTable()
    # In two goes, as a register that changed: the hashed forms of both are searched together.
    table.add(names[::2], "road")
    table.add(names[1::2], "estate")
    return table


def everything(table: NameTable) -> np.ndarray:
    return np.ones(len(table), np.bool_)


TABLE = table_of(NAMES)
ALIVE = everything(TABLE)


@given(st.text(alphabet="".join(sorted(set("".join(NAMES)))), min_size=2, max_size=14))
@settings(max_examples=200, deadline=None)
def test_one_slip_is_found_just_where_the_distance_is_one(text: str) -> None:
    found = {
        (hit.start, hit.end, TABLE.texts[hit.name_id])
        for hit in TABLE.find_similar(text, 0, len(text), ALIVE)
        if hit.how == "typo"
    }
    wanted = {
        (start, end, name)
        for start in range(len(text))
        for end in range(start + 2, min(len(text), start + 13) + 1)
        for name in NAMES
        if len(name) >= 3
        and OSA.distance(text[start:end], name) == 1
        and not differs_in_number_or_side(text[start:end], name)
    }
    assert found == wanted


def test_a_name_is_heard_though_written_otherwise() -> None:
    (hit,) = [h for h in TABLE.find_similar("闻一鹿12", 0, 3, ALIVE) if h.how == "sound"]
    assert (TABLE.texts[hit.name_id], hit.start, hit.end) == ("文一路", 0, 3)


def test_names_in_part_share_pairs_of_characters() -> None:
    hits = TABLE.find_parts("在春江花那边", 1, 4, ALIVE)
    assert [(TABLE.texts[h.name_id], h.start, h.end) for h in hits] == [("春江花园", 1, 4)]
    assert hits[0].quality == pytest.approx(0.25 + 0.45 * 3 / 4)


def test_names_of_nobody_are_not_found() -> None:
    dead = np.zeros(len(TABLE), np.bool_)
    assert TABLE.find_written("文一路", dead) == []
    assert TABLE.find_similar("文依路", 0, 3, dead) == []
    assert TABLE.find_parts("春江花", 0, 3, dead) == []
    # A name that was added after the mask was made is not there for it.
    assert TABLE.find_written("文一路", ALIVE[:1]) == []


def test_half_a_surrogate_pair_is_a_character_like_others() -> None:
    text = "\ud83d文依路\ude00"
    assert [h.how for h in TABLE.find_similar(text, 0, len(text), ALIVE) if h.end - h.start == 3]
