"""Dwellings: recorded, changed, ended. Each write answers with all there is to say about it."""

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
from geo.registers.numbers import mask_phone, read_phone
from geo.registers.sealed import holds_sealed, next_id, put_sealed, read_masked
from geo.registers.verifying import Look, check_look, keep_look, put_due, put_look
from geo.registers.writing import (
    NOTE_CHARS_MAX,
    Writing,
    check_choice,
    check_not_ahead,
    check_text,
    find_replay,
    held_address,
    keep_answer,
    require_reason_for_persons,
    require_seen,
    unchanged_where_refused,
)
from geo.sealed_columns import LANDLORD_PHONE
from geo.tables import DWELLING_USES, SAFETY_FINDINGS, Dwelling

KIND = "dwelling"
CHANGEABLE = (
    "use", "room_count", "landlord_name", "landlord_phone", "registered_on", "safety_findings",
    "note",
)  # fmt: skip
ABOUT_PERSONS = frozenset({"landlord_name", "landlord_phone", "note"})
ROOMS_MAX = 500


@dataclass(frozen=True, slots=True)
class NewDwelling:
    """What is said of a dwelling. `standard_address_id` is its place, down to the room."""

    standard_address_id: int
    use: str
    room_count: int | None = None
    landlord_name: str | None = None
    landlord_phone: str | None = None
    registered_on: date | None = None
    safety_findings: tuple[str, ...] = ()
    note: str | None = None


def record_dwelling(
    session: Session, given: NewDwelling, *, look: Look | None = None, writing: Writing
) -> WriteAnswer:
    """Store a dwelling, and answer what is alike, missing and due.

    Parameters
    ----------
    look : that it was looked at; None where what is stored is only said

    Raises
    ------
    PurposeMissing : it tells of a landlord, or has a note, and no purpose or no case is given
    AddressNotFound : its address isn't in the scope
    InvalidRecord : a field can't be stored; all of them are named
    RecordConflict : there is a dwelling at this address, and the caller didn't say that it is
        another
    WriteKeyTaken : the key of the write belongs to another one
    """
    require_reason_for_persons(writing, asdict(given), ABOUT_PERSONS)
    request = {**asdict(given), "look": look and asdict(look)}
    replay = find_replay(session, writing, "dwelling.create", request)
    if replay is not None:
        return replay
    findings = Findings(KIND)
    if look is not None:
        look = check_look(look, writing.today)
    held_address(session, given.standard_address_id, findings, writing.scope)
    dwelling = Dwelling(
        id=next_id(session, Dwelling),
        standard_address_id=given.standard_address_id,
        use=given.use,
        version=1,
        source=writing.source,
        recorded_by=writing.access.actor,
    )
    values = {name: getattr(given, name) for name in CHANGEABLE}
    put_fields(session, dwelling, values, findings, writing)
    findings.alike = [
        Alike(KIND, dwelling_id, "address")
        for dwelling_id in session.scalars(
            select(Dwelling.id)
            .where(
                Dwelling.standard_address_id == given.standard_address_id,
                was_there(Dwelling, writing.today),
            )
            .order_by(Dwelling.id)
            .limit(10)
        )
    ]
    findings.refuse(although_alike=writing.although_alike, missing=dwelling.missing)
    put_look(dwelling, look, by=writing.access.actor, today=writing.today, cycles=writing.cycles)
    session.add(dwelling)
    session.flush()
    keep_look(session, dwelling, look, by=writing.access.actor)
    _log(session, writing, "create", dwelling)
    answer = _answer(dwelling, tuple(findings.alike))
    return keep_answer(session, writing, "dwelling.create", request, answer)


def change_dwelling(
    session: Session,
    dwelling_id: int,
    changes: Mapping[str, Any],
    *,
    expected_version: int,
    look: Look | None = None,
    writing: Writing,
) -> WriteAnswer:
    """Store changed fields of a dwelling; what isn't named stays.

    Raises
    ------
    PurposeMissing : it tells of a landlord, or has a note, and no purpose or no case is given
    RecordNotFound : there is none in the scope
    StaleRecord : it was changed since it was seen; `sides` has both
    InvalidRecord, WriteKeyTaken : as `record_dwelling`
    InvalidInput : a field that can't be changed
    Conflict : it has ended
    """
    require_reason_for_persons(writing, changes, ABOUT_PERSONS)
    request = {
        **changes,
        "id": dwelling_id,
        "seen": expected_version,
        "look": look and asdict(look),
    }
    replay = find_replay(session, writing, "dwelling.change", request)
    if replay is not None:
        return replay
    unknown = sorted(set(changes) - set(CHANGEABLE))
    if unknown:
        raise InvalidInput(
            f"{unknown[0]!r} of a dwelling can't be changed. Wanted: {', '.join(CHANGEABLE)}.",
            field=unknown[0],
        )
    dwelling = get_record(session, KIND, dwelling_id, scope=writing.scope, hold=True)
    assert isinstance(dwelling, Dwelling)
    findings = Findings(KIND)
    shown = writing.access.has_reason
    require_seen(
        f"Dwelling {dwelling_id}",
        dwelling.version,
        expected_version,
        _shown_changes(changes, with_persons=shown),
        dwelling_facts(session, dwelling, with_persons=shown),
    )
    if dwelling.ended_on is not None:
        raise Conflict(f"Dwelling {dwelling_id} ended on {dwelling.ended_on.isoformat()}.")
    if look is not None:
        look = check_look(look, writing.today)
    with unchanged_where_refused(session, dwelling):
        put_fields(session, dwelling, changes, findings, writing)
        findings.refuse(although_alike=True, missing=dwelling.missing)
    put_due(dwelling, today=writing.today, cycles=writing.cycles)
    if look is not None:
        put_look(
            dwelling, look, by=writing.access.actor, today=writing.today, cycles=writing.cycles
        )
    _store(session, dwelling, writing)
    keep_look(session, dwelling, look, by=writing.access.actor)
    _log(session, writing, "change", dwelling)
    answer = _answer(dwelling)
    return keep_answer(session, writing, "dwelling.change", request, answer)


def end_dwelling(
    session: Session,
    dwelling_id: int,
    *,
    ended_on: date,
    expected_version: int,
    writing: Writing,
) -> WriteAnswer:
    """End a dwelling that is no more; nothing is deleted.

    Raises
    ------
    RecordNotFound : there is none in the scope
    StaleRecord : it was changed since it was seen
    InvalidRecord : the day is yet to come
    Conflict : it has ended already
    """
    request = {"id": dwelling_id, "seen": expected_version, "ended_on": ended_on}
    replay = find_replay(session, writing, "dwelling.end", request)
    if replay is not None:
        return replay
    dwelling = get_record(session, KIND, dwelling_id, scope=writing.scope, hold=True)
    assert isinstance(dwelling, Dwelling)
    if dwelling.ended_on is not None:
        raise Conflict(f"Dwelling {dwelling_id} ended already on {dwelling.ended_on.isoformat()}.")
    require_seen(f"Dwelling {dwelling_id}", dwelling.version, expected_version, {}, {})
    findings = Findings(KIND)
    check_not_ahead(findings, "ended_on", ended_on, writing.today)
    findings.refuse(although_alike=True)
    dwelling.ended_on = ended_on
    _store(session, dwelling, writing)
    _log(session, writing, "end", dwelling)
    return keep_answer(session, writing, "dwelling.end", request, _answer(dwelling))


def dwelling_facts(session: Session, dwelling: Dwelling, *, with_persons: bool) -> dict[str, Any]:
    """Return the fields of a dwelling as they may be shown.

    Parameters
    ----------
    with_persons : the landlord too, with a masked phone, and the note: the caller has a purpose
        and a case, and the reading is audited
    """
    facts: dict[str, Any] = {
        "use": dwelling.use,
        "room_count": dwelling.room_count,
        "registered_on": dwelling.registered_on,
        "safety_findings": list(dwelling.safety_findings),
    }
    if with_persons:
        facts["landlord_name"] = dwelling.landlord_name
        facts["landlord_phone"] = read_masked(session, dwelling, LANDLORD_PHONE, mask_phone)
        facts["note"] = dwelling.note
    return facts


def _shown_changes(changes: Mapping[str, Any], *, with_persons: bool) -> dict[str, Any]:
    """What is given, as the stale answer may say it back: no number whole."""
    shown = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in changes.items()
        if with_persons or name not in ABOUT_PERSONS
    }
    if shown.get("landlord_phone"):
        shown["landlord_phone"] = mask_phone(str(shown["landlord_phone"]))
    return shown


def put_fields(
    session: Session,
    dwelling: Dwelling,
    values: Mapping[str, Any],
    findings: Findings,
    writing: Writing,
) -> None:
    """Set fields, noting what can't be stored; `missing` follows."""
    if "use" in values:
        check_choice(findings, "use", values["use"], DWELLING_USES)
        dwelling.use = values["use"]
    if "room_count" in values:
        rooms = values["room_count"]
        if rooms is not None and not 1 <= rooms <= ROOMS_MAX:
            findings.fault(
                "room_count",
                "out_of_range",
                f"room_count is {rooms}, wanted 1 to {ROOMS_MAX}.",
            )
        dwelling.room_count = rooms
    if "landlord_name" in values:
        dwelling.landlord_name = check_text(findings, "landlord_name", values["landlord_name"])
    if "landlord_phone" in values:
        phone = check_text(findings, "landlord_phone", values["landlord_phone"])
        try:
            number = read_phone(phone) if phone else None
        except InvalidNumber as error:
            findings.note_error("landlord_phone", error)
        else:
            if not holds_sealed(session, dwelling, LANDLORD_PHONE, number):
                put_sealed(session, dwelling, LANDLORD_PHONE, number)
    if "registered_on" in values:
        check_not_ahead(findings, "registered_on", values["registered_on"], writing.today)
        dwelling.registered_on = values["registered_on"]
    if "safety_findings" in values:
        found = sorted(set(values["safety_findings"] or ()))
        for each in found:
            check_choice(findings, "safety_findings", each, SAFETY_FINDINGS)
        if found != dwelling.safety_findings:
            dwelling.safety_findings = found
    if "note" in values:
        dwelling.note = check_text(findings, "note", values["note"], longest=NOTE_CHARS_MAX)
    dwelling.missing = missing_fields(dwelling)


def _store(session: Session, dwelling: Dwelling, writing: Writing) -> None:
    dwelling.recorded_by, dwelling.source = writing.access.actor, writing.source
    session.flush()
    session.refresh(dwelling)  # the version is the database's to count


def _answer(dwelling: Dwelling, alike: tuple[Alike, ...] = ()) -> WriteAnswer:
    return WriteAnswer(
        record_kind=KIND,
        record_id=dwelling.id,
        version=dwelling.version,
        missing=tuple(dwelling.missing),
        completeness=completeness_of(dwelling),
        due_on=dwelling.due_on,
        alike=alike,
    )


def _log(session: Session, writing: Writing, what: str, dwelling: Dwelling) -> None:
    record_in_log(
        session,
        writing.access,
        f"dwelling.{what}",
        object_kind=KIND,
        object_ref=str(dwelling.id),
    )
