"""Gaps filled by road, on drawn streets: the way goes around the corner, certainty stays."""

from __future__ import annotations

import numpy as np
import pytest

from geo.local_plane import LocalPlane
from geo.positions.tracks import FixColumns, clean_tracks
from geo.roads.build import build_road_network
from geo.roads.lines import RoadLinesBuilder, keys_of_coordinates
from geo.roads.modes import TravelMode, mask_of
from layers.place_raster import PlaceRaster
from layers.presence.pieces import Presence, PresenceRules, find_presence
from layers.presence.ways import RoadWays

PLANE = LocalPlane(112.5, 37.8, 88_000.0, 111_000.0)
RAW = PresenceRules(smooth_s=1e-9, smooth_reach_s=0.0, settle_reach_s=0.0, noise_m=0.0)
# Four squares of 100 m: 0 1 in the south, 2 3 in the north. The street goes from the middle of 0
# east to the middle of 1 and north to the middle of 3; the straight way would touch the corner.
SQUARES = PlaceRaster(PLANE, 0.0, 0.0, 100.0, np.array([[0, 1], [2, 3]], np.int32), np.arange(4))
STREETS = ([(20.0, 40.0), (160.0, 40.0)], [(160.0, 40.0), (160.0, 180.0)])


@pytest.fixture(scope="module")
def roads() -> RoadWays:
    xy = np.array([point for street in STREETS for point in street])
    degrees = np.column_stack(PLANE.metres_to_points(xy))
    everybody = np.full(2, mask_of(TravelMode), np.uint8)
    built = RoadLinesBuilder()
    built.add(
        xy=degrees, point_counts=np.array([2, 2]), node_keys=keys_of_coordinates(degrees),
        classes=["residential"] * 2, names=[None] * 2, forward_modes=everybody,
        backward_modes=everybody, limit_kmh=np.zeros(2, np.float32), source_ids=np.arange(2),
    )  # fmt: skip
    network = build_road_network(built.build())
    return RoadWays(network, network.travel_graph(TravelMode.FOOT), PLANE)


def presence(
    rows: list[tuple[float, float, float]], roads: RoadWays | None
) -> list[tuple[int, float, float, int]]:
    """Pieces as place, start, end [s], certainty."""
    seconds, x, y = np.array(rows).T
    tracks = clean_tracks(FixColumns.of(np.zeros(len(x)), seconds * 1000, x, y))
    found: Presence = find_presence(tracks, SQUARES, rules=RAW, roads=roads)
    return [
        (int(place), start / 1000, end / 1000, int(certainty))
        for place, start, end, certainty in zip(
            found.place, found.start_ms, found.end_ms, found.certainty, strict=True
        )
    ]


def merged(pieces: list[tuple[int, float, float, int]]) -> dict[int, float]:
    total: dict[int, float] = {}
    for place, start, end, _ in pieces:
        total[place] = total.get(place, 0.0) + end - start
    return total


def test_the_way_goes_around_the_corner(roads: RoadWays) -> None:
    # From (40, 40) to (160, 160): 120 m east and 120 m north in 80 s. By road 60 m lie in 0, 120 m
    # in 1 (60 east, 60 north), 60 m in 3. Straight, through the corner of all four.
    gap = [(0.0, 40.0, 40.0), (80.0, 160.0, 160.0)]
    assert merged(presence(gap, roads)) == pytest.approx({0: 20, 1: 40, 3: 20}, abs=0.2)
    assert merged(presence(gap, None)) == pytest.approx({0: 40, 3: 40}, abs=0.2)


def test_a_long_gap_stays_uncertain_and_a_silence_unknown(roads: RoadWays) -> None:
    long = presence([(0.0, 40.0, 40.0), (200.0, 160.0, 160.0)], roads)
    assert {certainty for *_, certainty in long} == {1}
    assert sum(merged(long).values()) == pytest.approx(200)
    silent = presence([(0.0, 40.0, 40.0), (400.0, 160.0, 160.0)], roads)
    assert silent == [(0, 0.0, 90.0, 1)]


@pytest.mark.parametrize(
    "gap",
    [
        [(0.0, 40.0, 40.0), (10.0, 48.0, 46.0)],  # short
        [(0.0, 40.0, 40.0), (80.0, 50.0, 45.0)],  # it hardly moved
        [(0.0, 20.0, 150.0), (80.0, 90.0, 150.0)],  # on no road
    ],
)
def test_other_gaps_stay_straight(roads: RoadWays, gap: list[tuple[float, float, float]]) -> None:
    assert presence(gap, roads) == presence(gap, None)


def test_two_places_of_one_street_and_nothing_at_all(roads: RoadWays) -> None:
    along = presence([(0.0, 30.0, 45.0), (60.0, 150.0, 35.0)], roads)
    assert merged(along) == pytest.approx({0: 35, 1: 25}, abs=0.2)
    assert presence([(0.0, 40.0, 40.0)], roads) == []
