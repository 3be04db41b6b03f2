"""The index in memory: it follows the database, keeps to a scope, and never serves what ended."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from geo.addresses.match import MatchResult, match_standard_address
from geo.addresses.register_follower import RegisterFollower
from geo.addresses.register_index import RegisterIndex
from geo.addresses.register_rows import rows_from_texts
from geo.addresses.register_segment import AREA_COLUMNS
from geo.addresses.suggest import suggest
from geo.errors import InvalidInput
from geo.store.database import Database
from geo.tables import AddressAlias
from geo.values import GridScope
from tests.geo.addresses.small_register import (
    TEXTS,
    add_address,
    end_address,
    mark,
    small_index,
    small_rows,
)

EVERYTHING = GridScope.everything()


def match(index: RegisterIndex, query: str, scope: GridScope = EVERYTHING) -> MatchResult:
    return match_standard_address(query, index, scope=scope)


def found(index: RegisterIndex, query: str, scope: GridScope = EVERYTHING) -> int | None:
    best = match(index, query, scope).best
    return None if best is None else best.standard_address_id


def test_an_id_that_stands_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="own id"):
        RegisterIndex.from_rows([(1, "文一路1号", None, None), (1, "文一路2号", None, None)])


def test_an_empty_register_finds_nothing() -> None:
    index = RegisterIndex.from_rows([])
    assert len(index) == 0
    assert match(index, "文一路1号").status == "not_found"
    assert suggest("文", index, scope=EVERYTHING) == []


def test_rows_without_a_point_say_so() -> None:
    index = RegisterIndex.from_rows([(1, "西湖区文一路1号", None, None)])
    best = match(index, "文一路1号").best
    assert best is not None
    assert best.lonlat is None
    assert "no_point" in {reason.code for reason in best.reasons}


def test_changes_replace_end_and_add() -> None:
    index = small_index()
    changed = rows_from_texts([(12, TEXTS[12].replace("3幢2单元101", "3幢2单元109"), 120.1, 30.3),
                               (99, "浙江省杭州市西湖区学院路77号", 120.1, 30.3)])  # fmt: skip
    after = index.with_changes([12, 16, 99], changed)
    assert after is not None
    assert len(after) == len(TEXTS)
    assert found(after, "翠苑一区3幢2单元109室") == 12
    assert found(after, "翠苑一区3幢2单元101室") != 12
    assert found(after, "学院路77号") == 99
    assert match(after, "文二路29号").status != "matched"
    # The index before the change still answers as it did.
    assert found(index, "文二路29号") == 16


def test_changes_answer_like_a_register_read_anew() -> None:
    changed = rows_from_texts([(16, "浙江省杭州市西湖区文三路30号", 120.2, 30.2)])
    after = small_index().with_changes([16, 21], changed)
    assert after is not None
    again = after.with_changes([], rows_from_texts([]))
    rows = [row for row in small_rows() if row[0] not in (16, 21)]
    anew = RegisterIndex.from_rows([*rows, (16, "浙江省杭州市西湖区文三路30号", 120.2, 30.2)])
    for query in ("文三路30号", "文二路29号", "湖墅南路5号", "翠苑一区3-2-101", "西湖区", "文二路"):
        assert match(after, query) == match(anew, query)
        assert again is not None
        assert match(again, query) == match(anew, query)


def test_what_lies_outside_the_scope_neither_appears_nor_counts(database: Database) -> None:
    with database.session() as session:
        ids = {
            address_id: add_address(session, address, grid_code="A" if address_id < 16 else "B")
            for address_id, address in TEXTS.items()
        }
    index = RegisterFollower(database).current()
    inside = [(ids[i], TEXTS[i], 120.1, 30.3) for i in TEXTS if i < 16]
    alone = RegisterIndex.from_rows(inside)
    scope = GridScope.of(["A"])
    for query in (
        "文二路29号",
        "文一路269号翠苑一区3-2-101",
        "湖墅南路5号",
        "荷塘村3组25号",
        "翠苑三区",
        "翠苑",
    ):
        answer, expected = match(index, query, scope), match(alone, query)
        assert answer.status == expected.status
        assert [(c.standard_address_id, c.level, c.confidence) for c in answer.candidates] == [
            (c.standard_address_id, c.level, c.confidence) for c in expected.candidates
        ]
        assert [s.text for s in suggest(query, index, scope=scope)] == [
            s.text for s in suggest(query, alone, scope=EVERYTHING)
        ]
    assert match(index, "文二路29号", GridScope.of([])).status == "not_found"


def test_the_follower_sees_what_is_committed(database: Database) -> None:
    follower = RegisterFollower(database)
    assert len(follower.current()) == 0
    with database.session() as session:
        first = add_address(session, TEXTS[12], grid_code="G1")
    assert found(follower.current(), "翠苑一区3-2-101") == first
    with database.session() as session:
        end_address(session, first)
        second = add_address(session, TEXTS[16])
    index = follower.current()
    assert match(index, "翠苑一区3-2-101").status == "not_found"
    assert found(index, "文二路29号") == second
    assert follower.current() is index
    with database.session() as session:
        session.execute(text("UPDATE standard_address SET status = 'ended'"))
        mark(session, None)  # too many to name
    assert len(follower.current()) == 0


def test_a_change_that_commits_late_is_not_missed(database: Database) -> None:
    follower = RegisterFollower(database)
    follower.current()
    late = database.open_session()
    late_id = add_address(late, TEXTS[12])
    with database.session() as session:
        add_address(session, TEXTS[16])
    assert len(follower.current()) == 1
    late.commit()
    late.close()
    assert found(follower.current(), "翠苑一区3-2-101") == late_id


def test_a_change_begun_before_the_first_read_is_not_missed(database: Database) -> None:
    late = database.open_session()
    late_id = add_address(late, TEXTS[12])
    with database.session() as session:
        add_address(session, TEXTS[16])
    follower = RegisterFollower(database)
    assert len(follower.current()) == 1
    late.commit()
    late.close()
    assert found(follower.current(), "翠苑一区3-2-101") == late_id


def test_a_follower_may_be_told_to_ask_less_often(database: Database) -> None:
    now = [0.0]
    follower = RegisterFollower(database, max_age_s=1.0, clock=lambda: now[0])
    follower.current()
    with database.session() as session:
        add_address(session, TEXTS[16])
    now[0] = 0.9
    assert len(follower.current()) == 0
    now[0] = 1.9
    assert len(follower.current()) == 1


def test_an_alias_finds_its_address_and_is_never_printed(database: Database) -> None:
    with database.session() as session:
        address_id = add_address(session, TEXTS[12], grid_code="G1")
        session.add(
            AddressAlias(
                standard_address_id=address_id,
                alias_text="老王家 那栋2楼",
                alias_key="x",
                source="t",
            )
        )
        session.add(
            AddressAlias(
                standard_address_id=address_id, alias_text="文一支路8号", alias_key="y", source="t"
            )
        )
        mark(session, address_id)
    index = RegisterFollower(database).current()
    for alias in ("老王家那栋２楼", "文一支路8号"):
        result = match(index, alias)
        assert result.status == "matched"
        assert result.best is not None
        assert result.best.standard_address_id == address_id
        assert result.best.canonical_text == TEXTS[12]
        assert result.best.level == "room"
        assert result.best.grid_code == "G1"
        assert result.best.radius_m == 5.0
    with database.session() as session:
        session.execute(text("UPDATE address_alias SET ended_at = now()"))
        mark(session, address_id)
    assert match(RegisterFollower(database).current(), "老王家那栋2楼").status == "not_found"


def test_names_whose_sites_all_changed_are_found_where_they_are_now() -> None:
    """Two narrow names hit, and in the older part of the index no site is left of either."""
    old, new = "太原市小店区白云巷12号", "太原市小店区青石路8号"
    index = RegisterIndex.from_rows([(1, new, None, None), (2, old, None, None)])
    changed = index.with_changes([1, 2], rows_from_texts([(1, new, None, None)]))
    assert match(changed, new).status == "matched"
    assert match(changed, old).status != "matched"


def test_pairs_of_areas_and_numbers_are_those_of_the_sites() -> None:
    segment = small_index().segments[0]
    keys, begin, sites = segment.pairs
    listed = {
        (int(key) >> 34, int(key) >> 32 & 3, int(key) & 0xFFFFFFFF, int(site))
        for at, key in enumerate(keys)
        for site in sites[begin[at] : begin[at + 1]]
    }
    wanted = {
        (int(name), column, int(number), site)
        for site in range(segment.n_sites)
        for name in segment.site_names[site, list(AREA_COLUMNS)]
        for column, number in enumerate(segment.site_numbers[site])
        if name and number
    }
    assert listed == wanted
    assert len(sites) == len(wanted)
