"""Where people live: slab estates, towers, lane houses, old courtyards and villages."""

from __future__ import annotations

import numpy as np
import shapely

from geo.demo.frontage import Front
from geo.demo.names import NameDrawer, numeral
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
_LIFT_FROM_STOREYS = 10


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


def build_slabs(
    site: Site, name: str, register: Register, rng: np.random.Generator, *, old: bool = False
) -> None:
    """Slabs of four to seven storeys, two homes a landing: 3号楼2单元402室."""
    entrances = int(rng.choice([2, 3, 3, 4]))
    outlines = rows_of_buildings(
        site.inner,
        site.parcel.heading + float(rng.uniform(-0.06, 0.06)),
        width_m=entrances * _ENTRANCE_WIDTH_M,
        depth_m=12.0,
        pitch_m=(entrances * _ENTRANCE_WIDTH_M + 10, 29.0),
        rng=rng,
    )
    homes = 2
    outlines, storeys = _fitted(outlines, entrances * homes, (3 if old else 4, 7), site, rng)
    _estate(site, name, register, outlines, storeys, entrances, homes, rng)


def build_towers(site: Site, name: str, register: Register, rng: np.random.Generator) -> None:
    """Towers of eleven to 32 storeys, four homes a landing: 5幢1单元1803室."""
    outlines = rows_of_buildings(
        site.inner,
        site.parcel.heading + float(rng.uniform(-0.12, 0.12)),
        width_m=28.0,
        depth_m=18.0,
        pitch_m=(46.0, 50.0),
        rng=rng,
        jitter_m=3.0,
    )
    entrances = int(rng.choice([1, 1, 2]))
    homes = 4 if entrances == 1 else 2
    outlines, storeys = _fitted(outlines, entrances * homes, (11, 32), site, rng)
    _estate(site, name, register, outlines, storeys, entrances, homes, rng)


def build_lane_houses(site: Site, register: Register, rng: np.random.Generator) -> None:
    """Lane houses behind one gate: 669弄14号302室, the door before the 弄, the building after."""
    outlines = rows_of_buildings(
        site.inner, site.parcel.heading, width_m=27.0, depth_m=10.0, pitch_m=(33.0, 19.0), rng=rng
    )
    homes = 4
    outlines, storeys = _fitted(outlines, homes, (3, 6), site, rng)
    lane = site.tail()._replace(door=f"{site.gate.number}弄" if site.gate else "")
    register.add_address(site.plot, lane, "residential", site.gate_xy)
    for position, outline in enumerate(outlines):
        tail = lane._replace(building=f"{position + 1}号")
        building = register.add_building(outline, "residential", "", tail.building, storeys)
        point = centre(outline)
        register.add_address(site.plot, tail, "residential", point, building)
        _rooms(register, site.plot, tail, point, building, storeys, homes)


def build_courtyards(
    plot: int, fronts: list[Front], register: Register, rng: np.random.Generator
) -> None:
    """Old houses along the lanes: one household, several behind 附 numbers, or a few storeys."""
    for front, form in zip(fronts, rng.random(len(fronts)), strict=True):
        tail = Tail(road=front.road.name, door=f"{front.number}号")
        storeys = 1 if form < 0.62 else 3
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
    """Farmhouses by villagers' group: 三组18号. The street has no name; the group stands for it."""
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
    group = numeral(first_group) + "组"
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


def _fitted(
    outlines: list[shapely.Polygon],
    homes_per_storey: int,
    storey_range: tuple[int, int],
    site: Site,
    rng: np.random.Generator,
) -> tuple[list[shapely.Polygon], int]:
    """Choose the storeys, and how many buildings stand, so that the homes come near the target."""
    low, high = storey_range
    if not outlines:
        return [], low
    wanted = site.dwelling_target / homes_per_storey  # storeys over all buildings
    storeys = int(np.clip(round(wanted / len(outlines)), low, high))
    count = int(np.clip(round(wanted / storeys), 1, len(outlines)))
    drop = set(rng.permutation(len(outlines))[: len(outlines) - count].tolist())
    return [outline for k, outline in enumerate(outlines) if k not in drop], storeys


def _estate(
    site: Site,
    name: str,
    register: Register,
    outlines: list[shapely.Polygon],
    storeys: int,
    entrances: int,
    homes: int,
    rng: np.random.Generator,
) -> None:
    estate = site.tail(name)
    register.add_address(site.plot, estate, "residential", site.gate_xy)
    middle = shapely.point_on_surface(site.inner)
    register.places.append((name, "estate", "", (float(middle.x), float(middle.y))))
    word = _BUILDING_WORDS[int(rng.integers(len(_BUILDING_WORDS)))]
    for position, outline in enumerate(outlines):
        # Buildings of one estate rarely all have the same height.
        high = max(1, storeys + int(rng.integers(-1, 2)) * (storeys >= _LIFT_FROM_STOREYS))
        tail = estate._replace(building=f"{position + 1}{word}")
        building = register.add_building(outline, "apartments", "", tail.building, high)
        register.add_address(site.plot, tail, "residential", centre(outline), building)
        for serial, point in enumerate(entrance_points(outline, entrances), start=1):
            stair = tail._replace(entrance=f"{serial}单元")
            register.add_address(site.plot, stair, "residential", point, building)
            _rooms(register, site.plot, stair, point, building, high, homes)


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
