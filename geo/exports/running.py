"""Writing the file of an export: streamed from one moment of the store, counted, stopped if asked.

The transaction that reads holds an advisory lock by the request's number; where its process dies,
PostgreSQL lets go of it, and the request is taken up again from its beginning: a file is there
whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from geo.accounts.callers import assigned_scope
from geo.accounts.roles import PERMISSIONS, Permission
from geo.audit import OPERATOR, Access, record
from geo.errors import Conflict, ExportNotFound, JobRunning, PlatformError
from geo.exports.kinds import EXPORT_KINDS, ExportFilter
from geo.exports.requests import OBJECT, UNDER_WAY, exports_folder
from geo.exports.writers import WRITERS, ExportMark
from geo.settings import Settings
from geo.store.database import Database
from geo.tables import Account, ExportRequest
from geo.values import GridScope

log = structlog.get_logger(__name__)

LOCK_SPACE = 7_204_513  # the first key of an export's advisory lock, the second is its number
GROWTH_MAX = 1.1  # of the rows that were asked for and approved; more is another export
UNFORESEEN = "An unforeseen error ended the export."

Progress = Callable[[int, int | None], None]


class _Stopped(PlatformError):
    """Whoever asked for it doesn't want it any more."""


def find_waiting_exports(session: Session) -> list[int]:
    """Return the requests that wait to be written, or whose writer may have died, oldest first."""
    return list(
        session.scalars(
            select(ExportRequest.id)
            .where(ExportRequest.status.in_(UNDER_WAY))
            .order_by(ExportRequest.id)
        )
    )


def run_export(
    database: Database, request_id: int, *, settings: Settings, progress: Progress | None = None
) -> None:
    """Write the file of a request that waits; its end is written down whatever it is.

    Raises
    ------
    ExportNotFound
    JobRunning : another process writes it
    Conflict : it isn't waiting
    PlatformError : whatever reading and writing raise; the request keeps the message
    """
    request = _get(database, request_id)
    scope = _scope_of(request)
    unfinished = exports_folder(settings) / f".{request.id}.{request.format}"
    with database.read_session_of(scope) as session:
        _hold(session, request_id)
        request = _start(database, request_id)
        try:
            _require_still_seen(database, request, scope, settings)
            rows, mark = _write(database, session, request, scope, unfinished, settings, progress)
            _finish(database, request, unfinished, rows, mark, settings)
        except _Stopped:
            pass
        except PlatformError as error:
            _fail(database, request, error.message)
            raise
        except BaseException:
            # The message of an error nobody foresaw may hold what was to be exported.
            _fail(database, request, UNFORESEEN)
            raise
        finally:
            unfinished.unlink(missing_ok=True)


def _hold(session: Session, request_id: int) -> None:
    """Take the lock of a request for the transaction that reads; it ends with its connection."""
    held = session.scalar(
        text("SELECT pg_try_advisory_xact_lock(:space, CAST(:id AS int))"),
        {"space": LOCK_SPACE, "id": request_id},
    )
    if not held:
        raise JobRunning(f"Export {request_id} is being written by another process.")


def _get(database: Database, request_id: int) -> ExportRequest:
    with database.session() as session:
        request = session.get(ExportRequest, request_id)
    if request is None:
        raise ExportNotFound(f"There is no export {request_id}.", request_id=request_id)
    return request


def _start(database: Database, request_id: int) -> ExportRequest:
    with database.session() as session:
        request = session.get_one(ExportRequest, request_id, with_for_update=True)
        if request.status not in UNDER_WAY:
            raise Conflict(f"Export {request_id} is {request.status}.", got=request.status)
        request.status, request.rows_done, request.message = "running", 0, None
        request.started_at = datetime.now(UTC)
    return request


def _write(
    database: Database,
    session: Session,
    request: ExportRequest,
    scope: GridScope,
    path: Path,
    settings: Settings,
    progress: Progress | None,
) -> tuple[int, ExportMark]:
    started = datetime.now(UTC)
    mark = ExportMark(
        request_id=request.id,
        requested_by=request.requested_by,
        approved_by=request.decided_by,
        written_at=started.astimezone(ZoneInfo(settings.time_zone)),
    )
    kind, filters = EXPORT_KINDS[request.kind], ExportFilter(**request.filters)
    rows_max = max(request.rows_expected * GROWTH_MAX, request.rows_expected + 10)
    done = 0
    path.touch(mode=0o600)
    with (
        WRITERS[request.format](path, kind, mark) as writer,
        contextlib.closing(
            kind.read(session, filters, scope, settings.local_day(started))
        ) as batches,
    ):
        for batch in batches:
            done += len(batch)
            if done > rows_max:
                raise Conflict(
                    f"There are more than the {request.rows_expected:,} rows that were asked for. "
                    "Ask for it anew."
                )
            writer.append(batch)
            _advance(database, request.id, done)
            if progress is not None:
                progress(done, request.rows_expected)
    return done, mark


def _scope_of(request: ExportRequest) -> GridScope:
    """Return the scope the request was made in."""
    if request.grid_codes is None:
        return GridScope.everything()
    return GridScope.of(request.grid_codes)


def _require_still_seen(
    database: Database, request: ExportRequest, scope: GridScope, settings: Settings
) -> None:
    """Refuse to write what who asked for it wouldn't see by now.

    Raises
    ------
    Conflict : the account has ended, or sees less
    """
    if request.requested_by.startswith(OPERATOR):
        return
    with database.session() as session:
        account = session.scalars(
            select(Account).where(Account.name == request.requested_by, Account.ended_at.is_(None))
        ).first()
        if account is None:
            raise Conflict(f"The account {request.requested_by} has ended.")
        is_about_persons = EXPORT_KINDS[request.kind].about_persons
        if is_about_persons and Permission.PERSONS not in PERMISSIONS[account.role]:
            raise Conflict(f"{account.role} doesn't see persons.")
        seen = assigned_scope(session, account.id, settings.local_day(datetime.now(UTC)))
    sees_it = seen.grid_codes is None or (
        scope.grid_codes is not None and scope.grid_codes <= seen.grid_codes
    )
    if not sees_it:
        raise Conflict("Who asked sees other grids by now. Ask for it anew.")


def _advance(database: Database, request_id: int, rows_done: int) -> None:
    with database.session() as session:
        status = session.scalar(
            update(ExportRequest)
            .where(ExportRequest.id == request_id)
            .values(rows_done=rows_done)
            .returning(ExportRequest.status)
        )
    if status != "running":
        raise _Stopped(f"Export {request_id} was stopped.")


def _finish(
    database: Database,
    request: ExportRequest,
    unfinished: Path,
    rows: int,
    mark: ExportMark,
    settings: Settings,
) -> None:
    """Put the file in its place and record it: without the record there is no file to fetch."""
    with unfinished.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = unfinished.stat().st_size
    place = exports_folder(settings) / f"{request.id}.{request.format}"
    now = datetime.now(UTC)
    unfinished.chmod(0o600)
    with database.session() as session:
        stored = session.get(ExportRequest, request.id, with_for_update=True)
        if stored is None or stored.status != "running":
            raise _Stopped(f"Export {request.id} was stopped.")
        unfinished.replace(place)
        stored.status, stored.rows_done, stored.finished_at = "ready", rows, now
        stored.file_name = f"gridbeat-{request.kind}-{request.id}.{request.format}"
        stored.file_sha256, stored.file_bytes = digest, size
        stored.expires_at = now + timedelta(days=settings.export_keep_days)
        why = Access(mark.requested_by, purpose=request.purpose, case_ref=request.case_ref)
        record(
            session,
            why,
            "export.write",
            object_kind=OBJECT,
            object_ref=str(request.id),
            row_count=rows,
        )
    log.info("export.ready", request_id=request.id, kind=request.kind, rows=rows)


def _fail(database: Database, request: ExportRequest, message: str) -> None:
    with contextlib.suppress(PlatformError), database.session() as session:
        session.execute(
            update(ExportRequest)
            .where(ExportRequest.id == request.id, ExportRequest.status == "running")
            .values(status="failed", message=message[:1000], finished_at=datetime.now(UTC))
        )
