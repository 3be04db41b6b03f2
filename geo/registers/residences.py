"""Residences: where a person lives, from when to when. One ends and another opens; none is lost.

Every function here is about persons: it takes a purpose and a case, and leaves an audit record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from geo.audit import record as record_in_log
from geo.audit import require_reason
from geo.errors import Conflict, InvalidInput
from geo.registers.answers import Contradiction, Findings, WriteAnswer
from geo.registers.completeness import completeness_of, missing_fields
from geo.registers.finding import get_record
from geo.registers.sealed import next_id
from geo.registers.verifying import Look, check_look, keep_look, put_due, put_look
from geo.registers.writing import (
    Writing,
    check_choice,
    check_not_ahead,
    check_text,
    find_replay,
    held_address,
    hold,
    keep_answer,
    require_seen,
    unchanged_where_refused,
)
from geo.store.scope import seeing_everything
from geo.tables import RESIDENCE_KINDS, Residence, Resident

KIND = "residence"
CHANGEABLE = ("kind", "household_ref", "lived_from", "lived_to")
HOUSEHOLD_CHARS_MAX = 40


@dataclass(frozen=True, slots=True)
class NewResidence:
    """Where a person lives, as what, on the days of [lived_from, lived_to).

    household_ref : names the household among those of the address
    """

    standard_address_id: int
    kind: str
    lived_from: date
    lived_to: date | None = None
    household_ref: str | None = None


def open_residence(
    session: Session,
    resident_id: int,
    given: NewResidence,
    *,
    look: Look | None = None,
    writing: Writing,
) -> WriteAnswer:
    """Store that a person who is recorded lives, or is registered, at an address.

    Raises
    ------
    PurposeMissing : no purpose or no case is given
    RecordNotFound, AddressNotFound : person or address isn't in the scope
    InvalidRecord : a field can't be stored
    RecordConflict : the person lives somewhere else in that time; `move_resident` ends that
    WriteKeyTaken : the key of the write belongs to another one
    """
    require_reason(writing.access)
    request = {**asdict(given), "resident": resident_id, "look": look and asdict(look)}
    replay = find_replay(session, writing, "residence.open", request)
    if replay is not None:
        return replay
    resident = get_record(session, "resident", resident_id, scope=writing.scope, hold=True)
    assert isinstance(resident, Resident)
    findings = Findings(KIND)
    if look is not None:
        look = check_look(look, writing.today)
    held_address(session, given.standard_address_id, findings, writing.scope)
    check_residence(findings, given, writing)
    stored = add_residence(session, resident, given, findings, look=look, writing=writing)
    _log(session, writing, "open", stored)
    return keep_answer(session, writing, "residence.open", request, _answer(stored))


def move_resident(
    session: Session,
    residence_id: int,
    to: NewResidence,
    *,
    expected_version: int,
    look: Look | None = None,
    writing: Writing,
) -> WriteAnswer:
    """Let a person leave one address and come to another on one day, in one go.

    Answers the new residence; the former one ends on the day the new one begins.

    Raises
    ------
    PurposeMissing : no purpose or no case is given
    RecordNotFound, AddressNotFound : either isn't in the scope
    StaleRecord : the residence was changed since it was seen
    InvalidRecord, RecordConflict, WriteKeyTaken : as `open_residence`
    Conflict : the former residence has ended, or is at this address
    """
    require_reason(writing.access)
    request = {
        **asdict(to), "from": residence_id, "seen": expected_version, "look": look and asdict(look),
    }  # fmt: skip
    replay = find_replay(session, writing, "residence.move", request)
    if replay is not None:
        return replay
    former = _held(session, residence_id, writing)
    if former.standard_address_id == to.standard_address_id:
        raise Conflict(
            f"Residence {residence_id} is at address {to.standard_address_id} already. Change it "
            "instead."
        )
    if look is not None:
        look = check_look(look, writing.today)
    _end(session, former, to.lived_from, expected_version, writing)
    findings = Findings(KIND)
    held_address(session, to.standard_address_id, findings, writing.scope)
    check_residence(findings, to, writing)
    with seeing_everything(session):
        resident = session.get_one(Resident, former.resident_id)
    stored = add_residence(session, resident, to, findings, look=look, writing=writing)
    _log(session, writing, "move", stored)
    return keep_answer(session, writing, "residence.move", request, _answer(stored))


def end_residence(
    session: Session,
    residence_id: int,
    *,
    lived_to: date,
    expected_version: int,
    writing: Writing,
) -> WriteAnswer:
    """End a residence: from `lived_to` the person lives there no more.

    Raises
    ------
    PurposeMissing : no purpose or no case is given
    RecordNotFound : there is none in the scope
    StaleRecord : it was changed since it was seen
    InvalidRecord : the day is yet to come, or not after the first
    Conflict : it has ended already
    """
    require_reason(writing.access)
    request = {"id": residence_id, "seen": expected_version, "lived_to": lived_to}
    replay = find_replay(session, writing, "residence.end", request)
    if replay is not None:
        return replay
    residence = _held(session, residence_id, writing)
    _end(session, residence, lived_to, expected_version, writing)
    _log(session, writing, "end", residence)
    return keep_answer(session, writing, "residence.end", request, _answer(residence))


def change_residence(
    session: Session,
    residence_id: int,
    changes: Mapping[str, Any],
    *,
    expected_version: int,
    writing: Writing,
) -> WriteAnswer:
    """Correct the kind, the household or the days of a residence; what isn't named stays.

    Raises
    ------
    PurposeMissing : no purpose or no case is given
    RecordNotFound : there is none in the scope
    StaleRecord : it was changed since it was seen; `sides` has both
    InvalidRecord, RecordConflict : as `open_residence`
    InvalidInput : a field that can't be changed
    Conflict : it was annulled
    """
    require_reason(writing.access)
    request = {**changes, "id": residence_id, "seen": expected_version}
    replay = find_replay(session, writing, "residence.change", request)
    if replay is not None:
        return replay
    unknown = sorted(set(changes) - set(CHANGEABLE))
    if unknown:
        raise InvalidInput(
            f"{unknown[0]!r} of a residence can't be changed. Wanted: {', '.join(CHANGEABLE)}.",
            field=unknown[0],
        )
    residence = _held(session, residence_id, writing)
    require_seen(
        f"Residence {residence_id}",
        residence.version,
        expected_version,
        changes,
        residence_facts(residence),
    )
    wanted = NewResidence(
        **{
            **{name: getattr(residence, name) for name in CHANGEABLE},
            "standard_address_id": residence.standard_address_id,
            **changes,
        }
    )
    findings = Findings(KIND)
    with unchanged_where_refused(session, residence):
        check_residence(findings, wanted, writing)
        if not findings.faults:
            put_fields(residence, wanted)
            findings.conflicts += find_overlapping(
                session, residence.resident_id, wanted, writing, but_id=residence_id
            )
        findings.refuse(although_alike=True)
    put_due(residence, today=writing.today, cycles=writing.cycles)
    _store(session, residence, writing)
    _log(session, writing, "change", residence)
    return keep_answer(session, writing, "residence.change", request, _answer(residence))


def annul_residence(
    session: Session,
    residence_id: int,
    *,
    now: datetime,
    expected_version: int,
    writing: Writing,
) -> WriteAnswer:
    """Say that a residence never was: it was recorded in error. It stays in the history.

    Raises
    ------
    PurposeMissing : no purpose or no case is given
    RecordNotFound : there is none in the scope
    StaleRecord : it was changed since it was seen
    Conflict : it was annulled already
    """
    require_reason(writing.access)
    request = {"id": residence_id, "seen": expected_version}
    replay = find_replay(session, writing, "residence.annul", request)
    if replay is not None:
        return replay
    residence = _held(session, residence_id, writing)
    require_seen(f"Residence {residence_id}", residence.version, expected_version, {}, {})
    residence.annulled_at, residence.annulled_by = now, writing.access.actor
    _store(session, residence, writing)
    _log(session, writing, "annul", residence)
    return keep_answer(session, writing, "residence.annul", request, _answer(residence))


def add_residence(
    session: Session,
    resident: Resident,
    given: NewResidence,
    findings: Findings,
    *,
    look: Look | None,
    writing: Writing,
) -> Residence:
    """Return a stored residence of a person, checked, at an address that is held.

    Raises
    ------
    InvalidRecord, RecordConflict : what was found before counts too
    """
    residence = Residence(
        id=next_id(session, Residence),
        resident_id=resident.id,
        standard_address_id=given.standard_address_id,
        version=1,
        source=writing.source,
        recorded_by=writing.access.actor,
    )
    put_fields(residence, given)
    if not findings.faults:
        findings.conflicts += find_overlapping(session, resident.id, given, writing)
    findings.refuse(although_alike=True)
    put_look(residence, look, by=writing.access.actor, today=writing.today, cycles=writing.cycles)
    session.add(residence)
    session.flush()
    keep_look(session, residence, look, by=writing.access.actor)
    return residence


def find_overlapping(
    session: Session,
    resident_id: int,
    wanted: NewResidence,
    writing: Writing,
    *,
    but_id: int = 0,
) -> list[Contradiction]:
    """Return what forbids a residence: the person lives elsewhere in that time.

    Beside a place where they are registered, a person may live at another (人户分离). Who is
    registered nowhere is registered nowhere else. Outside the caller's scope nothing is told but
    that there is one.
    """
    hold(session, f"residences of {resident_id}")
    others = select(Residence.id, Residence.grid_code, Residence.kind).where(
        Residence.resident_id == resident_id, Residence.id != but_id, *overlapping(wanted)
    )
    with seeing_everything(session):
        rows = session.execute(others.order_by(Residence.id)).all()
    return [
        Contradiction(
            "registered_elsewhere" if row.kind == "registered" else "lives_elsewhere",
            KIND,
            row.id if writing.scope.covers(row.grid_code) else None,
            "lived_from",
        )
        for row in rows
    ]


def overlapping(wanted: NewResidence) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which another residence of the same person forbids this one."""
    return (
        Residence.annulled_at.is_(None),
        _overlaps(wanted.lived_from, wanted.lived_to),
        _excludes(wanted.kind),
    )


def residence_facts(residence: Residence) -> dict[str, Any]:
    """Return the fields of a residence."""
    return {
        "kind": residence.kind,
        "household_ref": residence.household_ref,
        "lived_from": residence.lived_from,
        "lived_to": residence.lived_to,
    }


def _overlaps(lived_from: date, lived_to: date | None) -> ColumnElement[bool]:
    after = Residence.lived_to.is_(None) | (Residence.lived_to > lived_from)
    return after if lived_to is None else after & (Residence.lived_from < lived_to)


def _excludes(kind: str) -> ColumnElement[bool]:
    """Which other kinds can't be at the same time; the database holds all but the last two."""
    if kind == "registered":
        return Residence.kind.in_(["registered", "unregistered"])
    if kind == "unregistered":
        return Residence.kind.is_not(None)
    return Residence.kind != "registered"


def check_residence(findings: Findings, given: NewResidence, writing: Writing) -> None:
    """Note what of a residence can't be stored."""
    check_choice(findings, "kind", given.kind, RESIDENCE_KINDS)
    check_not_ahead(findings, "lived_from", given.lived_from, writing.today, required=True)
    check_not_ahead(findings, "lived_to", given.lived_to, writing.today)
    if not findings.faults and given.lived_to is not None and given.lived_to <= given.lived_from:
        _note_backwards(findings, given.lived_from, given.lived_to)
    check_text(findings, "household_ref", given.household_ref, longest=HOUSEHOLD_CHARS_MAX)


def put_fields(residence: Residence, given: NewResidence) -> None:
    """Set fields that were checked; `missing` follows."""
    residence.kind = given.kind
    residence.lived_from, residence.lived_to = given.lived_from, given.lived_to
    residence.household_ref = (given.household_ref or "").strip() or None
    residence.missing = missing_fields(residence)


def _note_backwards(findings: Findings, lived_from: date, lived_to: date) -> None:
    findings.fault(
        "lived_to",
        "ends_before_it_begins",
        f"The residence begins on {lived_from.isoformat()} and can't have ended by "
        f"{lived_to.isoformat()}. One recorded in error is annulled.",
    )


def _held(session: Session, residence_id: int, writing: Writing) -> Residence:
    found = get_record(session, KIND, residence_id, scope=writing.scope, hold=True)
    assert isinstance(found, Residence)
    if found.annulled_at is not None:
        raise Conflict(f"Residence {residence_id} was annulled.")
    return found


def _end(
    session: Session,
    residence: Residence,
    lived_to: date,
    expected_version: int,
    writing: Writing,
) -> None:
    if residence.lived_to is not None:
        raise Conflict(
            f"Residence {residence.id} ended already on {residence.lived_to.isoformat()}."
        )
    require_seen(f"Residence {residence.id}", residence.version, expected_version, {}, {})
    findings = Findings(KIND)
    check_not_ahead(findings, "lived_to", lived_to, writing.today)
    if lived_to <= residence.lived_from:
        _note_backwards(findings, residence.lived_from, lived_to)
    findings.refuse(although_alike=True)
    residence.lived_to = lived_to
    _store(session, residence, writing)


def _store(session: Session, residence: Residence, writing: Writing) -> None:
    residence.recorded_by, residence.source = writing.access.actor, writing.source
    session.flush()
    session.refresh(residence)  # the version is the database's to count


def _answer(residence: Residence) -> WriteAnswer:
    return WriteAnswer(
        record_kind=KIND,
        record_id=residence.id,
        version=residence.version,
        missing=tuple(residence.missing),
        completeness=completeness_of(residence),
        due_on=residence.due_on,
        residence_id=residence.id,
    )


def _log(session: Session, writing: Writing, what: str, residence: Residence) -> None:
    record_in_log(
        session,
        writing.access,
        f"residence.{what}",
        object_kind=KIND,
        object_ref=str(residence.id),
        row_count=1,
    )
