"""Address density: sums that stay, cells that are whole, few enough, and inside the scope."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from geo.errors import InvalidInput
from geo.h3_cells import (
    STORED_RESOLUTION,
    h3_cell_parent,
    h3_cell_polygons,
    lonlat_to_h3_cell,
)
from geo.values import GridScope
from layers import address_density as layer
from layers.address_density import (
    address_density,
    load_address_density,
    resolution_of_zoom,
    resolution_that_fits,
    round_class_breaks,
)
from tests.drawing import draw
from tests.factories import add_grid, add_standard_address

CITY = (112.50, 37.80, 112.60, 37.90)
EVERYTHING = GridScope.everything()


def counts_of(lon: np.ndarray, lat: np.ndarray, resolution: int) -> pd.DataFrame:
    cells, found = np.unique(lonlat_to_h3_cell(lon, lat, resolution), return_counts=True)
    return pd.DataFrame({"h3_cell": cells, "address_count": found})


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(0, 300),
    resolution=st.integers(0, STORED_RESOLUTION),
)
def test_no_address_is_lost_or_counted_twice(seed: int, count: int, resolution: int) -> None:
    random = np.random.default_rng(seed)
    lon = random.uniform(CITY[0], CITY[2], count)
    lat = random.uniform(CITY[1], CITY[3], count)
    frame = (112.0, 37.0, 113.0, 38.5)  # far around the points, so every cell reaches in
    result = address_density(
        counts_of(lon, lat, STORED_RESOLUTION),
        bbox=frame, zoom=10, resolution=resolution, unplaced_count=0,
    )  # fmt: skip
    assert result.address_count == count
    assert result.resolution == resolution
    assert (result.h3_cells["address_count"] > 0).all()
    assert len(result.outlines) == len(result.h3_cells)


def test_cells_over_the_cap_are_gathered_into_coarser_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer, "H3_CELLS_MAX", 20)
    random = np.random.default_rng(7)
    counts = counts_of(random.uniform(112.5, 112.6, 500), random.uniform(37.8, 37.9, 500), 9)
    result = address_density(counts, bbox=CITY, zoom=14, resolution=9, unplaced_count=3)
    assert result.resolution < 9
    assert len(result.h3_cells) <= 20
    assert result.address_count == 500
    assert result.unplaced_count == 3


def test_an_empty_frame_has_no_cells_and_no_classes() -> None:
    result = address_density(
        pd.DataFrame({"h3_cell": [], "address_count": []}, dtype="int64"),
        bbox=CITY, zoom=14, resolution=9, unplaced_count=0,
    )  # fmt: skip
    assert len(result.h3_cells) == 0
    assert result.class_breaks == ()
    assert result.address_count == 0


@given(zoom=st.integers(0, layer.ZOOM_MAX), latitude=st.floats(-85, 85))
def test_a_closer_look_never_gives_coarser_cells(zoom: int, latitude: float) -> None:
    here = resolution_of_zoom(zoom, latitude)
    assert 0 <= here <= STORED_RESOLUTION
    assert resolution_of_zoom(zoom + 1, latitude) >= here


def test_a_full_screen_needs_no_gathering() -> None:
    # 1920 x 1080 pixels of a map of 256-pixel tiles, at 31 degrees north
    for zoom in range(8, 20):
        width = 360 / 2**zoom * 1920 / 256
        screen = (121.0, 31.0, 121.0 + width, 31.0 + width * 1080 / 1920 * 0.86)
        assert resolution_that_fits(screen) >= resolution_of_zoom(zoom, 31.0) - 1


@given(counts=st.lists(st.integers(1, 10**9), max_size=200))
def test_class_breaks_are_few_rising_and_below_the_largest(counts: list[int]) -> None:
    breaks = round_class_breaks(np.array(counts, dtype="int64"))
    assert len(breaks) <= layer.CLASSES_MAX
    assert list(breaks) == sorted(set(breaks))
    if counts:
        assert breaks[0] == 1
        assert breaks[-1] <= max(counts)
    else:
        assert breaks == ()


def test_class_breaks_worked_by_hand() -> None:
    # sextiles of 1..100, lower: 17 34 50 67 83; brought down: 15 30 50 50 70
    assert round_class_breaks(np.arange(1, 101)) == (1, 15, 30, 50, 70)
    assert round_class_breaks(np.array([1, 1, 1])) == (1,)


def test_a_cell_at_the_edge_counts_its_addresses_outside_the_frame(session: Session) -> None:
    random = np.random.default_rng(3)
    lon, lat = random.uniform(112.54, 112.56, 60), random.uniform(37.87, 37.89, 60)
    for place in zip(lon.tolist(), lat.tolist(), strict=True):
        add_standard_address(session, place)
    frame = (112.545, 37.875, 112.552, 37.882)
    result = load_address_density(session, bbox=frame, zoom=15, scope=EVERYTHING)

    assert result.resolution == 10
    cells = h3_cell_parent(lonlat_to_h3_cell(lon, lat), 10)
    whole = pd.Series(cells).value_counts()
    shown = result.h3_cells.set_index("h3_cell")["address_count"]
    assert shown.to_dict() == whole.loc[shown.index].to_dict()
    assert shapely.intersects(result.outlines, shapely.box(*frame)).all()
    inside = (lon > frame[0]) & (lon < frame[2]) & (lat > frame[1]) & (lat < frame[3])
    assert set(shown.index) >= set(cells[inside].tolist()) - _reaching_over(cells[inside], frame)


def _reaching_over(cells: np.ndarray, frame: tuple[float, float, float, float]) -> set[int]:
    """Cells whose outline stays outside the frame though a stored child of theirs reaches in."""
    touching = shapely.intersects(h3_cell_polygons(cells), shapely.box(*frame))
    return set(cells[~touching].tolist())


def test_only_current_addresses_with_a_point_are_counted(session: Session) -> None:
    add_standard_address(session)
    add_standard_address(session, status="ended")
    add_standard_address(session, None)
    result = load_address_density(session, bbox=CITY, zoom=12, scope=EVERYTHING)
    assert (result.address_count, result.unplaced_count) == (1, 1)
    assert "Addresses without a point are in no cell" in result.method


def test_the_scope_hides_other_grids(session: Session) -> None:
    drawn = draw("AB")
    ours = add_grid(session, "14010500100101", drawn["A"])
    other = add_grid(session, "14010500100102", drawn["B"])
    for grid, polygon in ((ours, drawn["A"]), (other, drawn["B"]), (other, drawn["B"])):
        centre = polygon.centroid
        add_standard_address(session, (centre.x, centre.y), grid=grid)
    scope = GridScope.of({ours.grid_code})
    assert load_address_density(session, bbox=CITY, zoom=12, scope=scope).address_count == 1
    nothing = load_address_density(session, bbox=CITY, zoom=12, scope=GridScope.of(()))
    assert (nothing.address_count, nothing.unplaced_count) == (0, 0)


@pytest.mark.parametrize(
    ("bbox", "zoom"), [(CITY, -1), (CITY, 25), ((112.0, 37.0, 112.0, 38.0), 12)]
)
def test_bad_questions_are_refused(
    session: Session, bbox: tuple[float, float, float, float], zoom: int
) -> None:
    with pytest.raises(InvalidInput):
        load_address_density(session, bbox=bbox, zoom=zoom, scope=EVERYTHING)
