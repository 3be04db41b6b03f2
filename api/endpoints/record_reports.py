"""Reports that a record is wrong: listed and settled."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from api import paging
from api.callers import CallerAccess, SignedInCaller
from api.dependencies import ID_MAX, RowId, WriteSession, now
from api.registers import WritingDep, refuse_persons, sees_persons
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.registers import (
    RecordKind,
    Report,
    ReportPage,
    ReportSettling,
    ReportStatus,
)
from geo import registers
from geo.audit import audited
from geo.registers.verifying import ABOUT_PERSONS
from geo.tables import RECORD_KINDS

router = APIRouter(prefix="/record-reports", tags=["registers"])


@router.get(
    "", operation_id="list_record_reports", summary="Reports that records are wrong",
    responses=error_responses(428),
)  # fmt: skip
def list_record_reports(
    request: Request,
    session: WriteSession,
    caller: SignedInCaller,
    access: CallerAccess,
    page: paging.Page,
    status: Annotated[ReportStatus, Query(description="Only with this status.")] = "open",
    kind: Annotated[RecordKind | None, Query(description="Only about such records.")] = None,
    after: Annotated[
        int, Query(ge=0, le=ID_MAX, description="Number of the last one had so far.")
    ] = 0,
) -> ReportPage:
    """By number. Those about persons only with a purpose and a case, which is audited."""
    kinds = set(RECORD_KINDS) if kind is None else {kind}
    if not sees_persons(caller, access):
        kinds -= ABOUT_PERSONS
    with audited(
        session, access, "record_report.list", object_kind="record_report",
        about_persons=bool(kinds & ABOUT_PERSONS),
    ) as read:  # fmt: skip
        rows = registers.find_reports(
            session, status=status, kinds=kinds, after=after, limit=page.probe
        )
        shown, has_more = paging.cut(rows, page)
        read.row_count = len(shown)
    return ReportPage(
        reports=[Report.model_validate(row) for row in shown],
        links=paging.links(request, after=shown[-1].id if has_more else None),
    )


@router.post(
    "/{report_id}/settle", operation_id="settle_record_report", summary="Settle a report",
    responses=write_error_responses(404, 409, 428),
)  # fmt: skip
def settle_record_report(
    session: WriteSession,
    caller: SignedInCaller,
    writing: WritingDep,
    moment: Annotated[datetime, Depends(now)],
    report_id: Annotated[RowId, Path(description="Number of the report.")],
    given: ReportSettling,
) -> Report:
    """The record was mended, or it was right as it was."""
    report = registers.settle_report(
        session, report_id, mended=given.mended, note=given.note, now=moment, writing=writing
    )
    if report.record_kind in ABOUT_PERSONS:
        refuse_persons(caller)
    return Report.model_validate(report)
