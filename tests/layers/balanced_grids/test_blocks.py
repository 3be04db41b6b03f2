"""Blocks cover an area exactly, whatever its roads; and know what their borders run along."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import CRSMismatch, InvalidInput
from layers.balanced_grids.blocks import BlockMap, build_blocks
from layers.balanced_grids.dividers import NO_ROAD_PRICE, price_of
from tests.drawing import NORTH, STEP_DEG, WEST, draw
from tests.layers.balanced_grids.towns import AREA, EAST, SOUTH, houses, streets

NOBODY = houses(0).assign(weight=0.0)


def blocks_of(
    area: object, roads: gpd.GeoDataFrame | None, points: pd.DataFrame, share: float = 1e9
) -> BlockMap:
    return build_blocks(area, roads, points.assign(weight=points["households"]), share=share)


def assert_covers(blocks: BlockMap) -> None:
    """No overlap, no gap, to a hair: areas add up, and the union is the area."""
    assert shapely.is_valid(blocks.polygons).all()
    assert shapely.area(blocks.polygons).sum() == pytest.approx(blocks.area.area, rel=1e-9)
    union = shapely.union_all(blocks.polygons)
    assert shapely.symmetric_difference(union, blocks.area).area < 1e-9 * blocks.area.area
    assert (
        shapely.relate_pattern(
            blocks.polygons[blocks.first], blocks.polygons[blocks.second], "F********"
        )
        | (blocks.is_bridge)
    ).all()


def test_a_net_of_streets_makes_its_blocks() -> None:
    blocks = blocks_of(AREA, streets(5, 4), houses())
    assert len(blocks) == 20
    assert len(blocks.first) == 4 * 4 + 5 * 3  # sides between neighbours; a corner is none
    assert_covers(blocks)
    assert blocks.along_road_m == pytest.approx(blocks.border_m)
    assert blocks.part_count == 1 and blocks.parted_count == 0 and not blocks.is_by_cells
    # 10 steps of 0.001 degrees of latitude, 1,110 m: four columns' borders of that, three rows'.
    assert blocks.border_m.sum() == pytest.approx(4 * 1110 + 3 * 880, rel=0.01)


def test_a_border_along_a_big_road_is_cheap() -> None:
    blocks = blocks_of(AREA, streets(2, 1, big_column=1), houses())
    assert blocks.price / blocks.border_m == pytest.approx([price_of("primary")])
    assert blocks.along_big_m == pytest.approx(blocks.border_m)
    lane = blocks_of(AREA, streets(2, 1), houses())
    assert lane.price[0] > 2 * blocks.price[0] and lane.along_big_m[0] == 0


def test_of_two_roads_in_one_place_the_bigger_counts_whatever_their_order() -> None:
    big, small = streets(2, 1, big_column=1), streets(2, 1)
    for roads in ([big, small], [small, big]):
        both = gpd.GeoDataFrame(pd.concat(roads, ignore_index=True), crs="EPSG:4326")
        blocks = blocks_of(AREA, both, houses())
        assert blocks.price / blocks.border_m == pytest.approx([price_of("primary")])


def test_strips_between_carriageways_are_no_blocks() -> None:
    two, east = streets(2, 1), np.array([5e-5, 0])
    other = two.set_geometry(shapely.transform(two.geometry.to_numpy(), lambda xy: xy + east))
    roads = gpd.GeoDataFrame(pd.concat([two, other], ignore_index=True), crs="EPSG:4326")
    blocks = blocks_of(AREA, roads, houses())  # 4.4 m apart
    assert len(blocks) == 2
    assert_covers(blocks)


def test_roads_that_end_in_a_block_part_nothing_nor_do_paths() -> None:
    dead_end = gpd.GeoDataFrame(
        {"road_class": ["residential", "footway"]},
        geometry=[
            shapely.linestrings([(WEST - 1, NORTH - 0.005), (WEST + 0.005, NORTH - 0.005)]),
            shapely.linestrings([(WEST - 1, NORTH - 0.002), (EAST + 1, NORTH - 0.002)]),
        ],
        crs="EPSG:4326",
    )
    assert len(blocks_of(AREA, dead_end, houses())) == 1


def test_a_block_that_holds_too_much_is_parted_between_buildings_never_through_one() -> None:
    middles = houses(20)
    points = pd.concat(
        [middles.assign(lon=middles["lon"] + k * 1e-4) for k in range(3)], ignore_index=True
    )  # three entrances of each, nine metres apart
    points = points[points["lon"] < EAST].reset_index(drop=True)
    blocks = blocks_of(AREA, None, points, share=points["households"].sum() / 4)
    assert blocks.parted_count == 1 and len(blocks) > 8
    assert_covers(blocks)
    for _, own in points.assign(block=blocks.point_block).groupby("building"):
        assert own["block"].nunique() == 1
    assert blocks.price / blocks.border_m == pytest.approx(
        np.full(len(blocks.first), NO_ROAD_PRICE)
    )


def test_without_roads_and_houses_hexagons_take_their_place() -> None:
    blocks = blocks_of(AREA, None, NOBODY)
    assert blocks.is_by_cells and len(blocks) > 50
    assert_covers(blocks)


def test_an_island_is_joined_to_the_nearest_block() -> None:
    both = shapely.union(AREA, shapely.box(EAST + 0.002, SOUTH, EAST + 0.004, NORTH))
    blocks = blocks_of(both, streets(2, 2), houses())
    assert blocks.part_count == 2 and blocks.is_bridge.sum() == 1
    assert blocks.border_m[blocks.is_bridge] == 0
    assert_covers(blocks)


def test_an_area_with_a_hole_keeps_it() -> None:
    ring = draw("""
        AAAA
        A..A
        AAAA
    """)["A"]
    blocks = blocks_of(ring, streets(7, 7), houses(100, area=ring))
    assert_covers(blocks)
    assert (blocks.point_block >= 0).all()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(*(st.floats(-0.002, 0.012, allow_nan=False) for _ in range(4))),
        min_size=0, max_size=14,
    ),
    st.integers(0, 5),
)  # fmt: skip
def test_whatever_the_roads_blocks_cover_the_area_and_each_house_is_in_one(
    ends: list[tuple[float, float, float, float]], seed: int
) -> None:
    drawn = [
        shapely.linestrings([(WEST + a, SOUTH + b), (WEST + c, SOUTH + d)])
        for a, b, c, d in ends
        if (a, b) != (c, d)
    ]
    roads = gpd.GeoDataFrame(
        {"road_class": ["residential"] * len(drawn)}, geometry=drawn, crs="EPSG:4326"
    )
    points = houses(120, seed=seed)
    blocks = blocks_of(AREA, roads, points, share=points["households"].sum() / 3)
    assert_covers(blocks)
    assert (blocks.point_block >= 0).all()
    assert blocks.sums(points["households"]).sum() == points["households"].sum()
    assert (blocks.first < blocks.second).all() and (blocks.border_m >= 0).all()


def test_what_cannot_be_cut_is_refused() -> None:
    points = houses(5)
    with pytest.raises(InvalidInput, match="no area"):
        blocks_of(shapely.Polygon(), None, points)
    bow = shapely.Polygon([(112, 37), (112.01, 37.01), (112.01, 37), (112, 37.01)])
    with pytest.raises(InvalidInput, match="broken"):
        blocks_of(bow, None, points)
    with pytest.raises(InvalidInput, match="below zero"):
        build_blocks(AREA, None, points.assign(weight=-1.0), share=1.0)
    with pytest.raises(CRSMismatch):
        blocks_of(AREA, streets().to_crs("EPSG:4490"), points)


def test_a_point_outside_is_in_no_block() -> None:
    points = houses(3)
    points.loc[0, "lon"] = WEST - STEP_DEG
    assert blocks_of(AREA, streets(), points).point_block[0] == -1
