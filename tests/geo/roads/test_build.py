"""Lines joined into a network: cut where they meet, measured, doubles merged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from geo.errors import InvalidInput, NotEnoughData
from geo.roads.build import build_road_network
from geo.roads.lines import ALONE, RoadLines, RoadLinesBuilder, keys_of_coordinates
from geo.roads.modes import ALL_MODES, TravelMode
from geo.roads.network import Closure
from geo.roads.report import road_report
from geo.roads.speeds import SpeedProfile
from geo.values import Period
from tests.geo.roads.streets import TEN_MPS, place, street_lines, streets

CAR, FOOT = TravelMode.CAR, TravelMode.FOOT


def drawn_lines(*lines: list[tuple[float, float]], backward: int = ALL_MODES) -> RoadLines:
    """Lines through columns and rows; they meet where they share a point."""
    xy = np.array([place(*point) for line in lines for point in line])
    builder = RoadLinesBuilder()
    builder.add(
        xy=xy,
        point_counts=np.array([len(line) for line in lines]),
        node_keys=keys_of_coordinates(xy),
        classes=["residential"] * len(lines),
        names=["解放路"] * len(lines),
        forward_modes=np.full(len(lines), ALL_MODES, np.uint8),
        backward_modes=np.full(len(lines), backward, np.uint8),
        limit_kmh=np.zeros(len(lines), np.float32),
        source_ids=np.arange(len(lines)) + 1,
    )
    return builder.build()


def test_lines_are_cut_where_another_meets_them() -> None:
    """A long street of 200 m, met in its middle by another; a bend is no crossing."""
    network = build_road_network(
        drawn_lines([(0, 0), (1, 0), (2, 0)], [(1, 0), (1, 0.5), (1.5, 0.5)])
    )
    assert (network.node_count, network.line_count, network.edge_count) == (4, 3, 6)
    assert np.sort(network.line_length_m) == pytest.approx([100, 100, 100], rel=1e-4)
    assert {network.edge_name(edge) for edge in range(6)} == {"解放路"}


def test_a_bridge_without_a_shared_point_joins_nothing() -> None:
    network = build_road_network(drawn_lines([(0, 1), (2, 1)], [(1, 0), (1, 2)]))
    assert network.node_count == 4
    assert network.parts(CAR)[2] == 2


def test_a_street_given_once_a_direction_is_one_line_with_two_edges() -> None:
    bend = [(0.0, 0.0), (1.0, 0.5), (2.0, 0.0)]
    lines = drawn_lines(bend, bend[::-1], backward=0)
    keys = np.where(np.arange(6) % 3 == 1, ALONE, lines.node_keys)  # the bend is no crossing
    network = build_road_network(replace(lines, node_keys=keys))
    assert (network.line_count, network.edge_count) == (1, 2)
    assert network.dropped["the same piece again"] == 1
    there, back = network.line_edges[0]
    assert network.edge_xy(int(there)).tolist() == network.edge_xy(int(back))[::-1].tolist()


def test_two_streets_between_the_same_crossings_stay_two() -> None:
    network = build_road_network(drawn_lines([(0, 0), (1, 0)], [(0, 0), (0, 1), (1, 1), (1, 0)]))
    assert np.sort(network.line_length_m) == pytest.approx([100, 300], rel=1e-4)


def test_nothing_is_dropped_in_silence() -> None:
    """A loop keeps its length, a point said twice is one, a line of no length is counted."""
    network = build_road_network(
        drawn_lines(
            [(0, 0), (0, 0), (1, 0)],
            [(1, 0), (2, 0), (2, 1), (1, 0)],
            [(0, 0), (0, 0)],
        )
    )
    assert network.line_count == 2
    assert network.line_length_m.sum() == pytest.approx(100 + 200 + 141.42, rel=1e-3)


def test_the_lines_order_changes_nothing_a_person_sees() -> None:
    lines = [[(0, 0), (1, 0)], [(1, 0), (1, 1)], [(1, 1), (0, 0)], [(1, 1), (2, 2)]]
    one = build_road_network(drawn_lines(*lines))
    other = build_road_network(drawn_lines(*lines[::-1]))
    assert np.array_equal(one.node_xy, other.node_xy)
    assert np.array_equal(one.edge_head, other.edge_head)
    assert np.allclose(one.line_length_m[one.edge_line], other.line_length_m[other.edge_line])


def test_lines_without_a_road_are_refused() -> None:
    nobody = replace(
        drawn_lines([(0, 0), (1, 0)]),
        forward_modes=np.zeros(1, np.uint8),
        backward_modes=np.zeros(1, np.uint8),
    )
    for lines in (nobody, RoadLinesBuilder().build(), drawn_lines([(0, 0), (0, 0)])):
        with pytest.raises(NotEnoughData):
            build_road_network(lines)
    with pytest.raises(InvalidInput, match="no number"):
        build_road_network(replace(nobody, xy=np.full((2, 2), np.nan)))


def test_a_network_can_not_be_changed() -> None:
    network = streets("A-B")
    with pytest.raises(ValueError, match="read-only"):
        network.line_length_m[0] = 1


MAZE = """
    A-B>C   G-H
    | | ^
    D-E>F
      v
      I   J<K
"""


def test_the_report_names_islands_traps_and_dead_ends() -> None:
    """By car: I can be entered and not left; G-H and J-K are islands; H, G are dead ends."""
    report = road_report(streets(MAZE)).modes.set_index("mode")
    car, foot = report.loc["car"], report.loc["foot"]
    assert car["island_count"] == 2
    assert car["island_edge_count"] == 3  # G-H both ways, K to J
    assert car["trap_edge_count"] == 4  # B to C, E to F, F to C, E to I
    assert car["dead_end_count"] == 5  # G, H, I, J, K
    assert car["main_node_share"] == pytest.approx(4 / 11)
    assert foot["trap_edge_count"] == 0
    assert foot["main_node_share"] == pytest.approx(7 / 11)
    assert car["length_km"] == pytest.approx(1.0, rel=1e-3)


NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)


def test_a_closed_road_is_closed_for_its_time_and_modes() -> None:
    network = streets("A-B-C")
    closure = Closure(
        period=Period(NOW, NOW + timedelta(hours=2)),
        source_ids=frozenset({1}),
        modes=frozenset({CAR}),
    )
    closed = network.closed_edges([closure], mode=CAR, at=NOW)
    assert closed.sum() == 2
    assert network.travel_graph(CAR, closed=closed).edge_count == 2
    later = NOW + timedelta(hours=2)
    assert not network.closed_edges([closure], mode=CAR, at=later).any()
    assert not network.closed_edges([closure], mode=FOOT, at=NOW).any()
    with pytest.raises(InvalidInput, match="without a zone"):
        network.closed_edges([closure], mode=CAR, at=NOW.replace(tzinfo=None))
    for wrong in ({"source_ids": frozenset({99})}, {"edges": frozenset({4})}):
        with pytest.raises(InvalidInput, match="closure names"):
            network.closed_edges([replace(closure, **wrong)], mode=CAR, at=NOW)


def test_an_edge_takes_its_length_over_its_speed() -> None:
    network = build_road_network(street_lines("A-B-C", classes={"AB": "primary"}))
    speeds = SpeedProfile(
        CAR, {"road": 36.0, "primary": 72.0}, source="test", hour_factor=(0.5,) * 12 + (1.0,) * 12
    )
    by_day = network.travel_graph(CAR, speeds=speeds, hour=13)
    at_night = network.travel_graph(CAR, speeds=speeds, hour=3)
    assert sorted(by_day.ms) == pytest.approx([5000, 5000, 10000, 10000], rel=1e-3)
    assert sorted(at_night.ms) == pytest.approx([10000, 10000, 20000, 20000], rel=1e-3)


def test_a_mode_without_roads_and_foreign_speeds_are_refused() -> None:
    footpath = street_lines("A-B", classes={"AB": "footway"})
    only_foot = np.full(1, FOOT.bit, np.uint8)
    network = build_road_network(
        replace(footpath, forward_modes=only_foot, backward_modes=only_foot)
    )
    with pytest.raises(NotEnoughData, match="open to car"):
        network.travel_graph(CAR)
    with pytest.raises(InvalidInput, match="wanted foot's"):
        network.travel_graph(FOOT, speeds=TEN_MPS)
