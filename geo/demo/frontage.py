"""What stands along the streets: shops and houses with a door number, and the gates of compounds.

Numbers follow the length of the street: odd on the left of its direction, even on the right, one
step per 12 m. So numbers have gaps, as real ones do, and no number is given twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely

from geo.demo.parcels import Parcel
from geo.demo.plane import FloatArray
from geo.demo.polylines import arc_lengths, directions_along, points_along
from geo.demo.streets import Road

DOOR_STEP_M = 12.0
_APART_M = 0.2  # neighbours nearer than this could touch once coordinates are rounded
_CLASS_ORDER = ("primary", "secondary", "tertiary", "residential", "living_street")
# Share of the possible fronts that is built, by the parcel's use and the street's class.
_FRONT_SHARE: dict[str, dict[str, float]] = {
    "walkup": {"primary": 0.5, "secondary": 0.85, "tertiary": 0.75, "residential": 0.3},
    "tower": {"primary": 0.4, "secondary": 0.7, "tertiary": 0.55, "residential": 0.15},
    "lanes": {"primary": 0.5, "secondary": 0.9, "tertiary": 0.8, "residential": 0.4},
    "office": {"tertiary": 0.35, "residential": 0.35},
    "market": {"primary": 0.6, "secondary": 0.9, "tertiary": 0.9, "residential": 0.8},
    "old_town": {
        "primary": 0.9,
        "secondary": 0.95,
        "tertiary": 0.95,
        "residential": 0.95,
        "living_street": 0.97,
    },
    "village": {"primary": 0.35, "secondary": 0.5, "tertiary": 0.5},
}


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """A building whose door opens on a street."""

    parcel: int
    road: Road
    number: int
    outline: shapely.Polygon
    door_xy: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Gate:
    """Where a compound opens on a street."""

    road: Road
    number: int
    xy: tuple[float, float]


@dataclass
class DoorNumbers:
    """Which numbers are taken, street by street."""

    _taken: set[tuple[int, int]] = field(default_factory=set)

    def is_free(self, road: Road, number: int) -> bool:
        return (id(road), number) not in self._taken

    def take(self, road: Road, number: int) -> None:
        self._taken.add((id(road), number))


def number_at(along_m: float, on_left: bool) -> int:
    """The door number at this length of a street."""
    return 2 * int(along_m // DOOR_STEP_M) + (1 if on_left else 2)


def find_gates(parcels: list[Parcel], roads: list[Road], numbers: DoorNumbers) -> list[Gate | None]:
    """Give each parcel its gate on the best named street beside it; None where there is none."""
    named = [road for road in roads if road.name and road.road_class in _CLASS_ORDER]
    lines = np.array([shapely.LineString(road.line) for road in named], dtype=object)
    tree = shapely.STRtree(lines)
    gates: list[Gate | None] = []
    for parcel in parcels:
        middle = shapely.point_on_surface(parcel.ground)
        best: tuple[float, Gate] | None = None
        for index in tree.query(parcel.ground.buffer(32)):
            road, line = named[index], lines[index]
            along = float(shapely.line_locate_point(line, middle))
            on_road = shapely.line_interpolate_point(line, along)
            gap = float(shapely.distance(on_road, parcel.ground))
            if gap > road.width_m / 2 + 12:
                continue
            # Estates open on the quieter streets; a wide one is the second choice.
            score = gap + {"primary": 25.0, "secondary": 8.0}.get(road.road_class, 0.0)
            (foot,) = points_along(road.line, np.array([along]))
            (ahead,) = directions_along(road.line, np.array([along]))
            way = np.array([middle.x, middle.y]) - foot
            number = number_at(along, bool(ahead[0] * way[1] - ahead[1] * way[0] > 0))
            while not numbers.is_free(road, number):
                number += 2
            if best is None or score < best[0]:
                best = (score, Gate(road, number, _inside(parcel, foot)))
        if best is not None:
            numbers.take(best[1].road, best[1].number)
        gates.append(best[1] if best else None)
    return gates


def _inside(parcel: Parcel, foot: FloatArray) -> tuple[float, float]:
    """The point of the ground nearest to the street, stepped 3 m in."""
    inner = shapely.buffer(parcel.ground, -3.0)
    ground = parcel.ground if inner.is_empty else inner
    line = shapely.shortest_line(ground, shapely.Point(foot))
    x, y = shapely.get_coordinates(line)[0]
    return float(x), float(y)


def build_fronts(
    parcels: list[Parcel],
    gates: list[Gate | None],
    roads: list[Road],
    numbers: DoorNumbers,
    rng: np.random.Generator,
) -> list[Front]:
    """Line the streets with buildings, in the order of the streets, from the start of each."""
    outlines, doors, owners, door_numbers = _candidates(roads, rng)
    tree = shapely.STRtree([parcel.ground for parcel in parcels])
    candidate, parcel_index = tree.query(outlines, predicate="within")
    order = np.lexsort((parcel_index, candidate))
    candidate, parcel_index = candidate[order], parcel_index[order]
    wish = rng.random(len(candidate))
    share = np.array(
        [
            _FRONT_SHARE.get(parcels[p].use, {}).get(roads[owners[c]].road_class, 0.0)
            for c, p in zip(candidate, parcel_index, strict=True)
        ]
    )
    near_gate = np.zeros(len(candidate), dtype=bool)
    gate_points = np.array([gate.xy if gate else (np.inf, np.inf) for gate in gates])
    near_gate = np.hypot(*(doors[candidate] - gate_points[parcel_index]).T) < 15
    built = (wish < share) & ~near_gate
    candidate, parcel_index = candidate[built], parcel_index[built]
    # At corners two streets claim one piece of ground: the wider street comes first.
    rank = np.array([_CLASS_ORDER.index(roads[owners[c]].road_class) for c in candidate])
    clash_tree = shapely.STRtree(outlines[candidate])
    first, second = clash_tree.query(outlines[candidate], predicate="dwithin", distance=_APART_M)
    clashes: dict[int, list[int]] = {}
    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        if a != b:
            clashes.setdefault(a, []).append(b)
    kept: set[int] = set()
    for position in np.argsort(rank, kind="stable").tolist():
        if not any(other in kept for other in clashes.get(position, ())):
            kept.add(position)
    fronts = []
    for position in sorted(kept):
        index = int(candidate[position])
        road, number = roads[owners[index]], int(door_numbers[index])
        if numbers.is_free(road, number):
            numbers.take(road, number)
            x, y = doors[index]
            fronts.append(
                Front(
                    int(parcel_index[position]), road, number, outlines[index], (float(x), float(y))
                )
            )
    return fronts


def _candidates(
    roads: list[Road], rng: np.random.Generator
) -> tuple[np.ndarray, FloatArray, np.ndarray, np.ndarray]:
    """Every front that could stand: outlines, doors (n, 2), index of the street, number."""
    outlines, doors, owners, door_numbers = [], [], [], []
    for index, road in enumerate(roads):
        if not road.name or road.road_class not in _CLASS_ORDER:
            continue
        lane = road.road_class == "living_street"
        pitch, frontage, depth = (11.5, 9.6, 9.0) if lane else (14.5, 13.2, 11.0)
        length = float(arc_lengths(road.line)[-1])
        base = np.arange(pitch / 2, length, pitch)
        for on_left in (True, False):
            at = base + rng.uniform(-0.5, 0.5, len(base))
            deep = depth + rng.uniform(-1.0, 1.0, len(base))
            ahead = directions_along(road.line, at)
            aside = np.column_stack([-ahead[:, 1], ahead[:, 0]]) * (1 if on_left else -1)
            door = points_along(road.line, at) + aside * (road.width_m / 2 + 4.0)
            half = ahead * frontage / 2
            back = aside * deep[:, None]
            corners = np.stack(
                [door - half, door + half, door + half + back, door - half + back], axis=1
            )
            outlines.append(np.asarray(shapely.polygons(corners)))
            doors.append(door + aside)
            owners.append(np.full(len(at), index))
            door_numbers.append([number_at(float(a), on_left) for a in at])
    return (
        np.concatenate(outlines),
        np.vstack(doors),
        np.concatenate(owners),
        np.concatenate(door_numbers),
    )
