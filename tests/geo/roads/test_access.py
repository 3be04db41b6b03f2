"""Who may go along a road, by its tags."""

from __future__ import annotations

import pytest

from geo.roads.access import modes_barred_by, modes_each_way, road_class_of
from geo.roads.modes import ALL_MODES, MOTOR_VEHICLES, VEHICLES, TravelMode

FOOT, BICYCLE, CAR, EMERGENCY = (
    TravelMode.FOOT.bit,
    TravelMode.BICYCLE.bit,
    TravelMode.CAR.bit,
    TravelMode.EMERGENCY_CAR.bit,
)


@pytest.mark.parametrize(
    ("highway", "road_class"),
    [
        ("primary", "primary"),
        ("Trunk_Link", "trunk"),
        ("proposed", None),
        ("construction", None),
        ("bus_stop", None),
        (None, "road"),
    ],
)
def test_classes(highway: str | None, road_class: str | None) -> None:
    assert road_class_of(highway) == road_class


@pytest.mark.parametrize(
    ("road_class", "tags", "forward", "backward"),
    [
        ("residential", {}, ALL_MODES, ALL_MODES),
        ("residential", {"oneway": "yes"}, ALL_MODES, FOOT),
        ("residential", {"oneway": "-1"}, FOOT, ALL_MODES),
        ("residential", {"oneway": "reversible"}, FOOT, FOOT),
        ("residential", {"oneway": "yes", "oneway:bicycle": "no"}, ALL_MODES, FOOT | BICYCLE),
        ("residential", {"oneway": "yes", "cycleway": "opposite_lane"}, ALL_MODES, FOOT | BICYCLE),
        ("primary", {"junction": "roundabout"}, ALL_MODES, FOOT),
        ("primary", {"junction": "roundabout", "oneway": "no"}, ALL_MODES, ALL_MODES),
        ("motorway", {}, MOTOR_VEHICLES, 0),
        ("trunk", {"motorroad": "yes"}, MOTOR_VEHICLES, MOTOR_VEHICLES),
        ("footway", {}, FOOT, FOOT),
        ("footway", {"access": "yes"}, FOOT, FOOT),
        ("footway", {"bicycle": "yes"}, FOOT | BICYCLE, FOOT | BICYCLE),
        ("pedestrian", {}, FOOT | EMERGENCY, FOOT | EMERGENCY),
        ("pedestrian", {"area": "yes"}, 0, 0),
        ("service", {"access": "private"}, EMERGENCY, EMERGENCY),
        ("service", {"access": "private", "foot": "yes"}, FOOT | EMERGENCY, FOOT | EMERGENCY),
        ("service", {"access": "no"}, 0, 0),
        ("service", {"vehicle": "no"}, FOOT, FOOT),
        ("service", {"access": "no", "emergency": "yes"}, EMERGENCY, EMERGENCY),
    ],
)
def test_the_more_particular_tag_decides(
    road_class: str, tags: dict[str, str], forward: int, backward: int
) -> None:
    assert modes_each_way(road_class, tags) == (forward, backward)


def test_no_motor_vehicles_leaves_the_emergency_car_in() -> None:
    forward, _ = modes_each_way("residential", {"motor_vehicle": "no"})
    assert forward == FOOT | BICYCLE | EMERGENCY
    assert forward & CAR == 0
    assert VEHICLES & FOOT == 0


@pytest.mark.parametrize(
    ("tags", "kept_out"),
    [
        ({"barrier": "gate"}, set()),
        ({"barrier": "lift_gate", "locked": "yes"}, {"foot", "bicycle", "motorcycle", "car"}),
        ({"barrier": "gate", "access": "no", "emergency": "yes", "foot": "yes"},
         {"bicycle", "motorcycle", "car"}),
        ({"barrier": "gate", "locked": "yes", "access": "yes"}, set()),
        ({"barrier": "bollard", "motor_vehicle": "yes"}, set()),
        ({"barrier": "bollard", "access": "yes"}, {"motorcycle", "car", "emergency_car"}),
        ({"barrier": "bus_trap"}, {"car", "emergency_car"}),
        ({"barrier": "turnstile"}, {"bicycle", "motorcycle", "car", "emergency_car"}),
        ({"barrier": "kerb"}, set()),
    ],
)  # fmt: skip
def test_barriers(tags: dict[str, str | None], kept_out: set[str]) -> None:
    mask = modes_barred_by(tags)
    assert {mode.value for mode in TravelMode if mask & mode.bit} == kept_out
