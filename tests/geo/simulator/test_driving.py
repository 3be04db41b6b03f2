"""A crew follows its route: by the roads, about in time, past what it leaves out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import shapely

from geo.local_plane import LocalPlane
from geo.simulator.driving import Driver, cut, driven_walk, spliced
from geo.simulator.patrol_walk import Walk
from geo.simulator.road_plan import RoadPlan
from geo.simulator.road_way import road_way

PLANE = LocalPlane.of_bounds(112.0, 37.0, 112.02, 37.02)
START = datetime(2026, 3, 1, 8, tzinfo=UTC)
EXACT = Driver(pace=(1, 1), stay=(1, 1), held_up_share=0.0, missed_share=0.0)


def degrees(x: float, y: float) -> list[float]:
    point = PLANE.to_degrees(shapely.Point(x, y))
    return [point.x, point.y]


def block() -> RoadPlan:
    """A street of 1,000 m, and one of 1,400 m around it that comes back to its end."""
    main = [(0, 0), (500, 0), (1000, 0)]
    around = [(0, 0), (0, 200), (1000, 200), (1000, 0)]
    lines = [*([a, b] for a, b in pairwise(main)), around]
    return RoadPlan.of([PLANE.to_degrees(shapely.LineString(each)) for each in lines])


def at(minute: float) -> str:
    return (START + timedelta(minutes=minute)).isoformat()


def stop(begin: float, leave: float, kind: str = "hotspot") -> dict[str, Any]:
    return {"begin_at": at(begin), "leave_at": at(leave), "kind": kind}


def leg(leave: float, arrive: float, *line: tuple[float, float]) -> dict[str, Any]:
    return {"leave_at": at(leave), "arrive_at": at(arrive), "line": [degrees(*p) for p in line]}


STOPS = [stop(5, 15), stop(20, 30, "break")]
LEGS = [
    leg(0, 5, (0, 0), (500, 0)),
    leg(15, 20, (500, 0), (1000, 0)),
    leg(30, 40, (1000, 0), (500, 0), (0, 0)),
]


def drive(driver: Driver = EXACT, seed: int = 1, **more: Any) -> tuple[RoadPlan, Walk]:
    plan = block()
    given: dict[str, Any] = {
        "start": START, "join_s": 0.0, "here": metres(plan, 0, 0), "speed_mps": 2.0,
        "rng": np.random.default_rng(seed), **more,
    }  # fmt: skip
    return plan, driven_walk(plan, STOPS, LEGS, driver=driver, **given)


def metres(plan: RoadPlan, x: float, y: float) -> Any:
    lon, lat = degrees(x, y)
    return plan.plane.points_to_metres([lon], [lat])[0]


def where(plan: RoadPlan, walk: Walk, minute: float) -> tuple[float, float]:
    """In metres of the drawing."""
    lon, lat = plan.plane.metres_to_points(walk.at(np.array([60.0 * minute])))
    x, y = PLANE.points_to_metres(lon, lat)[0]
    return round(float(x)), round(float(y))


def test_the_way_is_the_shortest_by_road() -> None:
    plan = block()
    line = road_way(plan, metres(plan, 10, 0), metres(plan, 990, 10))
    # 10 m back to the junction, 1,000 along the street, not 1,400 around, 14 to the place.
    assert np.hypot(*np.diff(line, axis=0).T).sum() == pytest.approx(1024, abs=2)
    assert road_way(plan, metres(plan, 1, 1), metres(plan, 2, 2)).shape == (3, 2)


def test_an_exact_crew_is_where_its_route_says() -> None:
    plan, walk = drive()
    assert [where(plan, walk, m) for m in (0, 2.5, 5, 14.9, 20, 29.9)] == [
        (0, 0), (250, 0), (500, 0), (500, 0), (1000, 0), (1000, 0),
    ]  # fmt: skip
    assert where(plan, walk, 60) == (0, 0)
    assert (np.diff(walk.at_s) >= 0).all()


def test_a_stop_that_is_missed_is_passed_by_and_a_break_never_is() -> None:
    plan, walk = drive(replace(EXACT, missed_share=1.0))
    # 1,000 m at 2 m/s from the start: there after 8:20, and waits for the break.
    assert where(plan, walk, 8.4) == (1000, 0)
    assert where(plan, walk, 29.9) == (1000, 0)


def test_who_joins_late_takes_up_the_stop_that_can_still_be() -> None:
    # At the corner after 14 minutes: the first stop is over before it could be there.
    plan = block()
    plan, walk = drive(join_s=14 * 60.0, here=metres(plan, 0, 0))
    assert where(plan, walk, 14) == (0, 0)
    assert where(plan, walk, 14 + 8.4) == (1000, 0)


def test_who_is_held_up_is_late_and_hurries() -> None:
    held = replace(EXACT, held_up_share=1.0, held_up_s=(600.0, 600.0), stay=(0.5, 1.0))
    plan, walk = drive(held)
    first = walk.at_s[np.argmax(np.hypot(*(walk.xy - metres(plan, 1000, 0)).T) < 1)]
    # Ten minutes lost at the first stop, at most the whole stay of ten there.
    assert 10 * 60 + 15 * 60 <= first <= 10 * 60 + 20 * 60


def test_the_same_seed_drives_the_same_and_others_differ() -> None:
    _, one = drive(Driver(), seed=5)
    assert np.array_equal(one.at_s, drive(Driver(), seed=5)[1].at_s)
    assert not np.array_equal(one.at_s, drive(Driver(), seed=6)[1].at_s)


def test_walks_are_cut_and_joined() -> None:
    walk = Walk(np.array([0.0, 10.0]), np.array([[0.0, 0.0], [10.0, 0.0]]))
    short = cut(walk, 4.0)
    assert short.at_s.tolist() == [0, 4] and short.xy[-1].tolist() == [4, 0]
    assert cut(walk, 40.0).at_s[-1] == 10
    joined = spliced(walk, 4.0, Walk(np.array([4.0, 5.0]), np.array([[4.0, 0.0], [4.0, 9.0]])))
    assert joined.at_s.tolist() == [0, 4, 5] and joined.at(np.array([5.0]))[0].tolist() == [4, 9]
