"""What was refused to somebody who is signed in stands in the audit log too."""

from __future__ import annotations

import structlog
from fastapi import Request

from api.callers import origin_of, route_name
from geo.accounts import Caller
from geo.audit import Access, record
from geo.errors import NotPermitted, PlatformError, PurposeMissing
from geo.values import GridScope

log = structlog.get_logger(__name__)

ACTIONS: dict[type[PlatformError], str] = {
    PurposeMissing: "refused.no_purpose",
    NotPermitted: "refused.not_permitted",
}


def record_refusal(request: Request, error: Exception) -> None:
    """Record that a caller was refused something for lack of a purpose or of a permission.

    In a transaction of its own: the one that was refused is rolled back. A refusal is answered
    even where it can't be recorded; nothing was read.
    """
    action = next((name for kind, name in ACTIONS.items() if isinstance(error, kind)), None)
    caller: Caller | None = getattr(request.state, "caller", None)
    if action is None or caller is None:
        return
    # Numbers of rows; a text in a path may be anything.
    numbers = [value for value in request.path_params.values() if str(value).isdigit()]
    access = Access(
        caller.name,
        origin=origin_of(request),
        request_id=getattr(request.state, "request_id", None),
    )
    try:
        with request.app.state.services.database.session_of(GridScope.of([])) as session:
            record(
                session,
                access,
                action,
                object_kind=route_name(request),
                object_ref="/".join(map(str, numbers))[:60] or None,
            )
    except PlatformError as fault:
        log.warning("refusal.not_recorded", action=action, error=type(fault).__name__)
