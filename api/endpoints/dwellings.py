"""Dwellings: listed, looked at, recorded, changed, ended, verified, reported."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api import paging
from api.callers import CallerAccess, SignedInCaller
from api.dependencies import (
    ID_MAX,
    Code,
    ReadSession,
    RowId,
    Scope,
    ServicesDep,
    SettingsDep,
    WriteSession,
)
from api.registers import (
    PersonAccess,
    WritingDep,
    address_texts,
    changes_of,
    dwelling_answer,
    end_of_day,
    look_of,
    place_history,
    quality_of,
    sees_persons,
    write_answer,
)
from api.schemas.dwellings import (
    Dwelling,
    DwellingChange,
    DwellingEnd,
    DwellingPage,
    LandlordNumbers,
    NewDwelling,
)
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.registers import (
    NewReport,
    Quality,
    RecordHistoryList,
    Report,
    Verification,
    WriteAnswer,
)
from geo import registers, tables
from geo.audit import audited, require_reason
from geo.errors import TooManyTries
from geo.registers import RecordFilter

router = APIRouter(prefix="/dwellings", tags=["registers"])

DwellingId = Annotated[RowId, Path(description="Number of the dwelling.")]
WRITE_ERRORS = write_error_responses(404, 409)


@router.get(
    "", operation_id="list_dwellings", summary="Dwellings of the registers",
    responses=error_responses(),
)  # fmt: skip
def list_dwellings(
    request: Request,
    session: ReadSession,
    scope: Scope,
    page: paging.Page,
    grid_code: Annotated[Code | None, Query(description="Only in this grid.")] = None,
    address_id: Annotated[
        int | None, Query(ge=1, le=ID_MAX, description="Only at this address.")
    ] = None,
    on: Annotated[date | None, Query(description="Only those there were on this day.")] = None,
    due_by: Annotated[
        date | None, Query(description="Only those due on this day or before.")
    ] = None,
    with_missing: Annotated[
        bool, Query(description="Only those with a required field that is empty.")
    ] = False,
    after: Annotated[
        int, Query(ge=0, le=ID_MAX, description="Number of the last one had so far.")
    ] = 0,
) -> DwellingPage:
    """By number, without landlords. All filters given must hold."""
    filters = RecordFilter(grid_code, address_id, on, due_by, with_missing)
    rows = registers.find_records(
        session, tables.Dwelling, filters, scope=scope, after_id=after, limit=page.probe
    )
    shown, has_more = paging.cut(rows, page)
    texts = address_texts(session, [row.standard_address_id for row in shown])
    return DwellingPage(
        dwellings=[
            dwelling_answer(session, row, texts.get(row.standard_address_id, "")) for row in shown
        ],
        links=paging.links(request, after=shown[-1].id if has_more else None),
    )


@router.post(
    "", status_code=201, operation_id="record_dwelling", summary="Record a dwelling",
    responses=WRITE_ERRORS,
)  # fmt: skip
def record_dwelling(
    request: Request,
    response: Response,
    session: WriteSession,
    writing: WritingDep,
    given: NewDwelling,
) -> WriteAnswer:
    """Answers what is missing and due. Faults are 422, each named; a dwelling that is there
    already is 409 with `alike`, unless `although_alike` says that this is another."""
    new = registers.NewDwelling(
        **{
            **given.model_dump(exclude={"look", "although_alike"}),
            "safety_findings": tuple(given.safety_findings),
        }
    )
    answer = registers.record_dwelling(
        session,
        new,
        look=look_of(given.look),
        writing=replace(writing, although_alike=given.although_alike),
    )
    response.headers["Location"] = f"{request.url.path}/{answer.record_id}"
    return write_answer(answer)


@router.get(
    "/{dwelling_id}", operation_id="get_dwelling", summary="One dwelling",
    responses=error_responses(404),
)  # fmt: skip
def get_dwelling(
    session: WriteSession,
    scope: Scope,
    caller: SignedInCaller,
    access: CallerAccess,
    dwelling_id: DwellingId,
) -> Dwelling:
    """With a purpose and a case, its landlord too, which is audited."""
    row = registers.get_record(session, "dwelling", dwelling_id, scope=scope)
    assert isinstance(row, tables.Dwelling)
    text = address_texts(session, [row.standard_address_id]).get(row.standard_address_id, "")
    if not sees_persons(caller, access):
        return dwelling_answer(session, row, text)
    with audited(
        session, access, "dwelling.read_landlord", object_kind="dwelling",
        object_ref=str(dwelling_id),
    ) as read:  # fmt: skip
        answer = dwelling_answer(session, row, text, with_persons=True)
        read.row_count = 1
    return answer


@router.patch(
    "/{dwelling_id}", operation_id="change_dwelling", summary="Change a dwelling",
    responses=WRITE_ERRORS,
)  # fmt: skip
def change_dwelling(
    session: WriteSession, writing: WritingDep, dwelling_id: DwellingId, given: DwellingChange
) -> WriteAnswer:
    """What isn't named stays. A stale `expected_version` is 409 with both `sides` of each field
    that differs."""
    answer = registers.change_dwelling(
        session,
        dwelling_id,
        changes_of(given),
        expected_version=given.expected_version,
        look=look_of(given.look),
        writing=writing,
    )
    return write_answer(answer)


@router.post(
    "/{dwelling_id}/numbers", operation_id="read_dwelling_numbers",
    summary="The landlord's phone, unmasked", responses=write_error_responses(404, 428, 429),
)  # fmt: skip
def read_dwelling_numbers(
    session: WriteSession,
    scope: Scope,
    services: ServicesDep,
    caller: SignedInCaller,
    access: PersonAccess,
    dwelling_id: DwellingId,
) -> LandlordNumbers:
    """Each such reading is an entry of its own in the audit log."""
    require_reason(access)
    if not services.person_searches.hit(caller.name):
        raise TooManyTries("Too many numbers were looked at. Wait a minute.", retry_after_s=60)
    found = registers.read_numbers(
        session, dwelling_id, ["landlord_phone"], kind="dwelling", access=access, scope=scope
    )
    return LandlordNumbers(**found)


@router.post(
    "/{dwelling_id}/end", operation_id="end_dwelling", summary="End a dwelling",
    responses=WRITE_ERRORS,
)  # fmt: skip
def end_dwelling(
    session: WriteSession, writing: WritingDep, dwelling_id: DwellingId, given: DwellingEnd
) -> WriteAnswer:
    """Nothing is deleted."""
    answer = registers.end_dwelling(
        session,
        dwelling_id,
        ended_on=given.ended_on,
        expected_version=given.expected_version,
        writing=writing,
    )
    return write_answer(answer)


@router.post(
    "/{dwelling_id}/verify", operation_id="verify_dwelling", summary="Say that a dwelling holds",
    responses=WRITE_ERRORS,
)  # fmt: skip
def verify_dwelling(
    session: WriteSession, writing: WritingDep, dwelling_id: DwellingId, given: Verification
) -> Quality:
    """Somebody looked, and it is as it is recorded. Answers when it is due again."""
    row = registers.verify_record(
        session,
        "dwelling",
        dwelling_id,
        registers.Look(given.look.on, given.look.how),
        expected_version=given.expected_version,
        writing=writing,
    )
    return quality_of(row)


@router.post(
    "/{dwelling_id}/reports", status_code=201, operation_id="report_dwelling",
    summary="Say that a dwelling's record is wrong", responses=WRITE_ERRORS,
)  # fmt: skip
def report_dwelling(
    session: WriteSession, writing: WritingDep, dwelling_id: DwellingId, given: NewReport
) -> Report:
    """It waits until the record is mended or found right."""
    report = registers.report_error(
        session, "dwelling", dwelling_id, given.note, field=given.field, writing=writing
    )
    return Report.model_validate(report)


@router.get(
    "/{dwelling_id}/history", operation_id="list_dwelling_history",
    summary="What a dwelling was", responses=error_responses(404),
)  # fmt: skip
def list_dwelling_history(
    session: ReadSession,
    scope: Scope,
    settings: SettingsDep,
    dwelling_id: DwellingId,
    on: Annotated[
        date | None, Query(description="Only what was recorded at the end of this day.")
    ] = None,
) -> RecordHistoryList:
    """Oldest first, without landlords. Empty where it is what it was."""
    registers.get_record(session, "dwelling", dwelling_id, scope=scope)
    if on is not None:
        former = registers.find_former(session, "dwelling", dwelling_id, end_of_day(settings, on))
        return place_history([] if former is None else [former])
    return place_history(registers.record_history(session, "dwelling", dwelling_id))
