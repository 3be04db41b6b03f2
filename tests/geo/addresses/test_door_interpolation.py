"""Doors between known doors: worked by hand, and laws of the pure function."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.addresses.door_interpolation import (
    EARTH_RADIUS_M,
    MAX_GAP_M,
    DoorEstimate,
    DoorNumber,
    DoorSides,
    estimate_door,
    make_road_doors,
    read_door_number,
)

# On the equator a degree is as long to the north as to the east.
M = math.degrees(1 / EARTH_RADIUS_M)  # [degrees] of a metre


def estimate(
    known: dict[float, tuple[float, float]], number: float, *, sides: DoorSides = "auto",
    accuracy_m: float = 0.0,
) -> DoorEstimate:  # fmt: skip
    """Estimate a door among known ones, whose points are [m] east and north."""
    points = np.array(list(known.values())) * M
    doors = make_road_doors(
        np.array(list(known)), points, np.full(len(known), accuracy_m), sides=sides
    )
    return estimate_door(doors, DoorNumber(number, False))


def metres(found: DoorEstimate) -> tuple[float, float]:
    assert found.lonlat is not None
    return found.lonlat.longitude / M, found.lonlat.latitude / M


@pytest.mark.parametrize(
    "key, number",
    [
        ("14", (14.0, False)), ("14附2", (14.02, False)), ("14B", (14.02, False)),
        ("14乙", (14.02, False)), ("14弄", (14.0, True)), ("X017", None), ("12弄3支弄", None),
        ("甲5", None), ("", None),
    ],
)  # fmt: skip
def test_numbers_of_a_road(key: str, number: tuple[float, bool] | None) -> None:
    assert read_door_number(key) == number


def test_a_door_lies_where_its_number_puts_it() -> None:
    # 14 is a third of the way from 12 to 18: 20 m of 60 m; the farther neighbour is 40 m away,
    # but nothing is measured on a road of two doors, so that the gap of 60 m is stated.
    found = estimate({12: (0, 0), 18: (60, 0)}, 14)
    assert found.kind == "between"
    assert metres(found) == pytest.approx((20, 0), abs=1e-6)
    assert found.radius_m == pytest.approx(60, abs=1e-6)


def test_the_radius_is_never_below_the_accuracy_of_the_points() -> None:
    assert estimate({12: (0, 0), 18: (60, 0)}, 14, accuracy_m=75.0).radius_m == 75.0


def test_what_leaving_doors_out_shows_is_stated() -> None:
    # Each door in between, left out, is put 20 m off its line: all doors zigzag by 20 m.
    zigzag = {float(n): (10.0 * n, 20.0 * (n % 2)) for n in range(1, 9)}
    del zigzag[4.0]
    found = estimate(zigzag, 4, sides="none")
    # Between 3 and 5, both at 20 m north: 10 m to either, but the road errs by 20 m and more.
    assert metres(found) == pytest.approx((40, 20), abs=1e-6)
    assert found.radius_m is not None
    assert found.radius_m >= 20 - 1e-6


TWO_SIDES = {float(n): (5.0 * n, 30.0 * (n % 2)) for n in range(1, 17) if n != 8}
ONE_SIDE = {float(n): (1.0 * n * n, 0.0) for n in range(1, 17) if n != 8}


def test_doors_that_stand_on_two_sides_say_so_themselves() -> None:
    assert metres(estimate(TWO_SIDES, 8)) == pytest.approx((40, 0), abs=1e-6)  # of 6 and 10
    assert metres(estimate(TWO_SIDES, 8, sides="none"))[1] == pytest.approx(30)  # of 7 and 9


def test_doors_in_one_row_are_neighbours_whatever_their_parity() -> None:
    found = estimate(ONE_SIDE, 8)
    assert (found.below, found.above) == (6, 7)  # 7 and 9
    by_setting = estimate(ONE_SIDE, 8, sides="parity")
    assert (by_setting.below, by_setting.above) == (5, 8)  # 6 and 10


@pytest.mark.parametrize("number, kind", [(11, "beyond"), (19, "beyond"), (14, "between")])
def test_nothing_is_extrapolated(number: float, kind: str) -> None:
    found = estimate({12: (0, 0), 18: (60, 0)}, number)
    assert (found.kind, found.lonlat is None) == (kind, kind == "beyond")


def test_a_gap_too_wide_is_not_bridged() -> None:
    assert estimate({12: (0, 0), 18: (MAX_GAP_M + 1, 0)}, 14).kind == "gap"
    assert estimate({12: (0, 0), 18: (MAX_GAP_M - 1, 0)}, 14).kind == "between"


def test_numbers_that_do_not_follow_their_road_say_nothing() -> None:
    far = {float(n): (0.0, 0.9 * MAX_GAP_M * (n % 2)) for n in range(1, 20) if n != 7}
    assert estimate(far, 7, sides="none").kind == "scattered"


def test_a_road_without_known_doors_says_nothing() -> None:
    doors = make_road_doors(np.empty(0), np.empty((0, 2)), np.empty(0))
    assert estimate_door(doors, DoorNumber(3, False)).kind == "none"


KNOWN = st.dictionaries(
    st.integers(1, 60).map(float),
    st.tuples(st.floats(-300, 300), st.floats(-300, 300)),
    min_size=2,
    max_size=12,
)


@given(KNOWN, st.integers(1, 60), st.sampled_from(["auto", "parity", "none"]))
def test_the_point_lies_between_its_neighbours_and_the_radius_holds_both(
    known: dict[float, tuple[float, float]], number: int, sides: DoorSides
) -> None:
    known.pop(float(number), None)
    if not known:
        return
    found = estimate(known, number, sides=sides)
    turned = estimate(dict(reversed(known.items())), number, sides=sides)
    assert turned == found  # the order of the doors changes nothing
    if found.lonlat is None:
        return
    assert found.below is not None and found.above is not None and found.radius_m is not None
    ordered = sorted(known)
    assert ordered[found.below] < number < ordered[found.above]
    here = metres(found)
    ways = [math.dist(here, known[ordered[at]]) for at in (found.below, found.above)]
    apart = math.dist(known[ordered[found.below]], known[ordered[found.above]])
    assert sum(ways) == pytest.approx(apart, abs=1e-4)
    assert found.radius_m >= max(ways) - 1e-3
