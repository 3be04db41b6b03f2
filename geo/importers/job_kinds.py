"""Every kind of import as a job: prepared, tried, run and resumed alike, whoever asks.

Addresses go chunk by chunk (`geo.importers.addresses`). The other kinds land whole or not at all,
in one transaction; their progress is written beside it, and a stop rolls it back.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from geo.codes import CodeStandard
from geo.crs import parse_datum
from geo.duplicates.finding import run_duplicates_job
from geo.errors import DatabaseUnavailable, GridImportRejected, InvalidFile
from geo.faults import FaultLimits
from geo.importers.addresses import run_address_job
from geo.importers.areas import AreaImportOptions, import_areas
from geo.importers.basemap import import_basemap
from geo.importers.grids import GridFileCheck, GridImportOptions, import_grids
from geo.importers.jobs import (
    JobStopped,
    RunningJob,
    create_job,
    find_resumable_job,
    get_job,
    results_folder,
    running_job,
)
from geo.importers.records import KINDS as RECORD_KINDS
from geo.importers.records import run_record_job
from geo.importers.upload_safety import UploadLimits, sha256_of_file
from geo.incidents.importing import run_incident_job
from geo.settings import Settings
from geo.store.database import Database

FAULTS_IN_REPORT = 100  # all of them stand in the file of faults
PROGRESS_EVERY_S = 1.0
NOT_STORED = "Nothing of it was stored."

Progress = Callable[[int, int | None], None]
Report = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class WholeFile:
    """A file that lands whole; `results_folder` None: nothing is written, it is only tried."""

    path: Path
    settings: Settings
    results_folder: Path | None

    @property
    def limits(self) -> UploadLimits:
        return UploadLimits.from_settings(self.settings)


Work = Callable[[Session, WholeFile, Mapping[str, Any], Progress], tuple[int, Report]]
"""Imports a file in the caller's transaction; returns rows stored and what came of it."""


def run_job(
    database: Database, job_id: int, *, settings: Settings, progress: Progress | None = None
) -> None:
    """Do the work of a job of any kind, from where it stands.

    Raises
    ------
    JobNotFound, JobRunning, Conflict : it is unknown, in hand, or done
    PlatformError : whatever its import raises; the job keeps the message
    """
    with database.session() as session:
        kind = get_job(session, job_id).kind
    if kind == "addresses":
        run_address_job(database, job_id, settings=settings, progress=progress)
    elif kind == "incidents":
        run_incident_job(database, job_id, settings=settings, progress=progress)
    elif kind in RECORD_KINDS:
        run_record_job(database, job_id, settings=settings, progress=progress)
    elif kind == "duplicates":
        run_duplicates_job(database, job_id, progress=progress)
    else:
        _run_whole_job(database, job_id, settings=settings, progress=progress)


def prepare_whole_job(
    database: Database, path: Path, *, kind: str, options: Mapping[str, Any]
) -> int:
    """Return the id of the job that will import a file of grids, areas or a base map.

    An unfinished job of the same file and options is taken up again.

    Parameters
    ----------
    options : as JSON holds them; their names are the arguments of the kind's import

    Raises
    ------
    JobRunning : the same import is being worked on
    """
    digest = sha256_of_file(path)
    kept = {"path": str(path.resolve()), **options}
    with database.session() as session:
        job = find_resumable_job(session, kind=kind, file_sha256=digest, options=kept)
        if job is None:
            job = create_job(
                session, kind=kind, file_name=path.name, file_sha256=digest, options=kept
            )
        job.options = kept  # the file may have been uploaded again, to another place
        return job.id


def try_whole_import(
    database: Database, path: Path, *, kind: str, options: Mapping[str, Any], settings: Settings
) -> Report:
    """Return what an import would come to. It is carried out and taken back.

    Raises
    ------
    as the kind's import; but what is wrong with grids is in the report
    """
    file = WholeFile(path, settings, None)
    with database.open_session() as session:
        try:
            _, report = _WORK[kind](session, file, options, lambda _done, _total: None)
        except GridImportRejected as rejected:
            return {"message": rejected.message, **rejected.report}
        finally:
            session.rollback()
    return report


def _run_whole_job(
    database: Database, job_id: int, *, settings: Settings, progress: Progress | None
) -> None:
    with running_job(database, job_id) as job:
        options = dict(job.options)
        path = Path(options.pop("path"))
        if not path.is_file() or sha256_of_file(path) != job.file_sha256:
            raise InvalidFile(
                f"{path.name} is gone or was changed since job {job_id} began. Start a new import.",
                file=path.name,
            )
        file = WholeFile(path, settings, results_folder(settings, job_id))
        watch = _Watch(database, job, progress)
        stored, job.report = 0, {}
        try:
            with database.session() as session:
                stored, job.report = _WORK[job.kind](session, file, options, watch)
        except GridImportRejected as rejected:
            job.report = rejected.report
            raise
        finally:
            # Where the database went away, its error is on its way already.
            with contextlib.suppress(DatabaseUnavailable):
                watch.say(stored)


class _Watch:
    """Writes progress beside the import's own transaction, and raises where it shall stop."""

    def __init__(self, database: Database, job: RunningJob, progress: Progress | None) -> None:
        self._database, self._job, self._progress = database, job, progress
        self._next_s = time.monotonic()

    def __call__(self, done: int, total: int | None) -> None:
        if self._progress is not None:
            self._progress(done, total)
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + PROGRESS_EVERY_S
        if not self.say(done, total):
            raise JobStopped(f"Job {self._job.id} was stopped. {NOT_STORED}")

    def say(self, done: int, total: int | None = None) -> bool:
        """Write how far it is; False: it shall stop."""
        with self._database.session() as session:
            if total is not None:
                self._job.expect_rows(session, total)
            return self._job.advance(session, rows_done=done, rows_failed=0)


def _import_grids(
    session: Session, file: WholeFile, options: Mapping[str, Any], progress: Progress
) -> tuple[int, Report]:
    communities = options["communities"]
    try:
        done = import_grids(
            session,
            file.path,
            GridImportOptions(
                datum=parse_datum(options["datum"]),
                valid_from=date.fromisoformat(options["valid_from"]),
                standard=CodeStandard(options["standard"]),
                mapping=options["mapping"],
                layer=options["layer"],
                communities=None if communities is None else tuple(communities),
                replace_all=options["replace_all"],
                accept_warnings=options["accept_warnings"],
                merge_parts=options.get("merge_parts", False),
                limits=fault_limits(file.settings, options.get("sliver_width_m")),
                note=options["note"],
            ),
            upload_limits=file.limits,
            today=file.settings.local_day(datetime.now(UTC)),
            source=options["source"],
            results_folder=file.results_folder,
            progress=progress,
        )
    except GridImportRejected as rejected:
        message, fault_file = rejected.message, rejected.fault_file
        if fault_file is not None:  # where it lies is nobody's business but this machine's
            message = message.replace(str(fault_file), fault_file.name)
        raise GridImportRejected(
            message, report={"is_stored": False, **_fault_report(rejected.faults)}
        ) from None
    unchanged = done.unchanged_since
    return done.stored.grid_count, {
        "is_stored": done.stored.version_id is not None,
        **dataclasses.asdict(done.stored),
        "valid_from": done.valid_from.isoformat(),
        "unchanged_since": None if unchanged is None else unchanged.isoformat(),
        "communities": list(done.communities),
        **_check_report(done.check),
    }


def fault_limits(settings: Settings, sliver_width_m: float | None = None) -> FaultLimits:
    """Return from where on a difference between grids is a fault in this deployment."""
    usual = FaultLimits(
        households_min=settings.grid_households_min, households_max=settings.grid_households_max
    )
    if sliver_width_m is None:
        return usual
    return dataclasses.replace(usual, sliver_width_m=sliver_width_m)


def _check_report(check: GridFileCheck) -> Report:
    return {
        "mapping": dict(check.mapping.columns),
        "notes": list(check.notes),
        **_fault_report(check.faults),
    }


def _fault_report(faults: Any) -> Report:
    shown = [
        {
            "kind": fault.kind.value,
            "severity": fault.severity.value,
            "text": fault.text,
            "grid_codes": list(fault.grid_codes),
            "rows": list(fault.rows),
            "column": fault.column,
        }
        for fault in faults[:FAULTS_IN_REPORT]
    ]
    errors = sum(fault.is_error for fault in faults)
    return {"errors": errors, "warnings": len(faults) - errors, "faults": shown}


def _import_areas(
    session: Session, file: WholeFile, options: Mapping[str, Any], progress: Progress
) -> tuple[int, Report]:
    datum = options["datum"]
    done = import_areas(
        session,
        file.path,
        AreaImportOptions(
            valid_from=date.fromisoformat(options["valid_from"]),
            datum=None if datum is None else parse_datum(datum),
            standard=CodeStandard(options["standard"]),
            level=options["level"],
            mapping=options["mapping"],
            table_name=options["table_name"],
            encoding=options["encoding"],
        ),
        upload_limits=file.limits,
        source=options["source"],
        results_folder=file.results_folder,
        progress=progress,
    )
    stored = sum(count for outcome, count in done.counts.items() if outcome != "failed")
    return stored, {
        "counts": dict(done.counts),
        "failures": [dataclasses.asdict(one) for one in done.failures[:FAULTS_IN_REPORT]],
        "failure_file": None if done.failure_file is None else done.failure_file.name,
        "missing_parents": list(done.missing_parents[:FAULTS_IN_REPORT]),
        "mapping": dict(done.mapping.columns),
        "notes": list(done.notes),
    }


def _import_basemap(
    session: Session, file: WholeFile, options: Mapping[str, Any], progress: Progress
) -> tuple[int, Report]:
    done = import_basemap(
        session,
        file.path,
        source=options["source"],
        datum=parse_datum(options["datum"]),
        attribution=options["attribution"],
        layers=options["layers"],
        limits=file.limits,
        progress=progress,
    )
    return done.feature_count, {
        "source": done.source,
        "datum": done.datum,
        "counts": done.counts,
        "dropped": done.dropped,
        "layers": [dataclasses.asdict(plan) for plan in done.layers],
        "mended": done.mended,
        "notes": done.notes,
    }


_WORK: dict[str, Work] = {
    "areas": _import_areas,
    "grids": _import_grids,
    "basemap": _import_basemap,
}
