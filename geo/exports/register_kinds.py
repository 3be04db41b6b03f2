"""Dwellings, establishments and residents as export kinds: what is there on the day.

Dwellings and establishments are places: landlords, contacts and notes are left out, so that they
can be had as map files. Residents are persons: a table only, after a second person, with a purpose
and a case; their numbers are masked whoever asks. A whole one is looked at by itself, each such
look an entry of its own in the audit log, and is in no file.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from geo.encryption import keys_of, unseal_text
from geo.exports.kind import ColumnType, ExportFilter, ExportKind, Row, grids_of
from geo.registers.finding import record_in_scope, was_there
from geo.registers.numbers import mask_identity_number, mask_phone
from geo.sealed_columns import RESIDENT_IDENTITY, RESIDENT_PHONE
from geo.tables import Dwelling, Establishment, Residence, Resident, StandardAddress
from geo.values import GridScope

_PLACE: dict[str, ColumnType] = {
    "standard_address_id": "int",
    "canonical_text": "text",
    "grid_code": "text",
}
_QUALITY: dict[str, ColumnType] = {
    "missing": "text",
    "verified_on": "date",
    "verified_how": "text",
    "due_on": "date",
}
_POINT: dict[str, ColumnType] = {"lon": "float", "lat": "float"}
Table = type[Dwelling | Residence | Establishment]


def _dwellings(filters: ExportFilter, scope: GridScope, on: date) -> Select[*tuple[Any, ...]]:
    return _at_addresses(
        Dwelling,
        [
            Dwelling.use, Dwelling.room_count, Dwelling.registered_on,
            func.array_to_string(Dwelling.safety_findings, " "),
        ],
        filters, scope, on,
    )  # fmt: skip


def _establishments(filters: ExportFilter, scope: GridScope, on: date) -> Select[*tuple[Any, ...]]:
    return _at_addresses(
        Establishment,
        [
            Establishment.name, Establishment.credit_code, Establishment.establishment_class,
            Establishment.trade, Establishment.occupied_from,
        ],
        filters, scope, on,
    )  # fmt: skip


def _at_addresses(
    table: type[Dwelling | Establishment],
    fields: list[Any],
    filters: ExportFilter,
    scope: GridScope,
    on: date,
) -> Select[*tuple[Any, ...]]:
    query = (
        select(
            table.id,
            *_place_columns(table),
            *fields,
            *_quality_columns(table),
            func.ST_X(StandardAddress.geom),
            func.ST_Y(StandardAddress.geom),
            func.ST_AsBinary(StandardAddress.geom),
        )
        .join(StandardAddress, StandardAddress.id == table.standard_address_id)
        .order_by(table.id)
    )
    return _narrowed(query, table, filters, scope, on)


def _residents(filters: ExportFilter, scope: GridScope, on: date) -> Select[*tuple[Any, ...]]:
    query = (
        select(
            Residence.resident_id,
            Resident.name,
            Resident.identity_kind,
            Resident.identity_sealed,
            Resident.birth_year,
            Resident.phone_sealed,
            Residence.kind,
            Residence.household_ref,
            Residence.lived_from,
            *_place_columns(Residence),
            func.array_to_string(Resident.missing + Residence.missing, " "),
            *_quality_columns(Residence)[1:],
        )
        .join(Resident, Resident.id == Residence.resident_id)
        .join(StandardAddress, StandardAddress.id == Residence.standard_address_id)
        .order_by(Residence.id)
    )
    return _narrowed(query, Residence, filters, scope, on)


def _resident_row(session: Session) -> Callable[[Row], Row]:
    ring = keys_of(session)

    def finish(row: Row) -> Row:
        person, name, kind, identity, year, phone, *rest = row
        if identity is not None:
            identity = mask_identity_number(unseal_text(ring, RESIDENT_IDENTITY, person, identity))
        if phone is not None:
            phone = mask_phone(unseal_text(ring, RESIDENT_PHONE, person, phone))
        return [person, name, kind, identity, year, phone, *rest]

    return finish


def _place_columns(table: Table) -> list[Any]:
    return [table.standard_address_id, StandardAddress.canonical_text, table.grid_code]


def _quality_columns(table: Table) -> list[Any]:
    missing = func.array_to_string(table.missing, " ")
    return [missing, table.verified_on, table.verified_how, table.due_on]


def _narrowed(
    query: Select[*tuple[Any, ...]], table: Table, filters: ExportFilter, scope: GridScope, on: date
) -> Select[*tuple[Any, ...]]:
    query = query.where(was_there(table, on), record_in_scope(table, scope))
    if filters.grid_code is not None:
        query = query.where(table.grid_code == filters.grid_code)
    if filters.community_code is not None:
        query = query.where(table.grid_code.in_(grids_of(filters.community_code, on)))
    return query


REGISTER_KINDS = (
    ExportKind(
        "dwellings",
        {
            "id": "int",
            **_PLACE,
            "use": "text",
            "room_count": "int",
            "registered_on": "date",
            "safety_findings": "text",
            **_QUALITY,
            **_POINT,
        },
        _dwellings,
        geometry="Point",
    ),
    ExportKind(
        "establishments",
        {
            "id": "int",
            **_PLACE,
            "name": "text",
            "credit_code": "text",
            "establishment_class": "text",
            "trade": "text",
            "occupied_from": "date",
            **_QUALITY,
            **_POINT,
        },
        _establishments,
        geometry="Point",
    ),
    ExportKind(
        "residents",
        {
            "resident_id": "int",
            "name": "text",
            "identity_kind": "text",
            "identity_number": "text",
            "birth_year": "int",
            "phone": "text",
            "kind": "text",
            "household_ref": "text",
            "lived_from": "date",
            **_PLACE,
            **_QUALITY,
        },
        _residents,
        about_persons=True,
        finish=_resident_row,
    ),
)
