"""Files brought in as jobs: uploaded, run in the background, watched, stopped, resumed."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request, Response
from starlette.responses import FileResponse

from api import paging
from api.dependencies import (
    ID_MAX,
    OperatorScope,
    ReadSession,
    RowId,
    ServicesDep,
    SettingsDep,
    WriteSession,
)
from api.jobs import get_result_file, shown_job
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.import_forms import (
    AddressImportForm,
    AreaImportForm,
    BasemapImportForm,
    GridImportForm,
    ImportForm,
)
from api.schemas.imports import ImportJob, ImportJobPage, ImportTrial, JobKind
from api.services import Services
from api.uploads import stored_upload
from geo.crs import parse_datum
from geo.errors import Conflict
from geo.importers.addresses import AddressImportOptions, prepare_address_job, preview_addresses
from geo.importers.job_kinds import prepare_whole_job, try_whole_import
from geo.importers.jobs import RESUMABLE, find_jobs, get_job, request_stop, status_seen

router = APIRouter(prefix="/imports", tags=["imports"])

JobId = Annotated[RowId, Path(description="Number of the job.")]
MULTIPART = "multipart/form-data"
_ACCEPTED = write_error_responses(404, 409) | {
    200: {"description": "Of a dry run: what would come of it.", "model": ImportTrial},
    202: {"description": "The job; ask for it again to see how far it is."},
}


@router.post(
    "/addresses",
    status_code=202,
    operation_id="import_addresses",
    summary="Import standard addresses",
    response_model=ImportJob,
    responses=_ACCEPTED,
)
def import_addresses(
    services: ServicesDep,
    scope: OperatorScope,
    form: Annotated[AddressImportForm, Form(media_type=MULTIPART)],
) -> Any:
    """Again and again without duplicates: rows are recognised by the source's own reference, or by
    their address. Rows that fail are in the job's `failures.csv` with the reason and the column."""
    settings = services.settings
    day = settings.local_day(datetime.now(UTC)).isoformat()
    options = AddressImportOptions(**form.options(), day=day)
    with stored_upload(settings, form.file, "addresses", form.options()) as upload:
        if form.dry_run:
            with services.database.read_session_of(scope) as session:
                preview = preview_addresses(
                    upload.path, options, settings=settings, session=session
                )
            return _trial("addresses", upload.path, dataclasses.asdict(preview))
        job_id = prepare_address_job(services.database, upload.path, options, settings=settings)
        upload.keep()
    return _begin(services, job_id)


@router.post(
    "/areas",
    status_code=202,
    operation_id="import_areas",
    summary="Import areas",
    response_model=ImportJob,
    responses=_ACCEPTED,
)
def import_areas(
    services: ServicesDep,
    _scope: OperatorScope,
    form: Annotated[AreaImportForm, Form(media_type=MULTIPART)],
) -> Any:
    """From province to community, in any order. Rows that aren't right are in a file with the
    reason and the column; those that are, land together."""
    return _whole(services, "areas", form)


@router.post(
    "/grids",
    status_code=202,
    operation_id="import_grids",
    summary="Import grids",
    response_model=ImportJob,
    responses=_ACCEPTED,
)
def import_grids(
    services: ServicesDep,
    _scope: OperatorScope,
    form: Annotated[GridImportForm, Form(media_type=MULTIPART)],
) -> Any:
    """A new version lands whole or not at all. Overlaps, gaps, slivers, broken rings and wrong
    codes are in the report, and in a GeoJSON file of the faults."""
    return _whole(services, "grids", form)


@router.post(
    "/basemap",
    status_code=202,
    operation_id="import_basemap",
    summary="Import a base map",
    response_model=ImportJob,
    responses=_ACCEPTED,
)
def import_basemap(
    services: ServicesDep,
    _scope: OperatorScope,
    form: Annotated[BasemapImportForm, Form(media_type=MULTIPART)],
) -> Any:
    """Importing a source again replaces it whole."""
    return _whole(services, "basemap", form)


@router.get(
    "",
    operation_id="list_imports",
    summary="All imports, newest first",
    responses=error_responses(404),
)
def list_imports(
    request: Request,
    session: ReadSession,
    settings: SettingsDep,
    _scope: OperatorScope,
    page: paging.Page,
    kind: Annotated[JobKind | None, Query(description="Only imports of this kind.")] = None,
    after: Annotated[
        int | None, Query(ge=1, le=ID_MAX, description="Number of the last import had so far.")
    ] = None,
) -> ImportJobPage:
    """With status, progress and report."""
    rows = find_jobs(session, kind=kind, before_id=after, limit=page.probe)
    shown, has_more = paging.cut(rows, page)
    links = paging.links(request, after=shown[-1].id if has_more else None)
    jobs = [shown_job(session, job, settings) for job in shown]
    return ImportJobPage.model_validate({"imports": jobs, "links": links})


@router.get(
    "/{job_id}",
    operation_id="get_import",
    summary="One import",
    responses=error_responses(404),
)
def get_import(
    session: ReadSession, settings: SettingsDep, _scope: OperatorScope, job_id: JobId
) -> ImportJob:
    """How far it is and what came of it."""
    return shown_job(session, get_job(session, job_id), settings)


@router.post(
    "/{job_id}/stop",
    operation_id="stop_import",
    summary="Stop an import",
    responses=write_error_responses(404, 409),
)
def stop_import(
    session: WriteSession, settings: SettingsDep, _scope: OperatorScope, job_id: JobId
) -> ImportJob:
    """After the rows in hand. Addresses stored so far stay; grids and base maps are taken back."""
    return shown_job(session, request_stop(session, job_id), settings)


@router.post(
    "/{job_id}/resume",
    status_code=202,
    operation_id="resume_import",
    summary="Resume an import",
    responses=write_error_responses(404, 409),
)
def resume_import(services: ServicesDep, _scope: OperatorScope, job_id: JobId) -> ImportJob:
    """One that failed, was stopped, or was in hand when the program ended goes on where it was."""
    with services.database.session() as session:
        status = status_seen(session, get_job(session, job_id))
    if status not in RESUMABLE:
        raise Conflict(
            f"Job {job_id} is {status}; only one that failed or was stopped can be resumed.",
            job_id=job_id,
            got=status,
            wanted=sorted(RESUMABLE),
        )
    return _begin(services, job_id)


@router.get(
    "/{job_id}/files/{name}",
    operation_id="get_import_file",
    summary="A file an import left",
    response_class=FileResponse,
    responses=error_responses(404)
    | {200: {"description": "The file.", "content": {"text/csv": {}, "application/geo+json": {}}}},
)
def get_import_file(
    session: ReadSession,
    settings: SettingsDep,
    _scope: OperatorScope,
    job_id: JobId,
    name: Annotated[
        str, Path(max_length=200, description="As in the job's `files`.", examples=["failures.csv"])
    ],
) -> Response:
    """Rows that failed (CSV) or faults of grids (GeoJSON), to be mended and imported again."""
    get_job(session, job_id)
    path = get_result_file(settings, job_id, name)
    media_type = "application/geo+json" if path.suffix == ".geojson" else None
    return FileResponse(
        path,
        filename=path.name,
        media_type=media_type,
        headers={"Cache-Control": "private, no-store"},
    )


def _whole(services: Services, kind: JobKind, form: ImportForm) -> Any:
    options = form.options()
    if options["datum"] is not None:
        parse_datum(options["datum"])
    with stored_upload(services.settings, form.file, kind, options) as upload:
        if form.dry_run:
            report = try_whole_import(
                services.database,
                upload.path,
                kind=kind,
                options=options,
                settings=services.settings,
            )
            return _trial(kind, upload.path, report)
        job_id = prepare_whole_job(services.database, upload.path, kind=kind, options=options)
        upload.keep()
    return _begin(services, job_id)


def _begin(services: Services, job_id: int) -> ImportJob:
    """Hand a job to the workers; its row is committed already, so they find it."""
    services.imports.submit(job_id)
    with services.database.session() as session:
        return shown_job(session, get_job(session, job_id), services.settings)


def _trial(kind: JobKind, path: FilePath, report: dict[str, Any]) -> Response:
    trial = ImportTrial(kind=kind, file_name=path.name, report=_finite(report))
    return Response(trial.model_dump_json(), media_type="application/json")


def _finite(value: Any) -> Any:
    """JSON has no NaN: a missing coordinate is null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_finite(entry) for entry in value]
    return value
