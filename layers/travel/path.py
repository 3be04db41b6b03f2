"""The way from one place to another: its line, and what to tell the driver, in two languages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from geo.errors import InvalidInput
from geo.geodesy import bearing_to_compass, geodesic_distance_m, geodesic_inverse
from geo.roads.network import RoadNetwork
from geo.roads.search import find_way
from geo.roads.snapping import SnappedPlaces, access_ms, arrivals, departures
from layers.travel.times import TravelTimes

Points = NDArray[np.float64]

# From which angle on a change of direction is a turn, a sharp one, a way back [degrees].
TURN_DEG, SHARP_DEG, BACK_DEG = 40.0, 130.0, 170.0
_COMPASS_ZH = {
    "N": "北", "NE": "东北", "E": "东", "SE": "东南", "S": "南", "SW": "西南", "W": "西",
    "NW": "西北",
}  # fmt: skip
_COMPASS_EN = {
    "N": "north", "NE": "north-east", "E": "east", "SE": "south-east", "S": "south",
    "SW": "south-west", "W": "west", "NW": "north-west",
}  # fmt: skip


class Turn(StrEnum):
    """How a step begins."""

    START = "start"
    STRAIGHT = "straight"
    LEFT = "left"
    RIGHT = "right"
    SHARP_LEFT = "sharp_left"
    SHARP_RIGHT = "sharp_right"
    BACK = "back"
    ROUNDABOUT = "roundabout"
    ARRIVE = "arrive"


_WORDS: dict[Turn, tuple[str, str]] = {
    Turn.STRAIGHT: ("直行进入", "Go straight on onto"),
    Turn.LEFT: ("左转进入", "Turn left onto"),
    Turn.RIGHT: ("右转进入", "Turn right onto"),
    Turn.SHARP_LEFT: ("向左后方转入", "Turn sharp left onto"),
    Turn.SHARP_RIGHT: ("向右后方转入", "Turn sharp right onto"),
    Turn.BACK: ("掉头进入", "Turn back onto"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: `name` of the road, None where it has none; `lon`, `lat` where it begins."""

    turn: Turn
    name: str | None
    length_m: float
    lon: float
    lat: float
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class TravelPath:
    """A quickest way.

    time_s : with the legs between places and road, as `TravelTimes.matrix` has it [s]
    length_m : on the road [m]
    xy : (p, 2) its line, degrees, WGS 84
    access_m : from the road to the place at its end [m]
    """

    time_s: float
    length_m: float
    xy: Points
    access_m: float
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class _Leg:
    xy: Points
    name: str | None
    is_round: bool
    length_m: float


def path_between(
    travel: TravelTimes, start: SnappedPlaces, end: SnappedPlaces
) -> TravelPath | None:
    """Return the quickest way from one place to another; None where there is none.

    Raises
    ------
    InvalidInput : not one place each
    """
    if len(start) != 1 or len(end) != 1:
        raise InvalidInput(
            f"{len(start)} and {len(end)} places were given. Ask for one way at a time."
        )
    if not start.is_on_road[0] or not end.is_on_road[0]:
        return None
    network, graph = travel.network, travel.graph
    leaving, entering = departures(network, graph, start), arrivals(network, graph, end)
    found = find_way(graph, leaving, entering)
    # Without an end where the road that both lie on is closed.
    direct_s = float(travel.matrix(start, end)[0, 0]) if _same(start, end) else np.inf
    total_ms = round(direct_s * 1000) if np.isfinite(direct_s) else None
    if found is None and total_ms is None:
        return None
    is_direct = total_ms is not None and (found is None or total_ms < found.ms)
    if is_direct:
        line = int(start.line[0])
        legs = [_stretch(network, line, float(start.share[0]), float(end.share[0]))]
        ms = float(total_ms or 0)
    else:
        assert found is not None
        ms = float(found.ms)
        legs = [_end_leg(network, start, found.first_node, leaving=True)]
        for edge in graph.edge[found.edges].tolist():
            line = int(network.edge_line[edge])
            legs.append(
                _Leg(
                    network.edge_xy(edge),
                    network.edge_name(edge),
                    bool(network.line_is_round[line]),
                    float(network.line_length_m[line]),
                )
            )
        legs.append(_end_leg(network, end, found.last_node, leaving=False))
    legs = [leg for leg in legs if leg.length_m > 0] or legs[:1]
    pieces = [legs[0].xy, *(leg.xy[1:] for leg in legs[1:])]
    access_m = float(end.access_m[0])
    return TravelPath(
        time_s=ms / 1000,
        length_m=sum(leg.length_m for leg in legs),
        xy=np.vstack(pieces),
        access_m=access_m,
        steps=_steps(legs, access_m if access_ms(graph, end)[0] else 0.0),
    )


def _same(start: SnappedPlaces, end: SnappedPlaces) -> bool:
    return bool(start.line[0] == end.line[0])


def _end_leg(network: RoadNetwork, place: SnappedPlaces, node: int, *, leaving: bool) -> _Leg:
    """The stretch between a place and the crossing by which it is left or entered."""
    line, share = int(place.line[0]), float(place.share[0])
    begins, ends = network.line_nodes[line]
    # A road that comes back to its own crossing is left by its shorter end.
    to_end = node == ends and (begins != ends or share >= 0.5)
    other = 1.0 if to_end else 0.0
    return _stretch(network, line, *((share, other) if leaving else (other, share)))


def _stretch(network: RoadNetwork, line: int, start: float, end: float) -> _Leg:
    """A stretch of a line, from one share of its length to another, in the order it is passed."""
    points = network.points[network.line_first_point[line] : network.line_first_point[line + 1]]
    steps = geodesic_distance_m(points[:-1, 0], points[:-1, 1], points[1:, 0], points[1:, 1])
    run = np.concatenate(([0.0], np.cumsum(steps)))
    low, high = sorted((start, end))
    inner = points[(run > low * run[-1]) & (run < high * run[-1])]
    ends = [[np.interp(at * run[-1], run, points[:, k]) for k in range(2)] for at in (low, high)]
    xy = np.vstack((ends[0], *inner, ends[1]))
    name = network.line_name[line]
    return _Leg(
        xy if start <= end else xy[::-1],
        None if name < 0 else network.names[name],
        bool(network.line_is_round[line]),
        (high - low) * float(network.line_length_m[line]),
    )


def _steps(legs: list[_Leg], access_m: float) -> tuple[Step, ...]:
    groups: list[tuple[Turn, list[_Leg]]] = [(Turn.START, [legs[0]])]
    for before, leg in pairwise(legs):
        turn = _turn(before, leg)
        is_on = leg.name == before.name if leg.name else not before.name and turn is Turn.STRAIGHT
        if leg.is_round and before.is_round:
            groups[-1][1].append(leg)
        elif leg.is_round:
            groups.append((Turn.ROUNDABOUT, [leg]))
        elif is_on and not before.is_round and turn is not Turn.BACK:
            groups[-1][1].append(leg)
        else:
            groups.append((turn, [leg]))
    steps = [_step(turn, group) for turn, group in groups]
    lon, lat = legs[-1].xy[-1]
    walk_zh = f"，再步行 {access_m:.0f} 米" if access_m >= 1 else ""
    walk_en = f", then {access_m:.0f} m on foot" if access_m >= 1 else ""
    steps.append(
        Step(
            Turn.ARRIVE,
            legs[-1].name,
            0.0,
            float(lon),
            float(lat),
            f"到达目的地{walk_zh}。",
            f"You have arrived{walk_en}.",
        )
    )
    return tuple(steps)


def _step(turn: Turn, legs: list[_Leg]) -> Step:
    length = sum(leg.length_m for leg in legs)
    name = legs[0].name
    zh_name, en_name = name or "无名道路", name or "a road without a name"
    if turn is Turn.START:
        compass = bearing_to_compass(_bearing(legs[0].xy[0], legs[0].xy[1]))
        zh = f"沿{zh_name}向{_COMPASS_ZH[compass]}出发"
        en = f"Set out {_COMPASS_EN[compass]} on {en_name}"
    elif turn is Turn.ROUNDABOUT:
        zh, en = "进入环岛", "Take the roundabout"
    else:
        words = _WORDS[turn]
        zh, en = f"{words[0]}{zh_name}", f"{words[1]} {en_name}"
    lon, lat = legs[0].xy[0]
    return Step(
        turn, name, length, float(lon), float(lat), f"{zh}，行驶 {length:.0f} 米。",
        f"{en}, {length:.0f} m.",
    )  # fmt: skip


def _turn(before: _Leg, after: _Leg) -> Turn:
    """How one leg goes on after another; right is positive."""
    came = _bearing(before.xy[-2], before.xy[-1])
    goes = _bearing(after.xy[0], after.xy[1])
    angle = (goes - came + 180.0) % 360.0 - 180.0
    if abs(angle) >= BACK_DEG:
        return Turn.BACK
    if abs(angle) < TURN_DEG:
        return Turn.STRAIGHT
    if abs(angle) >= SHARP_DEG:
        return Turn.SHARP_RIGHT if angle > 0 else Turn.SHARP_LEFT
    return Turn.RIGHT if angle > 0 else Turn.LEFT


def _bearing(a: Points, b: Points) -> float:
    return float(geodesic_inverse(float(a[0]), float(a[1]), float(b[0]), float(b[1]))[1])
