"""Beats laid together from grids: the same ground as the grids' union and 20 m around it."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from layers.coverage.duty import BUFFER_M
from layers.place_raster import NO_PLACE, STEP_M, RasterFrame
from layers.presence.area_rasters import PIXELS, RASTERS_KEPT, AreaRasters
from tests.drawing import draw

DRAWN = draw(
    """
    AAB.......
    AABB......
    ....C.....
    """
)
FRAME = RasterFrame.of(tuple(shapely.total_bounds(list(DRAWN.values()))))


@pytest.mark.parametrize("codes", [["A"], ["B", "A"], ["A", "C", "C"], ["C", "nowhere"]])
def test_a_beat_is_its_grids_and_what_is_near_them(codes: list[str]) -> None:
    raster = AreaRasters(FRAME, DRAWN).of(codes)
    assert raster is not None
    metres = FRAME.plane.to_metres(
        np.array([DRAWN[code] for code in set(codes) if code in DRAWN], dtype=object)
    )
    rows, columns = raster.places.shape
    x = raster.west_m + (np.arange(columns) + 0.5) * raster.step_m
    y = raster.south_m + (np.arange(rows) + 0.5) * raster.step_m
    far = shapely.distance(
        shapely.union_all(metres), shapely.points(np.tile(x, rows), np.repeat(y, columns))
    )
    inside = (raster.places != NO_PLACE).ravel()
    assert np.all(far[inside] <= BUFFER_M + 0.01)
    # A buffer is a polygon of chords: it lies a little within the circle.
    assert np.all(far[~inside] >= BUFFER_M * 0.97)
    assert (raster.step_m, inside.any()) == (STEP_M, True)


def test_what_has_no_ground_has_no_raster() -> None:
    assert AreaRasters(FRAME, DRAWN).of([]) is None
    assert AreaRasters(FRAME, {}).of(["A"]) is None


def test_a_large_area_takes_larger_pixels_and_few_rasters_are_kept() -> None:
    side = 0.2  # degrees: some 20 km
    grids = {
        f"{x}-{y}": shapely.box(
            112 + x * side, 37 + y * side, 112 + (x + 1) * side, 37.2 + y * side
        )
        for x in range(10)
        for y in range(10)
    }
    frame = RasterFrame.of(tuple(shapely.total_bounds(list(grids.values()))), 200.0)
    areas = AreaRasters(frame, grids)
    far_apart = areas.of(["0-0", "3-3"])
    assert far_apart is not None
    assert far_apart.places.size < 1.1 * PIXELS
    assert far_apart.step_m == STEP_M * 2 ** round(np.log2(far_apart.step_m / STEP_M))
    for code in list(grids):
        areas.of([code])
    assert len(areas._rasters) == RASTERS_KEPT
