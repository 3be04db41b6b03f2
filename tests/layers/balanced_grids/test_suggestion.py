"""From an area, roads and houses to grids: laws of the drawn grids, edits, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.assignment import NO_GRID, GridAssigner
from geo.errors import InvalidInput
from layers.balanced_grids.drawn_grids import (
    draw_grids,
    match_to_now,
    number_grids,
    reading_order,
)
from layers.balanced_grids.measures import (
    borders_of_polygons,
    compactness,
    evenness,
    measure_borders,
    shapes_of_plan,
    shapes_of_polygons,
)
from layers.balanced_grids.solving import Stage
from layers.balanced_grids.suggestion import AREA as BY_AREA
from layers.balanced_grids.suggestion import BalanceQuestion, Suggestion, suggest
from tests.drawing import draw
from tests.layers.balanced_grids.towns import (
    AREA,
    COLUMNS,
    EAST,
    NORTH,
    SOUTH,
    houses,
    prepared,
    streets,
)

QUICK = (Stage(6, 2, 100),)


def solved(suggestion: Suggestion) -> Suggestion:
    *_, last = suggestion.solved(stages=QUICK)
    return last


@settings(max_examples=12, deadline=None)
@given(st.integers(2, 7), st.integers(3, 8), st.integers(3, 8), st.integers(0, 50))
def test_grids_cover_the_area_and_every_house_lies_in_exactly_one(
    grids: int, columns: int, rows: int, seed: int
) -> None:
    points = houses(200, seed=seed)
    suggestion = solved(
        prepared(roads=streets(columns, rows), points=points, grid_count=grids, seed=seed)
    )
    assert suggestion.plan is not None
    drawn = draw_grids(suggestion.blocks, suggestion.plan.label, grids)
    assert shapely.is_valid(drawn).all()
    assert (shapely.get_num_geometries(drawn) == 1).all()  # contiguous: the area is one piece
    assert shapely.area(drawn).sum() == pytest.approx(AREA.area, rel=1e-9)
    assert shapely.symmetric_difference(shapely.union_all(drawn), AREA).area < 1e-9 * AREA.area
    codes = [f"{k:03d}" for k in range(grids)]
    held = GridAssigner(codes, drawn).assign(points["lon"], points["lat"])
    assert (held != NO_GRID).all()
    assert (held == suggestion.plan.label[suggestion.blocks.point_block]).all()
    assert np.bincount(held, points["households"], grids) == pytest.approx(suggestion.plan.load)


def test_measures_of_blocks_agree_with_those_of_the_drawn_grids() -> None:
    roads = streets(6, 6, big_column=3)
    suggestion = solved(prepared(roads=roads, tolerance=0.2))
    assert suggestion.plan is not None
    label = suggestion.plan.label
    drawn = draw_grids(suggestion.blocks, label, 4)
    by_blocks, by_shape = shapes_of_plan(suggestion.blocks, label, 4), shapes_of_polygons(drawn)
    assert by_blocks[0] == pytest.approx(by_shape[0], rel=1e-6)
    assert by_blocks[1] == pytest.approx(by_shape[1], rel=1e-3)
    own = measure_borders(suggestion.blocks, label)
    lines = roads.geometry.to_numpy()
    other = borders_of_polygons(drawn, AREA, lines, (roads["road_class"] == "primary").to_numpy())
    assert own.road_share == pytest.approx(1.0) and other.road_share == pytest.approx(1.0)
    # What lies within 15 m of the area's own border isn't counted there.
    assert other.length_m == pytest.approx(own.length_m, rel=0.05)
    assert other.big_share == pytest.approx(own.big_share, abs=0.05)


def test_a_square_is_as_compact_as_the_formula_says() -> None:
    assert compactness([100.0], [40.0]) == pytest.approx([np.pi / 4])


def test_evenness_by_hand() -> None:
    # mean 20; -10, 0, +10: deviations of a half; standard deviation sqrt(200 / 3) = 8.165
    even = evenness([10, 20, 30])
    assert even.mean == 20 and even.most == 0.5
    assert even.deviation.tolist() == [-0.5, 0, 0.5]
    assert even.cv == pytest.approx(0.40825, abs=1e-5)
    assert evenness([0, 0]).most == 0


def test_how_many_follow_from_what_a_grid_is_to_hold() -> None:
    points = houses(300)
    total = int(points["households"].sum())
    suggestion = prepared(points=points, grid_count=None, a_grid=total / 5)
    assert suggestion.grid_count == 5
    with pytest.raises(InvalidInput, match="more than 0"):
        prepared(grid_count=None, a_grid=0.0)


def test_nobody_at_home_balances_areas_and_says_so() -> None:
    points = houses(50)
    points["households"] = 0
    suggestion = solved(prepared(roads=streets(6, 6), points=points))
    assert suggestion.balanced == BY_AREA
    assert suggestion.plan is not None and suggestion.plan.is_balanced


def test_more_grids_than_blocks_are_refused() -> None:
    points = houses(3)
    points["households"] = 0
    with pytest.raises(InvalidInput, match="4 blocks"):
        prepared(roads=streets(2, 2), points=points, grid_count=9)
    with pytest.raises(InvalidInput, match="can't be balanced"):
        prepared(weight="colour")


def test_one_building_that_holds_too_much_gives_the_bound() -> None:
    points = houses(40)
    points.loc[0, "households"] = 500
    suggestion = solved(prepared(points=points))
    assert suggestion.plan is not None and not suggestion.plan.is_balanced
    assert suggestion.plan.bound > 1


def test_blocks_that_cannot_be_balanced_whole_are_parted() -> None:
    # Sixteen blocks of some sixteenth each can't make three grids within a hundredth of a third.
    points = houses(400, seed=3)
    *_, last = suggest(
        AREA, streets(4, 4), points, BalanceQuestion(grid_count=3, tolerance=0.01),
        columns=COLUMNS, stages=(Stage(6, 2, 100), Stage(6, 2, 100)),
    )  # fmt: skip
    assert last.plan is not None and last.plan.is_balanced
    assert last.blocks.parted_count == 16


def test_a_community_without_roads_is_split_between_its_houses() -> None:
    points = houses(300)
    suggestion = solved(prepared(roads=streets(1, 1), points=points))
    assert suggestion.plan is not None and suggestion.plan.is_balanced
    assert suggestion.blocks.parted_count == 1


def test_an_island_goes_with_the_nearest_grid_or_is_one() -> None:
    both = shapely.union(AREA, shapely.box(EAST + 0.002, SOUTH, EAST + 0.004, NORTH))
    suggestion = solved(prepared(area=both, points=houses(300, area=both)))
    assert suggestion.plan is not None
    drawn = draw_grids(suggestion.blocks, suggestion.plan.label, 4)
    assert shapely.get_num_geometries(drawn).sum() <= 4 + suggestion.blocks.part_count - 1
    assert shapely.area(drawn).sum() == pytest.approx(both.area, rel=1e-9)


def test_a_block_is_moved_only_where_grids_hang_together() -> None:
    suggestion = prepared(roads=streets(4, 4), points=houses(300, seed=2), tolerance=0.5)
    middles = shapely.centroid(suggestion.blocks.polygons)
    west, _, east, _ = AREA.bounds
    columns = ((shapely.get_x(middles) - west) / (east - west) * 4).astype(int)
    rows = ((shapely.get_y(middles) - AREA.bounds[1]) / (NORTH - SOUTH) * 4).astype(int)
    strips = suggestion.with_label(columns)

    def at(column: int, row: int) -> int:
        return int(np.flatnonzero((columns == column) & (rows == row))[0])

    moved = strips.with_moved(at(0, 0), 1)
    assert moved.plan is not None and moved.plan.label[at(0, 0)] == 1
    assert moved.loads("addresses").sum() == strips.loads("addresses").sum()
    with pytest.raises(InvalidInput, match="fall into pieces"):
        strips.with_moved(at(0, 1), 1)  # the lowest block of the strip would be cut off
    with pytest.raises(InvalidInput, match="beside"):
        strips.with_moved(at(0, 0), 3)
    with pytest.raises(InvalidInput, match="no block"):
        strips.with_moved(99, 1)
    locked = Suggestion(**{**{f: getattr(strips, f) for f in strips.__dataclass_fields__},
                           "locked": frozenset({1})})  # fmt: skip
    with pytest.raises(InvalidInput, match="locked"):
        locked.with_moved(at(0, 0), 1)


def test_who_changes_grid_is_counted_by_the_best_match() -> None:
    # New grid 0 shares 9 with A and 8 with B, new grid 1 shares 7 with A and none with B: the best
    # sum is 0 with B and 1 with A (15), not 0 with A (9).
    assert match_to_now(np.array([[9.0, 8.0], [7.0, 0.0]])).tolist() == [1, 0]
    assert match_to_now(np.zeros((2, 0))).tolist() == [-1, -1]
    assert match_to_now(np.array([[0.0], [5.0]])).tolist() == [-1, 0]


def test_near_what_is_changes_fewer_households() -> None:
    points = houses(400)
    free = solved(prepared(points=points, grid_count=2))
    near = solved(prepared(points=points, grid_count=2, stay=3.0))
    assert near.plan is not None and near.plan.is_balanced

    def staying(suggestion: Suggestion) -> float:
        overlap = suggestion.overlap("households")
        match = match_to_now(overlap)
        return float(sum(overlap[k, m] for k, m in enumerate(match) if m >= 0))

    assert staying(near) >= staying(free)
    assert staying(near) > 0.9 * points["households"].sum()


def test_numbers_run_west_to_east_then_north_to_south_and_kept_ones_stay() -> None:
    drawn = draw("""
        AABB
        CCDD
    """)
    shapes = np.array([drawn[name] for name in "DBCA"], object)
    assert reading_order(shapes).tolist() == [3, 1, 2, 0]
    codes = number_grids(shapes, first_part="9901", digits=3, kept=[None] * 4)
    assert codes == ["9901004", "9901002", "9901003", "9901001"]
    kept = number_grids(
        shapes, first_part="9901", digits=3, kept=["9901001", None, None, None],
        taken=frozenset({"9901002"}),
    )  # fmt: skip
    assert kept == ["9901001", "9901004", "9901005", "9901003"]
    with pytest.raises(InvalidInput, match="numbers"):
        number_grids(np.repeat(shapes, 3), first_part="9", digits=1, kept=[None] * 12)
