"""What a suggestion of grids is made of, read from the store: area, grids of now, roads, places.

Counts are of places and of what is done there (dwellings in use, addresses, key establishments,
visits due, incidents), never of persons.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from geo.areas import get_area, load_children
from geo.errors import AreaNotFound, InvalidInput
from geo.grids import load_grids
from geo.roads.store import find_road_version
from geo.store.scope import seeing_everything
from geo.tables import Area, RoadLine
from geo.values import GridScope

COLUMNS = ("households", "addresses", "key_places", "workload")
WORKLOAD_DAYS = 90  # visits due in so many days to come, incidents of so many days past


@dataclass(frozen=True, slots=True)
class WorkHours:
    """Hours that work at a place is reckoned with: our assumption, to be set by who asks."""

    a_visit: float = 0.5
    an_incident: float = 1.0
    a_key_place: float = 2.0


@dataclass(frozen=True)
class StoredArea:
    """An area with what its split is made of.

    shape : its border where that is stored, else what its grids cover
    grids : those in force in it, as `load_grids` returns them
    roads : columns `road_class` and geometry; None: no network is in force
    points : columns `lon`, `lat`, `building`, `grid_code` and `COLUMNS`
    household_source : as of `layers.demand.cells.Demand`
    """

    area: Area
    shape: Any
    grids: gpd.GeoDataFrame
    roads: gpd.GeoDataFrame | None
    points: pd.DataFrame
    household_source: str


def load_area(
    session: Session, area_code: str, *, on: date, scope: GridScope, hours: WorkHours
) -> StoredArea:
    """Return what the split of a community, or of the area above some, is made of.

    Raises
    ------
    AreaNotFound : no such area on that day, or not all of its grids are in the scope
    InvalidInput : neither a border nor grids are known
    """
    area = get_area(session, area_code, on=on)
    communities = _communities(session, area, on)
    grids = load_grids(session, on=on, scope=scope, community_codes=communities)
    with seeing_everything(session):
        all_grids = load_grids(
            session, on=on, scope=GridScope.everything(), community_codes=communities
        )
    is_partly = len(all_grids) > len(grids)
    if is_partly or (grids.empty and not scope.is_everything):
        raise AreaNotFound(
            f"“{area_code[:40]}” is no area whose grids are all yours. Choose one that is.",
            code=area_code[:40],
        )
    shape = _shape(session, area, communities, grids, on)
    points = _points(session, shape, list(grids.index), on=on, hours=hours)
    source = "dwellings" if points["households"].any() else "none"
    stated = grids["household_count"].fillna(0).astype(float)
    if source == "none" and stated.any():
        source = "grids"
        count = points.groupby("grid_code")["addresses"].transform("sum")
        share = points["grid_code"].map(stated).fillna(0.0) / count.where(count > 0)
        points["households"] = (share * points["addresses"]).fillna(0.0)
    return StoredArea(area, shape, grids, _roads(session, shape, on), points, source)


def _communities(session: Session, area: Area, on: date) -> list[str]:
    if area.level == "community":
        return [area.code]
    found: list[str] = []
    for child in load_children(session, area.code, on=on):
        found += _communities(session, child, on)
    return found


def _shape(
    session: Session, area: Area, communities: list[str], grids: gpd.GeoDataFrame, on: date
) -> Any:
    known = session.scalars(
        select(func.ST_AsBinary(Area.geom)).where(
            Area.code.in_([area.code] if area.level == "community" else communities),
            Area.valid_from <= on,
            (Area.valid_to.is_(None)) | (Area.valid_to > on),
        )
    ).all()
    if known and all(wkb is not None for wkb in known):
        return shapely.union_all(shapely.from_wkb([bytes(wkb) for wkb in known]))
    if grids.empty:
        raise InvalidInput(
            f"Neither the border of {area.name} nor a grid in it is stored. Import its border "
            "(gridbeat areas import) first.",
            field="area_code",
        )
    return shapely.union_all(grids.geometry.to_numpy())


def _roads(session: Session, shape: Any, on: date) -> gpd.GeoDataFrame | None:
    version = find_road_version(session, on=on)
    if version is None:
        return None
    box = func.ST_MakeEnvelope(*shape.bounds, 4326)
    rows = session.execute(
        select(RoadLine.road_class, func.ST_AsBinary(RoadLine.geom)).where(
            RoadLine.network_id == version.id, RoadLine.geom.op("&&")(box)
        )
    ).all()
    lines = shapely.from_wkb(np.array([bytes(wkb) for _, wkb in rows], object))
    return gpd.GeoDataFrame(
        {"road_class": [row[0] for row in rows]}, geometry=lines, crs="EPSG:4326"
    )


_PLACES = text(
    """
    WITH homes AS (
        SELECT standard_address_id, count(*) FILTER (WHERE use <> 'vacant') AS households,
            count(*) FILTER (WHERE due_on <= :until) AS visits
        FROM dwelling WHERE ended_on IS NULL GROUP BY 1
    ), firms AS (
        SELECT standard_address_id, count(*) FILTER (WHERE establishment_class = 'key') AS keys,
            count(*) FILTER (WHERE due_on <= :until) AS visits
        FROM establishment WHERE occupied_to IS NULL GROUP BY 1
    )
    SELECT ST_X(a.geom) AS lon, ST_Y(a.geom) AS lat,
        coalesce(a.road, '') || '|' || coalesce(a.door, '') || '|' || coalesce(a.estate, '')
            || '|' || coalesce(a.building, '') AS building,
        a.grid_code, 1.0 AS addresses, coalesce(homes.households, 0) AS households,
        coalesce(firms.keys, 0) AS key_places,
        coalesce(homes.visits, 0) + coalesce(firms.visits, 0) AS visits
    FROM standard_address AS a
    LEFT JOIN homes ON homes.standard_address_id = a.id
    LEFT JOIN firms ON firms.standard_address_id = a.id
    WHERE a.status = 'current' AND a.grid_code = ANY (:grid_codes)
        AND a.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4326)
    ORDER BY a.id
    """
)
# Kinds whose places only some roles may see to the point are left out: a block is a small place.
_INCIDENTS = text(
    """
    WITH RECURSIVE open_kinds AS (
        SELECT code FROM incident_category WHERE parent_code IS NULL AND point_roles = '{}'
        UNION ALL
        SELECT below.code FROM incident_category AS below
        JOIN open_kinds ON below.parent_code = open_kinds.code
        WHERE below.point_roles = '{}'
    )
    SELECT ST_X(geom) AS lon, ST_Y(geom) AS lat, grid_code, count(*) AS incidents
    FROM incident
    WHERE status <> 'annulled' AND duplicate_of IS NULL AND grid_code = ANY (:grid_codes)
        AND category_code IN (SELECT code FROM open_kinds)
        AND occurred_from >= CAST(:since AS date) AND geom IS NOT NULL
        AND geom && ST_MakeEnvelope(:west, :south, :east, :north, 4326)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    """
)


def _points(
    session: Session, shape: Any, grid_codes: list[str], *, on: date, hours: WorkHours
) -> pd.DataFrame:
    """Addresses, and places of incidents as points that hold work alone."""
    west, south, east, north = (float(side) for side in shape.bounds)
    asked = {
        "grid_codes": grid_codes,
        "west": west,
        "south": south,
        "east": east,
        "north": north,
    }
    days = timedelta(days=WORKLOAD_DAYS)
    names = ["lon", "lat", "building", "grid_code", "addresses", "households", "key_places"]
    places = pd.DataFrame(
        session.execute(_PLACES, {**asked, "until": on + days}).all(), columns=[*names, "visits"]
    )
    places["workload"] = hours.a_visit * places["visits"].astype(
        float
    ) + hours.a_key_place * places["key_places"].astype(float)
    events = pd.DataFrame(
        session.execute(_INCIDENTS, {**asked, "since": on - days}).all(),
        columns=["lon", "lat", "grid_code", "incidents"],
    )
    events["workload"] = hours.an_incident * events["incidents"].astype(float)
    events["building"] = [f"#{k}" for k in range(len(events))]
    found = pd.concat([places, events], ignore_index=True) if len(events) else places
    kept = found.reindex(columns=[*names, "workload"])
    numbers = ["lon", "lat", *COLUMNS]
    return kept.astype(dict.fromkeys(numbers, float)).fillna(dict.fromkeys(COLUMNS, 0.0))
