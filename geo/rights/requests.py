"""The ledger of persons' requests: received, due, answered, by whom, with which outcome.

A request is the purpose and the case of whatever is read to answer it; that is set here, so that
who answers need not make one up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo.audit import Access, record
from geo.decisions import checked_note
from geo.errors import Conflict, InvalidInput, SubjectRequestNotFound
from geo.registers import get_record
from geo.settings import Settings
from geo.tables import SUBJECT_REQUEST_KINDS, SUBJECT_REQUEST_STATUSES, SubjectRequest
from geo.values import GridScope

OBJECT = "subject_request"
PURPOSE = "subject_request"  # in the list of purposes that comes along
RECEIVED_DAYS_MAX = 366  # an older letter was hardly found only now; a slip of the year


def receive_request(
    session: Session,
    access: Access,
    *,
    kind: str,
    resident_id: int | None,
    details: str | None = None,
    identity_checked: bool = False,
    received_on: date,
    scope: GridScope,
    settings: Settings,
    today: date,
) -> SubjectRequest:
    """Return a new open request, due `rights_due_days` after it came in.

    Parameters
    ----------
    resident_id : the person in the registers; None where nothing is kept of who asks, as far as
        could be found
    details : what is wrong, for a correction; no more about the person than that takes

    Raises
    ------
    RecordNotFound : no such person in the scope
    InvalidInput : no such kind, a day that can't be, a correction that says nothing, nobody named
        by who sees a part of the area only
    """
    if kind not in SUBJECT_REQUEST_KINDS:
        raise InvalidInput(
            f"The kind is “{kind[:20]}”, wanted one of {', '.join(SUBJECT_REQUEST_KINDS)}.",
            field="kind",
        )
    if not today - timedelta(days=RECEIVED_DAYS_MAX) <= received_on <= today:
        raise InvalidInput(
            f"It came in on {received_on.isoformat()}, wanted a day of the last year.",
            field="received_on",
        )
    said = checked_note((details or "").strip() or None)
    if kind == "correction" and said is None:
        raise InvalidInput("Say what is wrong and what would be right.", field="details")
    if resident_id is not None:
        get_record(session, "resident", resident_id, scope=scope)
    elif not scope.is_everything:  # they couldn't see it again: it lies in nobody's grid
        raise InvalidInput(
            "A request of somebody of whom nothing is kept is written down by who sees the whole "
            "area. Name the person, or pass the request on.",
            field="resident_id",
        )
    request = SubjectRequest(
        kind=kind,
        resident_id=resident_id,
        details=said,
        identity_checked=identity_checked,
        received_on=received_on,
        received_by=access.actor,
        due_on=received_on + timedelta(days=settings.rights_due_days),
        status="open",
    )
    session.add(request)
    session.flush()
    session.refresh(request)
    note(session, reason_of(request, access), "receive", request)
    return request


def check_identity(session: Session, access: Access, request_id: int) -> SubjectRequest:
    """Note that who asks was seen to be who they say, or to act for them.

    Raises
    ------
    SubjectRequestNotFound, Conflict : none, or answered already
    """
    request = held_request(session, request_id)
    request.identity_checked = True
    session.flush()
    note(session, reason_of(request, access), "check", request)
    return request


def refuse_request(
    session: Session,
    access: Access,
    request_id: int,
    *,
    reason: str,
    now: datetime,
) -> SubjectRequest:
    """Refuse a request; the reason is told to who asked (PIPL art. 50).

    Raises
    ------
    SubjectRequestNotFound, Conflict : none, or answered already
    InvalidInput : no reason is given, or too long a one
    """
    said = checked_note(reason.strip())
    if not said:
        raise InvalidInput("Say why; the person is told it.", field="reason")
    request = held_request(session, request_id)
    request.refusal_reason = said
    return close(session, access, request, "refused", None, now)


def withdraw_request(
    session: Session, access: Access, request_id: int, *, now: datetime
) -> SubjectRequest:
    """Close a request that the person took back.

    Raises
    ------
    SubjectRequestNotFound, Conflict : none, or answered already
    """
    return close(session, access, held_request(session, request_id), "withdrawn", None, now)


def get_request(session: Session, access: Access, request_id: int) -> SubjectRequest:
    """Return a request, and record that it was read; the scope is that of the session.

    Raises
    ------
    SubjectRequestNotFound
    """
    found = session.get(SubjectRequest, request_id, populate_existing=True)
    if found is None:
        raise SubjectRequestNotFound(f"There is no request {request_id}.", request_id=request_id)
    note(session, reason_of(found, access), "read", found)
    return found


def find_requests(
    session: Session,
    *,
    status: str | None = None,
    overdue_on: date | None = None,
    after: int = 0,
    limit: int = 100,
) -> Sequence[SubjectRequest]:
    """Return requests by number; the scope is that of the session.

    Parameters
    ----------
    overdue_on : only open ones that were due before this day

    Raises
    ------
    InvalidInput : no such status
    """
    query = select(SubjectRequest).where(SubjectRequest.id > after)
    if status is not None:
        if status not in SUBJECT_REQUEST_STATUSES:
            raise InvalidInput(f"There is no status “{status[:20]}”.", field="status")
        query = query.where(SubjectRequest.status == status)
    if overdue_on is not None:
        query = query.where(SubjectRequest.status == "open", SubjectRequest.due_on < overdue_on)
    return session.scalars(query.order_by(SubjectRequest.id).limit(limit)).all()


def count_open(session: Session, *, on: date) -> tuple[int, int]:
    """Return how many requests are open, and how many of those are overdue."""
    row = session.execute(
        select(func.count(), func.count().filter(SubjectRequest.due_on < on)).where(
            SubjectRequest.status == "open"
        )
    ).one()
    return int(row[0]), int(row[1])


def held_request(session: Session, request_id: int, *, again: str | None = None) -> SubjectRequest:
    """Return an open request, held against others who would answer it.

    Parameters
    ----------
    again : a kind of which one that is fulfilled will do as well

    Raises
    ------
    SubjectRequestNotFound
    Conflict : it was answered already
    """
    request = session.get(SubjectRequest, request_id, with_for_update=True, populate_existing=True)
    if request is None:
        raise SubjectRequestNotFound(f"There is no request {request_id}.", request_id=request_id)
    is_done = request.status == "fulfilled" and request.kind == again
    if request.status != "open" and not is_done:
        raise Conflict(
            f"Request {request_id} is {request.status} already.", got=request.status, wanted="open"
        )
    return request


def close(
    session: Session,
    access: Access,
    request: SubjectRequest,
    status: str,
    outcome: str | None,
    now: datetime,
) -> SubjectRequest:
    """Write down how a request ended."""
    request.status, request.outcome = status, outcome
    request.closed_by, request.closed_at = access.actor, now
    session.flush()
    note(session, reason_of(request, access), status, request)
    return request


def reason_of(request: SubjectRequest, access: Access) -> Access:
    """Return who answers, with the request as purpose and case."""
    return replace(
        access,
        purpose=PURPOSE,
        case_ref=f"subject request {request.id}",
    )


def note(session: Session, access: Access, action: str, request: SubjectRequest) -> None:
    """Record a step."""
    record(session, access, f"{OBJECT}.{action}", object_kind=OBJECT, object_ref=str(request.id))
