"""Import jobs: created, run by one process at a time, stopped, resumed.

The row of a job is written in the same transaction as the data it counts, so what it says was
done is done, whatever happened to the process. While a process works on a job it holds an
advisory lock by the job's id; PostgreSQL lets go of it when that process dies, and so a job that
says "running" while nobody holds its lock has died and may be resumed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from geo.errors import Conflict, JobNotFound, JobRunning, PlatformError
from geo.settings import Settings
from geo.store.database import Database
from geo.tables import ImportJob

log = structlog.get_logger(__name__)

LOCK_SPACE = 7_204_512  # the first key of a job's advisory lock, the second is its id
RESUMABLE = ("waiting", "failed", "stopped")
MESSAGE_CHARS_MAX = 1_000
UNFORESEEN = "An unforeseen error ended the import. Nothing of the rows in hand was stored."


class JobStopped(PlatformError):
    """Somebody asked the job to stop; what was done so far is stored."""


def results_folder(settings: Settings, job_id: int) -> Path:
    """Return the folder of a job's result files, made if need be."""
    folder = settings.data_folder / "results" / str(job_id)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def create_job(
    session: Session,
    *,
    kind: str,
    file_name: str,
    file_sha256: str | None = None,
    options: Mapping[str, Any],
) -> ImportJob:
    """Return a new waiting job. `options` is all that its run depends on, for a resume."""
    job = ImportJob(kind=kind, file_name=file_name, file_sha256=file_sha256, options=dict(options))
    session.add(job)
    session.flush()
    return job


def get_job(session: Session, job_id: int) -> ImportJob:
    """Return a job as the database has it now.

    Raises
    ------
    JobNotFound
    """
    job = session.get(ImportJob, job_id, populate_existing=True)
    if job is None:
        raise JobNotFound(f"There is no job {job_id}.", job_id=job_id)
    return job


def find_jobs(
    session: Session, *, kind: str | None = None, before_id: int | None = None, limit: int = 50
) -> Sequence[ImportJob]:
    """Return jobs, newest first, from before `before_id` on."""
    query = select(ImportJob).order_by(ImportJob.id.desc()).limit(limit)
    if kind is not None:
        query = query.where(ImportJob.kind == kind)
    if before_id is not None:
        query = query.where(ImportJob.id < before_id)
    return session.scalars(query).all()


def find_resumable_job(
    session: Session, *, kind: str, file_sha256: str, options: Mapping[str, Any]
) -> ImportJob | None:
    """Return the newest unfinished job of the same file and options, None where there is none.

    Where the file lies (`path` in the options) doesn't matter: it may have been uploaded again.

    Raises
    ------
    JobRunning : it is being worked on right now
    """
    job = session.scalars(
        select(ImportJob)
        .where(
            ImportJob.kind == kind,
            ImportJob.file_sha256 == file_sha256,
            ImportJob.options.op("-")("path") == _without_path(options),
            ImportJob.status != "done",
        )
        .order_by(ImportJob.id.desc())
        .limit(1)
    ).first()
    if job is not None and job.status == "running" and is_worked_on(session, job.id):
        raise _running(job.id)
    return job


def _without_path(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name != "path"}


def is_worked_on(session: Session, job_id: int) -> bool:
    """Whether a live process holds this job."""
    return bool(
        session.scalar(
            text(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND "
                "database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND "
                "classid = :space AND objid = :id AND objsubid = 2)"
            ),
            {"space": LOCK_SPACE, "id": job_id},
        )
    )


def status_seen(session: Session, job: ImportJob) -> str:
    """The status a person should be told: a job whose process died is `failed`."""
    if job.status == "running" and not is_worked_on(session, job.id):
        return "failed"
    return job.status


def request_stop(session: Session, job_id: int) -> ImportJob:
    """Ask a job to stop after the rows in hand; a waiting one is stopped at once.

    Raises
    ------
    JobNotFound
    Conflict : it has ended already
    """
    job = get_job(session, job_id)
    if job.status not in ("waiting", "running"):
        raise Conflict(f"Job {job_id} is {job.status} already; there is nothing to stop.")
    job.status = "stopped"
    session.flush()
    return job


@dataclass(slots=True)
class RunningJob:
    """A job this process works on. `report` is saved with each `advance`."""

    id: int
    kind: str
    file_name: str
    file_sha256: str | None
    options: dict[str, Any]
    rows_done: int
    rows_failed: int
    report: dict[str, Any] = field(default_factory=dict)

    def advance(self, session: Session, *, rows_done: int, rows_failed: int) -> bool:
        """Save how far the job is, in the transaction of the data; False: it shall stop."""
        self.rows_done, self.rows_failed = rows_done, rows_failed
        status = session.scalar(
            update(ImportJob)
            .where(ImportJob.id == self.id)
            .values(rows_done=rows_done, rows_failed=rows_failed, report=self.report)
            .returning(ImportJob.status)
        )
        return status == "running"

    def expect_rows(self, session: Session, rows_total: int) -> None:
        """Save how many rows there will be."""
        session.execute(
            update(ImportJob).where(ImportJob.id == self.id).values(rows_total=rows_total)
        )


@contextlib.contextmanager
def running_job(database: Database, job_id: int) -> Iterator[RunningJob]:
    """Work on a job until the block ends; its end is written down whatever it is.

    Ends as `done`; as `stopped` where the block raises JobStopped (which goes no further); as
    `failed`, with the message, where it raises anything else (which is raised on).

    Raises
    ------
    JobNotFound
    JobRunning : another process works on it
    Conflict : it is done already
    """
    with database.engine.connect() as holder:
        holder = holder.execution_options(isolation_level="AUTOCOMMIT")
        held = holder.scalar(
            text("SELECT pg_try_advisory_lock(:space, :id)"), {"space": LOCK_SPACE, "id": job_id}
        )
        if not held:
            raise _running(job_id)
        try:
            with _settled(database, job_id) as job:
                yield job
        finally:
            # A connection that went away has let go of the lock already.
            with contextlib.suppress(PlatformError):
                holder.execute(
                    text("SELECT pg_advisory_unlock(:space, :id)"),
                    {"space": LOCK_SPACE, "id": job_id},
                )


@contextlib.contextmanager
def _settled(database: Database, job_id: int) -> Iterator[RunningJob]:
    job = _start(database, job_id)
    try:
        yield job
    except JobStopped:
        _finish(database, job, "stopped", None, report=job.report)
    except PlatformError as error:
        _finish_if_reachable(database, job, "failed", error.message)
        raise
    except KeyboardInterrupt:
        _finish_if_reachable(database, job, "stopped", "Stopped at the keyboard.")
        raise
    except BaseException:
        # The message of an error nobody foresaw may hold personal data, so it isn't kept.
        _finish_if_reachable(database, job, "failed", UNFORESEEN)
        raise
    else:
        _finish(database, job, "done", None, report=job.report)


def _start(database: Database, job_id: int) -> RunningJob:
    with database.session() as session:
        job = get_job(session, job_id)
        if job.status == "done":
            raise Conflict(f"Job {job_id} is done already. Start a new import instead.")
        job.status, job.message = "running", None
        job.started_at, job.finished_at = func.now(), None
        return RunningJob(
            id=job.id,
            kind=job.kind,
            file_name=job.file_name,
            file_sha256=job.file_sha256,
            options=dict(job.options),
            rows_done=job.rows_done,
            rows_failed=job.rows_failed,
            report=dict(job.report),
        )


def _finish(
    database: Database, job: RunningJob, status: str, message: str | None, **more: Any
) -> None:
    kept = message[:MESSAGE_CHARS_MAX] if message else None
    with database.session() as session:
        session.execute(
            update(ImportJob)
            .where(ImportJob.id == job.id)
            .values(status=status, message=kept, finished_at=func.now(), **more)
        )
    log.info("job_ended", job_id=job.id, kind=job.kind, status=status, rows=job.rows_done)


def _finish_if_reachable(database: Database, job: RunningJob, status: str, message: str) -> None:
    """Write down the end of a job that broke off.

    Its report stays as it was committed last: the one in memory may count rows that were rolled
    back. A job that can't even say that it failed still shows as failed: nobody holds its lock.
    """
    with contextlib.suppress(PlatformError):
        _finish(database, job, status, message)


def _running(job_id: int) -> JobRunning:
    return JobRunning(
        f"Job {job_id} is being worked on by another process. Wait for it, or stop it with "
        f"“gridbeat jobs stop {job_id}”.",
        job_id=job_id,
    )
