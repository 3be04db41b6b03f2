"""Freshness and completeness by grid and hexagon, worked by hand, and persons hidden where few."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
from sqlalchemy.orm import Session

from geo.errors import InvalidInput
from geo.store.scope import set_scope
from geo.tables import Dwelling, Residence, Resident, StandardAddress
from geo.values import GridScope
from layers.freshness import FreshnessResult, freshness, load_freshness
from tests.drawing import draw
from tests.factories import add_grid, add_grid_version, add_standard_address

A, B, C = "14010500100100001", "14010500100100002", "14010500100200001"
ON = date(2026, 6, 15)
EVERYTHING = GridScope.everything()


@pytest.fixture
def addresses(session: Session) -> dict[str, StandardAddress]:
    """An address in each of three grids; C is of another community."""
    drawn = draw("ABC")
    version = add_grid_version(session)
    made = {}
    for letter, code in (("A", A), ("B", B), ("C", C)):
        point = drawn[letter].representative_point()
        grid = add_grid(session, code, drawn[letter], version=version, name=f"网格{letter}")
        made[letter] = add_standard_address(session, (point.x, point.y), grid=grid)
    return made


def add_dwelling(session: Session, address: StandardAddress, **columns: Any) -> None:
    session.add(
        Dwelling(
            **{
                "standard_address_id": address.id, "use": "vacant", "due_on": ON, "source": "test",
                "recorded_by": "x", "missing": [], **columns,
            }
        )
    )  # fmt: skip
    session.flush()


def add_residents(session: Session, address: StandardAddress, count: int, **columns: Any) -> None:
    for _ in range(count):
        resident = Resident(name="测试甲某", source="test", recorded_by="x", missing=[])
        session.add(resident)
        session.flush()
        session.add(
            Residence(
                **{
                    "resident_id": resident.id, "standard_address_id": address.id,
                    "kind": "floating", "lived_from": date(2026, 1, 1), "due_on": ON,
                    "source": "test", "recorded_by": "x", "missing": [], **columns,
                }
            )
        )  # fmt: skip
    session.flush()


def load(session: Session, **more: Any) -> FreshnessResult:
    given = {"records": "dwelling", "by": "grid", "on": ON, "scope": EVERYTHING, "k": 5, **more}
    return load_freshness(session, **given)


def looked(days_ago: int, *, due_in: int) -> dict[str, Any]:
    return {
        "verified_on": ON - timedelta(days=days_ago), "verified_how": "visit", "verified_by": "x",
        "due_on": ON + timedelta(days=due_in),
    }  # fmt: skip


def test_shares_by_hand(session: Session, addresses: dict[str, StandardAddress]) -> None:
    """Of four in A: two fresh, one due today, one never looked at; one lacks its rooms."""
    add_dwelling(session, addresses["A"], **looked(10, due_in=1))
    add_dwelling(session, addresses["A"], **looked(20, due_in=90))
    add_dwelling(session, addresses["A"], **looked(60, due_in=0))
    add_dwelling(session, addresses["A"], missing=["room_count"])
    add_dwelling(session, addresses["A"], ended_on=ON)  # is no more
    result = load(session)
    row = result.places.loc[A]
    assert (row["record_count"], row["verified_share"], row["fresh_share"]) == (4, 0.75, 0.5)
    assert (row["complete_share"], row["median_age_days"]) == (0.75, 20)
    assert result.field_shares == {"use": 1.0, "room_count": 0.75}
    assert (result.record_count, result.hidden_count, result.k) == (4, 0, None)
    # No record is no share: an empty grid is neither fresh nor stale.
    assert pd.isna(result.places.loc[B, "fresh_share"])
    assert result.places.loc[B, "record_count"] == 0
    assert (result.class_counts, result.unknown_count) == ((0, 0, 1, 0, 0), 2)
    assert result.names == ("网格A", "网格B", "网格C")


def test_hexagons(session: Session, addresses: dict[str, StandardAddress]) -> None:
    add_dwelling(session, addresses["A"], **looked(10, due_in=1))
    add_dwelling(session, addresses["C"])
    result = load(session, by="h3_cell", resolution=10)
    assert sorted(result.places["fresh_share"]) == [0.0, 1.0]
    assert len(result.outlines) == 2
    with pytest.raises(InvalidInput, match="wanted 6 to 10"):
        load(session, by="h3_cell", resolution=11)


def test_small_counts_of_persons_are_hidden_and_what_would_tell_them(
    session: Session, addresses: dict[str, StandardAddress]
) -> None:
    """C is alone in its community: hiding A and B would not do for a total, nor C alone."""
    add_residents(session, addresses["A"], 12, **looked(10, due_in=9))
    add_residents(session, addresses["B"], 3)
    add_residents(session, addresses["C"], 20)
    result = load(session, records="residence")
    counts = result.places["record_count"]
    assert pd.isna(counts[B])
    assert pd.isna(counts[A]), "the community's sum less 12 would tell"
    assert counts[C] == 20
    assert pd.isna(result.places.loc[A, "fresh_share"])
    assert (result.record_count, result.hidden_count, result.k) == (35, 2, 5)


def test_each_caller_is_shown_what_fits_with_the_others(
    session: Session, addresses: dict[str, StandardAddress]
) -> None:
    """Who sees A alone would be shown 12, did one decide on their rows by themselves."""
    add_residents(session, addresses["A"], 12)
    add_residents(session, addresses["B"], 3)
    scope = GridScope.of([A])
    set_scope(session, scope)
    session.info["scope"] = scope
    try:
        result = load(session, records="residence", scope=scope)
    finally:
        session.info["scope"] = EVERYTHING
    assert result.places.index.tolist() == [A]
    assert pd.isna(result.places.loc[A, "record_count"])
    assert result.record_count is None
    assert set(result.field_shares.values()) == {None}


def test_persons_are_counted_by_month_and_by_grid_only(
    session: Session, addresses: dict[str, StandardAddress]
) -> None:
    add_residents(session, addresses["A"], 6)
    add_residents(session, addresses["A"], 1, lived_from=date(2026, 6, 10))  # came this month
    for day in (date(2026, 6, 1), date(2026, 6, 30)):
        result = load(session, records="residence", on=day)
        assert (result.counted_on, result.record_count) == (date(2026, 6, 1), 6)
    with pytest.raises(InvalidInput, match="by grid only"):
        load(session, records="residence", by="h3_cell")


def test_order_and_numbers_of_the_pure_function() -> None:
    counts = pd.DataFrame(
        {
            "record_count": [4], "verified_count": [2], "fresh_count": [1], "complete_count": [4],
            "median_age_days": [7.5],
        },
        index=pd.Index(["b"], name="place"),
    )  # fmt: skip
    shown = freshness(counts, pd.Index(["c", "b"]))
    assert shown.index.tolist() == ["c", "b"]
    assert shown.loc["b", ["fresh_share", "complete_share"]].tolist() == [0.25, 1.0]
    assert shown.loc["c", "record_count"] == 0
    hidden = freshness(counts, pd.Index(["c", "b"]), pd.Series({"b": True}))
    assert hidden.loc["b"].isna().all()
    assert hidden.loc["c", "record_count"] == 0
