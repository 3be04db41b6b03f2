"""Who may go along a road, and which way, by OpenStreetMap's tags.

Source: OpenStreetMap wiki, "Key:access" (the more particular key wins), "OSM tags for
routing/Access restrictions" (what a class allows where nothing is said), "Key:oneway". Two choices
are ours: an emergency car passes where only private access is barred, and drives in pedestrian
streets; a lane whose direction changes with the hour (`oneway=reversible`) is left out for
vehicles, since the file doesn't say when.
"""

from __future__ import annotations

from collections.abc import Mapping

from geo.roads.modes import ALL_MODES, MOTOR_VEHICLES, VEHICLES, TravelMode

# Tags that decide; a reader needs no others.
ACCESS_TAGS = (
    "access", "vehicle", "motor_vehicle", "motorcar", "motorcycle", "bicycle", "foot", "emergency",
    "oneway", "oneway:bicycle", "oneway:foot", "cycleway", "junction", "motorroad", "area",
)  # fmt: skip

_FOOT, _BICYCLE, _MOTORCYCLE, _CAR, _EMERGENCY = (mode.bit for mode in TravelMode)

# What a class of road allows where no tag says otherwise.
CLASS_MODES: Mapping[str, int] = {
    "motorway": MOTOR_VEHICLES,
    "trunk": ALL_MODES,
    "primary": ALL_MODES,
    "secondary": ALL_MODES,
    "tertiary": ALL_MODES,
    "unclassified": ALL_MODES,
    "residential": ALL_MODES,
    "living_street": ALL_MODES,
    "service": ALL_MODES,
    "road": ALL_MODES,
    "track": _FOOT | _BICYCLE | _MOTORCYCLE | _EMERGENCY,
    "busway": _EMERGENCY,
    "pedestrian": _FOOT | _EMERGENCY,
    "cycleway": _FOOT | _BICYCLE,
    "path": _FOOT | _BICYCLE,
    "footway": _FOOT,
    "steps": _FOOT,
    "bridleway": _FOOT,
    "corridor": _FOOT,
}
UNKNOWN_CLASS = "road"

# From the general to the particular: the last key that is there decides.
_KEYS_OF_MODE: Mapping[TravelMode, tuple[str, ...]] = {
    TravelMode.FOOT: ("access", "foot"),
    TravelMode.BICYCLE: ("access", "vehicle", "bicycle"),
    TravelMode.MOTORCYCLE: ("access", "vehicle", "motor_vehicle", "motorcycle"),
    TravelMode.CAR: ("access", "vehicle", "motor_vehicle", "motorcar"),
    TravelMode.EMERGENCY_CAR: ("access", "vehicle", "motor_vehicle", "motorcar", "emergency"),
}
_BARRED = frozenset({"no", "private", "agricultural", "forestry", "military", "use_sidepath"})
_BARRED_TO_EMERGENCY = frozenset({"no"})
_FORWARD = frozenset({"yes", "true", "1"})
_BACKWARD = frozenset({"-1", "reverse"})
_CHANGING = frozenset({"reversible", "alternating"})
_ROUND = frozenset({"roundabout", "circular"})


def road_class_of(highway: str | None) -> str | None:
    """Return the class of a `highway` value, links with their road; None: no road at all.

    >>> road_class_of("primary_link"), road_class_of("proposed")
    ('primary', None)
    """
    if highway is None:
        return UNKNOWN_CLASS
    name = highway.strip().lower().removesuffix("_link")
    return name if name in CLASS_MODES else None


def modes_each_way(road_class: str, tags: Mapping[str, str | None]) -> tuple[int, int]:
    """Return the masks of modes that may go along the line's direction, and against it.

    Parameters
    ----------
    road_class : as `road_class_of` gives it
    tags : OpenStreetMap's; missing ones may be absent or None
    """
    if (tags.get("area") or "").lower() == "yes":
        return 0, 0  # a square is no line to drive along
    allowed = 0
    for mode in TravelMode:
        if _may_pass(mode, road_class, tags):
            allowed |= mode.bit
    with_it, against = _one_way(road_class, tags)
    forward = allowed if with_it else allowed & ~VEHICLES
    backward = allowed if against else allowed & ~VEHICLES
    if (tags.get("oneway:bicycle") or "").lower() == "no" or (
        tags.get("cycleway") or ""
    ).lower().startswith("opposite"):
        forward |= allowed & _BICYCLE
        backward |= allowed & _BICYCLE
    if (tags.get("oneway:foot") or "").lower() in _FORWARD:
        backward &= ~_FOOT
    return forward, backward


def _may_pass(mode: TravelMode, road_class: str, tags: Mapping[str, str | None]) -> bool:
    is_emergency = mode is TravelMode.EMERGENCY_CAR
    barred = _BARRED_TO_EMERGENCY if is_emergency else _BARRED
    allows = bool(CLASS_MODES[road_class] & mode.bit)
    if (tags.get("motorroad") or "").lower() == "yes" and not mode.bit & MOTOR_VEHICLES:
        allows = False
    for key in _KEYS_OF_MODE[mode]:
        value = (tags.get(key) or "").lower()
        if not value:
            continue
        if key == "access" and value not in barred:
            continue  # "access=yes" on a footway doesn't open it to cars
        if key == "motor_vehicle" and is_emergency and value == "no" and allows:
            continue  # bollards are told as barriers; a sign doesn't stop an emergency car
        allows = value not in barred
    return allows


def _one_way(road_class: str, tags: Mapping[str, str | None]) -> tuple[bool, bool]:
    """Return whether vehicles may go along the line, and against it."""
    stated = (tags.get("oneway") or "").lower()
    if stated in _CHANGING:
        return False, False
    if stated in _BACKWARD:
        return False, True
    if stated in _FORWARD:
        return True, False
    is_round = (tags.get("junction") or "").lower() in _ROUND
    implied = is_round or road_class == "motorway"
    return True, not implied or stated in {"no", "false", "0"}


# What a barrier keeps out where its own tags say nothing else; a kind that isn't named keeps out
# nobody. A gate is passable unless it is locked or private: most of them stand open by day.
BARRED_BY_BARRIER: Mapping[str, int] = {
    **dict.fromkeys(
        (
            "bollard",
            "block",
            "jersey_barrier",
            "planter",
            "chain",
            "log",
            "debris",
            "barrier_board",
        ),
        _CAR | _EMERGENCY | _MOTORCYCLE,
    ),
    **dict.fromkeys(("bus_trap", "sump_buster"), _CAR | _EMERGENCY),
    **dict.fromkeys(("cycle_barrier", "motorcycle_barrier"), MOTOR_VEHICLES),
    **dict.fromkeys(
        ("stile", "kissing_gate", "turnstile", "full-height_turnstile", "horse_stile"), VEHICLES
    ),
}


def modes_barred_by(tags: Mapping[str, str | None]) -> int:
    """Return the mask of modes that a barrier on a road keeps out.

    An emergency car has gates opened to it, also private ones; nobody lifts out a bollard in time.
    Source: OpenStreetMap wiki, "Key:barrier", what each value allows by default.

    Parameters
    ----------
    tags : of the barrier's node
    """
    kind = (tags.get("barrier") or "").lower()
    barred = BARRED_BY_BARRIER.get(kind, 0)
    if kind.endswith("gate") and (tags.get("locked") or "").lower() == "yes":
        barred |= ALL_MODES & ~_EMERGENCY
    for mode in TravelMode:
        refused = _BARRED_TO_EMERGENCY if mode is TravelMode.EMERGENCY_CAR else _BARRED
        for key in _KEYS_OF_MODE[mode]:
            value = (tags.get(key) or "").lower()
            if value in refused:
                barred |= mode.bit
            # "access=yes" opens a gate to all, and no bollard to a car
            elif value and (key != "access" or (value == "yes" and kind.endswith("gate"))):
                barred &= ~mode.bit
    return barred
