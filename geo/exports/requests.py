"""Export requests: asked for, decided by a second person, fetched, expired. Each step is audited.

What is asked for is what the caller sees: their scope is kept with the request and asked again when
the file is written. Above a cap of rows in 24 hours, and always for what is about persons where the
settings say so, somebody else must approve; many small requests count together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from geo.audit import Access, record
from geo.decisions import checked_note
from geo.errors import Conflict, ExportNotFound, InvalidInput, NotPermitted, PurposeMissing
from geo.exports.kinds import EXPORT_KINDS, ExportFilter, ExportKind
from geo.geocoding.writers import XLSX_MAX_ROWS
from geo.settings import Settings
from geo.store.scope import seeing_everything
from geo.tables import ExportRequest
from geo.values import GridScope

OBJECT = "export"  # in the audit log
ALL_ROWS = ExportFilter()
CAP_PERIOD = timedelta(hours=24)
UNDER_WAY = ("waiting", "running")
# What has left, or may still leave, without a second person.
_COUNTED = ("waiting", "running", "ready", "expired")


def ask_export(
    session: Session,
    access: Access,
    *,
    kind: str,
    file_format: str,
    filters: ExportFilter = ALL_ROWS,
    scope: GridScope,
    settings: Settings,
    now: datetime,
) -> ExportRequest:
    """Return a new request: `waiting` to be written, or `asked`, for a second person to decide.

    Parameters
    ----------
    session : of the caller's scope

    Raises
    ------
    InvalidInput : no such kind, or not as such a file, or more rows than it holds
    PurposeMissing : it is about persons, or takes a second person, who must read what it is for
    """
    wanted = _kind(kind, file_format)
    if wanted.about_persons and not (access.purpose and access.case_ref):
        raise PurposeMissing(
            "An export about persons takes a purpose and the reference of a case or task. Give "
            "both.",
            wanted=["purpose", "case_ref"],
        )
    rows = wanted.count(session, filters, scope, settings.local_day(now))
    if file_format == "xlsx" and rows >= XLSX_MAX_ROWS:
        raise InvalidInput(
            f"There are {rows:,} rows, an XLSX sheet holds {XLSX_MAX_ROWS - 1:,}. Ask for CSV.",
            field="format",
        )
    needs_second = _is_above_cap(session, access, wanted, rows, settings, now)
    if needs_second and not access.purpose:
        raise PurposeMissing(
            f"{rows:,} rows are more than you may export alone, so somebody else decides. Say what "
            "it is for.",
            wanted=["purpose"],
        )
    request = ExportRequest(
        kind=kind,
        format=file_format,
        filters={name: value for name, value in asdict(filters).items() if value is not None},
        grid_codes=None if scope.grid_codes is None else sorted(scope.grid_codes),
        requested_by=access.actor,
        purpose=access.purpose,
        case_ref=access.case_ref,
        status="asked" if needs_second else "waiting",
        rows_expected=rows,
        created_at=now,
    )
    session.add(request)
    session.flush()
    _note(session, access, "export.ask", request, row_count=rows)
    return request


def approve_export(
    session: Session, access: Access, request_id: int, *, note: str | None = None, now: datetime
) -> ExportRequest:
    """Approve what somebody else asked for; it waits to be written then.

    Who calls this has checked that `access.actor` may approve.

    Raises
    ------
    ExportNotFound, InvalidInput
    NotPermitted : it is one's own
    Conflict : it is decided already
    """
    return _decide(session, access, request_id, "waiting", "export.approve", note, now)


def refuse_export(
    session: Session, access: Access, request_id: int, *, note: str, now: datetime
) -> ExportRequest:
    """Refuse what somebody else asked for; `note` tells them why.

    Raises
    ------
    ExportNotFound, NotPermitted, Conflict : as `approve_export`
    InvalidInput : no reason is given, or too long a one
    """
    if not note.strip():
        raise InvalidInput("Say why it is refused.", field="note")
    return _decide(session, access, request_id, "refused", "export.refuse", note, now)


def stop_export(
    session: Session, access: Access, request_id: int, *, now: datetime
) -> ExportRequest:
    """Stop one's own request: while it waits for a person, for its turn, or is being written.

    Raises
    ------
    ExportNotFound
    Conflict : it has ended already
    """
    request = _locked(session, request_id, seen_by=access.actor)
    if request.status not in ("asked", *UNDER_WAY):
        raise Conflict(f"Export {request_id} is {request.status}; there is nothing to stop.")
    request.status, request.finished_at = "stopped", now
    _note(session, access, "export.stop", request)
    session.flush()
    return request


def get_export(
    session: Session, request_id: int, *, seen_by: str, may_approve: bool = False
) -> ExportRequest:
    """Return a request of one's own, or any in the scope to who may approve.

    Raises
    ------
    ExportNotFound
    """
    request = session.get(ExportRequest, request_id, populate_existing=True)
    if request is None or not (may_approve or request.requested_by == seen_by):
        raise ExportNotFound(f"There is no export {request_id}.", request_id=request_id)
    return request


def find_exports(
    session: Session,
    *,
    seen_by: str,
    may_approve: bool = False,
    status: str | None = None,
    before_id: int | None = None,
    limit: int = 100,
) -> Sequence[ExportRequest]:
    """Return one's own requests, newest first; to who may approve, all in the scope."""
    query = select(ExportRequest).order_by(ExportRequest.id.desc()).limit(limit)
    if not may_approve:
        query = query.where(ExportRequest.requested_by == seen_by)
    if status is not None:
        query = query.where(ExportRequest.status == status)
    if before_id is not None:
        query = query.where(ExportRequest.id < before_id)
    return session.scalars(query).all()


def fetch_export(
    session: Session, access: Access, request_id: int, *, settings: Settings, now: datetime
) -> Path:
    """Return the file of one's own export, and record that it was fetched.

    Raises
    ------
    ExportNotFound : not one's own, or its file has expired
    Conflict : it isn't written yet
    """
    request = get_export(session, request_id, seen_by=access.actor)
    if request.status in ("asked", *UNDER_WAY):
        raise Conflict(
            f"Export {request_id} is {request.status}; its file comes later.", got=request.status
        )
    path = export_path(settings, request)
    is_there = request.status == "ready" and path is not None and path.is_file()
    if path is None or not is_there or request.expires_at is None or request.expires_at <= now:
        raise ExportNotFound(
            f"The file of export {request_id} isn't there any more. Ask for it anew.",
            request_id=request_id,
        )
    _note(session, access, "export.fetch", request, row_count=request.rows_done)
    return path


def expire_exports(
    session: Session, access: Access, *, settings: Settings, now: datetime, limit: int = 1000
) -> int:
    """Delete the files whose time is over; return how many. The requests stay as the record.

    Parameters
    ----------
    session : one that sees everything
    """
    over = session.scalars(
        select(ExportRequest)
        .where(ExportRequest.status == "ready", ExportRequest.expires_at <= now)
        .order_by(ExportRequest.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for request in over:
        path = export_path(settings, request)
        if path is not None:
            path.unlink(missing_ok=True)
        request.status = "expired"
        _note(session, access, "export.expire", request)
    session.flush()
    return len(over)


def exports_folder(settings: Settings) -> Path:
    """Return the folder of the files, made if need be; nobody else on this machine may read it."""
    folder = settings.data_folder / "exports"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def export_path(settings: Settings, request: ExportRequest) -> Path | None:
    """Return where the file of a request lies, None before it is written."""
    if request.file_name is None:
        return None
    return exports_folder(settings) / f"{request.id}.{request.format}"


def _kind(kind: str, file_format: str) -> ExportKind:
    wanted = EXPORT_KINDS.get(kind)
    if wanted is None:
        raise InvalidInput(
            f"“{kind[:40]}” can't be exported, wanted one of {', '.join(EXPORT_KINDS)}.",
            field="kind",
        )
    if file_format not in wanted.formats:
        raise InvalidInput(
            f"{kind} can't be had as “{file_format[:20]}”, wanted {', '.join(wanted.formats)}.",
            field="format",
        )
    return wanted


def _is_above_cap(
    session: Session,
    access: Access,
    wanted: ExportKind,
    rows: int,
    settings: Settings,
    now: datetime,
) -> bool:
    """Whether these rows and those of the last 24 hours are more than one may have alone."""
    cap = settings.export_person_rows_max if wanted.about_persons else settings.export_rows_max
    # Two requests at a time must not both find room: the second waits for the first to be stored.
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtext('export'), hashtext(:who))"),
        {"who": access.actor},
    )
    alike = [kind.name for kind in EXPORT_KINDS.values()
             if kind.about_persons == wanted.about_persons]  # fmt: skip
    # One's own requests from before a move to other grids count as well.
    with seeing_everything(session):
        lately = session.scalar(
            select(func.coalesce(func.sum(ExportRequest.rows_expected), 0)).where(
                ExportRequest.requested_by == access.actor,
                ExportRequest.kind.in_(alike),
                ExportRequest.decided_by.is_(None),
                ExportRequest.created_at > now - CAP_PERIOD,
                ExportRequest.status.in_(_COUNTED),
            )
        )
    return rows + int(lately or 0) > cap


def _decide(
    session: Session,
    access: Access,
    request_id: int,
    status: str,
    action: str,
    note: str | None,
    now: datetime,
) -> ExportRequest:
    request = _locked(session, request_id, seen_by=None)
    if request.requested_by == access.actor:
        raise NotPermitted(
            f"Export {request_id} is your own: somebody else decides about it.",
            request_id=request_id,
        )
    if request.status != "asked":
        raise Conflict(
            f"Export {request_id} is {request.status} already.", got=request.status, wanted="asked"
        )
    request.status, request.note = status, checked_note(note)
    request.decided_by, request.decided_at = access.actor, now
    if status == "refused":
        request.finished_at = now
    _note(session, access, action, request, row_count=request.rows_expected)
    session.flush()
    return request


def _locked(session: Session, request_id: int, *, seen_by: str | None) -> ExportRequest:
    request = session.get(ExportRequest, request_id, with_for_update=True, populate_existing=True)
    if request is None or (seen_by is not None and request.requested_by != seen_by):
        raise ExportNotFound(f"There is no export {request_id}.", request_id=request_id)
    return request


def _note(
    session: Session,
    access: Access,
    action: str,
    request: ExportRequest,
    *,
    row_count: int | None = None,
) -> None:
    """Record a step, under the purpose of the request where the step has none of its own."""
    why = Access(
        actor=access.actor,
        origin=access.origin,
        purpose=access.purpose or request.purpose,
        case_ref=access.case_ref or request.case_ref,
        request_id=access.request_id,
    )
    record(
        session, why, action, object_kind=OBJECT, object_ref=str(request.id), row_count=row_count
    )
