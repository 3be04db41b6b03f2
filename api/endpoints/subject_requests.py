"""Requests of persons about what is kept of them: received, answered, refused."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request

from api import paging
from api.callers import CallerAccess, SignedInCaller
from api.dependencies import (
    ID_MAX,
    ReadSession,
    RowId,
    Scope,
    SettingsDep,
    WriteSession,
    now,
    today,
)
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.subject_requests import (
    PersonCopy,
    SubjectCorrection,
    SubjectRequest,
    SubjectRequestPage,
    SubjectRequestReceipt,
    SubjectRequestRefusal,
    SubjectRequestStatus,
)
from geo import rights
from geo.accounts import Permission
from geo.errors import NotPermitted
from geo.rights.requests import count_open
from geo.tables import Resident
from geo.tables import SubjectRequest as RequestRow


def answers_persons(caller: SignedInCaller) -> None:
    """Refuse who may not answer persons about their data.

    Raises
    ------
    NotPermitted
    """
    if not caller.may(Permission.RIGHTS):
        raise NotPermitted(
            f"This takes the permission to {Permission.RIGHTS}, which {caller.role} hasn't.",
            wanted=str(Permission.RIGHTS),
        )


router = APIRouter(
    prefix="/subject-requests",
    tags=["subject requests"],
    dependencies=[Depends(answers_persons)],
)

RequestId = Annotated[RowId, Path(description="Number of the request.")]
Now = Annotated[datetime, Depends(now)]
Today = Annotated[date, Depends(today)]
ANSWERS = write_error_responses(404, 409)


@router.post(
    "",
    status_code=201,
    operation_id="receive_subject_request",
    summary="Write down a request that came in",
    responses=write_error_responses(404),
)
def receive(
    session: WriteSession,
    access: CallerAccess,
    scope: Scope,
    settings: SettingsDep,
    day: Today,
    receipt: SubjectRequestReceipt,
) -> SubjectRequest:
    """To see, to correct or to delete what is kept of somebody. It is due after
    `GRIDBEAT_RIGHTS_DUE_DAYS` days. It is purpose and case of what is read to answer it."""
    made = rights.receive_request(
        session,
        access,
        **receipt.model_dump(),
        scope=scope,
        settings=settings,
        today=day,
    )
    return SubjectRequest.model_validate(_facts(made, day, _version(session, made)))


@router.get(
    "",
    operation_id="list_subject_requests",
    summary="The ledger of requests",
    responses=error_responses(),
)
def list_requests(
    request: Request,
    session: ReadSession,
    day: Today,
    page: paging.Page,
    status: Annotated[SubjectRequestStatus | None, Query(description="Only with this.")] = None,
    overdue: Annotated[bool, Query(description="Only open ones that are overdue.")] = False,
    after: Annotated[
        int, Query(ge=0, le=ID_MAX, description="Number of the last request had so far.")
    ] = 0,
) -> SubjectRequestPage:
    """Without what was said. A request of a person is seen by who sees that person; one that is
    nobody's in the registers, by who sees everything."""
    rows = rights.find_requests(
        session,
        status=status,
        overdue_on=day if overdue else None,
        after=after,
        limit=page.probe,
    )
    shown, has_more = paging.cut(rows, page)
    open_count, overdue_count = count_open(session, on=day)
    return SubjectRequestPage.model_validate(
        {
            "requests": [_facts(row, day, None) for row in shown],
            "counts": {"open": open_count, "overdue": overdue_count},
            "links": paging.links(request, after=shown[-1].id if has_more else None),
        }
    )


@router.get(
    "/{request_id}",
    operation_id="get_subject_request",
    summary="One request",
    responses=error_responses(404),
)
def get_one(
    session: WriteSession, access: CallerAccess, day: Today, request_id: RequestId
) -> SubjectRequest:
    """With what was said; that it was read is recorded."""
    found = rights.get_request(session, access, request_id)
    return SubjectRequest.model_validate(_facts(found, day, _version(session, found)))


@router.post(
    "/{request_id}/check-identity",
    operation_id="check_subject_identity",
    summary="Who asks is who they say",
    responses=ANSWERS,
)
def check(
    session: WriteSession, access: CallerAccess, day: Today, request_id: RequestId
) -> SubjectRequest:
    """Or acts for them. What was shown for it is not kept."""
    found = rights.check_identity(session, access, request_id)
    return SubjectRequest.model_validate(_facts(found, day, _version(session, found)))


@router.post(
    "/{request_id}/copy",
    operation_id="copy_subject",
    summary="A copy of what is kept of the person",
    responses=ANSWERS,
)
def copy(
    session: WriteSession, access: CallerAccess, scope: Scope, moment: Now, request_id: RequestId
) -> PersonCopy:
    """For a request to see it. Numbers are whole; nothing of others is in it. The request is
    fulfilled with it; it can be had again, and each copy is recorded."""
    made = rights.copy_of_person(session, access, request_id, scope=scope, now=moment)
    return PersonCopy.model_validate(made)


@router.post(
    "/{request_id}/correct",
    operation_id="correct_subject",
    summary="Correct the person's record",
    responses=ANSWERS,
)
def correct(
    session: WriteSession,
    access: CallerAccess,
    scope: Scope,
    settings: SettingsDep,
    moment: Now,
    day: Today,
    request_id: RequestId,
    correction: SubjectCorrection,
) -> SubjectRequest:
    """For a request to correct it; what the record was stays in its history."""
    changes = correction.model_dump(exclude_unset=True)
    version = changes.pop("expected_version")
    rights.correct_person(
        session,
        access,
        request_id,
        changes,
        expected_version=version,
        scope=scope,
        settings=settings,
        now=moment,
    )
    return _answered(session, request_id, day)


@router.post(
    "/{request_id}/erase",
    operation_id="erase_subject",
    summary="Delete the person",
    responses=ANSWERS,
)
def erase(
    session: WriteSession,
    access: CallerAccess,
    scope: Scope,
    moment: Now,
    day: Today,
    request_id: RequestId,
) -> SubjectRequest:
    """For a request to delete: the person with residences, history, looks and reports. It can't be
    undone. Who lives somewhere now is not deleted."""
    ended = rights.erase_person(session, access, request_id, scope=scope, now=moment)
    return SubjectRequest.model_validate(_facts(ended, day, None))


@router.post(
    "/{request_id}/refuse",
    operation_id="refuse_subject_request",
    summary="Refuse a request",
    responses=ANSWERS,
)
def refuse(
    session: WriteSession,
    access: CallerAccess,
    moment: Now,
    day: Today,
    request_id: RequestId,
    refusal: SubjectRequestRefusal,
) -> SubjectRequest:
    """With the reason, which the person is told."""
    rights.refuse_request(session, access, request_id, reason=refusal.reason, now=moment)
    return _answered(session, request_id, day)


@router.post(
    "/{request_id}/withdraw",
    operation_id="withdraw_subject_request",
    summary="The person takes it back",
    responses=ANSWERS,
)
def withdraw(
    session: WriteSession, access: CallerAccess, moment: Now, day: Today, request_id: RequestId
) -> SubjectRequest:
    """Nothing was read or changed."""
    rights.withdraw_request(session, access, request_id, now=moment)
    return _answered(session, request_id, day)


def _answered(session: WriteSession, request_id: int, day: date) -> SubjectRequest:
    found = session.get_one(RequestRow, request_id)
    return SubjectRequest.model_validate(_facts(found, day, _version(session, found)))


def _version(session: ReadSession, request: RequestRow) -> int | None:
    if request.resident_id is None:
        return None
    resident = session.get(Resident, request.resident_id)
    return None if resident is None else resident.version


def _facts(request: RequestRow, day: date, resident_version: int | None) -> dict[str, Any]:
    return {
        "id": request.id,
        "kind": request.kind,
        "resident_id": request.resident_id,
        "identity_checked": request.identity_checked,
        "received_on": request.received_on,
        "received_by": request.received_by,
        "due_on": request.due_on,
        "is_overdue": request.status == "open" and request.due_on < day,
        "status": request.status,
        "closed_by": request.closed_by,
        "closed_at": request.closed_at,
        "outcome": request.outcome,
        "refusal_reason": request.refusal_reason,
        "details": request.details,
        "resident_version": resident_version,
    }
