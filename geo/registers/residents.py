"""Residents: persons recorded with where they live, and corrected.

Every function here is about persons: it takes a purpose and a case, and leaves an audit record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.audit import record as record_in_log
from geo.audit import require_reason
from geo.encryption import blind_index, keys_of
from geo.errors import InvalidInput, InvalidNumber
from geo.registers.answers import Alike, Contradiction, Findings, WriteAnswer
from geo.registers.completeness import completeness_of, missing_fields
from geo.registers.finding import get_record, was_there
from geo.registers.numbers import (
    birth_year_of,
    mask_identity_number,
    mask_phone,
    read_document_number,
    read_identity_number,
    read_phone,
)
from geo.registers.residences import (
    NewResidence,
    add_residence,
    check_residence,
    find_overlapping,
)
from geo.registers.sealed import (
    holds_sealed,
    is_indexed,
    next_id,
    put_sealed,
    read_masked,
    read_sealed,
)
from geo.registers.verifying import Look, check_look
from geo.registers.writing import (
    Writing,
    check_choice,
    check_text,
    find_replay,
    held_address,
    hold,
    keep_answer,
    require_seen,
    unchanged_where_refused,
)
from geo.sealed_columns import RESIDENT_IDENTITY, RESIDENT_PHONE
from geo.store.scope import seeing_everything
from geo.tables import IDENTITY_KINDS, Residence, Resident

KIND = "resident"
CHANGEABLE = ("name", "identity_kind", "identity_number", "birth_year", "phone")
ALIKE_MAX = 10
BIRTH_YEAR_MIN = 1880


@dataclass(frozen=True, slots=True)
class NewResident:
    """What is said of a person; the least that identifies."""

    name: str
    identity_number: str | None = None
    identity_kind: str | None = None
    birth_year: int | None = None
    phone: str | None = None


def record_resident(
    session: Session,
    given: NewResident,
    residence: NewResidence,
    *,
    look: Look | None = None,
    writing: Writing,
) -> WriteAnswer:
    """Store a person and where they live, and answer what is alike, contradicted, missing and due.

    A person who is recorded elsewhere, outside the caller's scope, and doesn't live there any more
    is taken over: the residence is added to the person there is.

    Parameters
    ----------
    look : that the person was met or called there; None where it is only said

    Raises
    ------
    PurposeMissing : no purpose or no case is given
    AddressNotFound : the address isn't in the scope
    InvalidRecord : a field can't be stored; all of them are named
    RecordConflict : the person is recorded (`alike`), lives somewhere else in that time
        (`conflicts`), or one of the same name is at this address and the caller didn't say that it
        is another
    WriteKeyTaken : the key of the write belongs to another one
    """
    require_reason(writing.access)
    request = {**asdict(given), **asdict(residence), "look": look and asdict(look)}
    replay = find_replay(session, writing, "resident.create", request)
    if replay is not None:
        return replay
    findings = Findings(KIND)
    if look is not None:
        look = check_look(look, writing.today)
    held_address(session, residence.standard_address_id, findings, writing.scope)
    resident = Resident(
        id=next_id(session, Resident),
        version=1,
        source=writing.source,
        recorded_by=writing.access.actor,
    )
    values = {name: getattr(given, name) for name in CHANGEABLE}
    put_fields(session, resident, values, findings, writing)
    check_residence(findings, residence, writing)
    known = _find_by_identity(session, resident)
    elsewhere = None
    if known is not None:
        elsewhere = _compare_known(session, known, resident, residence, findings, writing)
    elif not findings.faults:
        findings.alike += _find_alike(session, resident, residence, writing)
    # A second record with one identity number can't be, whatever the caller says.
    findings.refuse(
        although_alike=writing.although_alike and known is None, missing=resident.missing
    )
    if elsewhere is not None:
        resident = _taken_over(session, elsewhere, resident)
    else:
        with seeing_everything(session):  # a person is seen by their residence, which comes next
            session.add(resident)
            session.flush()
    stored = add_residence(session, resident, residence, findings, look=look, writing=writing)
    _log(session, writing, "create", resident.id)
    answer = _answer(resident, stored, tuple(findings.alike))
    return keep_answer(session, writing, "resident.create", request, answer)


def change_resident(
    session: Session,
    resident_id: int,
    changes: Mapping[str, Any],
    *,
    expected_version: int,
    writing: Writing,
) -> WriteAnswer:
    """Store corrected fields of a person; what isn't named stays.

    Raises
    ------
    PurposeMissing : no purpose or no case is given
    RecordNotFound : there is none in the scope
    StaleRecord : it was changed since it was seen; `sides` has both
    InvalidRecord, WriteKeyTaken : as `record_resident`
    RecordConflict : the identity number is another person's
    InvalidInput : a field that can't be changed
    """
    require_reason(writing.access)
    request = {**changes, "id": resident_id, "seen": expected_version}
    replay = find_replay(session, writing, "resident.change", request)
    if replay is not None:
        return replay
    unknown = sorted(set(changes) - set(CHANGEABLE))
    if unknown:
        raise InvalidInput(
            f"{unknown[0]!r} of a resident can't be changed here. Wanted: {', '.join(CHANGEABLE)}.",
            field=unknown[0],
        )
    resident = get_record(session, KIND, resident_id, scope=writing.scope, hold=True)
    assert isinstance(resident, Resident)
    require_seen(
        f"Resident {resident_id}",
        resident.version,
        expected_version,
        _shown_changes(changes),
        resident_facts(session, resident),
    )
    findings = Findings(KIND)
    with unchanged_where_refused(session, resident):
        put_fields(session, resident, changes, findings, writing)
        other = _find_by_identity(session, resident)
        if other is not None:
            findings.alike.append(Alike(KIND, _seen_id(session, other, writing), "identity_number"))
        findings.refuse(although_alike=False, missing=resident.missing)
    resident.recorded_by, resident.source = writing.access.actor, writing.source
    session.flush()
    session.refresh(resident)
    _log(session, writing, "change", resident_id)
    return keep_answer(session, writing, "resident.change", request, _answer(resident))


def resident_facts(session: Session, resident: Resident) -> dict[str, Any]:
    """Return the fields of a person as they may be shown to who has a purpose and a case."""
    return {
        "name": resident.name,
        "identity_kind": resident.identity_kind,
        "identity_number": read_masked(session, resident, RESIDENT_IDENTITY, mask_identity_number),
        "birth_year": resident.birth_year,
        "phone": read_masked(session, resident, RESIDENT_PHONE, mask_phone),
    }


def put_fields(
    session: Session,
    resident: Resident,
    values: Mapping[str, Any],
    findings: Findings,
    writing: Writing,
) -> None:
    """Set fields, noting what can't be stored; `missing` follows."""
    if "name" in values:
        name = check_text(findings, "name", values["name"])
        if name is None:
            findings.fault("name", "empty", "name is empty. Give the name on the document.")
        resident.name = name or ""
    if "identity_number" in values or "identity_kind" in values:
        _put_identity(session, resident, values, findings, writing)
    if "birth_year" in values:
        year = values["birth_year"]
        if year is not None and not BIRTH_YEAR_MIN <= year <= writing.today.year:
            findings.fault(
                "birth_year",
                "out_of_range",
                f"birth_year is {year}, wanted {BIRTH_YEAR_MIN} to {writing.today.year}.",
            )
        if year is not None or "identity_number" not in values:
            resident.birth_year = year
    if "phone" in values:
        phone = check_text(findings, "phone", values["phone"])
        try:
            number = read_phone(phone) if phone else None
        except InvalidNumber as error:
            findings.note_error("phone", error)
        else:
            if not holds_sealed(session, resident, RESIDENT_PHONE, number):
                put_sealed(session, resident, RESIDENT_PHONE, number)
    _check_birth_year(session, resident, findings)
    resident.missing = missing_fields(resident)


def _put_identity(
    session: Session,
    resident: Resident,
    values: Mapping[str, Any],
    findings: Findings,
    writing: Writing,
) -> None:
    if "identity_number" in values:
        written = check_text(findings, "identity_number", values["identity_number"])
    else:
        written = read_sealed(session, resident, RESIDENT_IDENTITY)
    kind = values.get("identity_kind") or resident.identity_kind or "resident_identity"
    check_choice(findings, "identity_kind", kind, IDENTITY_KINDS)
    if written is None:
        put_sealed(session, resident, RESIDENT_IDENTITY, None)
        resident.identity_kind = None
        return
    try:
        if kind == "resident_identity":
            number = read_identity_number(written, today=writing.today)
        else:
            number = read_document_number(written)
    except InvalidNumber as error:
        findings.note_error("identity_number", error)
        return
    resident.identity_kind = kind
    if not holds_sealed(session, resident, RESIDENT_IDENTITY, number):
        put_sealed(session, resident, RESIDENT_IDENTITY, number)
    if kind == "resident_identity" and values.get("birth_year") is None:
        resident.birth_year = birth_year_of(number)


def _check_birth_year(session: Session, resident: Resident, findings: Findings) -> None:
    """The year in the number and the year that is said are one."""
    if resident.identity_kind != "resident_identity" or resident.birth_year is None:
        return
    number = read_sealed(session, resident, RESIDENT_IDENTITY)
    if number is not None and birth_year_of(number) != resident.birth_year:
        findings.fault(
            "birth_year",
            "contradicts_identity_number",
            "The birth year isn't the one in the identity number. One of the two is wrong.",
        )


def _find_by_identity(session: Session, resident: Resident) -> Resident | None:
    """The other person with this identity number, wherever; held against others who record it."""
    number = read_sealed(session, resident, RESIDENT_IDENTITY)
    if number is None:
        return None
    # The index of now names the number to others who write it, and tells nobody what it is.
    hold(session, blind_index(keys_of(session), RESIDENT_IDENTITY, number))
    with seeing_everything(session):
        return session.scalars(
            select(Resident).where(
                is_indexed(session, Resident.identity_index, RESIDENT_IDENTITY, number),
                Resident.id != resident.id,
            )
        ).first()


def _seen_id(session: Session, resident: Resident, writing: Writing) -> int | None:
    """The number of a person if one of their residences is in the caller's scope."""
    if writing.scope.grid_codes is None:
        return resident.id
    return session.scalar(
        select(Residence.resident_id)
        .where(
            Residence.resident_id == resident.id,
            Residence.annulled_at.is_(None),
            Residence.grid_code.in_(sorted(writing.scope.grid_codes)),
        )
        .limit(1)
    )


def _compare_known(
    session: Session,
    known: Resident,
    given: Resident,
    residence: NewResidence,
    findings: Findings,
    writing: Writing,
) -> Resident | None:
    """Note how a person who is recorded differs; return them if they may be taken over."""
    seen_id = _seen_id(session, known, writing)
    if given.name != known.name:
        findings.conflicts.append(Contradiction("name_differs", KIND, seen_id, "name"))
    findings.conflicts += find_overlapping(session, known.id, residence, writing)
    if seen_id is not None:
        findings.alike.append(Alike(KIND, seen_id, "identity_number"))
        return None
    return known


def _taken_over(session: Session, known: Resident, given: Resident) -> Resident:
    """A person recorded elsewhere; what wasn't known of them is filled in."""
    with seeing_everything(session):
        if known.birth_year is None:
            known.birth_year = given.birth_year
        if known.phone_index is None and given.phone_index is not None:
            phone = read_sealed(session, given, RESIDENT_PHONE)
            put_sealed(session, known, RESIDENT_PHONE, phone)
        known.missing = missing_fields(known)
        session.flush()
        session.refresh(known)
    return known


def _find_alike(
    session: Session, resident: Resident, residence: NewResidence, writing: Writing
) -> list[Alike]:
    """Persons who are probably this one: of the same name at the address, or with the phone."""
    lives_here = (
        select(Resident.id)
        .join(Residence, Residence.resident_id == Resident.id)
        .where(
            Residence.standard_address_id == residence.standard_address_id,
            was_there(Residence, writing.today),
            Resident.name == resident.name,
        )
    )
    found = [
        Alike(KIND, other_id, "address_and_name")
        for other_id in session.scalars(lives_here.distinct().limit(ALIKE_MAX))
        # Two of one name with two numbers are two.
        if not _has_other_identity(session, other_id, resident)
    ]
    phone = read_sealed(session, resident, RESIDENT_PHONE)
    if phone is not None:
        same = select(Resident.id).where(
            is_indexed(session, Resident.phone_index, RESIDENT_PHONE, phone),
            Resident.name == resident.name,
        )
        told = {each.record_id for each in found}
        found += [
            Alike(KIND, other_id, "name_and_phone")
            for other_id in session.scalars(same.order_by(Resident.id).limit(ALIKE_MAX))
            if other_id not in told and not _has_other_identity(session, other_id, resident)
        ]
    return found


def _has_other_identity(session: Session, other_id: int, resident: Resident) -> bool:
    if resident.identity_index is None:
        return False
    index = session.scalar(select(Resident.identity_index).where(Resident.id == other_id))
    return index is not None and index != resident.identity_index


def _shown_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, as the stale answer may say it back: no number whole."""
    masks = {"identity_number": mask_identity_number, "phone": mask_phone}
    return {
        name: masks[name](str(value)) if name in masks and value else value
        for name, value in changes.items()
    }


def _answer(
    resident: Resident, residence: Residence | None = None, alike: tuple[Alike, ...] = ()
) -> WriteAnswer:
    return WriteAnswer(
        record_kind=KIND,
        record_id=resident.id,
        version=resident.version,
        missing=tuple(resident.missing),
        completeness=completeness_of(resident),
        due_on=residence.due_on if residence is not None else None,
        alike=alike,
        residence_id=residence.id if residence is not None else None,
    )


def _log(session: Session, writing: Writing, what: str, resident_id: int) -> None:
    record_in_log(
        session,
        writing.access,
        f"resident.{what}",
        object_kind=KIND,
        object_ref=str(resident_id),
        row_count=1,
    )
