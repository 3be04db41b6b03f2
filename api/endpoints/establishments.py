"""Establishments: listed, looked at, recorded, changed, ended, verified, reported."""

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
    end_of_day,
    establishment_answer,
    look_of,
    place_history,
    quality_of,
    sees_persons,
    write_answer,
)
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.establishments import (
    ContactNumbers,
    Establishment,
    EstablishmentChange,
    EstablishmentEnd,
    EstablishmentMove,
    EstablishmentPage,
    NewEstablishment,
)
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

router = APIRouter(prefix="/establishments", tags=["registers"])

EstablishmentId = Annotated[RowId, Path(description="Number of the establishment.")]
WRITE_ERRORS = write_error_responses(404, 409)


@router.get(
    "", operation_id="list_establishments", summary="Establishments of the registers",
    responses=error_responses(),
)  # fmt: skip
def list_establishments(
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
) -> EstablishmentPage:
    """By number, without contacts. All filters given must hold."""
    filters = RecordFilter(grid_code, address_id, on, due_by, with_missing)
    rows = registers.find_records(
        session, tables.Establishment, filters, scope=scope, after_id=after, limit=page.probe
    )
    shown, has_more = paging.cut(rows, page)
    texts = address_texts(session, [row.standard_address_id for row in shown])
    return EstablishmentPage(
        establishments=[
            establishment_answer(session, row, texts.get(row.standard_address_id, ""))
            for row in shown
        ],
        links=paging.links(request, after=shown[-1].id if has_more else None),
    )


@router.post(
    "", status_code=201, operation_id="record_establishment", summary="Record an establishment",
    responses=WRITE_ERRORS,
)  # fmt: skip
def record_establishment(
    request: Request,
    response: Response,
    session: WriteSession,
    writing: WritingDep,
    given: NewEstablishment,
) -> WriteAnswer:
    """Answers what is missing and due. Faults are 422, each named; one of the same credit code, or
    of the same name at the address, is 409 with `alike`, unless `although_alike` says that this is
    another."""
    new = registers.NewEstablishment(**given.model_dump(exclude={"look", "although_alike"}))
    answer = registers.record_establishment(
        session,
        new,
        look=look_of(given.look),
        writing=replace(writing, although_alike=given.although_alike),
    )
    response.headers["Location"] = f"{request.url.path}/{answer.record_id}"
    return write_answer(answer)


@router.get(
    "/{establishment_id}", operation_id="get_establishment", summary="One establishment",
    responses=error_responses(404),
)  # fmt: skip
def get_establishment(
    session: WriteSession,
    scope: Scope,
    caller: SignedInCaller,
    access: CallerAccess,
    establishment_id: EstablishmentId,
) -> Establishment:
    """With a purpose and a case, its contact too, which is audited."""
    row = registers.get_record(session, "establishment", establishment_id, scope=scope)
    assert isinstance(row, tables.Establishment)
    text = address_texts(session, [row.standard_address_id]).get(row.standard_address_id, "")
    if not sees_persons(caller, access):
        return establishment_answer(session, row, text)
    with audited(
        session, access, "establishment.read_contact", object_kind="establishment",
        object_ref=str(establishment_id),
    ) as read:  # fmt: skip
        answer = establishment_answer(session, row, text, with_persons=True)
        read.row_count = 1
    return answer


@router.patch(
    "/{establishment_id}", operation_id="change_establishment", summary="Change an establishment",
    responses=WRITE_ERRORS,
)  # fmt: skip
def change_establishment(
    session: WriteSession,
    writing: WritingDep,
    establishment_id: EstablishmentId,
    given: EstablishmentChange,
) -> WriteAnswer:
    """What isn't named stays. A stale `expected_version` is 409 with both `sides` of each field
    that differs."""
    answer = registers.change_establishment(
        session,
        establishment_id,
        changes_of(given),
        expected_version=given.expected_version,
        look=look_of(given.look),
        writing=replace(writing, although_alike=given.although_alike),
    )
    return write_answer(answer)


@router.post(
    "/{establishment_id}/numbers", operation_id="read_establishment_numbers",
    summary="The contact's phone, unmasked", responses=write_error_responses(404, 428, 429),
)  # fmt: skip
def read_establishment_numbers(
    session: WriteSession,
    scope: Scope,
    services: ServicesDep,
    caller: SignedInCaller,
    access: PersonAccess,
    establishment_id: EstablishmentId,
) -> ContactNumbers:
    """Each such reading is an entry of its own in the audit log."""
    require_reason(access)
    if not services.person_searches.hit(caller.name):
        raise TooManyTries("Too many numbers were looked at. Wait a minute.", retry_after_s=60)
    found = registers.read_numbers(
        session,
        establishment_id,
        ["contact_phone"],
        kind="establishment",
        access=access,
        scope=scope,
    )
    return ContactNumbers(**found)


@router.post(
    "/{establishment_id}/end", operation_id="end_establishment",
    summary="Let an establishment leave",
    responses=WRITE_ERRORS,
)  # fmt: skip
def end_establishment(
    session: WriteSession,
    writing: WritingDep,
    establishment_id: EstablishmentId,
    given: EstablishmentEnd,
) -> WriteAnswer:
    """Nothing is deleted."""
    answer = registers.end_establishment(
        session,
        establishment_id,
        left_on=given.left_on,
        expected_version=given.expected_version,
        writing=writing,
    )
    return write_answer(answer)


@router.post(
    "/{establishment_id}/move", status_code=201, operation_id="move_establishment",
    summary="Move an establishment to another address", responses=WRITE_ERRORS,
)  # fmt: skip
def move_establishment(
    session: WriteSession,
    writing: WritingDep,
    establishment_id: EstablishmentId,
    given: EstablishmentMove,
) -> WriteAnswer:
    """It leaves here and comes there on one day; what is known of it comes along. Answers the new
    record."""
    answer = registers.move_establishment(
        session,
        establishment_id,
        given.standard_address_id,
        moved_on=given.moved_on,
        expected_version=given.expected_version,
        look=look_of(given.look),
        writing=replace(writing, although_alike=given.although_alike),
    )
    return write_answer(answer)


@router.post(
    "/{establishment_id}/verify", operation_id="verify_establishment",
    summary="Say that an establishment holds",
    responses=WRITE_ERRORS,
)  # fmt: skip
def verify_establishment(
    session: WriteSession,
    writing: WritingDep,
    establishment_id: EstablishmentId,
    given: Verification,
) -> Quality:
    """Somebody looked, and it is as it is recorded. Answers when it is due again."""
    row = registers.verify_record(
        session,
        "establishment",
        establishment_id,
        registers.Look(given.look.on, given.look.how),
        expected_version=given.expected_version,
        writing=writing,
    )
    return quality_of(row)


@router.post(
    "/{establishment_id}/reports", status_code=201, operation_id="report_establishment",
    summary="Say that an establishment's record is wrong", responses=WRITE_ERRORS,
)  # fmt: skip
def report_establishment(
    session: WriteSession,
    writing: WritingDep,
    establishment_id: EstablishmentId,
    given: NewReport,
) -> Report:
    """It waits until the record is mended or found right."""
    report = registers.report_error(
        session, "establishment", establishment_id, given.note, field=given.field, writing=writing
    )
    return Report.model_validate(report)


@router.get(
    "/{establishment_id}/history", operation_id="list_establishment_history",
    summary="What an establishment was", responses=error_responses(404),
)  # fmt: skip
def list_establishment_history(
    session: ReadSession,
    scope: Scope,
    settings: SettingsDep,
    establishment_id: EstablishmentId,
    on: Annotated[
        date | None, Query(description="Only what was recorded at the end of this day.")
    ] = None,
) -> RecordHistoryList:
    """Oldest first, without contacts. Empty where it is what it was."""
    registers.get_record(session, "establishment", establishment_id, scope=scope)
    if on is not None:
        former = registers.find_former(
            session, "establishment", establishment_id, end_of_day(settings, on)
        )
        return place_history([] if former is None else [former])
    return place_history(registers.record_history(session, "establishment", establishment_id))
