"""Where people work, learn and shop: shops, offices, a mall, schools, works, a campus, a park."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely

from geo.demo.frontage import Front
from geo.demo.names import CITY, DEVELOPMENT_ZONE, NameDrawer
from geo.demo.register import Register, Site, Tail, centre, rows_of_buildings

# Name pattern, class of the place and of its land, English, names of its buildings.
_CIVIC: Final[dict[str, tuple[str, str, str, str, tuple[str, ...]]]] = {
    "primary_school": ("{stem}小学", "school", "education", "{stem} Primary School",
                       ("教学楼", "综合楼", "食堂")),
    "middle_school": ("云汀市第{serial}中学", "school", "education", "Middle School {serial}",
                      ("教学楼", "实验楼", "图书馆", "食堂")),
    "kindergarten": ("{stem}幼儿园", "kindergarten", "education", "Kindergarten", ("教学楼",)),
    "clinic": ("{stem}社区卫生服务站", "clinic", "civic", "Community clinic", ("门诊楼",)),
    "hospital": ("{stem}医院", "hospital", "civic", "Hospital",
                 ("门诊楼", "住院部A座", "住院部B座", "急诊楼")),
    "market": ("{stem}菜市场", "marketplace", "commercial", "Market", ("交易大厅",)),
    "community_hall": ("{stem}党群服务中心", "community_centre", "civic", "Community centre",
                       ("服务大厅",)),
    "government": ("{stem}派出所", "police", "civic", "Police station", ("办公楼", "接待大厅")),
    "temple_fair": ("{stem}文化广场", "square", "park", "Square", ("戏台",)),
}  # fmt: skip


def build_shops(
    plot: int, fronts: list[Front], register: Register, names: NameDrawer, rng: np.random.Generator
) -> None:
    """Shops along a street: one behind a number, or two to three behind 附 numbers."""
    for front, parts in zip(fronts, rng.choice([1, 1, 1, 2, 3], len(fronts)), strict=True):
        tail = Tail(road=front.road.name, door=f"{front.number}号")
        building = register.add_building(front.outline, "retail", "", tail.door, 2)
        register.add_address(plot, tail, "shop", front.door_xy, building)
        if parts > 1:
            for part in range(1, int(parts) + 1):
                annex = tail._replace(door=f"{front.number}号附{part}号")
                register.add_address(plot, annex, "shop", front.door_xy, building)
        if rng.random() < 0.16:
            shop, place_class, english = names.shop()
            register.places.append((shop, place_class, english, front.door_xy))


def build_civic(
    site: Site,
    use: str,
    serial: int,
    register: Register,
    names: NameDrawer,
    rng: np.random.Generator,
) -> None:
    """A school, clinic, market, hall or police station: a few buildings behind one gate."""
    pattern, place_class, land_class, english, buildings = _CIVIC[use]
    stem = names.stem()
    name = pattern.format(stem=stem, serial="一二三四五六七八九十"[serial % 10])
    english = english.format(stem=stem, serial=serial + 1)
    tail = site.tail(name)
    register.add_address(site.plot, tail, "civic", site.gate_xy)
    register.places.append((name, place_class, english, site.gate_xy))
    register.land.append((land_class, name, site.parcel.ground))
    outlines = rows_of_buildings(
        site.inner, site.parcel.heading, width_m=44.0, depth_m=15.0, pitch_m=(52.0, 34.0), rng=rng
    )
    for serial_number, (label, outline) in enumerate(zip(buildings, outlines, strict=False), 1):
        house = tail._replace(building=f"{serial_number}号楼")
        building = register.add_building(outline, place_class, label, house.building, 4)
        register.add_address(site.plot, house, "civic", centre(outline), building)


def build_green(site: Site, register: Register, names: NameDrawer) -> None:
    """A pocket park: nothing is built, it has the number of its gate and a name."""
    name = names.stem() + "游园"
    register.land.append(("park", name, site.parcel.ground))
    register.add_address(site.plot, site.tail(name), "civic", site.gate_xy)
    register.places.append((name, "park", "Pocket park", site.gate_xy))


def build_offices(
    site: Site, register: Register, names: NameDrawer, rng: np.random.Generator
) -> None:
    """An office house with its floors: 柳溪大厦A座8层, 柳溪大厦A座803室."""
    name = names.stem() + names.choice(("大厦", "商务中心", "国际中心"))
    tail = site.tail(name)
    register.add_address(site.plot, tail, "office", site.gate_xy)
    register.places.append((name, "office", "Office building", site.gate_xy))
    register.land.append(("commercial", name, site.parcel.ground))
    outlines = rows_of_buildings(
        site.inner, site.parcel.heading, width_m=38.0, depth_m=26.0, pitch_m=(62.0, 58.0), rng=rng
    )
    for letter, outline in zip("ABC", outlines, strict=False):
        storeys = int(rng.integers(10, 22))
        seat = tail._replace(building=f"{letter}座")
        building = register.add_building(outline, "office", name, seat.building, storeys)
        point = centre(outline)
        register.add_address(site.plot, seat, "office", point, building)
        _floors(register, site.plot, seat, point, building, storeys, 14, "office")


def build_mall(site: Site, register: Register, names: NameDrawer, rng: np.random.Generator) -> None:
    """A shopping centre of five floors."""
    name = names.stem() + "广场"
    tail = site.tail(name)
    register.add_address(site.plot, tail, "shop", site.gate_xy)
    register.places.append((name, "mall", "Shopping centre", site.gate_xy))
    register.land.append(("commercial", name, site.parcel.ground))
    outlines = rows_of_buildings(
        site.inner, site.parcel.heading, width_m=70.0, depth_m=48.0, pitch_m=(90.0, 70.0), rng=rng
    )
    for outline in outlines[:1]:
        building = register.add_building(outline, "mall", name, "", 5)
        _floors(register, site.plot, tail, centre(outline), building, 5, 24, "shop")


def build_works(
    site: Site, register: Register, names: NameDrawer, rng: np.random.Generator
) -> None:
    """Works in the development zone: halls, an office house, a dormitory."""
    name = names.stem() + names.choice(("机械厂", "科技产业园", "电子产业园", "食品厂", "纺织厂"))
    tail = site.tail(name, development_zone=DEVELOPMENT_ZONE)
    register.add_address(site.plot, tail, "industrial", site.gate_xy)
    register.places.append((name, "works", "Works", site.gate_xy))
    register.land.append(("industrial", name, site.parcel.ground))
    outlines = rows_of_buildings(
        site.inner, site.parcel.heading, width_m=58.0, depth_m=30.0, pitch_m=(70.0, 46.0), rng=rng
    )
    for position, outline in enumerate(outlines):
        point = centre(outline)
        if position == 0:
            seat = tail._replace(building="A座")
            building = register.add_building(outline, "office", name, "A座", 5)
            register.add_address(site.plot, seat, "office", point, building)
            _floors(register, site.plot, seat, point, building, 5, 12, "office")
        elif position == 1:
            dormitory = tail._replace(building="1号楼")
            building = register.add_building(outline, "dormitory", "员工宿舍", "1号楼", 6)
            register.add_address(site.plot, dormitory, "dormitory", point, building)
            _floors(
                register, site.plot, dormitory, point, building, 6, 16, "dormitory", named=False
            )
        else:
            hall = tail._replace(building=f"{position}号楼")
            building = register.add_building(outline, "industrial", "厂房", hall.building, 1)
            register.add_address(site.plot, hall, "industrial", point, building)


def build_campus(
    site: Site, register: Register, names: NameDrawer, rng: np.random.Generator
) -> None:
    """A college that fills its grid: teaching houses, a library, halls of residence."""
    name = CITY[1].removesuffix("市") + "师范学院"
    tail = site.tail(name)
    register.add_address(site.plot, tail, "campus", site.gate_xy)
    register.land.append(("education", name, site.parcel.ground))
    register.places.append((name, "university", "Yunting Normal College", site.gate_xy))
    outlines = rows_of_buildings(
        site.inner, site.parcel.heading, width_m=62.0, depth_m=16.0, pitch_m=(80.0, 44.0), rng=rng
    )
    for position, outline in enumerate(outlines):
        point = centre(outline)
        if position == 0:
            label, kind, storeys = "图书馆", "campus", 6
        elif position % 3:
            label, kind, storeys = "宿舍楼", "dormitory", 6
        else:
            label, kind, storeys = "教学楼", "campus", 5
        house = tail._replace(building=f"{position + 1}号楼")
        building = register.add_building(outline, "university", label, house.building, storeys)
        register.add_address(site.plot, house, kind, point, building)
        if kind == "dormitory":
            _floors(register, site.plot, house, point, building, storeys, 22, kind, named=False)


def build_park(site: Site, register: Register, names: NameDrawer, rng: np.random.Generator) -> None:
    """The city's park: a lake with an uneven shore, an office at the gate."""
    name = names.stem() + "公园"
    register.land.append(("park", name, site.parcel.ground))
    middle = shapely.get_coordinates(site.parcel.ground.centroid)[0]
    angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    phases = rng.uniform(0, 2 * np.pi, 3)
    reach = np.sqrt(site.parcel.ground.area / np.pi)
    radius = reach * (
        0.50
        + 0.10 * np.sin(2 * angle + phases[0])
        + 0.07 * np.sin(3 * angle + phases[1])
        + 0.03 * np.sin(7 * angle + phases[2])
    )
    shore = middle + np.column_stack([np.cos(angle) * radius * 1.15, np.sin(angle) * radius * 0.8])
    lake = shapely.intersection(shapely.Polygon(shore), shapely.buffer(site.parcel.ground, -12.0))
    register.land.append(("water", name.removesuffix("公园") + "湖", lake))
    tail = site.tail(name)
    register.add_address(site.plot, tail, "civic", site.gate_xy)
    register.places.append((name, "park", "Park", site.gate_xy))


def _floors(
    register: Register,
    plot: int,
    tail: Tail,
    point: tuple[float, float],
    building: int,
    storeys: int,
    rooms: int,
    kind: str,
    *,
    named: bool = True,
) -> None:
    """Rooms floor by floor; where floors are let as a whole they have addresses of their own."""
    for storey in range(1, storeys + 1):
        if named:
            register.add_address(plot, tail._replace(floor=f"{storey}层"), kind, point, building)
        for room in range(1, rooms + 1):
            register.add_address(
                plot, tail._replace(room=f"{storey}{room:02d}室"), kind, point, building
            )
