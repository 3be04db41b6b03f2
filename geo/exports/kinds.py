"""What can be exported, with which columns, as which files.

A kind that holds something about persons can be had as a table only, never as a map file. What
identifies somebody is left out of kinds that are about places: the person in charge of a grid is.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from geo.grids import is_in_force, is_in_scope
from geo.h3_cells import h3_cell_to_text
from geo.register.reading import in_scope
from geo.tables import ADDRESS_COMPONENTS, Grid, ReviewItem, StandardAddress
from geo.values import GridScope

BATCH_ROWS = 2_000
TABLE_FORMATS = ("csv", "xlsx")
MAP_FORMATS = ("geojson", "gpkg", "parquet")

ColumnType = Literal["text", "int", "float", "time", "date"]
Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class ExportFilter:
    """Which rows; what is None doesn't narrow."""

    grid_code: str | None = None
    community_code: str | None = None


@dataclass(frozen=True, slots=True)
class ExportKind:
    """One thing that can be exported.

    columns : name → type, in order
    geometry : the type of its shapes, None where it has none; then `query` selects them as WKB last
    query : what is read, in an order that stays; finish turns a row as read into one as written
    """

    name: str
    columns: dict[str, ColumnType]
    query: Callable[[ExportFilter, GridScope, date], Select[*tuple[Any, ...]]]
    geometry: Literal["Point", "MultiPolygon"] | None = None
    about_persons: bool = False
    finish: Callable[[Row], Row] = tuple

    @property
    def formats(self) -> tuple[str, ...]:
        """The endings of the files it can be had as."""
        is_map = self.geometry is not None and not self.about_persons
        return TABLE_FORMATS + MAP_FORMATS if is_map else TABLE_FORMATS

    def count(self, session: Session, filters: ExportFilter, scope: GridScope, on: date) -> int:
        """Return how many rows there are now."""
        rows = self.query(filters, scope, on).order_by(None).subquery()
        return session.scalar(select(func.count()).select_from(rows)) or 0

    def read(
        self, session: Session, filters: ExportFilter, scope: GridScope, on: date
    ) -> Generator[list[Row]]:
        """Yield the rows of one moment in batches; a row ends with its shape, as WKB."""
        found = session.execute(
            self.query(filters, scope, on),
            execution_options={"stream_results": True, "yield_per": BATCH_ROWS},
        )
        with found:  # else a reader that stops early leaves its cursor open
            for batch in found.partitions(BATCH_ROWS):
                yield [self.finish(row) for row in batch]


def _addresses(filters: ExportFilter, scope: GridScope, on: date) -> Select[*tuple[Any, ...]]:
    query = (
        select(
            StandardAddress.id,
            StandardAddress.canonical_text,
            *(getattr(StandardAddress, name) for name in ADDRESS_COMPONENTS),
            StandardAddress.point_of_interest,
            StandardAddress.level,
            func.ST_X(StandardAddress.geom),
            func.ST_Y(StandardAddress.geom),
            StandardAddress.point_method,
            StandardAddress.accuracy_m,
            StandardAddress.grid_code,
            StandardAddress.h3_cell,
            StandardAddress.source,
            StandardAddress.source_ref,
            StandardAddress.updated_at,
            func.ST_AsBinary(StandardAddress.geom),
        )
        .where(StandardAddress.status == "current", in_scope(scope))
        .order_by(StandardAddress.id)
    )
    if filters.grid_code is not None:
        query = query.where(StandardAddress.grid_code == filters.grid_code)
    if filters.community_code is not None:
        query = query.where(StandardAddress.grid_code.in_(_grids_of(filters.community_code, on)))
    return query


def _address_row(row: Row) -> Row:
    values = list(row)
    at = -5  # h3_cell, counted from the end: source, source_ref, updated_at and the shape follow
    values[at] = None if values[at] is None else h3_cell_to_text(values[at])
    return values


def _grids(filters: ExportFilter, scope: GridScope, on: date) -> Select[*tuple[Any, ...]]:
    inside = func.ST_PointOnSurface(Grid.geom)
    query = (
        select(
            Grid.grid_code,
            Grid.name,
            Grid.kind,
            Grid.community_code,
            Grid.household_count,
            Grid.area_m2,
            Grid.valid_from,
            Grid.valid_to,
            func.ST_X(inside),
            func.ST_Y(inside),
            func.ST_AsBinary(Grid.geom),
        )
        .where(is_in_force(Grid, on), is_in_scope(Grid.grid_code, scope))
        .order_by(Grid.grid_code)
    )
    if filters.grid_code is not None:
        query = query.where(Grid.grid_code == filters.grid_code)
    if filters.community_code is not None:
        query = query.where(Grid.community_code == filters.community_code)
    return query


def _review_items(filters: ExportFilter, scope: GridScope, on: date) -> Select[*tuple[Any, ...]]:
    query = (
        select(
            ReviewItem.id,
            ReviewItem.address_text,
            ReviewItem.source,
            ReviewItem.asked_count,
            ReviewItem.confidence,
            ReviewItem.status,
            ReviewItem.grid_code,
            ReviewItem.standard_address_id,
            ReviewItem.note,
            ReviewItem.decided_at,
            ReviewItem.created_at,
        )
        .where(is_in_scope(ReviewItem.grid_code, scope))
        .order_by(ReviewItem.id)
    )
    if filters.grid_code is not None:
        query = query.where(ReviewItem.grid_code == filters.grid_code)
    if filters.community_code is not None:
        query = query.where(ReviewItem.grid_code.in_(_grids_of(filters.community_code, on)))
    return query


def _grids_of(community_code: str, on: date) -> Select[*tuple[Any, ...]]:
    return select(Grid.grid_code).where(
        Grid.community_code == community_code, is_in_force(Grid, on)
    )


EXPORT_KINDS = {
    kind.name: kind
    for kind in (
        ExportKind(
            "addresses",
            {
                "id": "int",
                "canonical_text": "text",
                **dict.fromkeys(ADDRESS_COMPONENTS, "text"),
                "point_of_interest": "text",
                "level": "text",
                "lon": "float",
                "lat": "float",
                "point_method": "text",
                "accuracy_m": "float",
                "grid_code": "text",
                "h3_cell": "text",
                "source": "text",
                "source_ref": "text",
                "updated_at": "time",
            },
            _addresses,
            geometry="Point",
            finish=_address_row,
        ),
        ExportKind(
            "grids",
            {
                "grid_code": "text",
                "name": "text",
                "kind": "text",
                "community_code": "text",
                "household_count": "int",
                "area_m2": "float",
                "valid_from": "date",
                "valid_to": "date",
                "lon": "float",
                "lat": "float",
            },
            _grids,
            geometry="MultiPolygon",
        ),
        ExportKind(
            "review_items",
            {
                "id": "int",
                "address_text": "text",
                "source": "text",
                "asked_count": "int",
                "confidence": "float",
                "status": "text",
                "grid_code": "text",
                "standard_address_id": "int",
                "note": "text",
                "decided_at": "time",
                "created_at": "time",
            },
            _review_items,
        ),
    )
}
