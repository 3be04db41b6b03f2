"""Many new records at once: those that nothing there is like, looked up by sets, stored by sets.

A record by hand asks the database some thirty questions; here each question is asked once for all
rows. A row that anything speaks against (a fault, something alike, an address that isn't there) is
left alone: the write by hand then says what it is. So both refuse the same, and what is stored here
passed the same checks of its fields. Each record stored has its own entry in the audit log.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from geo.audit import record_each, require_reason
from geo.encryption import blind_indexes, keys_of
from geo.errors import InvalidInput
from geo.registers import dwellings, establishments, residences, residents
from geo.registers.answers import Findings
from geo.registers.dwellings import NewDwelling
from geo.registers.establishments import NewEstablishment
from geo.registers.finding import was_there
from geo.registers.residences import NewResidence
from geo.registers.residents import NewResident
from geo.registers.sealed import read_sealed
from geo.registers.verifying import Look, check_look, put_look
from geo.registers.writing import Writing, hold_all, require_reason_for_persons
from geo.scope_conditions import in_scope
from geo.sealed_columns import RESIDENT_IDENTITY, RESIDENT_PHONE, SealedColumn
from geo.store.scope import seeing_everything
from geo.tables import (
    Base,
    Dwelling,
    Establishment,
    RecordVerification,
    Residence,
    Resident,
    StandardAddress,
)

# The database's own, or set by its triggers.
_ITS_OWN = {"created_at", "updated_at", "grid_code"}


def record_new_dwellings(
    session: Session, rows: Sequence[tuple[NewDwelling, Look | None]], *, writing: Writing
) -> list[bool]:
    """Store those dwellings that nothing speaks against; return of each row whether it was stored.

    Raises
    ------
    PurposeMissing : one tells of a landlord, or has a note, and no purpose or no case is given
    """
    for given, _ in rows:
        require_reason_for_persons(writing, asdict(given), dwellings.ABOUT_PERSONS)
    at = _addresses(session, [given.standard_address_id for given, _ in rows], writing)
    taken = set(
        session.scalars(
            select(Dwelling.standard_address_id).where(
                Dwelling.standard_address_id.in_(at), was_there(Dwelling, writing.today)
            )
        )
    )
    stored: dict[int, Dwelling] = {}
    ids = _next_ids(session, Dwelling, len(rows))
    for place, (given, look) in enumerate(rows):
        address_id = given.standard_address_id
        if address_id not in at or address_id in taken or not _can_be(look, writing):
            continue
        row = Dwelling(id=ids[place], standard_address_id=address_id, use=given.use, **_of(writing))
        findings = Findings(dwellings.KIND)
        values = {name: getattr(given, name) for name in dwellings.CHANGEABLE}
        dwellings.put_fields(session, row, values, findings, writing)
        if findings.faults:
            continue
        taken.add(address_id)
        stored[place] = row
    _store(session, Dwelling, stored, rows, writing)
    return [place in stored for place in range(len(rows))]


def record_new_establishments(
    session: Session, rows: Sequence[tuple[NewEstablishment, Look | None]], *, writing: Writing
) -> list[bool]:
    """Store those establishments that nothing speaks against; return of each row whether it was.

    Raises
    ------
    PurposeMissing : one tells of a contact, or has a note, and no purpose or no case is given
    """
    for given, _ in rows:
        require_reason_for_persons(writing, asdict(given), establishments.ABOUT_PERSONS)
    at = _addresses(session, [given.standard_address_id for given, _ in rows], writing)
    ids = _next_ids(session, Establishment, len(rows))
    made: dict[int, Establishment] = {}
    for place, (given, look) in enumerate(rows):
        if given.standard_address_id not in at or not _can_be(look, writing):
            continue
        row = Establishment(
            id=ids[place], standard_address_id=given.standard_address_id, **_of(writing)
        )
        findings = Findings(establishments.KIND)
        values = {name: getattr(given, name) for name in establishments.CHANGEABLE}
        establishments.put_fields(session, row, values, findings, writing)
        if not findings.faults:
            made[place] = row
    there = was_there(Establishment, writing.today)
    hold_all(session, [f"credit code {row.credit_code}" for row in made.values()])
    codes = [row.credit_code for row in made.values() if row.credit_code is not None]
    with seeing_everything(session):
        seen: set[Hashable] = set(
            session.scalars(
                select(Establishment.credit_code).where(Establishment.credit_code.in_(codes), there)
            )
        )
    seen |= {
        tuple(found)
        for found in session.execute(
            select(Establishment.standard_address_id, Establishment.name).where(
                Establishment.standard_address_id.in_(at), there
            )
        )
    }
    stored = _unlike(made, seen, lambda row: [row.credit_code, (row.standard_address_id, row.name)])
    _store(session, Establishment, stored, rows, writing)
    return [place in stored for place in range(len(rows))]


def record_new_residents(
    session: Session,
    rows: Sequence[tuple[NewResident, NewResidence, Look | None]],
    *,
    writing: Writing,
) -> list[bool]:
    """Store those persons with where they live whom nobody there is like; return of each whether.

    Raises
    ------
    PurposeMissing : no purpose or no case is given
    IntegrityError : somebody else has recorded one of them this very moment
    """
    require_reason(writing.access)
    at = _addresses(session, [lives.standard_address_id for _, lives, _ in rows], writing)
    ids = _next_ids(session, Resident, len(rows))
    residence_ids = _next_ids(session, Residence, len(rows))
    made: dict[int, Resident] = {}
    for place, (given, lives, look) in enumerate(rows):
        if lives.standard_address_id not in at or not _can_be(look, writing):
            continue
        row = Resident(id=ids[place], **_of(writing))
        findings = Findings(residents.KIND)
        values = {name: getattr(given, name) for name in residents.CHANGEABLE}
        residents.put_fields(session, row, values, findings, writing)
        residences.check_residence(findings, lives, writing)
        if not findings.faults:
            made[place] = row
    hold_all(session, [row.identity_index for row in made.values() if row.identity_index])
    seen = _known_persons(session, made.values(), at, writing)
    live_at = {id(row): rows[place][1].standard_address_id for place, row in made.items()}
    stored = _unlike(
        made,
        seen,
        lambda row: [
            row.identity_index,
            (live_at[id(row)], row.name),
            None if row.phone_index is None else (row.phone_index, row.name),
        ],
    )
    with seeing_everything(session):  # a person is seen by their residence, which comes next
        _insert(session, Resident, stored.values())
    lived: dict[int, Residence] = {}
    for place, person in stored.items():
        residence = Residence(id=residence_ids[place], resident_id=person.id, **_of(writing))
        residence.standard_address_id = rows[place][1].standard_address_id
        residences.put_fields(residence, rows[place][1])
        lived[place] = residence
    _store(session, Residence, lived, rows, writing, audited=residents.KIND)
    return [place in stored for place in range(len(rows))]


def _known_persons(
    session: Session, persons: Iterable[Resident], at: Collection[int], writing: Writing
) -> set[Hashable]:
    """What is recorded that one of these persons could be: numbers anywhere, names where seen."""
    persons = list(persons)
    identities = _indexes(session, persons, RESIDENT_IDENTITY)
    phones = _indexes(session, persons, RESIDENT_PHONE)
    with seeing_everything(session):
        known = set(
            session.scalars(
                select(Resident.identity_index).where(Resident.identity_index.in_(identities))
            )
        )
    # Sealed under a key that is being changed, the same number has another index.
    seen: set[Hashable] = {identities[index] for index in known if index is not None}
    here = select(Residence.standard_address_id, Resident.name).join(
        Resident, Resident.id == Residence.resident_id
    )
    seen |= {
        tuple(found)
        for found in session.execute(
            here.where(Residence.standard_address_id.in_(at), was_there(Residence, writing.today))
        )
    }
    same_phone = select(Resident.phone_index, Resident.name).where(Resident.phone_index.in_(phones))
    seen |= {(phones[found.phone_index], found.name) for found in session.execute(same_phone)}
    return seen


def _indexes(
    session: Session, persons: Iterable[Resident], column: SealedColumn
) -> dict[bytes, bytes]:
    """Every blind index that a number of these persons may be stored under → the one of now."""
    assert column.index_column is not None
    found: dict[bytes, bytes] = {}
    for person in persons:
        number = read_sealed(session, person, column)
        if number is not None:
            now = getattr(person, column.index_column)
            found |= dict.fromkeys(blind_indexes(keys_of(session), column, number), now)
    return found


def _unlike(made: dict[int, Any], seen: set[Hashable], marks: Any) -> dict[int, Any]:
    """Those rows that share no mark with what is there, nor with a row before them."""
    kept = {}
    for place, row in made.items():
        own = [mark for mark in marks(row) if mark is not None]
        if not seen.intersection(own):
            seen.update(own)
            kept[place] = row
    return kept


def _addresses(session: Session, ids: Collection[int], writing: Writing) -> set[int]:
    """Those of the addresses that are current and in the scope, held against merges."""
    return set(
        session.scalars(
            select(StandardAddress.id)
            .where(
                StandardAddress.id.in_(sorted(set(ids))),
                StandardAddress.status == "current",
                in_scope(StandardAddress.grid_code, writing.scope),
            )
            .order_by(StandardAddress.id)
            .with_for_update(key_share=True)
        )
    )


def _next_ids(session: Session, table: type[Base], count: int) -> Sequence[int]:
    name = table.__tablename__
    number = func.nextval(func.pg_get_serial_sequence(name, "id"))
    return session.scalars(select(number).select_from(func.generate_series(1, count))).all()


def _can_be(look: Look | None, writing: Writing) -> bool:
    try:
        return look is None or check_look(look, writing.today) is look
    except InvalidInput:
        return False


def _of(writing: Writing) -> dict[str, Any]:
    return {"version": 1, "source": writing.source, "recorded_by": writing.access.actor}


def _store(
    session: Session,
    table: type[Dwelling | Establishment | Residence],
    stored: dict[int, Any],
    rows: Sequence[tuple[Any, ...]],
    writing: Writing,
    *,
    audited: str | None = None,
) -> None:
    """Put records into their table, with when they are due, their looks and their audit entries."""
    by = writing.access.actor
    looks = []
    for place, row in stored.items():
        look = rows[place][-1]
        put_look(row, look, by=by, today=writing.today, cycles=writing.cycles)
        if look is not None:
            looks.append({
                "record_kind": table.__tablename__, "record_id": row.id, "record_version": 1,
                "verified_on": look.on, "verified_by": by, "verified_how": look.how,
            })  # fmt: skip
    _insert(session, table, stored.values())
    if looks:
        session.execute(insert(RecordVerification), looks)
    kind = audited or table.__tablename__
    of = "resident_id" if audited else "id"
    record_each(
        session,
        writing.access,
        f"{kind}.create",
        object_kind=kind,
        object_refs=[str(getattr(row, of)) for row in stored.values()],
        row_count=1 if audited else None,
    )


def _insert(session: Session, table: type[Base], rows: Iterable[Base]) -> None:
    columns = [each.key for each in table.__table__.columns if each.key not in _ITS_OWN]
    values = [{name: getattr(row, name) for name in columns} for row in rows]
    for each in values:  # what nobody set is what the database gives where it gives something
        if each.get("safety_findings", ()) is None:
            each["safety_findings"] = []
    if values:
        session.execute(insert(table), values)
