"""Grids stored ahead of their first day take hold when it begins, with the server running."""

from __future__ import annotations

import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from shapely import box
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo.audit import Access
from geo.audit_anchors import read_anchors
from geo.positions.fix import Fix, Source
from geo.positions.storing import PlacedFix, make_position_partitions, store_fixes
from geo.registers import Cycles, Look, NewDwelling, Writing, record_dwelling
from geo.registers.cycles import VERIFY_MONTHS
from geo.settings import Settings
from geo.store.database import Database
from geo.tables import (
    Dwelling,
    GridCoverage,
    PatrolPosition,
    RetentionReceipt,
    StandardAddress,
)
from geo.units.devices import register_device
from geo.units.units import create_unit, plan_shift
from geo.values import GridScope, LonLat, Period
from tests.factories import add_grid, add_standard_address
from web.daily import each_day, keep_positions

PLACE = (112.005, 37.005)


def add_two_versions(session: Session) -> int:
    """One address in a grid that ends on 2 June, when another begins at its place."""
    square = box(112.0, 37.0, 112.01, 37.01)
    old = add_grid(session, "990101001001001", square, valid_to=date(2026, 6, 2))
    add_grid(session, "990101001001002", square, valid_from=date(2026, 6, 2))
    return add_standard_address(session, PLACE, grid=old).id


def grid_code_of(database: Database, address_id: int) -> str | None:
    with database.session() as session:
        return session.get_one(StandardAddress, address_id).grid_code


def test_a_new_day_moves_addresses_into_its_grids_and_anchors_the_audit_log(
    database: Database, tmp_path: Path
) -> None:
    with database.session() as session:
        address_id = add_two_versions(session)
    settings = Settings(data_folder=tmp_path)
    moment = [datetime(2026, 6, 1, 8, tzinfo=UTC)]
    with each_day(database, settings, now=lambda: moment[0], look_every_s=0.02):
        assert grid_code_of(database, address_id) == "990101001001001"
        moment[0] = datetime(2026, 6, 1, 17, tzinfo=UTC)  # 1:00 on 2 June in China
        deadline = time.monotonic() + 20
        while grid_code_of(database, address_id) != "990101001001002":
            assert time.monotonic() < deadline, "the new day was not begun"
            time.sleep(0.05)
    assert len(read_anchors(tmp_path)) == 1
    assert "each-day" not in [thread.name for thread in threading.enumerate()]


def test_a_start_with_other_months_moves_what_is_due(database: Database, tmp_path: Path) -> None:
    writing = Writing(
        Access("wang"), GridScope.everything(), date(2026, 6, 1), Cycles(VERIFY_MONTHS)
    )
    with database.session() as session:
        dwelling_id = record_dwelling(
            session, NewDwelling(add_standard_address(session).id, "vacant"),
            look=Look(date(2026, 5, 1)), writing=writing,
        ).record_id  # fmt: skip
    settings = Settings(data_folder=tmp_path, verify_months={"vacant": 1})
    with each_day(database, settings, now=lambda: datetime(2026, 6, 1, 8, tzinfo=UTC)):
        pass
    with database.session() as session:
        assert session.get_one(Dwelling, dwelling_id).due_on == date(2026, 6, 1)


def test_a_day_that_is_not_rolled_up_is_rolled_up_before_it_is_purged(
    database: Database, tmp_path: Path
) -> None:
    now = datetime(2026, 6, 1, 8, tzinfo=UTC)
    old = now - timedelta(days=70)
    settings = Settings(data_folder=tmp_path)
    with database.session() as session:
        add_grid(session, "990101001001001", box(112.0, 37.0, 112.01, 37.01))
        unit = create_unit(
            session, "U", "x", scope=GridScope.everything(), kind="foot",
            grid_codes=["990101001001001"],
        )  # fmt: skip
        plan_shift(session, unit, Period(old, old + timedelta(hours=1)), planned_by="test")
        device = register_device(session, unit)[0]
        make_position_partitions(session, now=old)
        fixes = [
            PlacedFix(
                Fix("x", old + timedelta(seconds=30 * k), LonLat(*PLACE), Source.CSV),
                unit.id, device.id, now,
            )
            for k in range(20)
        ]  # fmt: skip
        assert store_fixes(session, fixes).outcomes == [None] * 20
        assert session.scalar(select(func.count()).select_from(GridCoverage)) == 0
    keep_positions(database, settings, now)
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(PatrolPosition)) == 0
        rows = session.scalars(select(GridCoverage).where(GridCoverage.kind == "grid")).all()
        assert [row.grid_code for row in rows] == ["990101001001001"]
        all_rows = session.scalar(select(func.count()).select_from(GridCoverage))
        receipt = session.scalars(select(RetentionReceipt)).one()
        assert (receipt.rule, receipt.row_count, receipt.unit_count) == ("positions", 20, 1)
        assert receipt.kept_row_count == all_rows
        assert len(receipt.kept_sha256 or "") == 64
    keep_positions(database, settings, now)  # nothing is left: no second receipt
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(RetentionReceipt)) == 1
