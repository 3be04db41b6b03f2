"""The caller's task: why they read about persons, said once; and the purposes there are."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from api.callers import CallerAccess, SignedInCaller
from api.dependencies import ServicesDep, WriteSession, now
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.tasks import CurrentTask, Purpose, PurposeList, Task, TaskOpening
from geo.accounts import Caller, end_task, open_task
from geo.audit import record
from geo.errors import Conflict
from geo.purposes import find_purpose

router = APIRouter(tags=["task"])

Now = Annotated[datetime, Depends(now)]


@router.get(
    "/purposes",
    operation_id="list_purposes",
    summary="For what something about a person may be read",
    responses=error_responses(),
)
def list_purposes(services: ServicesDep) -> PurposeList:
    """Each with its legal ground. The deployment brings the list."""
    found = services.purposes.values()
    return PurposeList(purposes=[Purpose.model_validate(each) for each in found])


@router.get("/task", operation_id="get_task", summary="My task", responses=error_responses())
def get_task(caller: SignedInCaller, response: Response) -> CurrentTask:
    """The task that is open in this sign-in, null where there is none or it has ended."""
    response.headers["Cache-Control"] = "no-store"
    task = caller.task
    return CurrentTask(task=None if task is None else Task.model_validate(task))


@router.put(
    "/task",
    operation_id="open_task",
    summary="Open a task",
    responses=write_error_responses(409),
)
def open_my_task(
    session: WriteSession,
    services: ServicesDep,
    caller: SignedInCaller,
    access: CallerAccess,
    moment: Now,
    given: TaskOpening,
) -> CurrentTask:
    """Purpose and case are said once; what is read about persons meanwhile stands in the audit log
    under them. One that was open ends. It ends by itself, and with the sign-in."""
    hours = given.hours or services.settings.task_hours
    purpose = find_purpose(services.purposes, given.purpose)
    task = open_task(
        session,
        account_id=caller.account_id,
        session_id=_session_of(caller),
        purpose=purpose.code,
        case_ref=given.case_ref,
        note=given.note,
        lasts=timedelta(hours=hours),
        now=moment,
    )
    why = replace(access, purpose=task.purpose, case_ref=task.case_ref)
    record(session, why, "task.open", object_kind="task", object_ref=str(task.id))
    return CurrentTask(task=Task.model_validate(task))


@router.delete(
    "/task",
    status_code=204,
    operation_id="end_task",
    summary="End my task",
    response_class=Response,
    responses=write_error_responses(409),
)
def end_my_task(
    session: WriteSession, caller: SignedInCaller, access: CallerAccess, moment: Now
) -> Response:
    """Who has none open stays so."""
    if end_task(session, session_id=_session_of(caller), now=moment) and caller.task is not None:
        record(session, access, "task.end", object_kind="task", object_ref=str(caller.task.id))
    return Response(status_code=204)


def _session_of(caller: Caller) -> int:
    if caller.session_id is None:
        raise Conflict(
            "A token has no sign-in that a task could be kept with. Send the headers X-Purpose and "
            "X-Case with each request instead."
        )
    return caller.session_id
