"""Reading the registers: one record, pages of them, what was so on a day.

Whatever lies outside the scope looks absent. What tells of a person is read by `geo.registers.
persons`, which takes a purpose and is audited; here are records as rows, for the program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, exists, func, select, true
from sqlalchemy.orm import Session

from geo.errors import InvalidInput, RecordNotFound
from geo.tables import Dwelling, Establishment, RecordHistory, Residence, Resident
from geo.values import GridScope

PAGE_MAX = 10_000
Record = Dwelling | Resident | Residence | Establishment
TABLES: dict[str, type[Record]] = {
    "dwelling": Dwelling,
    "resident": Resident,
    "residence": Residence,
    "establishment": Establishment,
}
AtAddress = TypeVar("AtAddress", Dwelling, Residence, Establishment)


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records at addresses; what is None doesn't narrow.

    on : those that were there on this day; None: whenever
    due_by : due on this day or before
    with_missing : with a required field that is empty
    """

    grid_code: str | None = None
    address_id: int | None = None
    on: date | None = None
    due_by: date | None = None
    with_missing: bool = False


def get_record(
    session: Session, kind: str, record_id: int, *, scope: GridScope, hold: bool = False
) -> Record:
    """Return a record, held against other writers where wanted.

    Raises
    ------
    RecordNotFound : there is none in the scope
    InvalidInput : no such kind
    """
    table = TABLES.get(kind)
    if table is None:
        raise InvalidInput(f"There is no kind of record {kind[:20]!r}.", field="kind")
    query = select(table).where(table.id == record_id, record_in_scope(table, scope))
    if hold:
        query = query.with_for_update(of=table)
    found = session.scalars(query.execution_options(populate_existing=True)).first()
    if found is None:
        raise RecordNotFound(f"There is no {kind} {record_id}.", kind=kind, record_id=record_id)
    assert isinstance(found, Record)
    return found


def find_records(
    session: Session,
    table: type[AtAddress],
    filters: RecordFilter = RecordFilter(),
    *,
    scope: GridScope,
    after_id: int = 0,
    limit: int = 100,
) -> Sequence[AtAddress]:
    """Return records of a kind by id, those after `after_id`, at most `limit`.

    Raises
    ------
    InvalidInput : the limit is out of 1 to `PAGE_MAX`
    """
    if not 1 <= limit <= PAGE_MAX:
        raise InvalidInput(f"The limit is {limit}, wanted 1 to {PAGE_MAX}.", field="limit")
    query = _filtered(select(table), table, filters, scope)
    return session.scalars(query.where(table.id > after_id).order_by(table.id).limit(limit)).all()


def count_records(
    session: Session,
    table: type[AtAddress],
    filters: RecordFilter = RecordFilter(),
    *,
    scope: GridScope,
) -> int:
    """Return how many records `find_records` would go through."""
    query = _filtered(select(func.count()).select_from(table), table, filters, scope)
    return session.scalar(query) or 0


def record_history(session: Session, kind: str, record_id: int) -> Sequence[RecordHistory]:
    """Return what a record was, oldest first; the scope is that of the session."""
    return session.scalars(
        select(RecordHistory)
        .where(RecordHistory.record_kind == kind, RecordHistory.record_id == record_id)
        .order_by(RecordHistory.version)
    ).all()


def find_former(
    session: Session, kind: str, record_id: int, moment: datetime
) -> RecordHistory | None:
    """Return what a record was at a moment, None where it was then what it is now.

    Whether it was recorded by then at all is said by its `created_at`.
    """
    return session.scalars(
        select(RecordHistory)
        .where(
            RecordHistory.record_kind == kind,
            RecordHistory.record_id == record_id,
            RecordHistory.recorded_from <= moment,
            RecordHistory.recorded_to > moment,
        )
        .order_by(RecordHistory.version.desc())
    ).first()


def record_in_scope(table: type[Record], scope: GridScope) -> ColumnElement[bool]:
    """Return the condition that a record lies in the scope: a person by one of their residences,
    one that was annulled left aside."""
    if scope.grid_codes is None:
        return true()
    codes = sorted(scope.grid_codes)
    if table is Resident:
        return exists().where(
            Residence.resident_id == Resident.id,
            Residence.annulled_at.is_(None),
            Residence.grid_code.in_(codes),
        )
    return table.grid_code.in_(codes)  # type: ignore[union-attr]


def was_there(table: type[Dwelling | Residence | Establishment], on: date) -> ColumnElement[bool]:
    """Return the condition that a record was true of its address on a day."""
    if table is Residence:
        return (
            (Residence.lived_from <= on)
            & (Residence.lived_to.is_(None) | (Residence.lived_to > on))
            & Residence.annulled_at.is_(None)
        )
    if table is Establishment:
        return (Establishment.occupied_from <= on) & (
            Establishment.occupied_to.is_(None) | (Establishment.occupied_to > on)
        )
    return Dwelling.ended_on.is_(None) | (Dwelling.ended_on > on)


def _filtered(
    query: Select[Any], table: type[AtAddress], filters: RecordFilter, scope: GridScope
) -> Select[Any]:
    query = query.where(record_in_scope(table, scope))
    if filters.grid_code is not None:
        query = query.where(table.grid_code == filters.grid_code)
    if filters.address_id is not None:
        query = query.where(table.standard_address_id == filters.address_id)
    if filters.on is not None:
        query = query.where(was_there(table, filters.on))
    if filters.due_by is not None:
        query = query.where(table.due_on <= filters.due_by)
    if filters.with_missing:
        query = query.where(func.cardinality(table.missing) > 0)
    return query
