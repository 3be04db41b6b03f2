"""Placing points: as `geo.stored_grids` does, with the grids as they are now."""

from __future__ import annotations

from datetime import date

import shapely
from sqlalchemy.orm import Session

from geo.register.placing import GridPlacer
from geo.stored_grids import load_stored_grids
from tests.factories import add_grid

DAY = date(2024, 1, 1)
LON, LAT = [112.505, 112.51, float("nan"), 113.0], [37.805, 37.805, 37.8, 37.8]


def test_points_are_placed_as_in_the_stored_grids(session: Session) -> None:
    second = add_grid(session, "A2", shapely.box(112.51, 37.8, 112.52, 37.81))
    first = add_grid(session, "A1", shapely.box(112.5, 37.8, 112.51, 37.81))
    placed = GridPlacer(DAY).place(session, LON, LAT)
    assert placed.grid_code.tolist() == ["A1", "A1", None, None]  # the border is the first's
    assert placed.grid_id.tolist() == [first.id, first.id, None, None]
    stored = load_stored_grids(session, on=DAY).place(LON, LAT)
    assert placed.h3_cell.tolist() == stored["h3_cell"].fillna(0).tolist()
    assert second.id not in placed.grid_id.tolist()


def test_a_placer_sees_grids_that_came_after_its_first_points(session: Session) -> None:
    placer = GridPlacer(DAY)
    assert placer.place(session, LON, LAT).grid_code.tolist() == [None] * 4
    add_grid(session, "A1", shapely.box(112.5, 37.8, 112.51, 37.81))
    assert placer.place(session, LON, LAT).grid_code.tolist() == ["A1", "A1", None, None]
