"""Residents and their residences. Every route here takes a purpose and a case, and is audited."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api import paging
from api.callers import SignedInCaller
from api.dependencies import (
    ID_MAX,
    Code,
    RowId,
    Scope,
    ServicesDep,
    SettingsDep,
    WriteSession,
    now,
    today,
)
from api.registers import (
    PersonAccess,
    PersonWriting,
    changes_of,
    end_of_day,
    look_of,
    quality_of,
    resident_answer,
    write_answer,
)
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.registers import NewReport, Quality, Report, Verification, WriteAnswer
from api.schemas.residents import (
    ElsewhereReport,
    NewResident,
    Numbers,
    NumbersWanted,
    ResidenceAnnulment,
    ResidenceChange,
    ResidenceEnd,
    ResidenceOpening,
    Resident,
    ResidentChange,
    ResidentList,
    ResidentMove,
    ResidentPage,
    ResidentSearch,
    Told,
)
from geo import registers
from geo.accounts import Permission
from geo.audit import require_reason
from geo.errors import InvalidInput, NotPermitted, TooManyTries

router = APIRouter(tags=["registers"])

ResidentId = Annotated[RowId, Path(description="Number of the person.")]
ResidenceId = Annotated[RowId, Path(description="Number of the residence.")]
Today = Annotated[date, Depends(today)]
Now = Annotated[datetime, Depends(now)]
READ_ERRORS = error_responses(404, 428)
WRITE_ERRORS = write_error_responses(404, 409, 428)
SEARCH_ERRORS = write_error_responses(428, 429)


@router.get(
    "/residents", operation_id="list_residents", summary="Who lives at an address, or in a grid",
    responses=READ_ERRORS,
)  # fmt: skip
def list_residents(
    request: Request,
    session: WriteSession,
    scope: Scope,
    access: PersonAccess,
    page: paging.Page,
    day: Today,
    address_id: Annotated[
        int | None, Query(ge=1, le=ID_MAX, description="Who lives at this address.")
    ] = None,
    grid_code: Annotated[Code | None, Query(description="Who lives in this grid.")] = None,
    on: Annotated[
        date | None, Query(description="On this day. Default: today.", examples=["2026-06-01"])
    ] = None,
    due_by: Annotated[
        date | None, Query(description="In a grid: only who is due on this day or before.")
    ] = None,
    with_missing: Annotated[
        bool, Query(description="In a grid: only with a required field that is empty.")
    ] = False,
    after: Annotated[
        int, Query(ge=0, le=ID_MAX, description="In a grid: number of the last person so far.")
    ] = 0,
) -> ResidentPage:
    """At an address by household, in a grid by number. Give one of the two: persons are not to be
    gone through in any other way."""
    require_reason(access)
    if (address_id is None) == (grid_code is None):
        raise InvalidInput(
            "Give address_id or grid_code, one of the two.", wanted=["address_id", "grid_code"]
        )
    if address_id is not None:
        found = registers.residents_at(
            session, address_id, on=on or day, access=access, scope=scope
        )
        return ResidentPage(
            residents=[resident_answer(each) for each in found],
            links=paging.links(request, after=None),
        )
    assert grid_code is not None
    limit = min(page.limit, registers.PERSONS_PAGE_MAX)
    rows = registers.list_residents(
        session,
        grid_code=grid_code,
        on=on or day,
        due_by=due_by,
        with_missing=with_missing,
        after_id=after,
        limit=limit + 1,
        access=access,
        scope=scope,
    )
    shown, has_more = rows[:limit], len(rows) > limit
    return ResidentPage(
        residents=[resident_answer(each) for each in shown],
        links=paging.links(request, after=shown[-1].resident_id if has_more else None),
    )


@router.post(
    "/residents/search", operation_id="search_residents",
    summary="The person with exactly this number", responses=SEARCH_ERRORS,
)  # fmt: skip
def search_residents(
    session: WriteSession,
    scope: Scope,
    services: ServicesDep,
    caller: SignedInCaller,
    access: PersonAccess,
    day: Today,
    given: ResidentSearch,
) -> ResidentList:
    """An identity or telephone number, whole. Thirty a minute: numbers are guessable."""
    require_reason(access)
    if not services.person_searches.hit(caller.name):
        raise TooManyTries("Too many searches for persons. Wait a minute.", retry_after_s=60)
    found = registers.find_by_number(
        session,
        identity_number=given.identity_number,
        phone=given.phone,
        today=day,
        access=access,
        scope=scope,
    )
    return ResidentList(residents=[resident_answer(each) for each in found])


@router.post(
    "/residents", status_code=201, operation_id="record_resident",
    summary="Record a person with where they live", responses=WRITE_ERRORS,
)  # fmt: skip
def record_resident(
    request: Request,
    response: Response,
    session: WriteSession,
    writing: PersonWriting,
    given: NewResident,
) -> WriteAnswer:
    """Answers what is missing and due. Faults are 422, each named; a person who is recorded, or
    lives elsewhere, is 409 with `alike` and `conflicts`."""
    answer = registers.record_resident(
        session,
        registers.NewResident(**given.model_dump(exclude={"residence", "look", "although_alike"})),
        registers.NewResidence(**given.residence.model_dump()),
        look=look_of(given.look),
        writing=replace(writing, although_alike=given.although_alike),
    )
    response.headers["Location"] = f"{request.url.path}/{answer.record_id}"
    return write_answer(answer)


@router.get(
    "/residents/{resident_id}", operation_id="get_resident", summary="One person",
    responses=READ_ERRORS,
)  # fmt: skip
def get_resident(
    session: WriteSession,
    scope: Scope,
    settings: SettingsDep,
    access: PersonAccess,
    resident_id: ResidentId,
    on: Annotated[
        date | None,
        Query(description="As recorded at the end of this day, with the residences of it."),
    ] = None,
) -> Resident:
    """With those of their residences that lie in the caller's scope; numbers masked."""
    view = registers.read_resident(
        session,
        resident_id,
        on=on,
        until=None if on is None else end_of_day(settings, on),
        access=access,
        scope=scope,
    )
    return resident_answer(view)


@router.patch(
    "/residents/{resident_id}", operation_id="change_resident", summary="Correct a person",
    responses=WRITE_ERRORS,
)  # fmt: skip
def change_resident(
    session: WriteSession, writing: PersonWriting, resident_id: ResidentId, given: ResidentChange
) -> WriteAnswer:
    """What isn't named stays. A stale `expected_version` is 409 with both `sides`, masked."""
    answer = registers.change_resident(
        session,
        resident_id,
        changes_of(given),
        expected_version=given.expected_version,
        writing=writing,
    )
    return write_answer(answer)


@router.post(
    "/residents/{resident_id}/numbers", operation_id="read_resident_numbers",
    summary="Numbers of a person, unmasked", responses=write_error_responses(404, 428, 429),
)  # fmt: skip
def read_resident_numbers(
    session: WriteSession,
    scope: Scope,
    services: ServicesDep,
    caller: SignedInCaller,
    access: PersonAccess,
    resident_id: ResidentId,
    given: NumbersWanted,
) -> Numbers:
    """Each such reading is an entry of its own in the audit log. Phones for all who see persons,
    identity numbers for patrol leaders and chiefs."""
    require_reason(access)
    if "identity_number" in given.fields and not caller.may(Permission.IDENTITY):
        raise NotPermitted(
            f"Identity numbers are not shown whole to {caller.role}.",
            wanted=str(Permission.IDENTITY),
        )
    if not services.person_searches.hit(caller.name):
        raise TooManyTries("Too many numbers were looked at. Wait a minute.", retry_after_s=60)
    found = registers.read_numbers(session, resident_id, given.fields, access=access, scope=scope)
    return Numbers(**found)


@router.post(
    "/residents/report-elsewhere", status_code=202, operation_id="report_elsewhere",
    summary="Tell the other grid that a person is said to live here",
    responses=write_error_responses(404, 409, 428, 429),
)  # fmt: skip
def report_elsewhere(
    session: WriteSession,
    services: ServicesDep,
    caller: SignedInCaller,
    writing: PersonWriting,
    given: ElsewhereReport,
) -> Told:
    """After a 409 `lives_elsewhere` outside the scope: those who see that residence find a report
    at it. Where that is isn't said."""
    require_reason(writing.access)
    if not services.person_searches.hit(caller.name):
        raise TooManyTries("Too many reports. Wait a minute.", retry_after_s=60)
    registers.report_elsewhere(
        session,
        registers.NewResidence(**given.residence.model_dump()),
        identity_number=given.identity_number,
        resident_id=given.resident_id,
        writing=writing,
    )
    return Told()


@router.post(
    "/residents/{resident_id}/residences", status_code=201, operation_id="open_residence",
    summary="Say that a person lives at an address as well", responses=WRITE_ERRORS,
)  # fmt: skip
def open_residence(
    session: WriteSession, writing: PersonWriting, resident_id: ResidentId, given: ResidenceOpening
) -> WriteAnswer:
    """Registered here and living there, or here again after a time elsewhere. Who moves: the move
    of their residence."""
    answer = registers.open_residence(
        session,
        resident_id,
        registers.NewResidence(**given.model_dump(exclude={"look"})),
        look=look_of(given.look),
        writing=writing,
    )
    return write_answer(answer)


@router.post(
    "/residents/{resident_id}/reports", status_code=201, operation_id="report_resident",
    summary="Say that a person's record is wrong", responses=WRITE_ERRORS,
)  # fmt: skip
def report_resident(
    session: WriteSession, writing: PersonWriting, resident_id: ResidentId, given: NewReport
) -> Report:
    """It waits until the record is mended or found right."""
    report = registers.report_error(
        session, "resident", resident_id, given.note, field=given.field, writing=writing
    )
    return Report.model_validate(report)


@router.patch(
    "/residences/{residence_id}", operation_id="change_residence", summary="Correct a residence",
    responses=WRITE_ERRORS,
)  # fmt: skip
def change_residence(
    session: WriteSession,
    writing: PersonWriting,
    residence_id: ResidenceId,
    given: ResidenceChange,
) -> WriteAnswer:
    """Kind, household or days; what isn't named stays."""
    answer = registers.change_residence(
        session,
        residence_id,
        changes_of(given),
        expected_version=given.expected_version,
        writing=writing,
    )
    return write_answer(answer)


@router.post(
    "/residences/{residence_id}/move", status_code=201, operation_id="move_resident",
    summary="Move a person to another address", responses=WRITE_ERRORS,
)  # fmt: skip
def move_resident(
    session: WriteSession, writing: PersonWriting, residence_id: ResidenceId, given: ResidentMove
) -> WriteAnswer:
    """The residence ends on the day the new one begins, in one go. Answers the new one."""
    answer = registers.move_resident(
        session,
        residence_id,
        registers.NewResidence(**given.model_dump(exclude={"look", "expected_version"})),
        expected_version=given.expected_version,
        look=look_of(given.look),
        writing=writing,
    )
    return write_answer(answer)


@router.post(
    "/residences/{residence_id}/end", operation_id="end_residence", summary="End a residence",
    responses=WRITE_ERRORS,
)  # fmt: skip
def end_residence(
    session: WriteSession, writing: PersonWriting, residence_id: ResidenceId, given: ResidenceEnd
) -> WriteAnswer:
    """From `lived_to` the person lives there no more."""
    answer = registers.end_residence(
        session,
        residence_id,
        lived_to=given.lived_to,
        expected_version=given.expected_version,
        writing=writing,
    )
    return write_answer(answer)


@router.post(
    "/residences/{residence_id}/annul", operation_id="annul_residence",
    summary="Say that a residence never was", responses=WRITE_ERRORS,
)  # fmt: skip
def annul_residence(
    session: WriteSession,
    writing: PersonWriting,
    moment: Now,
    residence_id: ResidenceId,
    given: ResidenceAnnulment,
) -> WriteAnswer:
    """It was recorded in error, and stays in the history."""
    answer = registers.annul_residence(
        session,
        residence_id,
        now=moment,
        expected_version=given.expected_version,
        writing=writing,
    )
    return write_answer(answer)


@router.post(
    "/residences/{residence_id}/verify", operation_id="verify_residence",
    summary="Say that a residence holds", responses=WRITE_ERRORS,
)  # fmt: skip
def verify_residence(
    session: WriteSession, writing: PersonWriting, residence_id: ResidenceId, given: Verification
) -> Quality:
    """Somebody met or called the person. Answers when they are due again."""
    row = registers.verify_record(
        session,
        "residence",
        residence_id,
        registers.Look(given.look.on, given.look.how),
        expected_version=given.expected_version,
        writing=writing,
    )
    return quality_of(row)


@router.post(
    "/residences/{residence_id}/reports", status_code=201, operation_id="report_residence",
    summary="Say that a residence is wrong", responses=WRITE_ERRORS,
)  # fmt: skip
def report_residence(
    session: WriteSession, writing: PersonWriting, residence_id: ResidenceId, given: NewReport
) -> Report:
    """It waits until the record is mended or found right."""
    report = registers.report_error(
        session, "residence", residence_id, given.note, field=given.field, writing=writing
    )
    return Report.model_validate(report)
