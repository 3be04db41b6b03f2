"""Exports: asked for within one's scope, approved by a second person above a cap, fetched."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import FileResponse

from api import paging
from api.callers import CallerAccess, SignedInCaller
from api.dependencies import (
    ID_MAX,
    ReadSession,
    RowId,
    Scope,
    ServicesDep,
    SettingsDep,
    WriteSession,
    now,
)
from api.registers import refuse_persons
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.exports import (
    Export,
    ExportApproval,
    ExportMay,
    ExportOrder,
    ExportPage,
    ExportRefusal,
    ExportStatus,
)
from geo.accounts import Caller, Permission
from geo.errors import NotPermitted
from geo.exports import (
    ExportFilter,
    approve_export,
    ask_export,
    fetch_export,
    find_exports,
    get_export,
    refuse_export,
    stop_export,
)
from geo.exports.kinds import EXPORT_KINDS
from geo.exports.requests import UNDER_WAY
from geo.tables import ExportRequest

router = APIRouter(prefix="/exports", tags=["exports"])

ExportId = Annotated[RowId, Path(description="Number of the export.")]
Now = Annotated[datetime, Depends(now)]
MEDIA_TYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "geojson": "application/geo+json",
    "gpkg": "application/geopackage+sqlite3",
    "parquet": "application/vnd.apache.parquet",
}


@router.post(
    "",
    status_code=202,
    operation_id="ask_export",
    summary="Ask for an export",
    responses=write_error_responses(428),
)
def ask_for_export(
    services: ServicesDep,
    caller: SignedInCaller,
    access: CallerAccess,
    scope: Scope,
    moment: Now,
    order: ExportOrder,
) -> Export:
    """Of what the caller may see. Up to a number of rows in 24 hours it is written at once; above
    it, and always for what is about persons, somebody else who may approve decides. Purpose and
    case come in the headers `X-Purpose` and `X-Case`, percent-encoded."""
    if EXPORT_KINDS[order.kind].about_persons:
        refuse_persons(caller)
    # Past the request's own transaction: the worker must find the request stored.
    with services.database.session_of(scope) as session:
        request = ask_export(
            session,
            access,
            kind=order.kind,
            file_format=order.format,
            filters=ExportFilter(grid_code=order.grid_code, community_code=order.community_code),
            scope=scope,
            settings=services.settings,
            now=moment,
        )
        answer = _shown(request, caller, moment)
    if answer.status == "waiting":
        services.exports.submit(answer.id)
    return answer


@router.get(
    "",
    operation_id="list_exports",
    summary="One's own exports; to who may approve, all in the scope",
    responses=error_responses(),
)
def list_exports(
    request: Request,
    session: ReadSession,
    caller: SignedInCaller,
    moment: Now,
    page: paging.Page,
    status: Annotated[ExportStatus | None, Query(description="Only with this status.")] = None,
    after: Annotated[
        int | None, Query(ge=1, le=ID_MAX, description="Number of the last export had so far.")
    ] = None,
) -> ExportPage:
    """Newest first."""
    rows = find_exports(
        session,
        seen_by=caller.name,
        may_approve=caller.may(Permission.APPROVE),
        status=status,
        before_id=after,
        limit=page.probe,
    )
    shown, has_more = paging.cut(rows, page)
    links = paging.links(request, after=shown[-1].id if has_more else None)
    return ExportPage.model_validate(
        {"exports": [_shown(row, caller, moment) for row in shown], "links": links}
    )


@router.get(
    "/{export_id}",
    operation_id="get_export",
    summary="One export",
    responses=error_responses(404),
)
def get_one_export(
    session: ReadSession, caller: SignedInCaller, moment: Now, export_id: ExportId
) -> Export:
    """How far it is."""
    may_approve = caller.may(Permission.APPROVE)
    found = get_export(session, export_id, seen_by=caller.name, may_approve=may_approve)
    return _shown(found, caller, moment)


@router.post(
    "/{export_id}/approve",
    operation_id="approve_export",
    summary="Approve somebody else's export",
    responses=write_error_responses(404, 409),
)
def approve(
    services: ServicesDep,
    caller: SignedInCaller,
    access: CallerAccess,
    scope: Scope,
    moment: Now,
    export_id: ExportId,
    approval: ExportApproval,
) -> Export:
    """It is written then; who asked for it fetches it."""
    with services.database.session_of(scope) as session:
        _see_as_approver(session, caller, export_id)
        decided = approve_export(session, access, export_id, note=approval.note, now=moment)
        answer = _shown(decided, caller, moment)
    services.exports.submit(export_id)
    return answer


@router.post(
    "/{export_id}/refuse",
    operation_id="refuse_export",
    summary="Refuse somebody else's export",
    responses=write_error_responses(404, 409),
)
def refuse(
    session: WriteSession,
    caller: SignedInCaller,
    access: CallerAccess,
    moment: Now,
    export_id: ExportId,
    refusal: ExportRefusal,
) -> Export:
    """With the reason, which who asked for it reads."""
    _see_as_approver(session, caller, export_id)
    decided = refuse_export(session, access, export_id, note=refusal.note, now=moment)
    return _shown(decided, caller, moment)


@router.post(
    "/{export_id}/stop",
    operation_id="stop_export",
    summary="Stop one's own export",
    responses=write_error_responses(404, 409),
)
def stop(
    session: WriteSession,
    caller: SignedInCaller,
    access: CallerAccess,
    moment: Now,
    export_id: ExportId,
) -> Export:
    """While it waits or is being written; nothing of it stays but the record."""
    return _shown(stop_export(session, access, export_id, now=moment), caller, moment)


@router.get(
    "/{export_id}/file",
    operation_id="get_export_file",
    summary="The file of one's own export",
    response_class=FileResponse,
    responses=error_responses(404, 409)
    | {200: {"description": "The file.", "content": {each: {} for each in MEDIA_TYPES.values()}}},
)
def get_file(
    session: WriteSession,
    settings: SettingsDep,
    access: CallerAccess,
    moment: Now,
    export_id: ExportId,
) -> Response:
    """For who asked for it and nobody else; each time it is fetched is recorded."""
    path = fetch_export(session, access, export_id, settings=settings, now=moment)
    request = get_export(session, export_id, seen_by=access.actor)
    return FileResponse(
        path,
        filename=request.file_name,
        media_type=MEDIA_TYPES[request.format],
        headers={"Cache-Control": "private, no-store"},
    )


def _see_as_approver(session: Session, caller: Caller, export_id: int) -> None:
    """Refuse who may not decide; what they don't even see isn't there for them.

    Raises
    ------
    ExportNotFound, NotPermitted
    """
    may_approve = caller.may(Permission.APPROVE)
    get_export(session, export_id, seen_by=caller.name, may_approve=may_approve)
    if not may_approve:
        raise NotPermitted(
            f"This takes the permission to {Permission.APPROVE}, which {caller.role} hasn't.",
            wanted=str(Permission.APPROVE),
        )


def _shown(request: ExportRequest, caller: Caller, moment: datetime) -> Export:
    is_own = request.requested_by == caller.name
    is_open = request.status == "asked"
    return Export.model_validate(
        {
            "id": request.id,
            "kind": request.kind,
            "format": request.format,
            "grid_code": request.filters.get("grid_code"),
            "community_code": request.filters.get("community_code"),
            "status": request.status,
            "requested_by": request.requested_by,
            "purpose": request.purpose,
            "case_ref": request.case_ref,
            "grid_count": None if request.grid_codes is None else len(request.grid_codes),
            "rows_expected": request.rows_expected,
            "rows_done": request.rows_done or 0,
            "decided_by": request.decided_by,
            "decided_at": request.decided_at,
            "note": request.note,
            "message": request.message,
            "file_name": request.file_name,
            "file_bytes": request.file_bytes,
            "file_sha256": request.file_sha256,
            "created_at": request.created_at,
            "finished_at": request.finished_at,
            "expires_at": request.expires_at,
            "may": ExportMay(
                decide=is_open and not is_own and caller.may(Permission.APPROVE),
                stop=is_own and (is_open or request.status in UNDER_WAY),
                fetch=is_own
                and request.status == "ready"
                and request.expires_at is not None
                and request.expires_at > moment,
            ),
        }
    )
