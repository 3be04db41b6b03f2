"""Putting the demo city into a store: areas, grids, addresses, registers, patrol units, incidents,
base map and roads, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from geoalchemy2.elements import WKBElement
from geoalchemy2.shape import from_shape
from sqlalchemy import exists, insert, select
from sqlalchemy.orm import Session

from geo.addresses import WrittenForm
from geo.basemap_store import BasemapRows, BasemapWriter
from geo.crs import WGS84
from geo.demo.city import DEFAULT_SEED, NOTICE, DemoCity, generate_city
from geo.demo.incident_store import store_incidents
from geo.demo.key_places import store_key_places
from geo.demo.patrol import ZONE, store_patrol
from geo.demo.registers import store_registers
from geo.demo.roads import store_demo_roads
from geo.demo.sites import store_demo_sites
from geo.errors import StoreNotEmpty
from geo.grid_draft import GridDraft
from geo.grid_versions import load_open_grids, lock_grid_writes, store_grid_version
from geo.register.identity import StandardForm, standard_form
from geo.register.merge import SeenRows, merge_addresses
from geo.register.placing import GridPlacer
from geo.store.bulk import analyze_tables
from geo.tables import (
    ADDRESS_COMPONENTS,
    AddressAlias,
    Area,
    BasemapFeature,
    BasemapSource,
    Grid,
    RoadNetworkVersion,
    StandardAddress,
    StoreNote,
)

SOURCE = "demo"
NOTE_NAME = "demo_city"
FIRST_DAY = date(2024, 1, 1)
"""From this day on the areas and grids are in force; two years of what happens fit behind it."""
LAST_DAY = date(2026, 1, 1)

_POINT_ACCURACY_M = 1.0
_FORM = WrittenForm(building="号楼")  # as the setting building_form is by default
_CHUNK_ROWS = 10_000

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class DemoLoad:
    """What `load_demo_city` did. `was_there`: the same city already was, and nothing was done."""

    seed: int
    area_count: int
    grid_count: int
    address_count: int
    basemap_count: int
    dwelling_count: int = 0
    resident_count: int = 0
    establishment_count: int = 0
    incident_count: int = 0
    was_there: bool = False


@dataclass(frozen=True, slots=True)
class _AddressRow:
    """A generated address as `merge_addresses` takes it."""

    row_number: int
    form: StandardForm
    source_ref: str
    lon: float
    lat: float
    point_method: str = "generated"
    accuracy_m: float = _POINT_ACCURACY_M
    writings: tuple[str, ...] = ()


def store_is_empty(session: Session) -> bool:
    """Whether the store holds no area, no grid, no address, no base map and no roads."""
    return not any(
        session.scalar(select(exists().select_from(table)))
        for table in (Area, Grid, StandardAddress, BasemapSource, RoadNetworkVersion)
    )


def load_demo_city(
    session: Session,
    *,
    seed: int = DEFAULT_SEED,
    form: WrittenForm = _FORM,
    today: date = LAST_DAY,
    zone: ZoneInfo = ZONE,
    progress: Progress | None = None,
) -> DemoLoad:
    """Generate the demo city and put it into an empty store, in the session's transaction.

    The store is marked as generated: its note `demo_city` holds the seed.

    Parameters
    ----------
    form : the counting words of the canonical texts, a setting of the deployment
    today : the day on which the registers were last looked at, so that some of it is due;
        the patrol units' roster lies around it, the incidents in the two years before it
    zone : in which the hours of the day are meant, of units on duty and of incidents
    progress : told what is being done, how much of it is, and how much it is in all

    Raises
    ------
    StoreNotEmpty : the store holds something else
    DatabaseUnavailable, DiskFull
    """
    note = session.get(StoreNote, NOTE_NAME)
    if note is not None and note.value.get("seed") == seed:
        return DemoLoad(**{**note.value["counts"], "seed": seed, "was_there": True})
    if not store_is_empty(session):
        raise StoreNotEmpty(
            "The store holds areas, grids or addresses already, and generated ones must not be "
            "mixed with others. Load the demo city into a store of its own "
            "(GRIDBEAT_DATA_FOLDER=/path/to/an/empty/folder)."
        )
    told = progress or (lambda what, done, total: None)
    told("generate", 0, 1)
    city = generate_city(seed)
    told("generate", 1, 1)
    _store_areas(session, city)
    _store_grids(session, city, told)
    _store_addresses(session, city, form, told)
    told("registers", 0, 1)
    records = store_registers(session, city, today=today)
    told("registers", 1, 1)
    store_patrol(session, today=today, zone=zone)
    told("incidents", 0, 1)
    incident_count = store_incidents(session, city, today=today, zone=zone, valid_on=FIRST_DAY)
    told("incidents", 1, 1)
    basemap_count = _store_basemap(session, city, told)
    store_demo_roads(session, city.roads, valid_from=FIRST_DAY)
    store_demo_sites(session, city.places, valid_from=FIRST_DAY)
    store_key_places(session, on=today)
    loaded = DemoLoad(
        seed, len(city.areas), len(city.grids), len(city.addresses), basemap_count,
        **asdict(records), incident_count=incident_count,
    )  # fmt: skip
    counts = {name: value for name, value in asdict(loaded).items() if name.endswith("_count")}
    session.add(StoreNote(name=NOTE_NAME, value={"seed": seed, "notice": NOTICE, "counts": counts}))
    session.flush()
    return loaded


def _store_areas(session: Session, city: DemoCity) -> None:
    rows = [
        {
            "code": area.code,
            "level": area.level,
            "name": area.name,
            "parent_code": area.parent_code if isinstance(area.parent_code, str) else None,
            "valid_from": FIRST_DAY,
            "geom": geom,
            "source": SOURCE,
        }
        for area, geom in zip(
            city.areas.drop(columns="geometry").itertuples(index=False, name="AreaRow"),
            _multipolygons(city.areas),
            strict=True,
        )
    ]
    session.execute(insert(Area), rows)
    analyze_tables(session, Area)


def _store_grids(session: Session, city: DemoCity, told: Progress) -> None:
    lock_grid_writes(session)
    drafts = [
        GridDraft(
            row=position,
            grid_code=grid["grid_code"],
            name=grid["name"],
            kind=grid["kind"],
            community_code=grid["community_code"],
            person_in_charge=grid["person_in_charge"],
            contact=None,
            household_count=int(grid["household_count"]),
            geometry=shapely.MultiPolygon([grid["geometry"]]),
        )
        for position, grid in enumerate(city.grids.to_dict("records"), start=1)
    ]
    store_grid_version(
        session,
        drafts,
        valid_from=FIRST_DAY,
        today=FIRST_DAY,
        replaced=load_open_grids(session, on=FIRST_DAY),
        source=SOURCE,
        note=NOTICE,
        progress=lambda done, total: told("grids", done, total or done),
    )


def _store_addresses(session: Session, city: DemoCity, form: WrittenForm, told: Progress) -> None:
    placer, seen = GridPlacer(FIRST_DAY), SeenRows()
    addresses = city.addresses
    lonlat = shapely.get_coordinates(addresses.geometry.to_numpy())
    components = addresses[list(ADDRESS_COMPONENTS)].to_dict("records")
    refs = addresses["source_ref"].tolist()
    for start in range(0, len(addresses), _CHUNK_ROWS):
        told("addresses", start, len(addresses))
        rows = [
            _AddressRow(
                k + 1,
                standard_form(
                    {level: value for level, value in components[k].items() if value},
                    None,
                    form=form,
                ),
                refs[k],
                float(lonlat[k, 0]),
                float(lonlat[k, 1]),
            )
            for k in range(start, min(start + _CHUNK_ROWS, len(addresses)))
        ]
        merge_addresses(
            session, rows, source=SOURCE, origin_datum=WGS84.name, placer=placer, seen=seen
        )
    analyze_tables(session, StandardAddress, AddressAlias)
    told("addresses", len(addresses), len(addresses))


def _store_basemap(session: Session, city: DemoCity, told: Progress) -> int:
    writer = BasemapWriter.replace_source(
        session,
        name=SOURCE,
        file_name=None,
        datum=WGS84,
        attribution=f"{NOTICE}, seed {city.seed}",
        is_generated=True,
    )
    parts = (
        _basemap_rows(city.land, city.land["kind"].replace("built", "land")),
        _basemap_rows(city.roads, "road"),
        _basemap_rows(city.buildings, "building", number=city.buildings["number"]),
        _basemap_rows(city.places, "place"),
    )
    for done, part in enumerate(parts):
        told("base map", done, len(parts))
        writer.write(part)
    analyze_tables(session, BasemapFeature)
    told("base map", len(parts), len(parts))
    return sum(writer.counts.values())


def _basemap_rows(
    frame: gpd.GeoDataFrame, kind: str | pd.Series, *, number: pd.Series | None = None
) -> BasemapRows:
    def column(values: pd.Series | None) -> np.ndarray:
        if values is None:
            return np.full(len(frame), None, dtype=object)
        return values.to_numpy(object, copy=True)

    return BasemapRows(
        kind=np.full(len(frame), kind, dtype=object) if isinstance(kind, str) else column(kind),
        feature_class=column(frame["feature_class"]),
        name=column(frame["name"]),
        number=column(number),
        geometry=frame.geometry.to_numpy(),
    )


def _multipolygons(frame: gpd.GeoDataFrame) -> list[WKBElement]:
    return [from_shape(shapely.MultiPolygon([g]), srid=4326) for g in frame.geometry]
