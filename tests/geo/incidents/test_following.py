"""The columns of all incidents, read out of the store and kept in step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.h3_cells import lonlat_to_h3_cell
from geo.incidents import following
from geo.incidents.categories import CategoryRow, load_categories
from geo.incidents.columns import IncidentColumns
from geo.incidents.following import IncidentFollower
from geo.store.database import Database
from geo.tables import Incident
from geo.values import GridScope

COPIED = ("source", "reported_at", "dataset", "recorded_by", "point_method")
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
    reads = 0
    read_all = follower._read_all

    def counted(session: Session, now: float) -> IncidentColumns:
        nonlocal reads
        reads += 1
        return read_all(session, now)

    monkeypatch.setattr(follower, "_read_all", counted)
    with database.session() as session:
        load_categories(session, [CategoryRow("a-new-kind", "新类")])
        session.execute(text("UPDATE incident SET grid_code = 'C' WHERE id = 3"))
        more = session.get_one(Incident, 2)
        session.add(
            Incident(
                **{name: getattr(more, name) for name in COPIED},
                category_code="a-new-kind", grid_code="0", h3_cell=cell,
                occurred_from=NIGHT - timedelta(days=9), occurred_to=NIGHT - timedelta(days=9),
                geom="SRID=4326;POINT(112.55 37.87)",
            )
        )  # fmt: skip
    now = follower.current()
    assert reads == 0
    assert now.number.tolist() == [6, 3, 2]
    assert [now.grids[at] if at >= 0 else None for at in now.grid] == ["0", "C", None]
    assert [now.categories[at] for at in now.category] == ["a-new-kind", "theft", "fire"]
    fresh = IncidentFollower(database, zone="Asia/Shanghai").current()
    for name in ("number", "h3_cell", "day", "stretch_d", "category", "source", "grid"):
        assert getattr(now, name).tolist() == getattr(fresh, name).tolist()
    assert now.week_hour.tolist() == fresh.week_hour.tolist()
    with database.session() as session:  # more than a mark names: all is read again
        session.execute(
            text(
                "INSERT INTO incident (category_code, source, reported_at, occurred_from, "
                "occurred_to, dataset, recorded_by) SELECT 'fire', 'sensor', now(), now(), now(), "
                "'test', 'test' FROM generate_series(1, 1001)"
            )
        )
    assert follower.current().number.tolist() == [6, 3, 2]
    assert reads == 1


def test_a_change_that_is_committed_later_than_a_newer_one_is_not_missed(
    database: Database,
) -> None:
    cell = lonlat_to_h3_cell(112.55, 37.87)
    seconds = iter(range(0, 1000, 10))
    follower = IncidentFollower(database, zone="Asia/Shanghai", clock=lambda: next(seconds))

    def incident() -> Incident:
        return Incident(
            category_code="theft", source="sensor", reported_at=NIGHT, occurred_from=NIGHT,
            occurred_to=NIGHT, dataset="test", recorded_by="test", point_method="given",
            geom="SRID=4326;POINT(112.55 37.87)", h3_cell=cell,
        )  # fmt: skip

    with database.session() as session:
        load_categories(session, [CategoryRow("theft", "盗窃")])
    assert len(follower.current()) == 0
    with database.session() as slow:
        slow.add(incident())
        slow.flush()
        with database.session() as quick:
            quick.add(incident())
        assert follower.current().number.tolist() == [2]
    assert sorted(follower.current().number.tolist()) == [1, 2]


def test_an_empty_store_has_empty_columns(database: Database) -> None:
    assert len(IncidentFollower(database, zone="Asia/Shanghai").current()) == 0
