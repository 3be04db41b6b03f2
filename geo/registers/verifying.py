"""Quality as data: who looked at a record when and how, when it is due, what is said wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from geo.audit import record as record_in_log
from geo.audit import require_reason
from geo.decisions import checked_note
from geo.errors import Conflict, InvalidInput, RecordNotFound
from geo.registers.answers import WriteAnswer
from geo.registers.cycles import Cycles, dwelling_cycle, establishment_cycle
from geo.registers.finding import get_record
from geo.registers.writing import Writing, find_replay, keep_answer
from geo.tables import (
    RECORD_KINDS,
    VERIFIED_HOW,
    Dwelling,
    Establishment,
    RecordReport,
    RecordVerification,
    Residence,
)

LookedAt = Dwelling | Residence | Establishment
ABOUT_PERSONS = frozenset({"resident", "residence"})


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody looked at something: on which day, and how (`visit`, `call`, `import`)."""

    on: date
    how: str = "visit"


def cycle_name(record: LookedAt) -> str:
    """Return the name of the cycle in which a record is to be looked at."""
    match record:
        case Dwelling():
            return dwelling_cycle(record.use)
        case Establishment():
            return establishment_cycle(record.establishment_class)
        case Residence():
            return record.kind


def put_look(record: LookedAt, look: Look | None, *, by: str, today: date, cycles: Cycles) -> None:
    """Set when a record was looked at and when it is due again; without a look it is due today."""
    if look is None:
        record.due_on = today
        return
    record.verified_on, record.verified_by, record.verified_how = look.on, by, look.how
    record.due_on = cycles.due_on(cycle_name(record), look.on)


def put_due(record: LookedAt, *, today: date, cycles: Cycles) -> None:
    """Set when a record is due again after its kind changed."""
    looked = record.verified_on
    record.due_on = today if looked is None else cycles.due_on(cycle_name(record), looked)


def keep_look(session: Session, record: LookedAt, look: Look | None, *, by: str) -> None:
    """Add a look at a stored record to those that were."""
    if look is not None:
        session.add(
            RecordVerification(
                record_kind=record.__tablename__,
                record_id=record.id,
                record_version=record.version,
                verified_on=look.on,
                verified_by=by,
                verified_how=look.how,
            )
        )
        session.flush()


def check_look(look: Look, today: date) -> Look:
    """Return a look that can have been.

    Raises
    ------
    InvalidInput : no such way, or a day that is yet to come or long ago
    """
    if look.how not in VERIFIED_HOW:
        raise InvalidInput(
            f"how is “{look.how[:20]}”, wanted one of {', '.join(VERIFIED_HOW)}.", field="how"
        )
    if not date(2000, 1, 1) <= look.on <= today:
        raise InvalidInput(
            f"The day of the look is {look.on.isoformat()}, wanted one from 2000-01-01 to "
            f"{today.isoformat()}.",
            field="verified_on",
        )
    return look


def verify_record(
    session: Session,
    kind: str,
    record_id: int,
    look: Look,
    *,
    expected_version: int,
    writing: Writing,
) -> LookedAt:
    """Say that a record was looked at and holds as it is; return it with its next day.

    A look at an older day than the last is kept, and moves nothing.

    Sent again with the same key it is kept once.

    Raises
    ------
    RecordNotFound : there is none in the scope
    Conflict : it was changed since it was seen: then something else was looked at
    InvalidInput : the look can't have been, or things of this kind aren't looked at
    PurposeMissing : it is about a person, and no purpose or no case is given
    WriteKeyTaken : the key of the write belongs to another one
    """
    _require_reason(kind, writing)
    look = check_look(look, writing.today)
    record = get_record(session, kind, record_id, scope=writing.scope, hold=True)
    if not isinstance(record, Dwelling | Residence | Establishment):
        raise InvalidInput(
            "A person is verified at the place they live: verify the residence.", field="kind"
        )
    request = {"id": record_id, "version": expected_version, "on": look.on, "how": look.how}
    if find_replay(session, writing, f"{kind}.verify", request) is not None:
        return record
    if record.version != expected_version:
        raise Conflict(
            f"This {kind} is at version {record.version}, you have seen {expected_version}. Look "
            "at it again.",
            version=record.version,
        )
    by = writing.access.actor
    if record.verified_on is None or look.on >= record.verified_on:
        put_look(record, look, by=by, today=writing.today, cycles=writing.cycles)
    keep_look(session, record, look, by=by)
    record_in_log(
        session, writing.access, f"{kind}.verify", object_kind=kind, object_ref=str(record_id)
    )
    answer = WriteAnswer(kind, record_id, record.version, (), 1.0, record.due_on)
    keep_answer(session, writing, f"{kind}.verify", request, answer)
    session.flush()
    return record


def find_verifications(
    session: Session, kind: str, record_id: int, *, limit: int = 100
) -> Sequence[RecordVerification]:
    """Return the looks at a record, the last first; the scope is that of the session."""
    return session.scalars(
        select(RecordVerification)
        .where(RecordVerification.record_kind == kind, RecordVerification.record_id == record_id)
        .order_by(RecordVerification.id.desc())
        .limit(limit)
    ).all()


def report_error(
    session: Session,
    kind: str,
    record_id: int,
    note: str,
    *,
    field: str | None = None,
    writing: Writing,
) -> RecordReport:
    """Say that a record is wrong; it waits for whoever may change it.

    Sent again with the same key it is kept once.

    Raises
    ------
    RecordNotFound : there is none in the scope
    InvalidInput : nothing is said, it is too long, or there is no such field
    PurposeMissing : it is about a person, and no purpose or no case is given
    WriteKeyTaken : the key of the write belongs to another one
    """
    _require_reason(kind, writing)
    record = get_record(session, kind, record_id, scope=writing.scope)
    said = checked_note(note.strip())
    if not said:
        raise InvalidInput("The report says nothing. Say what is wrong.", field="note")
    known = {column.name.removesuffix("_sealed") for column in record.__table__.columns}
    known.add("identity_number")
    if field is not None and field not in known:
        raise InvalidInput(f"A {kind} has no field {field[:40]!r}.", field="field")
    request = {"id": record_id, "note": said, "field": field}
    before = find_replay(session, writing, f"{kind}.report", request)
    if before is not None:
        return session.get_one(RecordReport, before.report_id)
    report = RecordReport(
        record_kind=kind,
        record_id=record_id,
        field=field,
        note=said,
        reported_by=writing.access.actor,
    )
    session.add(report)
    record_in_log(
        session, writing.access, f"{kind}.report", object_kind=kind, object_ref=str(record_id)
    )
    session.flush()
    session.refresh(report)
    answer = WriteAnswer(kind, record_id, record.version, (), 1.0, None, report_id=report.id)
    keep_answer(session, writing, f"{kind}.report", request, answer)
    return report


def settle_report(
    session: Session,
    report_id: int,
    *,
    mended: bool,
    note: str | None = None,
    now: datetime,
    writing: Writing,
) -> RecordReport:
    """Say what came of a report: the record was mended, or it was right.

    Raises
    ------
    RecordNotFound : there is none in the scope
    Conflict : it was settled already
    InvalidInput : the note is too long
    PurposeMissing : it is about a person, and no purpose or no case is given
    """
    report = session.get(RecordReport, report_id, with_for_update=True, populate_existing=True)
    if report is None:
        raise RecordNotFound(f"There is no report {report_id}.", report_id=report_id)
    get_record(session, report.record_kind, report.record_id, scope=writing.scope)
    _require_reason(report.record_kind, writing)
    if report.status != "open":
        raise Conflict(f"Report {report_id} was settled already ({report.status}).")
    report.status = "mended" if mended else "unfounded"
    report.settled_by, report.settled_at = writing.access.actor, now
    report.settled_note = checked_note(note)
    record_in_log(
        session,
        writing.access,
        f"{report.record_kind}.report_{report.status}",
        object_kind=report.record_kind,
        object_ref=str(report.record_id),
    )
    session.flush()
    return report


def find_reports(
    session: Session,
    *,
    status: str = "open",
    kinds: Collection[str] = RECORD_KINDS,
    record_id: int | None = None,
    after: int = 0,
    limit: int = 100,
) -> Sequence[RecordReport]:
    """Return reports about records of these kinds, by number; the scope is that of the session.

    A report about a person tells something of them: whoever asks for those, audits it.
    """
    query = select(RecordReport).where(
        RecordReport.status == status,
        RecordReport.record_kind.in_(sorted(kinds)),
        RecordReport.id > after,
    )
    if record_id is not None:
        query = query.where(RecordReport.record_id == record_id)
    return session.scalars(query.order_by(RecordReport.id).limit(limit)).all()


def find_open_reports(
    session: Session, records: Mapping[str, Collection[int]], *, limit: int = 1000
) -> Sequence[RecordReport]:
    """Return the open reports about these records (kind → numbers), by number.

    The scope is that of the session; who asks about persons audits it.
    """
    about = [
        (RecordReport.record_kind == kind) & RecordReport.record_id.in_(sorted(ids))
        for kind, ids in records.items()
        if ids
    ]
    if not about:
        return []
    return session.scalars(
        select(RecordReport)
        .where(RecordReport.status == "open", or_(*about))
        .order_by(RecordReport.id)
        .limit(limit)
    ).all()


def _require_reason(kind: str, writing: Writing) -> None:
    if kind in ABOUT_PERSONS:
        require_reason(writing.access)
