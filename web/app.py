"""The whole application: the API, with the pages put on it."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from api.app import create_app as create_api
from api.errors import platform_answer
from api.paths import PREFIX
from api.refusals import record_refusal
from geo.errors import NotPermitted, NotSignedIn, PasswordChangeNeeded
from geo.positions.coming_in import PositionsIn
from geo.settings import Settings
from geo.store.database import Database
from web import (
    balance,
    coverage,
    live,
    own_account,
    pages,
    places,
    provider_sign_in,
    response,
    routes,
    units,
)
from web.assets import load_assets


def create_app(
    settings: Settings, database: Database, positions_in: PositionsIn | None = None
) -> FastAPI:
    """Return API and pages over an open store.

    Raises
    ------
    AssetsMissing : the map libraries weren't fetched; said at the start, not at the first visit
    """
    load_assets()
    app = create_api(settings, database, positions_in)
    app.include_router(pages.router)
    app.include_router(places.router)
    app.include_router(live.router)
    app.include_router(units.router)
    app.include_router(coverage.router)
    app.include_router(response.router)
    app.include_router(balance.router)
    app.include_router(provider_sign_in.router)
    app.include_router(own_account.router)
    app.include_router(routes.router)
    app.add_exception_handler(NotSignedIn, _turn_away)
    app.add_exception_handler(NotPermitted, _turn_away)
    return app


def _turn_away(request: Request, error: Exception) -> Response:
    """A program is told; a person at a page is led to where they sign in, or told on a page."""
    is_page = not request.url.path.startswith(f"{PREFIX}/")
    if is_page and isinstance(error, PasswordChangeNeeded):
        return RedirectResponse("/account", 303, headers={"Cache-Control": "no-store"})
    home = pages.home_of(request) if request.url.path == "/" else None
    if home is not None:
        return RedirectResponse(home, 303, headers={"Cache-Control": "no-store"})
    record_refusal(request, error)
    if not is_page:
        return platform_answer(request, error)
    if isinstance(error, NotSignedIn):
        return pages.to_sign_in(request)
    return pages.not_permitted_page(request)
