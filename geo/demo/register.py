"""The rows the city is written down in while it is built: addresses, buildings, places, land."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import shapely

from geo.demo.frontage import Gate
from geo.demo.parcels import Parcel


class Tail(NamedTuple):
    """The part of an address below the community, coarse to fine; empty where absent."""

    development_zone: str = ""
    village_group: str = ""
    road: str = ""
    door: str = ""
    estate: str = ""
    building: str = ""
    entrance: str = ""
    floor: str = ""
    room: str = ""


@dataclass
class Register:
    """Growing columns, in metres. `plot` columns hold the position of the grid."""

    plots: list[int] = field(default_factory=list)
    tails: list[Tail] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    points: list[tuple[float, float]] = field(default_factory=list)
    building_of: list[int] = field(default_factory=list)
    """Position in `outlines` of the building the address is of; -1 where it is of none."""
    outlines: list[shapely.Polygon] = field(default_factory=list)
    building_names: list[str] = field(default_factory=list)
    building_numbers: list[str] = field(default_factory=list)
    building_classes: list[str] = field(default_factory=list)
    storeys: list[int] = field(default_factory=list)
    places: list[tuple[str, str, str, tuple[float, float]]] = field(default_factory=list)
    """Name, class, English name, point."""
    land: list[tuple[str, str, shapely.Geometry]] = field(default_factory=list)
    """Class, name, polygon."""

    def add_building(
        self, outline: shapely.Polygon, building_class: str, name: str, number: str, storeys: int
    ) -> int:
        self.outlines.append(outline)
        self.building_classes.append(building_class)
        self.building_names.append(name)
        self.building_numbers.append(number)
        self.storeys.append(storeys)
        return len(self.outlines) - 1

    def add_address(
        self, plot: int, tail: Tail, kind: str, point: tuple[float, float], building: int = -1
    ) -> None:
        self.plots.append(plot)
        self.tails.append(tail)
        self.kinds.append(kind)
        self.points.append(point)
        self.building_of.append(building)


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """A parcel ready to be built on."""

    plot: int
    parcel: Parcel
    gate: Gate | None
    inner: shapely.Polygon
    """The ground behind the fronts along the streets."""

    @property
    def gate_xy(self) -> tuple[float, float]:
        if self.gate is not None:
            return self.gate.xy
        point = shapely.point_on_surface(self.parcel.ground)
        return float(point.x), float(point.y)

    def tail(self, estate: str = "", *, development_zone: str = "") -> Tail:
        """The address of the compound itself: street and number of the gate, and its name."""
        if self.gate is None:
            return Tail(development_zone=development_zone, estate=estate)
        return Tail(
            development_zone=development_zone,
            road=self.gate.road.name,
            door=f"{self.gate.number}号",
            estate=estate,
        )


def rows_of_buildings(
    inner: shapely.Polygon,
    heading: float,
    *,
    width_m: float,
    depth_m: float,
    pitch_m: tuple[float, float],
    rng: np.random.Generator,
    jitter_m: float = 1.0,
) -> list[shapely.Polygon]:
    """Rectangles in rows that lie wholly on the ground, from the north row, each from the west."""
    if inner.is_empty:
        return []
    east = np.array([np.cos(heading), np.sin(heading)])
    north = np.array([-east[1], east[0]])
    middle = shapely.get_coordinates(inner.centroid)[0]
    local = shapely.get_coordinates(inner) - middle
    reach_east, reach_north = np.abs(local @ east).max(), np.abs(local @ north).max()
    shapely.prepare(inner)
    best: list[shapely.Polygon] = []
    # The rows may begin half a pitch further: whatever lets most buildings stand.
    for shift_east, shift_north in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5)):
        columns = _steps(reach_east, pitch_m[0]) + shift_east * pitch_m[0]
        rows = (_steps(reach_north, pitch_m[1]) + shift_north * pitch_m[1])[::-1]
        u, v = np.meshgrid(columns, rows)
        # A whole row shifts a little, so that estates don't look ruled.
        u = u + rng.uniform(-0.12, 0.12, (len(rows), 1)) * pitch_m[0]
        u = u + rng.uniform(-jitter_m, jitter_m, u.shape)
        v = v + rng.uniform(-jitter_m, jitter_m, v.shape)
        centres = middle + u.ravel()[:, None] * east + v.ravel()[:, None] * north
        half_east, half_north = east * width_m / 2, north * depth_m / 2
        corners = np.stack(
            [
                centres - half_east - half_north,
                centres + half_east - half_north,
                centres + half_east + half_north,
                centres - half_east + half_north,
            ],
            axis=1,
        )
        outlines = np.asarray(shapely.polygons(corners))
        standing = outlines[shapely.contains(inner, outlines)]
        if len(standing) > len(best):
            best = list(standing)
    return best


def _steps(reach: float, pitch: float) -> np.ndarray:
    count = int(reach // pitch)
    return (np.arange(2 * count + 1) - count) * pitch


def centre(outline: shapely.Polygon) -> tuple[float, float]:
    x, y = shapely.get_coordinates(outline)[:4].mean(axis=0)
    return float(x), float(y)


def entrance_points(outline: shapely.Polygon, count: int) -> list[tuple[float, float]]:
    """Stairwell doors along the north side of a slab, just inside the wall, from the west."""
    corners = shapely.get_coordinates(outline)
    west, east, south = corners[3], corners[2], corners[0]
    inset = (south - west) * 0.08
    return [
        (float(x), float(y))
        for x, y in (west + inset + (east - west) * (k + 0.5) / count for k in range(count))
    ]
