"""The audit log, for the audit administrator alone. Each look is an entry of the log."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import StreamingResponse

from api import paging
from api.callers import CallerAccess
from api.dependencies import ServicesDep, SettingsDep, SoundText, WriteSession, now, today
from api.schemas import audit as schemas
from api.schemas.errors import error_responses, write_error_responses
from geo.audit import READ_MAX, EntryKey, read_log, record
from geo.audit_anchors import read_anchors
from geo.audit_check import check_audit
from geo.audit_review import (
    COMPARED_DAYS,
    count_without_address,
    find_own_addresses,
    find_unusual_days,
    last_check,
    load_volumes,
    note_check,
)
from geo.errors import Conflict, InvalidFile, InvalidInput, InvalidPeriod, JobRunning
from geo.importers.failures import disarmed
from geo.settings import Settings
from geo.tables import AuditEntry

router = APIRouter(prefix="/audit", tags=["audit"])

PERIOD_DAYS = 7  # where none is asked for
PERIOD_DAYS_MAX = 400
CSV_ROWS_MAX = 100_000
CSV_COLUMNS = (
    "at", "actor", "origin", "action", "object_kind", "object_ref", "purpose", "case_ref",
    "row_count", "request_id", "chain", "number",
)  # fmt: skip
Now = Annotated[datetime, Depends(now)]


@dataclass(frozen=True, slots=True)
class Days:
    """The days asked about, as moments: [start, end)."""

    since: date
    start: datetime
    end: datetime


def asked_days(
    settings: SettingsDep,
    default: Annotated[date, Depends(today)],
    since: Annotated[date | None, Query(description="First day; a week ago by default.")] = None,
    until: Annotated[date | None, Query(description="Last day; today by default.")] = None,
) -> Days:
    """The period asked for, by days of the deployment's time zone.

    Raises
    ------
    InvalidPeriod : it ends before it begins, or is too long
    """
    last = until or default
    try:
        first = since or last - timedelta(days=PERIOD_DAYS - 1)
        after_last = last + timedelta(days=1)
    except OverflowError:
        raise InvalidPeriod(f"{last} is out of range.", field="until") from None
    if not 1 <= (after_last - first).days <= PERIOD_DAYS_MAX:
        raise InvalidPeriod(
            f"The period is {first} to {last}, wanted 1 to {PERIOD_DAYS_MAX} days.", field="since"
        )
    return Days(first, midnight(first, settings), midnight(after_last, settings))


def midnight(day: date, settings: Settings) -> datetime:
    """The moment a day begins here.

    Raises
    ------
    InvalidPeriod : it is out of range
    """
    try:
        return datetime.combine(day, time(), ZoneInfo(settings.time_zone)).astimezone(UTC)
    except OverflowError:
        raise InvalidPeriod(f"{day} is out of range.", field="since") from None


@dataclass(frozen=True, slots=True)
class Wish:
    """What of the log is wanted."""

    by: str | None
    action: str | None
    object_kind: str | None
    without_case: bool


def asked_entries(
    by: Annotated[
        SoundText | None, Query(max_length=100, description="Only of this account or operator.")
    ] = None,
    action: Annotated[
        SoundText | None,
        Query(
            max_length=100, description="Only this one, or all of its kind.", examples=["refused"]
        ),
    ] = None,
    object_kind: Annotated[
        SoundText | None, Query(max_length=100, description="Only of this kind of object.")
    ] = None,
    without_case: Annotated[bool, Query(description="Only those that name no case.")] = False,
) -> Wish:
    return Wish(by or None, action or None, object_kind or None, without_case)


AskedDays = Annotated[Days, Depends(asked_days)]
AskedEntries = Annotated[Wish, Depends(asked_entries)]


@router.get(
    "/entries",
    operation_id="list_audit_entries",
    summary="Entries of the audit log",
    responses=error_responses(),
)
def list_entries(
    request: Request,
    session: WriteSession,
    access: CallerAccess,
    days: AskedDays,
    wish: AskedEntries,
    page: paging.Page,
    after: Annotated[
        SoundText | None, Query(max_length=80, description="The last entry had so far.")
    ] = None,
) -> schemas.AuditEntryPage:
    """Newest first. That they were read is an entry too."""
    rows = read_log(
        session,
        access,
        start=days.start,
        end=days.end,
        by=wish.by,
        action=wish.action,
        object_kind=wish.object_kind,
        without_case=wish.without_case,
        after=None if after is None else parse_key(after),
        limit=page.probe,
    )
    shown, has_more = paging.cut(rows, page)
    return schemas.AuditEntryPage(
        entries=[schemas.AuditEntry.model_validate(row) for row in shown],
        links=paging.links(request, after=key_text(shown[-1]) if has_more else None),
    )


@router.get(
    "/file",
    operation_id="get_audit_csv",
    summary="Entries of the audit log as CSV",
    response_class=Response,
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}},
        **error_responses(),
    },
)
def get_csv(
    services: ServicesDep,
    session: WriteSession,
    access: CallerAccess,
    days: AskedDays,
    wish: AskedEntries,
) -> StreamingResponse:
    """Newest first, 100,000 at most. UTF-8 with its mark; what a spreadsheet would take for a
    formula is disarmed."""
    record(session, access, "audit.export", object_kind="audit_entry", object_ref=wish.by)
    scope = session.info["scope"]

    def lines() -> Iterator[str]:
        yield "\ufeff" + _csv_line(CSV_COLUMNS)
        after: EntryKey | None = None
        for _ in range(CSV_ROWS_MAX // READ_MAX):
            with services.database.session_of(scope) as own:
                rows = read_log(
                    own, access, start=days.start, end=days.end, by=wish.by, action=wish.action,
                    object_kind=wish.object_kind, without_case=wish.without_case, after=after,
                    limit=READ_MAX,
                )  # fmt: skip
            for row in rows:
                values = [getattr(row, column) for column in CSV_COLUMNS]
                yield _csv_line([row.at.isoformat(), *values[1:]])
            if len(rows) < READ_MAX:
                return
            after = EntryKey(rows[-1].at, rows[-1].chain, rows[-1].number)

    return StreamingResponse(
        lines(),
        media_type="text/csv; charset=utf-8",
        headers={
            "Cache-Control": "private, no-store",
            "Content-Disposition": f'attachment; filename="gridbeat-audit-{days.since}.csv"',
        },
    )


@router.get(
    "/volumes",
    operation_id="list_audit_volumes",
    summary="Days on which somebody read unusually much",
    responses=error_responses(),
)
def list_volumes(
    session: WriteSession, access: CallerAccess, settings: SettingsDep, days: AskedDays
) -> schemas.UnusualDays:
    """Against the median of their own days before; nobody is compared with somebody else."""
    volumes = load_volumes(
        session,
        access,
        start=days.start - timedelta(days=COMPARED_DAYS),
        end=days.end,
        zone=settings.time_zone,
    )
    found = find_unusual_days(
        volumes,
        since=days.since,
        ratio=settings.audit_unusual_ratio,
        rows_min=settings.audit_unusual_rows,
    )
    return schemas.UnusualDays(
        days=[
            schemas.DayVolume(
                actor=each.volume.actor, day=each.volume.day, entries=each.volume.entries,
                rows_read=each.volume.rows_read, cases=each.volume.cases,
                refused=each.volume.refused, usual_rows=each.usual_rows,
            )
            for each in found
        ],
        ratio=settings.audit_unusual_ratio,
        rows_min=settings.audit_unusual_rows,
    )  # fmt: skip


@router.get(
    "/own-addresses",
    operation_id="list_own_address_entries",
    summary="Who read what is at their own address",
    responses=error_responses(),
)
def list_own_addresses(
    session: WriteSession, access: CallerAccess, days: AskedDays
) -> schemas.OwnAddressEntries:
    """Only accounts whose address is known can be judged; how many aren't is said."""
    rows = find_own_addresses(session, access, start=days.start, end=days.end)
    return schemas.OwnAddressEntries(
        entries=[schemas.AuditEntry.model_validate(row) for row in rows],
        unknown_count=count_without_address(session),
    )


@router.get(
    "/state",
    operation_id="get_audit_state",
    summary="Whether the audit log is whole",
    responses=error_responses(),
)
def get_state(session: WriteSession, settings: SettingsDep) -> schemas.AuditState:
    """What the last check found, and the last anchor outside of the database."""
    return _state(session, settings)


@router.post(
    "/check",
    operation_id="check_audit",
    summary="Check the whole audit log",
    responses=write_error_responses(409),
)
def check_now(
    session: WriteSession,
    services: ServicesDep,
    access: CallerAccess,
    settings: SettingsDep,
    moment: Now,
) -> schemas.AuditState:
    """Every hash anew, against heads and anchors: seconds for a million entries."""
    if not services.audit_check_lock.acquire(blocking=False):
        raise JobRunning("Somebody is checking the log just now. Wait until it is done.")
    try:
        try:
            anchors = read_anchors(settings.data_folder)
        except InvalidFile as error:
            raise Conflict(error.message) from None
        note_check(session, check_audit(session, access, anchors), now=moment)
    finally:
        services.audit_check_lock.release()
    return _state(session, settings)


def parse_key(said: str) -> EntryKey:
    """Return the place in the log that a link says.

    Raises
    ------
    InvalidInput : it is none
    """
    try:
        at, chain, number = said.split("|")
        found = EntryKey(datetime.fromisoformat(at), int(chain), int(number))
    except ValueError:
        found = None
    if found is None or found.at.tzinfo is None or not _fits(found):
        raise InvalidInput("`after` is no entry. Follow the link to the next page.", field="after")
    return found


def key_text(entry: AuditEntry) -> str:
    """Return the place of an entry as a link says it."""
    return f"{entry.at.isoformat()}|{entry.chain}|{entry.number}"


def _fits(key: EntryKey) -> bool:
    return 0 <= key.chain < 2**15 and 0 <= key.number < 2**63 and 1900 < key.at.year < 9000


def _state(session: Session, settings: Settings) -> schemas.AuditState:
    fault, anchors = None, []
    try:
        anchors = list(read_anchors(settings.data_folder))
    except InvalidFile:
        fault = (
            "The file of anchors is not what was written: compare it with a copy kept elsewhere."
        )
    check = last_check(session)
    return schemas.AuditState(
        check=None if check is None else schemas.AuditCheck.model_validate(check),
        anchored_at=datetime.fromisoformat(anchors[-1].at) if anchors else None,
        anchored_root=anchors[-1].root if anchors else None,
        anchor_fault=fault,
    )


def _csv_line(values: Iterable[object]) -> str:
    line = io.StringIO()
    cells = ["" if value is None else disarmed(str(value)) for value in values]
    csv.writer(line).writerow(cells)
    return line.getvalue()
