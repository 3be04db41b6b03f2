"""Parcels: each grid is cut by lanes, and each piece gets one use of its ground."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely

from geo.demo.blocks import GridPlot
from geo.demo.names import NameDrawer
from geo.demo.plane import FloatArray
from geo.demo.polylines import Quad
from geo.demo.streets import Road, StreetPlan

# A piece this much larger is cut again [m2], by the grid's use; what is missing is never cut.
_PARCEL_M2 = {
    "walkup": 34_000.0,
    "tower": 38_000.0,
    "lanes": 24_000.0,
    "office": 22_000.0,
    "old_town": 6_000.0,
    "village": 30_000.0,
    "industry": 34_000.0,
}
# Class and endings of the lanes between a grid's parcels; no ending: the lane has no name.
_LANES: dict[str, tuple[str, tuple[str, ...]]] = {
    "walkup": ("residential", ("巷", "街", "巷")),
    "tower": ("residential", ("街", "路", "巷")),
    "lanes": ("residential", ("路", "巷")),
    "office": ("residential", ("街", "横街")),
    "old_town": ("living_street", ("巷", "胡同", "巷")),
    "village": ("residential", ()),
    "industry": ("residential", ("一路", "二路", "支路")),
}
_HOMES = ("walkup", "tower", "lanes")
_CIVIC = (
    "primary_school",
    "market",
    "office_building",
    "kindergarten",
    "clinic",
    "green",
    "middle_school",
    "office_building",
    "community_hall",
    "market",
    "government",
    "green",
    "hospital",
)


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """A piece of a grid between streets (metres)."""

    plot: GridPlot
    use: str
    ground: shapely.Polygon
    """What may be built on: the piece without the streets and the river's banks."""
    heading: float
    """Direction its rows of buildings run in [radians from east]."""


def cut_into_parcels(
    plots: list[GridPlot], plan: StreetPlan, rng: np.random.Generator, names: NameDrawer
) -> tuple[list[Parcel], list[Road]]:
    """Cut every grid; return the parcels, grid by grid, and the lanes that came of it."""
    pieces: list[tuple[GridPlot, Quad]] = []
    lanes: list[Road] = []
    for plot in plots:
        for item in _cut(plot.source.quad, _PARCEL_M2.get(plot.use), rng):
            if isinstance(item, Quad):
                pieces.append((plot, item))
            else:
                lanes.append(_lane(plot, item, rng, names))
    lanes = [kept for lane in lanes if (kept := _off_the_banks(lane, plan)) is not None]
    roads = plan.roads + lanes
    spread = [
        shapely.LineString(road.line).buffer(road.width_m / 2 + 2.5, cap_style="square")
        for road in roads
    ]
    tree = shapely.STRtree(spread)
    uses = _uses(pieces, rng)
    parcels: list[Parcel] = []
    for (plot, quad), use in zip(pieces, uses, strict=True):
        taken = [spread[i] for i in tree.query(quad.polygon)]
        ground = shapely.difference(quad.polygon, shapely.union_all([*taken, plan.banks]))
        parts = shapely.get_parts(ground)
        if len(parts) == 0:
            continue
        largest = parts[np.argmax(shapely.area(parts))]
        parcels.append(Parcel(plot, use, largest, quad.heading))
    return parcels, lanes


def _cut(
    quad: Quad, parcel_m2: float | None, rng: np.random.Generator
) -> Iterator[Quad | FloatArray]:
    """Yield the pieces, and every lane between them."""
    width, height = quad.size_m
    if parcel_m2 is None or width * height < 1.45 * parcel_m2:
        yield quad
        return
    first_end, second_end = rng.uniform(0.42, 0.58, 2)
    bow = rng.uniform(-0.03, 0.03) * max(width, height)
    cutter = quad.cut_upright if width > height else quad.cut_level
    one, other, lane = cutter(first_end, second_end, bow)
    yield lane
    yield from _cut(one, parcel_m2, rng)
    yield from _cut(other, parcel_m2, rng)


def _lane(plot: GridPlot, line: FloatArray, rng: np.random.Generator, names: NameDrawer) -> Road:
    road_class, endings = _LANES[plot.use]
    name = names.stem() + names.choice(endings) if endings else ""
    return Road(name, road_class, line if rng.integers(2) else line[::-1])


def _off_the_banks(lane: Road, plan: StreetPlan) -> Road | None:
    """End a lane at the riverside road; None where nothing of it is left."""
    line = shapely.LineString(lane.line)
    if not shapely.intersects(line, plan.banks):
        return lane
    parts = shapely.get_parts(shapely.difference(line, plan.banks))
    if len(parts) == 0:
        return None
    longest = parts[np.argmax(shapely.length(parts))]
    if shapely.length(longest) < 25:
        return None
    return Road(lane.name, lane.road_class, shapely.get_coordinates(longest))


def _uses(pieces: list[tuple[GridPlot, Quad]], rng: np.random.Generator) -> list[str]:
    """The use of each piece: in grids of homes about a third is for what homes need."""
    civic = 0
    uses: list[str] = []
    position = 0
    while position < len(pieces):
        plot = pieces[position][0]
        count = 1
        while position + count < len(pieces) and pieces[position + count][0] is plot:
            count += 1
        own = [plot.use] * count
        if plot.use in _HOMES and count >= 2:
            others = round(count * 0.25)
            for index in rng.permutation(count)[:others]:
                own[index] = _CIVIC[civic % len(_CIVIC)]
                civic += 1
        elif plot.use == "old_town" and count >= 6:
            for index, use in zip(
                rng.permutation(count)[:3], ("temple_fair", "market", "kindergarten"), strict=True
            ):
                own[index] = use
        elif plot.use == "office" and count >= 3:
            own[int(rng.integers(count))] = "mall"
        uses += own
        position += count
    return uses
