"""Grids stored ahead of their first day take hold when it begins, with the server running."""

from __future__ import annotations

import threading
import time
from datetime import UTC, date, datetime
from pathlib import Path

from shapely import box
from sqlalchemy.orm import Session

from geo.audit import Access
from geo.audit_anchors import read_anchors
from geo.registers import Cycles, Look, NewDwelling, Writing, record_dwelling
from geo.registers.cycles import VERIFY_MONTHS
from geo.settings import Settings
from geo.store.database import Database
from geo.tables import Dwelling, StandardAddress
from geo.values import GridScope
from tests.factories import add_grid, add_standard_address
from web.daily import each_day

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
