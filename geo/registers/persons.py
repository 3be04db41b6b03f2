"""Reading what is recorded of persons: with a purpose and a case, audited, numbers masked.

There is no search by name. A person is found by an exact identity or telephone number, at an
address, or in the pages of a grid.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from geo.audit import Access, audited
from geo.errors import InvalidInput, InvalidNumber
from geo.register import get_standard_address
from geo.registers.completeness import completeness_of
from geo.registers.finding import find_former, get_record, record_in_scope, was_there
from geo.registers.numbers import read_document_number, read_identity_number, read_phone
from geo.registers.residents import resident_facts
from geo.registers.sealed import is_indexed, read_sealed
from geo.sealed_columns import (
    CONTACT_PHONE,
    LANDLORD_PHONE,
    RESIDENT_IDENTITY,
    RESIDENT_PHONE,
    SealedColumn,
)
from geo.tables import Residence, Resident, StandardAddress
from geo.values import GridScope

PAGE_MAX = 200
NUMBERS: Mapping[str, Mapping[str, SealedColumn]] = {
    "resident": {"identity_number": RESIDENT_IDENTITY, "phone": RESIDENT_PHONE},
    "dwelling": {"landlord_phone": LANDLORD_PHONE},
    "establishment": {"contact_phone": CONTACT_PHONE},
}


@dataclass(frozen=True, slots=True)
class ResidenceView:
    """One residence with the text of its address."""

    residence: Residence
    address_text: str


@dataclass(frozen=True, slots=True)
class PersonView:
    """A person as they may be shown, with those of their residences that lie in the scope.

    facts : name, identity_kind, identity_number (masked), birth_year, phone (masked)
    """

    resident_id: int
    version: int
    facts: dict[str, Any]
    missing: tuple[str, ...]
    completeness: float
    residences: tuple[ResidenceView, ...]


def read_resident(
    session: Session,
    resident_id: int,
    *,
    on: date | None = None,
    until: datetime | None = None,
    access: Access,
    scope: GridScope,
) -> PersonView:
    """Return a person.

    Parameters
    ----------
    on : only residences of this day; None: all
    until : what was recorded of the person by this moment; None: what is now

    Raises
    ------
    PurposeMissing : no purpose or no case is given
    RecordNotFound : there is none in the scope, or wasn't by then
    """
    with audited(
        session, access, "resident.read", object_kind="resident", object_ref=str(resident_id)
    ) as read:
        resident = get_record(session, "resident", resident_id, scope=scope)
        assert isinstance(resident, Resident)
        view = _views(session, [resident], _on(on), scope)[0]
        if until is not None:
            view = _as_recorded(session, view, until)
        read.row_count = 1
    return view


def residents_at(
    session: Session,
    address_id: int,
    *,
    on: date | None,
    after_id: int = 0,
    limit: int | None = None,
    access: Access,
    scope: GridScope,
) -> Sequence[PersonView]:
    """Return who lives, or lived, at an address, by household.

    Parameters
    ----------
    on : who lived there on this day; None: whenever
    after_id, limit : only those behind this number of a person, and so many of them by number

    Raises
    ------
    PurposeMissing : no purpose or no case is given
    AddressNotFound : there is none in the scope
    """
    with audited(
        session, access, "resident.read_at_address", object_kind="address",
        object_ref=str(address_id),
    ) as read:  # fmt: skip
        get_standard_address(session, address_id, scope=scope)
        here = (Residence.standard_address_id == address_id) & _on(on)
        found = session.scalars(
            select(Resident)
            .where(
                Resident.id.in_(select(Residence.resident_id).where(here, _in_scope(scope))),
                Resident.id > after_id,
            )
            .order_by(Resident.id)
            .limit(limit)
        ).all()
        views = _views(session, found, here, scope)
        views.sort(key=lambda view: (view.residences[0].residence.household_ref or "~",
                                     view.resident_id))  # fmt: skip
        read.row_count = len(views)
    return views


def find_by_number(
    session: Session,
    *,
    identity_number: str | None = None,
    phone: str | None = None,
    today: date,
    access: Access,
    scope: GridScope,
) -> Sequence[PersonView]:
    """Return the persons with exactly this identity number, or this telephone number.

    Raises
    ------
    PurposeMissing : no purpose or no case is given
    InvalidInput : neither or both are given
    InvalidNumber : it can't be one
    """
    if (identity_number is None) == (phone is None):
        raise InvalidInput(
            "Give an identity number or a telephone number, one of the two.",
            wanted=["identity_number", "phone"],
        )
    with audited(
        session, access, "resident.search", object_kind="resident",
        object_ref="by identity number" if phone is None else "by phone",
    ) as read:  # fmt: skip
        if phone is not None:
            wanted = is_indexed(session, Resident.phone_index, RESIDENT_PHONE, read_phone(phone))
        else:
            assert identity_number is not None
            number = any_document(identity_number, today)
            wanted = is_indexed(session, Resident.identity_index, RESIDENT_IDENTITY, number)
        found = session.scalars(
            select(Resident)
            .where(wanted, record_in_scope(Resident, scope))
            .order_by(Resident.id)
            .limit(PAGE_MAX)
        ).all()
        views = _views(session, found, _on(None), scope)
        read.row_count = len(views)
    return views


def list_residents(
    session: Session,
    *,
    grid_code: str,
    on: date,
    due_by: date | None = None,
    with_missing: bool = False,
    after_id: int = 0,
    limit: int = 100,
    access: Access,
    scope: GridScope,
) -> Sequence[PersonView]:
    """Return who lives in a grid on a day, by number of the person, those after `after_id`.

    Parameters
    ----------
    due_by : only who is to be visited on this day or before
    with_missing : only persons of whom a required field is empty

    Raises
    ------
    PurposeMissing : no purpose or no case is given
    InvalidInput : the limit is out of 1 to `PAGE_MAX`
    """
    if not 1 <= limit <= PAGE_MAX + 1:
        raise InvalidInput(f"The limit is {limit}, wanted 1 to {PAGE_MAX}.", field="limit")
    with audited(
        session, access, "resident.list", object_kind="grid", object_ref=grid_code
    ) as read:
        here = (Residence.grid_code == grid_code) & _on(on)
        if due_by is not None:
            here &= Residence.due_on <= due_by
        query = (
            select(Resident.id)
            .join(Residence, Residence.resident_id == Resident.id)
            .where(here, _in_scope(scope), Resident.id > after_id)
        )
        if with_missing:
            query = query.where(Resident.missing != [])
        ids = query.distinct().order_by(Resident.id).limit(limit)
        found = session.scalars(
            select(Resident).where(Resident.id.in_(ids)).order_by(Resident.id)
        ).all()
        views = _views(session, found, here, scope)
        read.row_count = len(views)
    return views


def read_numbers(
    session: Session,
    record_id: int,
    fields: Iterable[str],
    *,
    kind: str = "resident",
    access: Access,
    scope: GridScope,
) -> dict[str, str | None]:
    """Return numbers of a person as they are, unmasked; each such reading is an entry of its own.

    Parameters
    ----------
    kind : of the record that has them: a `resident`, the landlord of a `dwelling`, the contact of
        an `establishment`

    Raises
    ------
    PurposeMissing : no purpose or no case is given
    RecordNotFound : there is none in the scope
    InvalidInput : no such number
    """
    wanted = sorted(set(fields))
    known = NUMBERS[kind]
    if not wanted or not known.keys() >= set(wanted):
        raise InvalidInput(f"Wanted some of {', '.join(known)}.", field="fields")
    with audited(
        session, access, f"{kind}.unmask {' '.join(wanted)}", object_kind=kind,
        object_ref=str(record_id),
    ) as read:  # fmt: skip
        record = get_record(session, kind, record_id, scope=scope)
        read.row_count = 1
        return {name: read_sealed(session, record, known[name]) for name in wanted}


def _views(
    session: Session,
    residents: Sequence[Resident],
    which: ColumnElement[bool],
    scope: GridScope,
) -> list[PersonView]:
    """Persons with their residences, in the order given; two statements however many they are."""
    of: dict[int, list[ResidenceView]] = defaultdict(list)
    if residents:
        rows = session.execute(
            select(Residence, StandardAddress.canonical_text)
            .join(StandardAddress, StandardAddress.id == Residence.standard_address_id)
            .where(
                Residence.resident_id.in_([each.id for each in residents]),
                which,
                _in_scope(scope),
            )
            .order_by(Residence.lived_from.desc(), Residence.id.desc())
        )
        for residence, text in rows:
            of[residence.resident_id].append(ResidenceView(residence, text))
    return [
        PersonView(
            resident_id=each.id,
            version=each.version,
            facts=resident_facts(session, each),
            missing=tuple(each.missing),
            completeness=completeness_of(each),
            residences=tuple(of[each.id]),
        )
        for each in residents
    ]


def _as_recorded(session: Session, view: PersonView, until: datetime) -> PersonView:
    """A person as they were recorded at a moment. Numbers that changed since aren't known."""
    former = find_former(session, "resident", view.resident_id, until)
    if former is None:
        return view
    resident = session.get_one(Resident, view.resident_id)
    facts = dict(view.facts)
    for name in ("name", "identity_kind", "birth_year"):
        facts[name] = former.was.get(name)
    for name, index in (("identity_number", "identity_index"), ("phone", "phone_index")):
        now = getattr(resident, index)
        was = former.was.get(index)
        if was != (None if now is None else "\\x" + now.hex()):
            facts[name] = None
    return PersonView(
        resident_id=view.resident_id,
        version=former.version,
        facts=facts,
        missing=tuple(str(name) for name in former.was.get("missing") or ()),  # type: ignore[attr-defined]
        completeness=view.completeness,
        residences=view.residences,
    )


def any_document(written: str, today: date) -> str:
    """Return an identity number if it is one, else the number of another document.

    Raises
    ------
    InvalidNumber : it is neither
    """
    try:
        return read_identity_number(written, today=today)
    except InvalidNumber:
        plain = read_document_number(written)
        if len(plain) == 18 and plain[:17].isdigit():
            raise  # meant as an identity number, with a fault that is worth telling
        return plain


def _on(day: date | None) -> ColumnElement[bool]:
    return Residence.annulled_at.is_(None) if day is None else was_there(Residence, day)


def _in_scope(scope: GridScope) -> ColumnElement[bool]:
    return record_in_scope(Residence, scope)
