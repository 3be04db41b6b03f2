"""What can be exported, with which columns, as which files.

A kind that holds something about persons can be had as a table only, never as a map file. What
identifies somebody is left out of kinds that are about places: the person in charge of a grid is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from geo.exports.kind import (
    MAP_FORMATS,
    TABLE_FORMATS,
    ExportFilter,
    ExportKind,
    Row,
    grids_of,
)
from geo.exports.register_kinds import REGISTER_KINDS
from geo.grids import is_in_force
from geo.h3_cells import h3_cell_to_text
from geo.scope_conditions import in_scope
from geo.tables import ADDRESS_COMPONENTS, Grid, ReviewItem, StandardAddress
from geo.values import GridScope

__all__ = ["EXPORT_KINDS", "MAP_FORMATS", "TABLE_FORMATS", "ExportFilter", "ExportKind"]


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
        .where(StandardAddress.status == "current", in_scope(StandardAddress.grid_code, scope))
        .order_by(StandardAddress.id)
    )
    if filters.grid_code is not None:
        query = query.where(StandardAddress.grid_code == filters.grid_code)
    if filters.community_code is not None:
        query = query.where(StandardAddress.grid_code.in_(grids_of(filters.community_code, on)))
    return query


def _address_row(_session: Session) -> Callable[[Row], Row]:
    return _with_text_cell


def _with_text_cell(row: Row) -> Row:
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
        .where(is_in_force(Grid, on), in_scope(Grid.grid_code, scope))
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
        .where(in_scope(ReviewItem.grid_code, scope))
        .order_by(ReviewItem.id)
    )
    if filters.grid_code is not None:
        query = query.where(ReviewItem.grid_code == filters.grid_code)
    if filters.community_code is not None:
        query = query.where(ReviewItem.grid_code.in_(grids_of(filters.community_code, on)))
    return query


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
        *REGISTER_KINDS,
    )
}
