"""Who is asking: from a cookie or a token to a caller, and the door that each route stands behind.

A route is closed unless it is named in `OPEN`: whoever isn't signed in gets 401. Reading takes the
permission to read, everything else the permission to write; `QUESTIONS` are the POSTs that ask.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Request, Response

from api.services import Services
from geo.accounts import Caller, Permission, caller_of_session, caller_of_token
from geo.accounts.tasks import checked_case_ref
from geo.audit import Access
from geo.errors import NotPermitted, NotSignedIn, PasswordChangeNeeded
from geo.purposes import find_purpose
from geo.values import GridScope

# Where TLS ends here or before us. The prefix makes browsers refuse it from any other host or path.
COOKIE = "__Host-gridbeat"
# On plain HTTP no browser sends the other. Only a caller on this very machine gets this one.
PLAIN_COOKIE = "gridbeat_session"
# The browser's own secret while it is on its way to the sign-in provider and back.
PROVIDER_COOKIE = "__Host-gridbeat_provider"
PROVIDER_COOKIE_PLAIN = "gridbeat_provider"
READING = frozenset({"GET", "HEAD"})

# Routes that anybody may ask, by operation id or, for pages, by path.
STATIC = "/static/{version}/{name:path}"
OPEN = frozenset(
    {
        "get_landing", "get_health", "sign_in", "sign_out",
        "/sign-in", STATIC,
        "/sign-in/provider", "/sign-in/provider/back", "/sign-in/code", "finish_sign_in",
        "/sign-out/provider",
        # These ask for a device's own token: `api.endpoints.positions`.
        "send_position", "send_positions",
    }
)  # fmt: skip
# POSTs that ask without storing anything for good but a text in the review queue, what one asked to
# have as a file and gave up again, and one's own task: who may read may say why.
QUESTIONS = frozenset(
    {
        "geocode_many", "read_addresses", "standardise_addresses", "compare_addresses",
        "ask_export", "stop_export", "open_task", "end_task",
        "get_travel_times", "get_travel_path", "find_nearest_units",
        "search_residents", "read_resident_numbers", "read_dwelling_numbers",
        "read_establishment_numbers",
        "ask_siting", "stop_siting",
    }
)  # fmt: skip
# Routes that take a permission of their own instead of reading or writing.
TAKES = {
    **dict.fromkeys(
        (
            "list_audit_entries", "get_audit_csv", "list_audit_volumes", "list_own_address_entries",
            "get_audit_state", "check_audit", "/audit",
        ),
        Permission.AUDIT,
    ),
    **dict.fromkeys(
        (
            "list_accounts", "create_account", "reset_password", "reset_totp", "end_account",
            "assign_account", "end_assignment", "set_home_address", "create_token", "end_token",
            "/accounts",
        ),
        Permission.ACCOUNTS,
    ),
}  # fmt: skip
# Routes that every account may ask, whatever its role.
FOR_ALL_ROLES = frozenset(
    {
        "get_session", "get_own_account", "change_own_password", "end_own_session",
        "end_own_token", "/account",
    }
)  # fmt: skip
# What there is before a password is changed that somebody else knows, besides what is open.
BEFORE_A_CHANGE = frozenset({"get_session", "get_own_account", "change_own_password", "/account"})


def current_caller(request: Request) -> Caller | None:
    """Who asks, None where they aren't signed in; asked anew at each request.

    A program sends `Authorization: Bearer TOKEN`, a browser its cookie.
    """
    if route_name(request) == STATIC:
        return None  # for everybody, and a page asks for twenty: none waits for the database
    services: Services = request.app.state.services
    settings = services.settings
    now = datetime.now(UTC)
    day = settings.local_day(now)
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    token = session_token(request)
    if not token and scheme.lower() != "bearer":
        return None
    # Who isn't known yet sees no place.
    with services.database.session_of(GridScope.of([])) as session:
        if scheme.lower() == "bearer":
            return caller_of_token(session, bearer.strip(), now=now, day=day)
        return caller_of_session(
            session,
            token,
            now=now,
            day=day,
            idle=timedelta(minutes=settings.session_idle_minutes),
            lasts=timedelta(hours=settings.session_hours),
        )


CurrentCaller = Annotated[Caller | None, Depends(current_caller)]


def pass_door(request: Request, caller: CurrentCaller) -> None:
    """Let through who may ask this route.

    Raises
    ------
    NotSignedIn : nobody is signed in
    PasswordChangeNeeded : somebody else knows the caller's password
    NotPermitted : the caller's role, or token, doesn't go so far
    """
    name = route_name(request)
    request.state.caller = caller  # for the head of a page
    if name in OPEN:
        return
    if caller is None:
        raise NotSignedIn("Sign in first, or send a token: Authorization: Bearer TOKEN.")
    if caller.must_change_password and name not in BEFORE_A_CHANGE:
        raise PasswordChangeNeeded(
            "Who gave you your password knows it, too. Change it first: POST /v1/account/password, "
            "or the page /account.",
            wanted="another password",
        )
    if name in FOR_ALL_ROLES:
        return
    reads = request.method in READING or name in QUESTIONS
    wanted = TAKES.get(name, Permission.READ if reads else Permission.WRITE)
    if not caller.may(wanted):
        raise NotPermitted(
            f"This takes the permission to {wanted}, which {caller.role} or this token hasn't.",
            wanted=str(wanted),
        )


def signed_in_caller(caller: CurrentCaller) -> Caller:
    """The caller of a route behind the door.

    Raises
    ------
    NotSignedIn : the route is an open one
    """
    if caller is None:
        raise NotSignedIn("Sign in first, or send a token: Authorization: Bearer TOKEN.")
    return caller


SignedInCaller = Annotated[Caller, Depends(signed_in_caller)]


def caller_access(
    request: Request,
    caller: SignedInCaller,
) -> Access:
    """Who asks, from where and why, for the audit log.

    Purpose and case are those of the caller's open task; a program sends them in two headers.

    Raises
    ------
    InvalidPurpose : the header names none of the deployment's list
    InvalidInput : the case can't be, or is a person's number
    """
    services: Services = request.app.state.services
    purpose, case_ref = _header(request, "x-purpose"), _header(request, "x-case")
    if purpose is None and case_ref is None and caller.task is not None:
        purpose, case_ref = caller.task.purpose, caller.task.case_ref
    elif purpose is not None:
        purpose = find_purpose(services.purposes, purpose).code
    return Access(
        actor=caller.name,
        origin=origin_of(request),
        purpose=purpose,
        case_ref=None if case_ref is None else checked_case_ref(case_ref),
        request_id=getattr(request.state, "request_id", None),
    )


CallerAccess = Annotated[Access, Depends(caller_access)]


def route_name(request: Request) -> str:
    """The operation id of the route asked for, or its path where it is a page."""
    route = request.scope["route"]
    return str(getattr(route, "operation_id", None) or route.path)


def origin_of(request: Request) -> str | None:
    """The address the caller comes from."""
    return request.client.host[:60] if request.client else None


def session_token(request: Request) -> str:
    """The token in the caller's cookie, empty where there is none."""
    return request.cookies.get(COOKIE if is_secure(request) else PLAIN_COOKIE, "")


def is_secure(request: Request) -> bool:
    """Whether the caller came by TLS (a proxy on this machine says so by X-Forwarded-Proto)."""
    return request.url.scheme == "https"


def is_local(request: Request) -> bool:
    """Whether the caller is on this machine."""
    try:
        return ipaddress.ip_address(origin_of(request) or "").is_loopback
    except ValueError:
        return False


def require_safe_way(request: Request) -> None:
    """Let nobody sign in over plain HTTP from another machine.

    Raises
    ------
    NotPermitted
    """
    if not (is_secure(request) or is_local(request)):
        raise NotPermitted(
            "A password isn't taken over plain HTTP from another machine, nor is a sign-in begun. "
            "Put a proxy with TLS before this server.",
            wanted="https",
        )


def provider_token(request: Request) -> str:
    """The secret that ties a browser to its way to the sign-in provider; empty without one."""
    return request.cookies.get(PROVIDER_COOKIE if is_secure(request) else PROVIDER_COOKIE_PLAIN, "")


def give_cookie(request: Request, response: Response, token: str) -> None:
    """Give the browser its token: no script can read it, and no other site can send it along."""
    secure = is_secure(request)
    response.set_cookie(
        COOKIE if secure else PLAIN_COOKIE, token, httponly=True, secure=secure, samesite="lax",
        path="/",
    )  # fmt: skip


def take_cookie(request: Request, response: Response) -> None:
    """Let the browser forget its token."""
    secure = is_secure(request)
    response.delete_cookie(
        COOKIE if secure else PLAIN_COOKIE, httponly=True, secure=secure, samesite="lax", path="/"
    )


def _header(request: Request, name: str) -> str | None:
    """A header's text. Headers hold Latin letters only, so that others come percent-encoded."""
    given = unquote(request.headers.get(name, "")).strip()
    return given or None
