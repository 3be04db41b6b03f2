"""One call makes the whole demo city: streets, grids, parcels, buildings, addresses.

Each stage draws from a stream of its own, so that what a later version adds changes nothing that
stood before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.demo import names
from geo.demo.blocks import GridPlot, dissolve, lay_out_grids
from geo.demo.construction import build_on_parcels
from geo.demo.frontage import DoorNumbers, build_fronts, find_gates
from geo.demo.parcels import cut_into_parcels
from geo.demo.plane import CityPlane
from geo.demo.register import Register, Tail
from geo.demo.streets import Road, StreetPlan, node_roads, plan_streets
from geo.geodesy import geodesic_area_m2

DEFAULT_SEED = 20260101
NOTICE = "生成数据/Generated data"
CENTRE = CityPlane(longitude=112.585, latitude=37.875)
# Share of the homes that somebody lives in; the grid's household count follows from it.
_OCCUPIED_SHARE = 0.63


# How a written part becomes its bare value: 18号附2号 → 18附2, 3号楼 → 3, 2单元 → 2.
_WRITTEN = {
    "village_group": (r"组$", ""),
    "door": (r"^(\d+)号(?:(附\d+)号)?$", r"\1\2"),
    "building": (r"(?:号楼|幢|栋|座|号)$", ""),
    "entrance": (r"单元$", ""),
    "floor": (r"层$", ""),
    "room": (r"室$", ""),
}


@dataclass(frozen=True)
class DemoCity:
    """A generated district. Every frame is EPSG:4326, with coordinates rounded to 1e-7 degrees.

    Attributes
    ----------
    seed : what it was generated from
    areas : `code`, `level`, `name`, `parent_code`; polygons; province to community
    grids : `grid_code`, `name`, `kind`, `community_code`, `person_in_charge`, `household_count`,
        `area_m2` [m2, on the spheroid]; polygons that tile their community
    addresses : `source_ref`, the 14 components as bare values (door 18附2, building 3; empty text
        where absent), `address_text` as people there write it (3幢 or 3号楼), `kind`, `grid_code`,
        `building_ref` (-1: of no building); points
    roads : `feature_class` (OpenStreetMap's words), `name`; lines from junction to junction
    buildings : index is `building_ref`; `feature_class`, `name`, `number`, `storeys`; polygons
    land : `kind` (water, green, built), `feature_class`, `name`; polygons
    places : `feature_class`, `name`, `name_en`; points
    """

    seed: int
    areas: gpd.GeoDataFrame
    grids: gpd.GeoDataFrame
    addresses: gpd.GeoDataFrame
    roads: gpd.GeoDataFrame
    buildings: gpd.GeoDataFrame
    land: gpd.GeoDataFrame
    places: gpd.GeoDataFrame

    def frames(self) -> dict[str, gpd.GeoDataFrame]:
        """The frames by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "seed"}


def generate_city(seed: int = DEFAULT_SEED) -> DemoCity:
    """Generate the demo city: the same seed gives the same bytes.

    It is no real place: names are invented, codes begin with 99, which no province has.
    """
    stage = stage_streams(seed)
    drawer = names.NameDrawer(stage("names"))
    plan = plan_streets(stage("streets"), drawer)
    plots = lay_out_grids(plan)
    parcels, lanes = cut_into_parcels(plots, plan, stage("parcels"), drawer)
    roads = plan.roads + lanes
    numbers = DoorNumbers()
    gates = find_gates(parcels, roads, numbers)
    fronts = build_fronts(parcels, gates, roads, numbers, stage("fronts"))
    register = Register()
    build_on_parcels(plots, parcels, gates, fronts, register, drawer, stage("buildings"))
    _add_river(plan, register)
    return DemoCity(
        seed=seed,
        areas=_areas(plots),
        grids=_grids(plots, register, stage("households")),
        addresses=_addresses(plots, register),
        roads=_roads(roads),
        buildings=_frame(
            {
                "feature_class": register.building_classes,
                "name": register.building_names,
                "number": register.building_numbers,
                "storeys": register.storeys,
            },
            register.outlines,
        ),
        land=_frame(
            {
                "kind": [_land_kind(land_class) for land_class, _, _ in register.land],
                "feature_class": [land_class for land_class, _, _ in register.land],
                "name": [name for _, name, _ in register.land],
            },
            [polygon for _, _, polygon in register.land],
        ),
        places=_places(plots, register),
    )


def digest_city(city: DemoCity) -> str:
    """SHA-256 over every value and every coordinate, as 64 hexadecimal digits."""
    digest = hashlib.sha256(str(city.seed).encode())
    for name, frame in city.frames().items():
        digest.update(name.encode())
        table = pd.DataFrame(frame.drop(columns="geometry"))
        digest.update(table.to_csv(float_format="%.6f").encode())
        digest.update(b"".join(shapely.to_wkb(frame.geometry.to_numpy())))
    return digest.hexdigest()


def stage_streams(seed: int) -> Any:
    """A generator a stage, from the seed and the stage's name."""

    def stage(name: str) -> np.random.Generator:
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, key])))

    return stage


def _frame(columns: dict[str, Any], geometries_m: Iterable[Any]) -> gpd.GeoDataFrame:
    geometry = CENTRE.geometries_to_lonlat(list(geometries_m))
    return gpd.GeoDataFrame(pd.DataFrame(columns), geometry=geometry, crs="EPSG:4326")


def _areas(plots: list[GridPlot]) -> gpd.GeoDataFrame:
    whole = [plot.polygon for plot in plots]
    rows: list[tuple[str, str, str, str | None, Any]] = []
    parent: str | None = None
    for level, (code, name) in zip(
        ("province", "city", "county"), (names.PROVINCE, names.CITY, names.COUNTY), strict=True
    ):
        rows.append((code, level, name, parent, dissolve(whole)))
        parent = code
    for code, name in names.TOWNSHIPS:
        own = [plot.polygon for plot in plots if plot.township_code == code]
        rows.append((code, "township", name, parent, dissolve(own)))
    communities = {plot.community_code: plot for plot in plots}
    for code, plot in communities.items():
        own = [p.polygon for p in plots if p.community_code == code]
        rows.append((code, "community", plot.community_name, plot.township_code, dissolve(own)))
    columns = ("code", "level", "name", "parent_code")
    return _frame(
        {c: [row[k] for row in rows] for k, c in enumerate(columns)}, [r[4] for r in rows]
    )


def _grids(plots: list[GridPlot], register: Register, rng: np.random.Generator) -> gpd.GeoDataFrame:
    homes = np.zeros(len(plots))
    leaves = _leaf_homes(register)
    np.add.at(homes, np.array(register.plots), leaves)
    households = np.round(homes * _OCCUPIED_SHARE * rng.uniform(0.96, 1.04, len(plots))).astype(int)
    frame = _frame(
        {
            "grid_code": [plot.grid_code for plot in plots],
            "name": [
                f"{plot.community_name.removesuffix('社区')}"
                f"第{names.numeral(int(plot.grid_code[-3:]))}网格"
                for plot in plots
            ],
            "kind": ["dedicated" if plot.use == "campus" else "base" for plot in plots],
            "community_code": [plot.community_code for plot in plots],
            "person_in_charge": [names.person_in_charge(k) for k in range(len(plots))],
            "household_count": households,
        },
        [plot.polygon for plot in plots],
    )
    frame.insert(6, "area_m2", np.round(geodesic_area_m2(frame.geometry.to_numpy()), 1))
    return frame


def _leaf_homes(register: Register) -> np.ndarray:
    """1 where the address is one home: a room, or a house that has no rooms or annexes."""
    residential = np.array(register.kinds) == "residential"
    is_room = np.array([bool(tail.room) for tail in register.tails])
    is_annex = np.array(["附" in tail.door for tail in register.tails])
    building = np.array(register.building_of)
    divided = np.zeros(len(register.outlines) + 1, dtype=bool)
    divided[building[is_room | is_annex]] = True
    whole_house = ~is_room & ~is_annex & (building >= 0) & ~divided[building]
    return np.asarray(residential & (is_room | is_annex | whole_house))


def _addresses(plots: list[GridPlot], register: Register) -> gpd.GeoDataFrame:
    plot_index = np.array(register.plots)

    def of_plot(values: list[str]) -> Any:
        return np.array(values, dtype=object)[plot_index]

    tails = list(zip(*register.tails, strict=True))
    below = {name: list(values) for name, values in zip(Tail._fields, tails, strict=True)}
    written = pd.DataFrame(below, dtype=object)
    canonical = written.assign(
        **{level: _values(written[level], level) for level in _WRITTEN if level in written}
    )
    community = of_plot([plot.community_name for plot in plots])
    heads = of_plot(
        [names.PROVINCE[1] + names.CITY[1] + names.COUNTY[1] + p.township_name for p in plots]
    )
    # Addresses are written with their community only where no street stands for the place.
    in_village = (written["village_group"] != "").to_numpy()
    columns = {
        "source_ref": [f"demo-{k:06d}" for k in range(len(plot_index))],
        "province": names.PROVINCE[1],
        "city": names.CITY[1],
        "county": names.COUNTY[1],
        "township": of_plot([plot.township_name for plot in plots]),
        "development_zone": written["development_zone"],
        "community": community,
        **{level: canonical[level] for level in Tail._fields if level != "development_zone"},
        "address_text": heads
        + written["development_zone"]
        + np.where(in_village, community, "")
        + written[list(Tail._fields[1:])].sum(axis=1),
        "kind": register.kinds,
        "grid_code": of_plot([plot.grid_code for plot in plots]),
        "building_ref": register.building_of,
    }
    return _frame(columns, list(np.asarray(shapely.points(np.array(register.points)))))


def _values(written: Any, level: str) -> Any:
    """The bare values of a column of written ones, as the register keeps them."""
    pattern, value = _WRITTEN[level]
    return written.str.replace(pattern, value, regex=True)


def _roads(roads: list[Road]) -> gpd.GeoDataFrame:
    pieces = node_roads(roads)
    return _frame(
        {
            "feature_class": [road.road_class for road, _ in pieces],
            "name": [road.name for road, _ in pieces],
        },
        [shapely.LineString(xy) for _, xy in pieces],
    )


def _places(plots: list[GridPlot], register: Register) -> gpd.GeoDataFrame:
    rows = list(register.places)
    community = np.array([plot.community_code for plot in plots])[np.array(register.plots)]
    is_shop = np.array(register.kinds) == "shop"
    for plot in {plot.community_code: plot for plot in plots}.values():
        # The committee sits behind one of the community's shop fronts.
        own = np.flatnonzero(is_shop & (community == plot.community_code))
        own = own if len(own) else np.flatnonzero(community == plot.community_code)
        seat = register.points[own[len(own) // 2]]
        committee = "村民委员会" if plot.is_village else "居民委员会"
        label = plot.community_name.removesuffix("社区") + committee
        rows.append((label, "townhall", "Committee of the community", seat))
    return _frame(
        {
            "feature_class": [place_class for _, place_class, _, _ in rows],
            "name": [name for name, _, _, _ in rows],
            "name_en": [english for _, _, english, _ in rows],
        },
        list(np.asarray(shapely.points(np.array([xy for _, _, _, xy in rows])))),
    )


def _add_river(plan: StreetPlan, register: Register) -> None:
    name = plan.river_name
    register.land.append(("river", name, plan.river))
    green = shapely.difference(plan.banks, plan.river)
    for bank in shapely.get_parts(green):
        register.land.append(("grass", "", bank))


def _land_kind(land_class: str) -> str:
    if land_class in ("river", "water"):
        return "water"
    return "green" if land_class in ("park", "grass", "farmland") else "built"
