"""Signing in at the deployment's own provider (OpenID Connect): there, back, the code, and out.

What goes wrong is told on the sign-in page, by a word of `SIGN_IN_FAULTS`, in the visitor's
language.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.callers import (
    PROVIDER_COOKIE,
    PROVIDER_COOKIE_PLAIN,
    give_cookie,
    is_secure,
    origin_of,
    pass_door,
    provider_token,
    require_safe_way,
)
from api.dependencies import ServicesDep
from api.errors import reference_of
from api.services import HalfSignIn
from geo.accounts import CodeNeeded, OidcProvider, record_oidc_refusal, sign_in_by_oidc
from geo.accounts.oidc import PENDING_S
from geo.errors import InvalidInput, NotFound, OidcRefused, ProviderUnavailable, SignInRefused
from web.pages import OWN_PAGE, NextPage
from web.rendering import new_nonce, render_page

CALLBACK = "/sign-in/provider/back"

log = structlog.get_logger(__name__)
router = APIRouter(include_in_schema=False, dependencies=[Depends(pass_door)])


@router.get("/sign-in/provider", response_class=RedirectResponse)
def go_to_provider(request: Request, services: ServicesDep, next_page: NextPage = "/") -> Response:
    """Lead the browser to the provider, with a secret of its own to come back with."""
    provider = _provider(services.oidc)
    require_safe_way(request)
    goal = next_page if OWN_PAGE.fullmatch(next_page) else "/"
    if not services.sign_in_limit.hit(origin_of(request) or "-"):
        return _with_fault("tries", goal)
    browser = secrets.token_urlsafe(32)
    try:
        address = provider.begin(_own(request, CALLBACK), browser=browser, next_page=goal)
    except (ProviderUnavailable, InvalidInput) as error:
        log.warning("oidc.not_begun", error=type(error).__name__)
        return _with_fault("down", goal)
    answer = RedirectResponse(address, 303, headers={"Cache-Control": "no-store"})
    # Lax, not Strict: the way back begins at another site.
    answer.set_cookie(
        PROVIDER_COOKIE if is_secure(request) else PROVIDER_COOKIE_PLAIN, browser,
        max_age=PENDING_S, httponly=True, secure=is_secure(request), samesite="lax", path="/",
    )  # fmt: skip
    return answer


@router.get(CALLBACK, response_class=RedirectResponse)
def come_back_from_provider(request: Request, services: ServicesDep) -> Response:
    """Take what the provider says of who it is; sign in, or ask for the code of the account."""
    provider = _provider(services.oidc)
    require_safe_way(request)
    origin, now = origin_of(request), datetime.now(UTC)
    if not services.sign_in_limit.hit(origin or "-"):
        return _with_fault("tries")
    browser = provider_token(request)
    try:
        identity, goal = provider.finish(dict(request.query_params), browser=browser, now=now)
    except OidcRefused as error:
        record_oidc_refusal(services.database, origin=origin, request_id=reference_of(request))
        return _with_fault(error.reason)
    except (ProviderUnavailable, InvalidInput) as error:
        log.warning("oidc.not_finished", error=type(error).__name__)
        return _with_fault("down")
    try:
        made = sign_in_by_oidc(
            services.database,
            identity,
            second_factor=services.settings.second_factor,
            now=now,
            origin=origin,
            request_id=reference_of(request),
        )
    except (OidcRefused, SignInRefused):
        return _with_fault("account", goal)
    if isinstance(made, CodeNeeded):
        services.half_signed_in.put_as(browser, HalfSignIn(identity, goal))
        return RedirectResponse("/sign-in/code", 303, headers={"Cache-Control": "no-store"})
    answer = RedirectResponse(goal, 303, headers={"Cache-Control": "no-store"})
    give_cookie(request, answer, made.token)
    return answer


@router.get("/sign-in/code", response_class=HTMLResponse)
def code_page(request: Request, services: ServicesDep) -> Response:
    """Ask for the second factor of who has come back from the provider."""
    half = services.half_signed_in.find(provider_token(request))
    if half is None:
        return _with_fault("code")
    return render_page(
        request, "sign_in_code.html", nonce=new_nonce(), text_groups=("sign.",),
        page="sign_in", next_page=half.next_page,
    )  # fmt: skip


@router.get("/sign-out/provider", response_class=RedirectResponse)
def sign_out_at_provider(request: Request, services: ServicesDep) -> Response:
    """Lead the browser to where it is signed out at the provider too; here it is already."""
    address = None
    try:
        address = _provider(services.oidc).sign_out_address(_own(request, "/sign-in"))
    except (ProviderUnavailable, InvalidInput) as error:
        log.warning("oidc.not_signed_out", error=type(error).__name__)
    return RedirectResponse(address or "/sign-in", 303, headers={"Cache-Control": "no-store"})


def _provider(provider: OidcProvider | None) -> OidcProvider:
    if provider is None:
        raise NotFound("No sign-in provider is set here: GRIDBEAT_OIDC_ISSUER.")
    return provider


def _own(request: Request, path: str) -> str:
    """An address of this server, as the browser knows it."""
    return f"{request.url.scheme}://{request.url.netloc}{path}"


def _with_fault(fault: str, goal: str = "/") -> Response:
    query = urlencode({"fault": fault, **({} if goal == "/" else {"next_page": goal})})
    return RedirectResponse(f"/sign-in?{query}", 303, headers={"Cache-Control": "no-store"})
