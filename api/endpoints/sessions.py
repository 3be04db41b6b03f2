"""Signing in, who one is, signing out."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from api.callers import (
    SignedInCaller,
    give_cookie,
    origin_of,
    provider_token,
    require_safe_way,
    session_token,
    take_cookie,
)
from api.dependencies import ServicesDep
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.sessions import SecondFactorCode, SignIn, SignInAnswer, WhoAmI
from geo.accounts import Caller, SignedIn, sign_in, sign_in_by_oidc, sign_out
from geo.audit import Access, record
from geo.errors import SignInRefused, TooManyTries
from geo.values import GridScope

router = APIRouter(prefix="/session", tags=["session"])


@router.post(
    "",
    operation_id="sign_in",
    summary="Sign in",
    responses=write_error_responses(401, 429),
)
def sign_in_here(
    request: Request, response: Response, services: ServicesDep, given: SignIn
) -> SignInAnswer:
    """The answer brings a cookie. One answer for all that is wrong; five wrong tries lock an
    account for 15 minutes, twenty tries a minute are the most from one address. Over plain HTTP
    only from this very machine."""
    origin = origin_of(request)
    require_safe_way(request)
    if not services.sign_in_limit.hit(origin or "-"):
        raise TooManyTries("Too many tries from here. Wait a minute.", retry_after_s=60)
    made = sign_in(
        services.database,
        given.name,
        given.password,
        code=given.code,
        second_factor=services.settings.second_factor,
        now=datetime.now(UTC),
        origin=origin,
        request_id=getattr(request.state, "request_id", None),
    )
    give_cookie(request, response, made.token)
    response.headers["Cache-Control"] = "no-store"
    return SignInAnswer(name=made.name)


@router.post(
    "/code",
    operation_id="finish_sign_in",
    summary="Say the code, after a sign-in at the provider",
    responses=write_error_responses(401, 429),
)
def finish_sign_in(
    request: Request, response: Response, services: ServicesDep, given: SecondFactorCode
) -> SignInAnswer:
    """For accounts with a second factor: the provider's own isn't taken for it. The answer brings
    the cookie of `POST /v1/session`; wrong codes count as wrong passwords do."""
    require_safe_way(request)
    origin, key = origin_of(request), provider_token(request)
    half = services.half_signed_in.find(key)
    if half is None:
        raise SignInRefused("Nobody waits here for a code, or too long. Sign in again.")
    if not services.sign_in_limit.hit(origin or "-"):
        raise TooManyTries("Too many tries from here. Wait a minute.", retry_after_s=60)
    made = sign_in_by_oidc(
        services.database,
        half.identity,
        code=given.code,
        second_factor=services.settings.second_factor,
        now=datetime.now(UTC),
        origin=origin,
        request_id=getattr(request.state, "request_id", None),
    )
    assert isinstance(made, SignedIn)  # a code was given
    services.half_signed_in.take(key)
    give_cookie(request, response, made.token)
    response.headers["Cache-Control"] = "no-store"
    return SignInAnswer(name=made.name)


@router.get("", operation_id="get_session", summary="Who am I", responses=error_responses())
def get_session(caller: SignedInCaller, response: Response) -> WhoAmI:
    """Name, role, what it may do, and how many grids it sees."""
    response.headers["Cache-Control"] = "no-store"
    return who(caller)


@router.delete(
    "",
    status_code=204,
    operation_id="sign_out",
    summary="Sign out",
    response_class=Response,
    responses=write_error_responses(),
)
def sign_out_here(request: Request, services: ServicesDep) -> Response:
    """The session ends at once; who isn't signed in stays so."""
    token = session_token(request)
    if token:
        with services.database.session_of(GridScope.of([])) as session:
            name = sign_out(session, token, now=datetime.now(UTC))
            if name is not None:
                record(session, Access(name, origin_of(request)), "sign_out", object_kind="account")
    answer = Response(status_code=204)
    take_cookie(request, answer)
    return answer


def who(caller: Caller) -> WhoAmI:
    """A caller as they are told of themselves."""
    codes = caller.scope.grid_codes
    return WhoAmI(
        name=caller.name,
        shown_name=caller.shown_name,
        role=caller.role,
        permissions=sorted(caller.permissions),
        sees_everything=codes is None,
        grid_count=None if codes is None else len(codes),
    )
