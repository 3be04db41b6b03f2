"""What is found without looking at rivals is what the whole search finds, in every respect."""

from __future__ import annotations

import itertools
import random

import pyarrow as pa
import pytest

from geo.addresses import match as matching
from geo.addresses.match import MatchResult, match_standard_address
from geo.addresses.register_index import RegisterIndex
from geo.addresses.register_rows import rows_from_texts
from geo.values import GridScope

EVERYTHING = GridScope.everything()
Levels = tuple[str, ...]


def _addresses(seed: int, count: int) -> list[Levels]:
    """Return addresses that differ in little: the same road, door and estate in two counties,
    buildings with and without entrances, rooms without building, villages with groups."""
    rng = random.Random(seed)
    urban = itertools.product(
        ("西湖区", "拱墅区"), ("", "古荡街道"), ("文一路", "文二路", ""),
        ("", "3号", "12号", "101号"),
        ("", "翠苑一区", "翠苑二区", "文一苑"), ("", "3幢", "12幢"), ("", "1单元", "2单元"),
        ("", "101室", "301室"),
    )  # fmt: skip
    rural = itertools.product(
        ("余杭区",), ("", "三墩镇"), ("荷塘村", "荷花村"), ("", "3组", "12组"), ("", "3号", "25号"),
    )  # fmt: skip
    found: list[Levels] = [each for each in urban if each[2] or each[4]]
    return rng.sample([*found, *rural], count)


def _text(levels: Levels) -> str:
    return "".join(("浙江省", "杭州市", *levels))


def _queries(addresses: list[Levels], seed: int, count: int) -> list[str]:
    rng = random.Random(seed)
    queries = []
    for _ in range(count):
        levels = [each for each in rng.choice(addresses) if each]
        form = rng.random()
        if form < 0.5:
            levels = [each for each in levels if rng.random() < 0.85]
        text = "".join(levels)
        if form < 0.15:
            for word in ("幢", "单元", "室"):
                text = text.replace(word, "-" if word != "室" else "")
        elif form < 0.3:
            text = text.replace("幢", "号楼").replace("文一路", "文1路").replace("号", "號")
        elif form < 0.4:
            text = text.replace("翠苑", "翠园") + rng.choice(("", "对面", "送到", "101"))
        if rng.random() < 0.5:
            text = rng.choice(("浙江省杭州市", "杭州", "江苏省")) + text
        queries.append(text or "3幢")
    return queries


def _table(addresses: list[Levels], first_id: int = 1) -> pa.Table:
    rows = [(n, _text(each), 120.1, 30.2) for n, each in enumerate(addresses, first_id)]
    table = rows_from_texts(rows)
    grids = pa.array([("A", "B")[n % 2] for n in range(table.num_rows)]).dictionary_encode()
    at = table.schema.get_field_index("grid_code")
    return table.set_column(at, "grid_code", grids.cast(table.schema.field(at).type))


def _sure_answers(queries: list[str], index: RegisterIndex, scope: GridScope) -> list[MatchResult]:
    return [
        match_standard_address(each, index, scope=scope, others_of_sure=False) for each in queries
    ]


@pytest.mark.parametrize(
    "scope", [EVERYTHING, GridScope(frozenset({"A"}))], ids=["everything", "one grid"]
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_whole_search_would_answer_the_same(
    scope: GridScope, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = _addresses(seed, 160)
    index = RegisterIndex.from_table(_table(addresses))
    queries = _queries(addresses, seed, 400)
    clear: list[str] = []
    find = matching.find_clear_row

    def noted(*given: object) -> object:
        found = find(*given)  # type: ignore[arg-type]
        if found is not None:
            clear.append("found")
        return found

    monkeypatch.setattr(matching, "find_clear_row", noted)
    answers = _sure_answers(queries, index, scope)
    assert len(clear) > 30
    monkeypatch.setattr(matching, "find_clear_row", lambda *_: None)
    whole = _sure_answers(queries, index, scope)
    assert answers == whole


def test_a_change_is_seen_at_once() -> None:
    addresses = [each for each in _addresses(5, 200) if len(each) == 8]
    index = RegisterIndex.from_table(_table(addresses))
    text = next(_text(each) for each in addresses if all(each[4:]))
    before = match_standard_address(text, index, scope=EVERYTHING, others_of_sure=False)
    assert before.best is not None and before.best.canonical_text == text
    ended = before.best.standard_address_id
    assert ended is not None
    after = index.with_changes([ended], _table([]))
    assert after is not None
    again = match_standard_address(text, after, scope=EVERYTHING, others_of_sure=False)
    assert again.best is None or again.best.standard_address_id != ended


def test_an_equal_address_elsewhere_is_never_passed_over() -> None:
    twins = [
        ("西湖区", "", "文一路", "3号", "翠苑一区", "3幢", "1单元", "101室"),
        ("拱墅区", "", "文一路", "3号", "翠苑一区", "3幢", "1单元", "101室"),
    ]
    index = RegisterIndex.from_table(_table(twins))
    text = "文一路3号翠苑一区3幢1单元101室"
    result = match_standard_address(text, index, scope=EVERYTHING, others_of_sure=False)
    assert result.ambiguous and result.status == "review"
    scoped = match_standard_address(
        text, index, scope=GridScope(frozenset({"A"})), others_of_sure=False
    )
    assert scoped.status == "matched" and scoped.best is not None
    assert scoped.best.standard_address_id == 1
