"""Where people live: slab estates, towers, lane houses, old courtyards and villages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from geo.demo.frontage import Front
from geo.demo.names import NameDrawer
from geo.demo.register import (
    Register,
    Site,
    Tail,
    centre,
    entrance_points,
    rows_of_buildings,
)

# What one city prints as 号楼 the next prints as 幢: one estate keeps to one form.
_BUILDING_WORDS = ("号楼", "幢", "号楼", "栋", "号楼")
_ENTRANCE_WIDTH_M = 16.5


def estate_names(sites: list[Site], names: NameDrawer, rng: np.random.Generator) -> list[str]:
    """A name for each site; every third or so continues the one before as 二期 or 西区."""
    out: list[str] = []
    for index, site in enumerate(sites):
        previous = out[-1] if out else ""
        same_grid = index > 0 and sites[index - 1].plot == site.plot
        if same_grid and not previous.endswith(("期", "区")) and rng.random() < 0.42:
            first, second = (("一期", "二期"), ("东区", "西区"))[int(rng.integers(2))]
            if second == "西区" and site.gate_xy[0] > sites[index - 1].gate_xy[0]:
                first, second = second, first
            out[-1] = previous + first
            out.append(previous + second)
        else:
            out.append(names.estate())
    return out


@dataclass(frozen=True, slots=True, eq=False)
class HomeLayout:
    """Where the buildings of one site may stand, before their height is known."""

    site: Site
    form: str
    outlines: list[shapely.Polygon]
    entrances: int
    homes: int
    """Homes on a landing; 0 entrances: homes on a storey."""
    storey_range: tuple[int, int]

    @property
    def homes_per_storey(self) -> int:
        return len(self.outlines) * max(1, self.entrances) * self.homes


def lay_out_homes(site: Site, form: str, rng: np.random.Generator) -> HomeLayout:
    """Place the buildings of a slab estate (walkup), of towers, or of lane houses (lanes)."""
    heading = site.parcel.heading
    if form == "walkup":
        turn = float(rng.uniform(-0.06, 0.06))
        best: HomeLayout | None = None
        for entrances in (3, 4, 2):
            width_m = entrances * _ENTRANCE_WIDTH_M
            outlines = rows_of_buildings(
                site.inner,
                heading + turn,
                width_m=width_m,
                depth_m=12.0,
                pitch_m=(width_m + 9, 26.0),
                rng=rng,
            )
            layout = HomeLayout(site, form, outlines, entrances, 2, (4, 11))
            if best is None or layout.homes_per_storey > best.homes_per_storey:
                best = layout
        assert best is not None
        return best
    if form == "tower":
        outlines = rows_of_buildings(
            site.inner,
            heading + float(rng.uniform(-0.12, 0.12)),
            width_m=28.0,
            depth_m=18.0,
            pitch_m=(42.0, 44.0),
            rng=rng,
            jitter_m=3.0,
        )
        entrances = int(rng.choice([1, 1, 2]))
        return HomeLayout(site, form, outlines, entrances, 4 if entrances == 1 else 2, (9, 32))
    outlines = rows_of_buildings(
        site.inner, heading, width_m=27.0, depth_m=10.0, pitch_m=(33.0, 18.0), rng=rng
    )
    return HomeLayout(site, form, outlines, 0, 4, (3, 6))


def choose_storeys(layouts: list[HomeLayout], wanted_homes: float) -> list[float]:
    """Heights, one a layout, that bring the homes of a grid near what is wanted.

    Every layout goes the same share of the way from its lowest to its highest; where even the
    lowest are too much, the answers fall below them, for `build_homes` to leave buildings out.
    """
    least = sum(layout.homes_per_storey * layout.storey_range[0] for layout in layouts)
    most = sum(layout.homes_per_storey * layout.storey_range[1] for layout in layouts)
    if wanted_homes <= least:
        factor = wanted_homes / least if least else 0.0
        return [layout.storey_range[0] * factor for layout in layouts]
    share = min(1.0, (wanted_homes - least) / (most - least)) if most > least else 1.0
    return [low + share * (high - low) for low, high in (la.storey_range for la in layouts)]


def build_homes(
    layout: HomeLayout, storeys: float, name: str, register: Register, rng: np.random.Generator
) -> None:
    """Build a site: 3号楼2单元402室, 5幢1单元1803室, or 669弄14号302室."""
    low, high = layout.storey_range
    height = int(np.clip(round(storeys), low, high))
    count = int(np.clip(round(len(layout.outlines) * storeys / height), 0, len(layout.outlines)))
    dropped = set(rng.permutation(len(layout.outlines))[count:].tolist())
    outlines = [outline for k, outline in enumerate(layout.outlines) if k not in dropped]
    if layout.form == "lanes":
        _build_lane_houses(layout, outlines, height, register)
    else:
        _build_estate(layout, outlines, height, name, register, rng)


def _build_lane_houses(
    layout: HomeLayout, outlines: list[shapely.Polygon], storeys: int, register: Register
) -> None:
    """Houses behind one gate: the door before the 弄, the building after it."""
    site = layout.site
    lane = site.tail()._replace(door=f"{site.gate.number}弄" if site.gate else "")
    register.add_address(site.plot, lane, "residential", site.gate_xy)
    for position, outline in enumerate(outlines, start=1):
        tail = lane._replace(building=f"{position}号")
        building = register.add_building(outline, "residential", "", tail.building, storeys)
        point = centre(outline)
        register.add_address(site.plot, tail, "residential", point, building)
        _rooms(register, site.plot, tail, point, building, storeys, layout.homes)


def _build_estate(
    layout: HomeLayout,
    outlines: list[shapely.Polygon],
    storeys: int,
    name: str,
    register: Register,
    rng: np.random.Generator,
) -> None:
    site = layout.site
    estate = site.tail(name)
    register.add_address(site.plot, estate, "residential", site.gate_xy)
    middle = shapely.point_on_surface(site.inner)
    if not middle.is_empty:
        register.places.append((name, "estate", "", (float(middle.x), float(middle.y))))
    word = _BUILDING_WORDS[int(rng.integers(len(_BUILDING_WORDS)))]
    for position, outline in enumerate(outlines, start=1):
        # Towers of one estate rarely all have the same height.
        own = storeys + int(rng.integers(-1, 2)) * (layout.form == "tower")
        tail = estate._replace(building=f"{position}{word}")
        building = register.add_building(outline, "apartments", "", tail.building, own)
        register.add_address(site.plot, tail, "residential", centre(outline), building)
        points = entrance_points(outline, layout.entrances)
        for serial, point in enumerate(points, start=1):
            stair = tail._replace(entrance=f"{serial}单元")
            register.add_address(site.plot, stair, "residential", point, building)
            _rooms(register, site.plot, stair, point, building, own, layout.homes)


def build_courtyards(
    plot: int, fronts: list[Front], register: Register, rng: np.random.Generator
) -> None:
    """Old houses along the lanes: one household, several behind 附 numbers, or a few storeys."""
    for front, form in zip(fronts, rng.random(len(fronts)), strict=True):
        tail = Tail(road=front.road.name, door=f"{front.number}号")
        storeys = 1 if form < 0.55 else 3
        building = register.add_building(front.outline, "house", "", tail.door, storeys)
        register.add_address(plot, tail, "residential", front.door_xy, building)
        if storeys == 3:
            _rooms(register, plot, tail, front.door_xy, building, storeys, 2)
        elif form < 0.22:
            for part in range(1, 4):
                annex = tail._replace(door=f"{front.number}号附{part}号")
                register.add_address(plot, annex, "residential", front.door_xy, building)


def build_village(
    site: Site, first_group: int, register: Register, rng: np.random.Generator
) -> None:
    """Farmhouses by villagers' group: 3组18号. The street has no name; the group stands for it."""
    outlines = rows_of_buildings(
        site.inner,
        site.parcel.heading + float(rng.uniform(-0.2, 0.2)),
        width_m=11.5,
        depth_m=9.5,
        pitch_m=(19.0, 24.0),
        rng=rng,
        jitter_m=2.4,
    )
    keep = rng.random(len(outlines)) < 0.86
    group = f"{first_group}组"
    number = 0
    for outline, kept in zip(outlines, keep, strict=True):
        if not kept:
            continue
        number += 1
        tail = Tail(village_group=group, door=f"{number}号")
        storeys = int(rng.integers(1, 4))
        building = register.add_building(outline, "house", "", tail.door, storeys)
        point = centre(outline)
        register.add_address(site.plot, tail, "residential", point, building)
        if storeys == 3 and rng.random() < 0.5:  # let by the room
            _rooms(register, site.plot, tail, point, building, 3, 2)


def _rooms(
    register: Register,
    plot: int,
    tail: Tail,
    point: tuple[float, float],
    building: int,
    storeys: int,
    homes: int,
) -> None:
    for storey in range(1, storeys + 1):
        for home in range(1, homes + 1):
            register.add_address(
                plot, tail._replace(room=f"{storey}{home:02d}室"), "residential", point, building
            )
