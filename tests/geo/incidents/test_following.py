"""The columns of all incidents, read out of the store and kept in step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from geo.h3_cells import lonlat_to_h3_cell
from geo.incidents import following
from geo.incidents.categories import CategoryRow, load_categories
from geo.incidents.following import IncidentFollower
from geo.store.database import Database
from geo.tables import Incident
from geo.values import GridScope

NIGHT = datetime(2026, 3, 1, 15, 30, tzinfo=UTC)  # Sunday; in Shanghai half past eleven at night


def test_columns_hold_what_the_store_holds_and_follow_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "ROWS_AT_ONCE", 2)
    cell = lonlat_to_h3_cell(112.55, 37.87)
    with database.session() as session:
        load_categories(session, [CategoryRow("theft", "盗窃"), CategoryRow("fire", "火灾")])
        for at, (grid, category, hours, more) in enumerate(
            [
                ("B", "theft", 0, {}),
                (None, "fire", 8, {}),
                ("A", "theft", 0, {"source": "sensor"}),
                ("A", "theft", 0, {"status": "annulled"}),
                ("A", "theft", 0, {"h3_cell": None, "geom": None, "point_method": None}),
            ]
        ):
            begins = NIGHT - timedelta(days=at)
            given = {
                "category_code": category, "source": "resident_reported", "reported_at": NIGHT,
                "occurred_from": begins, "occurred_to": begins + timedelta(hours=hours),
                "dataset": "test", "recorded_by": "test", "point_method": "given",
                "geom": "SRID=4326;POINT(112.55 37.87)", "grid_code": grid, "h3_cell": cell,
            }  # fmt: skip
            session.add(Incident(**given | more))
    seconds = iter(range(0, 1000, 10))
    follower = IncidentFollower(database, zone="Asia/Shanghai", clock=lambda: next(seconds))
    columns = follower.current()
    assert [columns.grids[at] if at >= 0 else None for at in columns.grid] == ["A", None, "B"]
    assert [columns.categories[at] for at in columns.category] == ["theft", "fire", "theft"]
    assert [columns.sources[at] for at in columns.source] == [
        "sensor", "resident_reported", "resident_reported",
    ]  # fmt: skip
    assert columns.day[2] == pytest.approx(NIGHT.timestamp() / 86_400, abs=1e-9)
    assert columns.day[1] == pytest.approx(NIGHT.timestamp() / 86_400 - 1 + 4 / 24, abs=1e-9)
    assert columns.stretch_d.tolist() == pytest.approx([0, 8 / 24, 0])
    # 23:30 on Sunday; the middle of 23:30 to 07:30 on Sunday.
    assert columns.week_hour.tolist() == [4 * 24 + 23, 6 * 24 + 3, 6 * 24 + 23]
    assert columns.h3_cell.tolist() == [cell] * 3
    own = columns.within(GridScope.of(["A"]))
    assert own.number.tolist() == [3]
    assert columns.within(GridScope.everything(), hidden=frozenset({"theft"})).number.tolist() == [
        2
    ]
    assert follower.current() is columns
    with database.session() as session:
        session.execute(text("UPDATE incident SET status = 'annulled' WHERE grid_code = 'B'"))
    assert follower.current().number.tolist() == [3, 2]


def test_an_empty_store_has_empty_columns(database: Database) -> None:
    assert len(IncidentFollower(database, zone="Asia/Shanghai").current()) == 0
