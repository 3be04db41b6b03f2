"""Neighbours: of hexagons by rings, of polygons by contact; nobody is their own."""

from __future__ import annotations

import h3.api.basic_int as h3
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import InvalidH3Cell, InvalidInput
from layers.neighbours import Neighbours, h3_neighbours, polygon_neighbours
from tests.drawing import draw

CENTRE = h3.latlng_to_cell(37.87, 112.55, 9)


def as_sets(neighbours: Neighbours) -> list[set[int]]:
    return [
        set(neighbours.positions[start:end].tolist())
        for start, end in zip(neighbours.starts[:-1], neighbours.starts[1:], strict=True)
    ]


@given(seed=st.integers(0, 2**32 - 1), rings=st.integers(1, 3), count=st.integers(1, 60))
def test_cells_are_neighbours_as_h3_says(seed: int, rings: int, count: int) -> None:
    random = np.random.default_rng(seed)
    cells = random.permutation(h3.grid_disk(CENTRE, 5))[:count]
    found = as_sets(h3_neighbours(cells, rings=rings))
    for cell, positions in zip(cells.tolist(), found, strict=True):
        wanted = set(h3.grid_disk(cell, rings)) - {cell}
        assert {int(cells[position]) for position in positions} == wanted & set(cells.tolist())


def test_a_pentagon_has_five_neighbours() -> None:
    pentagon = h3.get_pentagons(7)[0]
    cells = h3.grid_disk(pentagon, 1)
    assert len(cells) == 6
    assert h3_neighbours(cells).counts[cells.index(pentagon)] == 5


def test_an_island_has_none_and_its_neighbours_sum_to_nothing() -> None:
    far = h3.latlng_to_cell(30.0, 100.0, 9)
    neighbours = h3_neighbours([CENTRE, far, *h3.grid_ring(CENTRE, 1)])
    assert neighbours.counts.tolist()[:2] == [6, 0]
    assert neighbours.sums([1, 10, 2, 2, 2, 2, 2, 2]).tolist()[:2] == [12, 0]


def test_no_cells_have_no_neighbours() -> None:
    assert len(h3_neighbours([])) == 0
    assert len(polygon_neighbours([])) == 0


@pytest.mark.parametrize(
    ("cells", "rings", "error", "says"),
    [
        ([CENTRE, CENTRE], 1, InvalidH3Cell, "more than once"),
        ([CENTRE, h3.cell_to_parent(CENTRE, 8)], 1, InvalidH3Cell, r"resolutions \[8, 9\]"),
        ([CENTRE], 0, InvalidInput, "rings is 0"),
    ],
)
def test_bad_cells_are_refused(
    cells: list[int], rings: int, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        h3_neighbours(cells, rings=rings)


def test_polygons_touch_along_edges_and_at_corners() -> None:
    drawn = draw(
        """
        ABB
        CD.
        """
    )
    names = sorted(drawn)
    found = as_sets(polygon_neighbours([drawn[name] for name in names]))
    # A: B beside, C below, D at the corner; B: D below its left half, C at the corner
    assert found == [{1, 2, 3}, {0, 2, 3}, {0, 1, 3}, {0, 1, 2}]


def test_a_gap_of_centimetres_is_contact_and_one_of_metres_is_not() -> None:
    degree_m = 111_000
    for gap_m, touch in ((0.05, True), (5.0, False)):
        left = shapely.box(112.0, 37.0, 112.01, 37.01)
        right = shapely.box(112.01 + gap_m / degree_m / 0.8, 37.0, 112.02, 37.01)
        assert (polygon_neighbours([left, right]).counts > 0).all() == touch


def test_an_empty_polygon_is_refused() -> None:
    with pytest.raises(InvalidInput, match="1 of 2 polygons are empty or missing"):
        polygon_neighbours([shapely.box(0, 0, 1, 1), shapely.Polygon()])
