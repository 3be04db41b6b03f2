"""Import jobs as the API shows them: without the paths of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from api.schemas.imports import ImportJob, JobFile
from geo.errors import JobNotFound
from geo.importers.jobs import RESUMABLE, status_seen
from geo.settings import Settings
from geo.tables import ImportJob as JobRow

# What only the run itself needs: where files lie, how far it was.
_PRIVATE_OPTIONS = ("path", "chunk_rows")
_PRIVATE_REPORT = ("files", "state")
FILE_SUFFIXES = (".csv", ".geojson", ".xlsx")  # the other files in the folder are the run's own


def shown_job(session: Session, job: JobRow, settings: Settings) -> ImportJob:
    """Return a job as it is shown."""
    status = status_seen(session, job)
    return ImportJob.model_validate(
        {
            "id": job.id,
            "kind": job.kind,
            "status": status,
            "is_resumable": status in RESUMABLE and status != "waiting",
            "file_name": job.file_name,
            "options": _without(job.options, _PRIVATE_OPTIONS),
            "rows_total": job.rows_total,
            "rows_done": job.rows_done,
            "rows_failed": job.rows_failed,
            "message": job.message,
            "report": _without(job.report, _PRIVATE_REPORT),
            "files": [
                JobFile(
                    name=path.name,
                    href=f"/v1/imports/{job.id}/files/{path.name}",
                    size_bytes=path.stat().st_size,
                )
                for path in result_files(settings, job.id)
            ],
            "created_at": job.created_at,
            "started_at": job.started_at,
            "finished_at": job.finished_at,
        }
    )


def result_files(settings: Settings, job_id: int) -> list[Path]:
    """Return the files a job left for people, by name."""
    folder = settings.data_folder / "results" / str(job_id)
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in FILE_SUFFIXES
        and not path.is_symlink()
        and path.is_file()
        and path.stat().st_size
    )


def get_result_file(settings: Settings, job_id: int, name: str) -> Path:
    """Return one of a job's files by its name, compared with those that are there: a name never
    becomes a path.

    Raises
    ------
    JobNotFound : the job left no such file
    """
    for path in result_files(settings, job_id):
        if path.name == name:
            return path
    raise JobNotFound(f"Job {job_id} left no such file. Its `files` lists what it left.")


def _without(values: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
