"""Writing base-map features: cleaned, cut to a bearable size, and loaded by COPY."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from sqlalchemy import Table, delete, func, select, text
from sqlalchemy.orm import Session

from geo.basemap_classes import (
    HOUSE_NUMBER_ZOOM,
    WATERWAY_MIN_ZOOM,
    area_min_zoom,
    place_min_zoom,
    road_min_zoom,
)
from geo.crs import Datum
from geo.errors import SourceNotFound
from geo.store.bulk import copy_table
from geo.tables import BASEMAP_KINDS, BasemapFeature, BasemapSource

NAME_CHARS_MAX = 120
# Larger areas are cut along a raster: a tile then touches only the pieces near it.
PIECE_VERTICES_MAX = 2_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_AREA_KINDS = ("building", "water", "green", "land")


@dataclass(frozen=True, slots=True)
class BasemapRows:
    """Features to store, (n,) each; texts may be None; geometry in EPSG:4326."""

    kind: NDArray[np.object_]
    feature_class: NDArray[np.object_]
    name: NDArray[np.object_]
    number: NDArray[np.object_]
    geometry: NDArray[np.object_]


@dataclass(slots=True)
class BasemapWriter:
    """Writes one source. Make one with `replace_source`."""

    session: Session
    source_id: int
    counts: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    mended: int = 0

    @classmethod
    def replace_source(
        cls,
        session: Session,
        *,
        name: str,
        file_name: str | None,
        datum: Datum,
        attribution: str | None,
        is_generated: bool = False,
    ) -> BasemapWriter:
        """Begin a source anew: what it held before goes with this transaction."""
        # Two imports of one source wait for each other instead of meeting at the unique name.
        session.execute(
            text("SELECT pg_advisory_xact_lock(hashtext('basemap'), hashtext(:name))"),
            {"name": name},
        )
        session.execute(delete(BasemapSource).where(BasemapSource.name == name))
        source = BasemapSource(
            name=name,
            file_name=file_name,
            origin_datum=datum.name,
            attribution=attribution,
            is_generated=is_generated,
        )
        session.add(source)
        session.flush()
        return cls(session, source.id)

    def write(self, rows: BasemapRows) -> None:
        """Store features; what can't be drawn is counted in `dropped`."""
        frame = pd.DataFrame(
            {
                "kind": rows.kind,
                "feature_class": _cleaned(rows.feature_class),
                "name": _cleaned(rows.name),
                "number": _cleaned(rows.number),
            }
        )
        if not len(frame):
            return
        geometry = self._drawable(rows.geometry, rows.kind)
        unusable = shapely.is_empty(geometry) | pd.isna(geometry)
        if unusable.any():
            reason = "empty, or with a coordinate that is none"
            self.dropped[reason] = self.dropped.get(reason, 0) + int(unusable.sum())
        frame, geometry = frame[~unusable], geometry[~unusable]
        frame = frame.assign(min_zoom=_min_zooms(frame, geometry))
        for kind, count in frame["kind"].value_counts().items():
            assert kind in BASEMAP_KINDS
            self.counts[str(kind)] = self.counts.get(str(kind), 0) + int(count)
        owner, pieces = _cut(geometry)
        frame = frame.iloc[owner]
        table = pa.table(
            {
                "source_id": pa.array(np.full(len(frame), self.source_id, np.int64)),
                "kind": _texts(frame["kind"]),
                "feature_class": _texts(frame["feature_class"]),
                "name": _texts(frame["name"]),
                "number": _texts(frame["number"]),
                "min_zoom": pa.array(frame["min_zoom"].to_numpy(np.int16)),
                "geom": pa.array(
                    shapely.to_wkb(shapely.set_srid(pieces, 4326), include_srid=True).tolist(),
                    pa.large_binary(),
                ),
            }
        )
        features = BasemapFeature.__table__
        assert isinstance(features, Table)
        copy_table(self.session, features, table)

    def _drawable(
        self, geometry: NDArray[np.object_], kind: NDArray[np.object_]
    ) -> NDArray[np.object_]:
        """Valid geometries of the dimension their kind is drawn with; None: nothing is left."""
        geometry = np.array(shapely.force_2d(geometry), dtype=object)
        xy, owner = shapely.get_coordinates(geometry, return_index=True)
        geometry[owner[~np.isfinite(xy).all(axis=1)]] = None
        is_area = np.isin(kind, _AREA_KINDS)
        broken = is_area & (shapely.get_dimensions(geometry) == 2) & ~shapely.is_valid(geometry)
        if broken.any():
            self.mended += int(broken.sum())
            mended = shapely.make_valid(geometry[broken], method="structure")
            geometry[broken] = [_areas_of(one) for one in mended]
        is_spot = (kind == "place") | (kind == "house_number")
        spread = is_spot & (shapely.get_dimensions(geometry) > 0)
        geometry[spread] = shapely.point_on_surface(geometry[spread])
        return geometry


@dataclass(frozen=True, slots=True)
class BasemapSourceRow:
    """An imported set and how many features it holds (a cut area counts once a piece)."""

    name: str
    file_name: str | None
    origin_datum: str
    attribution: str | None
    is_generated: bool
    imported_at: datetime
    feature_count: int


def find_basemap_sources(session: Session) -> list[BasemapSourceRow]:
    """Return the imported sets in the order of their names."""
    count = (
        select(func.count())
        .where(BasemapFeature.source_id == BasemapSource.id)
        .correlate(BasemapSource)
        .scalar_subquery()
    )
    rows = session.execute(
        select(
            BasemapSource.name,
            BasemapSource.file_name,
            BasemapSource.origin_datum,
            BasemapSource.attribution,
            BasemapSource.is_generated,
            BasemapSource.imported_at,
            count,
        ).order_by(BasemapSource.name)
    )
    return [BasemapSourceRow(*row) for row in rows]


def remove_basemap_source(session: Session, name: str) -> int:
    """Remove a set and its features; return how many there were.

    Raises
    ------
    SourceNotFound
    """
    source_id = session.scalar(select(BasemapSource.id).where(BasemapSource.name == name))
    if source_id is None:
        raise SourceNotFound(
            f"The base map has no source “{name[:60]}”. “gridbeat basemap list” names them.",
            source=name[:60],
        )
    count = session.scalar(select(func.count()).where(BasemapFeature.source_id == source_id))
    session.execute(delete(BasemapSource).where(BasemapSource.id == source_id))
    return int(count or 0)


def _areas_of(geometry: shapely.Geometry) -> shapely.Geometry | None:
    """Only the polygons of what make_valid gave: spikes become lines, which are no area."""
    parts = shapely.get_parts(geometry)
    areas = parts[shapely.get_dimensions(parts) == 2]
    return shapely.union_all(areas) if len(areas) else None


def _cut(geometry: NDArray[np.object_]) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """Cut areas of very many vertices; the position each piece came from, and the pieces."""
    large = np.flatnonzero(
        (shapely.get_num_coordinates(geometry) > PIECE_VERTICES_MAX)
        & (shapely.get_dimensions(geometry) == 2)
    )
    if not len(large):
        return np.arange(len(geometry)), geometry
    owners: list[int] = []
    pieces: list[shapely.Geometry] = []
    is_large = set(large.tolist())
    for position, one in enumerate(geometry):
        own = _quartered(one) if position in is_large else [one]
        owners += [position] * len(own)
        pieces += own
    return np.array(owners, dtype=np.int64), np.array(pieces, dtype=object)


def _quartered(geometry: shapely.Geometry, depth: int = 0) -> list[shapely.Geometry]:
    if shapely.get_num_coordinates(geometry) <= PIECE_VERTICES_MAX or depth == 12:
        return [geometry]
    west, south, east, north = shapely.bounds(geometry)
    if east - west > north - south:
        middle = (west + east) / 2
        halves = ((west, south, middle, north), (middle, south, east, north))
    else:
        middle = (south + north) / 2
        halves = ((west, south, east, middle), (west, middle, east, north))
    pieces: list[shapely.Geometry] = []
    for half in halves:
        part = _areas_of(shapely.clip_by_rect(geometry, *half))
        if part is not None:
            pieces += _quartered(part, depth + 1)
    return pieces


def _min_zooms(frame: pd.DataFrame, geometry: NDArray[np.object_]) -> NDArray[np.int16]:
    zoom = np.full(len(frame), HOUSE_NUMBER_ZOOM, dtype=np.int16)
    kind = frame["kind"].to_numpy(object)
    is_line = shapely.get_dimensions(geometry) == 1
    for area_kind in _AREA_KINDS:
        own = (kind == area_kind) & ~is_line
        if own.any():
            zoom[own] = area_min_zoom(area_kind, geometry[own])
    for line_kind, zooms in (
        ("road", lambda c: road_min_zoom(c) or 14),
        ("water", lambda c: WATERWAY_MIN_ZOOM.get(c, 13)),
        ("place", place_min_zoom),
    ):
        own = (kind == line_kind) & (is_line | (line_kind == "place"))
        classes = frame["feature_class"].to_numpy(object)[own]
        zoom[own] = [zooms(c if isinstance(c, str) else "") for c in classes]
    return zoom


def _cleaned(texts: NDArray[np.object_]) -> list[str | None]:
    """Without control characters (PostgreSQL takes no NUL) and not endless; empty is None."""
    return [
        (_CONTROL.sub(" ", t).strip()[:NAME_CHARS_MAX] or None) if isinstance(t, str) else None
        for t in texts
    ]


def _texts(column: pd.Series) -> pa.Array:
    return pa.array([t if isinstance(t, str) else None for t in column], pa.large_string())
