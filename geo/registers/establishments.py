"""Establishments: recorded, changed, moved, ended. Each write answers with all there is to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.audit import record as record_in_log
from geo.errors import Conflict, InvalidInput, InvalidNumber
from geo.registers.answers import Alike, Findings, WriteAnswer
from geo.registers.completeness import completeness_of, missing_fields
from geo.registers.finding import get_record, was_there
from geo.registers.numbers import mask_phone, read_credit_code, read_phone
from geo.registers.sealed import holds_sealed, next_id, put_sealed, read_masked, read_sealed
from geo.registers.verifying import Look, check_look, keep_look, put_due, put_look
from geo.registers.writing import (
    NOTE_CHARS_MAX,
    Writing,
    check_choice,
    check_not_ahead,
    check_text,
    find_replay,
    held_address,
    hold,
    keep_answer,
    require_reason_for_persons,
    require_seen,
    unchanged_where_refused,
)
from geo.sealed_columns import CONTACT_PHONE
from geo.store.scope import seeing_everything
from geo.tables import ESTABLISHMENT_CLASSES, Establishment

KIND = "establishment"
CHANGEABLE = (
    "name", "credit_code", "establishment_class", "trade", "contact_name", "contact_phone", "note",
    "occupied_from",
)  # fmt: skip
ABOUT_PERSONS = frozenset({"contact_name", "contact_phone", "note"})
ALIKE_MAX = 10


@dataclass(frozen=True, slots=True)
class NewEstablishment:
    """What is said of an establishment. `standard_address_id` is its place, down to the room."""

    standard_address_id: int
    name: str
    establishment_class: str
    occupied_from: date
    credit_code: str | None = None
    trade: str | None = None
    contact_name: str | None = None
    contact_phone: str | None = None
    note: str | None = None


def record_establishment(
    session: Session, given: NewEstablishment, *, look: Look | None = None, writing: Writing
) -> WriteAnswer:
    """Store an establishment, and answer what is alike, missing and due.

    One with the same credit code, there now, is alike wherever it is: a branch has a code of its
    own. So is one of the same name at the same address.

    Parameters
    ----------
    look : that it was looked at; None where what is stored is only said

    Raises
    ------
    PurposeMissing : it tells of a contact, or has a note, and no purpose or no case is given
    AddressNotFound : its address isn't in the scope
    InvalidRecord : a field can't be stored; all of them are named
    RecordConflict : it is probably there already, and the caller didn't say that it is another
    WriteKeyTaken : the key of the write belongs to another one
    """
    require_reason_for_persons(writing, asdict(given), ABOUT_PERSONS)
    request = {**asdict(given), "look": look and asdict(look)}
    replay = find_replay(session, writing, "establishment.create", request)
    if replay is not None:
        return replay
    stored = _create(session, given, look, writing, Findings(KIND))
    return keep_answer(session, writing, "establishment.create", request, stored)


def change_establishment(
    session: Session,
    establishment_id: int,
    changes: Mapping[str, Any],
    *,
    expected_version: int,
    look: Look | None = None,
    writing: Writing,
) -> WriteAnswer:
    """Store changed fields of an establishment; what isn't named stays.

    Raises
    ------
    PurposeMissing : it tells of a contact, or has a note, and no purpose or no case is given
    RecordNotFound : there is none in the scope
    StaleRecord : it was changed since it was seen; `sides` has both
    InvalidRecord, RecordConflict, WriteKeyTaken : as `record_establishment`
    InvalidInput : a field that can't be changed
    Conflict : it has ended
    """
    require_reason_for_persons(writing, changes, ABOUT_PERSONS)
    request = {
        **changes, "id": establishment_id, "seen": expected_version, "look": look and asdict(look),
    }  # fmt: skip
    replay = find_replay(session, writing, "establishment.change", request)
    if replay is not None:
        return replay
    unknown = sorted(set(changes) - set(CHANGEABLE))
    if unknown:
        raise InvalidInput(
            f"{unknown[0]!r} of an establishment can't be changed. Wanted: "
            f"{', '.join(CHANGEABLE)}.",
            field=unknown[0],
        )
    establishment = _held(session, establishment_id, writing)
    shown = writing.access.has_reason
    require_seen(
        f"Establishment {establishment_id}",
        establishment.version,
        expected_version,
        _shown_changes(changes, with_persons=shown),
        establishment_facts(session, establishment, with_persons=shown),
    )
    if establishment.occupied_to is not None:
        raise Conflict(
            f"Establishment {establishment_id} left on {establishment.occupied_to.isoformat()}."
        )
    if look is not None:
        look = check_look(look, writing.today)
    findings = Findings(KIND)
    former_code = establishment.credit_code
    with unchanged_where_refused(session, establishment):
        put_fields(session, establishment, changes, findings, writing)
        if establishment.credit_code not in (None, former_code):
            findings.alike = _find_alike(
                session, establishment, writing, by_name=False, but_id=establishment_id
            )
        findings.refuse(although_alike=writing.although_alike, missing=establishment.missing)
    put_due(establishment, today=writing.today, cycles=writing.cycles)
    if look is not None:
        put_look(
            establishment, look, by=writing.access.actor, today=writing.today,
            cycles=writing.cycles,
        )  # fmt: skip
    _store(session, establishment, writing)
    keep_look(session, establishment, look, by=writing.access.actor)
    _log(session, writing, "change", establishment)
    answer = _answer(establishment, tuple(findings.alike))
    return keep_answer(session, writing, "establishment.change", request, answer)


def end_establishment(
    session: Session,
    establishment_id: int,
    *,
    left_on: date,
    expected_version: int,
    writing: Writing,
) -> WriteAnswer:
    """End an establishment at its address: from `left_on` it is no more there.

    Raises
    ------
    RecordNotFound : there is none in the scope
    StaleRecord : it was changed since it was seen
    InvalidRecord : the day is yet to come, or before it came
    Conflict : it has left already
    """
    request = {"id": establishment_id, "seen": expected_version, "left_on": left_on}
    replay = find_replay(session, writing, "establishment.end", request)
    if replay is not None:
        return replay
    establishment = _held(session, establishment_id, writing)
    _end(session, establishment, left_on, expected_version, writing)
    answer = _answer(establishment)
    return keep_answer(session, writing, "establishment.end", request, answer)


def move_establishment(
    session: Session,
    establishment_id: int,
    address_id: int,
    *,
    moved_on: date,
    expected_version: int,
    look: Look | None = None,
    writing: Writing,
) -> WriteAnswer:
    """Let an establishment leave its address and come to another, on one day, in one go.

    What is known of it comes along. Answers the new record.

    Raises
    ------
    RecordNotFound, AddressNotFound : either isn't in the scope
    StaleRecord, InvalidRecord, Conflict : as `end_establishment`
    RecordConflict : it is at the other address already
    """
    request = {
        "id": establishment_id, "to": address_id, "seen": expected_version, "moved_on": moved_on,
        "look": look and asdict(look),
    }  # fmt: skip
    replay = find_replay(session, writing, "establishment.move", request)
    if replay is not None:
        return replay
    former = _held(session, establishment_id, writing)
    if former.standard_address_id == address_id:
        raise Conflict(f"Establishment {establishment_id} is at address {address_id} already.")
    _end(session, former, moved_on, expected_version, writing)
    arrived = NewEstablishment(
        standard_address_id=address_id,
        name=former.name,
        establishment_class=former.establishment_class,
        occupied_from=moved_on,
        credit_code=former.credit_code,
        trade=former.trade,
        contact_name=former.contact_name,
        contact_phone=read_sealed(session, former, CONTACT_PHONE),
        note=former.note,
    )
    answer = _create(
        session, arrived, look, writing, Findings(KIND), moved_from_id=establishment_id
    )
    return keep_answer(session, writing, "establishment.move", request, answer)


def establishment_facts(
    session: Session, establishment: Establishment, *, with_persons: bool
) -> dict[str, Any]:
    """Return the fields of an establishment as they may be shown.

    Parameters
    ----------
    with_persons : the contact too, with a masked phone, and the note: the caller has a purpose and
        a case, and the reading is audited
    """
    facts: dict[str, Any] = {
        "name": establishment.name,
        "credit_code": establishment.credit_code,
        "establishment_class": establishment.establishment_class,
        "trade": establishment.trade,
        "occupied_from": establishment.occupied_from,
        "occupied_to": establishment.occupied_to,
    }
    if with_persons:
        facts["contact_name"] = establishment.contact_name
        facts["contact_phone"] = read_masked(session, establishment, CONTACT_PHONE, mask_phone)
        facts["note"] = establishment.note
    return facts


def _create(
    session: Session,
    given: NewEstablishment,
    look: Look | None,
    writing: Writing,
    findings: Findings,
    *,
    moved_from_id: int | None = None,
) -> WriteAnswer:
    if look is not None:
        look = check_look(look, writing.today)
    held_address(session, given.standard_address_id, findings, writing.scope)
    establishment = Establishment(
        id=next_id(session, Establishment),
        standard_address_id=given.standard_address_id,
        moved_from_id=moved_from_id,
        version=1,
        source=writing.source,
        recorded_by=writing.access.actor,
    )
    values = {name: getattr(given, name) for name in CHANGEABLE}
    put_fields(session, establishment, values, findings, writing)
    findings.alike = _find_alike(session, establishment, writing)
    findings.refuse(although_alike=writing.although_alike, missing=establishment.missing)
    put_look(
        establishment, look, by=writing.access.actor, today=writing.today, cycles=writing.cycles
    )
    session.add(establishment)
    session.flush()
    keep_look(session, establishment, look, by=writing.access.actor)
    _log(session, writing, "create", establishment)
    return _answer(establishment, tuple(findings.alike))


def _find_alike(
    session: Session,
    establishment: Establishment,
    writing: Writing,
    *,
    by_name: bool = True,
    but_id: int = 0,
) -> list[Alike]:
    """Those there now that are probably the same, held against others who record the same."""
    found = []
    if establishment.credit_code is not None:
        hold(session, f"credit code {establishment.credit_code}")
        query = select(Establishment.id, Establishment.grid_code).where(
            Establishment.credit_code == establishment.credit_code,
            Establishment.id != but_id,
            was_there(Establishment, writing.today),
        )
        with seeing_everything(session):
            rows = session.execute(query.order_by(Establishment.id).limit(ALIKE_MAX)).all()
        for row in rows:
            # Outside the caller's scope nothing is told but that there is one.
            known = row.id if writing.scope.covers(row.grid_code) else None
            found.append(Alike(KIND, known, "credit_code"))
    if by_name and establishment.name:
        same_name = select(Establishment.id).where(
            Establishment.standard_address_id == establishment.standard_address_id,
            Establishment.name == establishment.name,
            was_there(Establishment, writing.today),
        )
        told = {each.record_id for each in found}
        found += [
            Alike(KIND, other_id, "address_and_name")
            for other_id in session.scalars(same_name.order_by(Establishment.id).limit(ALIKE_MAX))
            if other_id not in told
        ]
    return found


def _held(session: Session, establishment_id: int, writing: Writing) -> Establishment:
    found = get_record(session, KIND, establishment_id, scope=writing.scope, hold=True)
    assert isinstance(found, Establishment)
    return found


def _end(
    session: Session,
    establishment: Establishment,
    left_on: date,
    expected_version: int,
    writing: Writing,
) -> None:
    if establishment.occupied_to is not None:
        raise Conflict(
            f"Establishment {establishment.id} left already on "
            f"{establishment.occupied_to.isoformat()}."
        )
    require_seen(
        f"Establishment {establishment.id}", establishment.version, expected_version, {}, {}
    )
    findings = Findings(KIND)
    check_not_ahead(findings, "occupied_to", left_on, writing.today)
    if left_on < establishment.occupied_from:
        findings.fault(
            "occupied_to",
            "ends_before_it_begins",
            f"It came on {establishment.occupied_from.isoformat()} and can't have left on "
            f"{left_on.isoformat()}.",
        )
    findings.refuse(although_alike=True)
    establishment.occupied_to = left_on
    _store(session, establishment, writing)
    _log(session, writing, "end", establishment)


def _shown_changes(changes: Mapping[str, Any], *, with_persons: bool) -> dict[str, Any]:
    """What is given, as the stale answer may say it back: no number whole."""
    shown = {
        name: value for name, value in changes.items() if with_persons or name not in ABOUT_PERSONS
    }
    if shown.get("contact_phone"):
        shown["contact_phone"] = mask_phone(str(shown["contact_phone"]))
    return shown


def put_fields(
    session: Session,
    establishment: Establishment,
    values: Mapping[str, Any],
    findings: Findings,
    writing: Writing,
) -> None:
    """Set fields, noting what can't be stored; `missing` follows."""
    if "name" in values:
        name = check_text(findings, "name", values["name"])
        if name is None:
            findings.fault("name", "empty", "name is empty. Give the name on the licence or sign.")
        establishment.name = name or ""
    if "credit_code" in values:
        written = check_text(findings, "credit_code", values["credit_code"])
        try:
            establishment.credit_code = read_credit_code(written) if written else None
        except InvalidNumber as error:
            findings.note_error("credit_code", error)
    if "establishment_class" in values:
        check_choice(
            findings, "establishment_class", values["establishment_class"], ESTABLISHMENT_CLASSES
        )
        establishment.establishment_class = values["establishment_class"]
    for field in ("trade", "contact_name"):
        if field in values:
            setattr(establishment, field, check_text(findings, field, values[field]))
    if "contact_phone" in values:
        phone = check_text(findings, "contact_phone", values["contact_phone"])
        try:
            number = read_phone(phone) if phone else None
        except InvalidNumber as error:
            findings.note_error("contact_phone", error)
        else:
            if not holds_sealed(session, establishment, CONTACT_PHONE, number):
                put_sealed(session, establishment, CONTACT_PHONE, number)
    if "note" in values:
        establishment.note = check_text(findings, "note", values["note"], longest=NOTE_CHARS_MAX)
    if "occupied_from" in values:
        check_not_ahead(
            findings, "occupied_from", values["occupied_from"], writing.today, required=True
        )
        establishment.occupied_from = values["occupied_from"]
    establishment.missing = missing_fields(establishment)


def _store(session: Session, establishment: Establishment, writing: Writing) -> None:
    establishment.recorded_by, establishment.source = writing.access.actor, writing.source
    session.flush()
    session.refresh(establishment)  # the version is the database's to count


def _answer(establishment: Establishment, alike: tuple[Alike, ...] = ()) -> WriteAnswer:
    return WriteAnswer(
        record_kind=KIND,
        record_id=establishment.id,
        version=establishment.version,
        missing=tuple(establishment.missing),
        completeness=completeness_of(establishment),
        due_on=establishment.due_on,
        alike=alike,
    )


def _log(session: Session, writing: Writing, what: str, establishment: Establishment) -> None:
    record_in_log(
        session,
        writing.access,
        f"establishment.{what}",
        object_kind=KIND,
        object_ref=str(establishment.id),
    )
