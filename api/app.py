"""The API as an application: `create_app`. It runs alone; `web.app` puts the pages on it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Receive, Send
from starlette.types import Scope as ASGIScope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api.callers import pass_door
from api.cot_server import CotServer
from api.dependencies import refuse_unknown_parameters
from api.endpoints import (
    accounts,
    address_records,
    address_texts,
    addresses,
    areas,
    audit,
    coverage,
    dose_gaps,
    due,
    duplicates,
    dwellings,
    establishments,
    exports,
    gaps,
    geocoding,
    grid_drafts,
    grids,
    hotspot_tables,
    hotspots,
    imports,
    incidents,
    key_places,
    layers,
    musters,
    own_account,
    patrol_plans,
    place_incidents,
    positions,
    reach,
    record_reports,
    residents,
    review,
    roads,
    sessions,
    siting,
    store,
    subject_requests,
    tasks,
    tiles,
    travel,
    unit_board,
    unit_records,
    units,
)
from api.errors import add_error_handlers
from api.middleware import BodyCap, OwnOriginOnly, RequestRecord, SecurityHeaders
from api.paths import BODY_MAX_BYTES, POSITIONS_IN, PREFIX
from api.position_door import PositionDoor
from api.refusals import record_refusal
from api.schemas.errors import error_schemas
from api.services import Services
from geo.positions.coming_in import PositionsIn
from geo.settings import Settings
from geo.store.database import Database

# Whose word about the caller's address is believed: `web.serve` leaves that to this application.
PROXIES = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")
GZIP_FROM_BYTES = 1_000  # below, packing costs more than it saves: it fits in one packet anyway
FORM_EXTRA_BYTES = 100_000  # what a form around an uploaded file may add

DESCRIPTION = """
Standard addresses, community grids and H3 cells of one deployment.

- **Coordinates**: longitude before latitude. In: `lon`, `lat` with `datum` (default WGS84); out:
  WGS 84, as GeoJSON where there is geometry, with seven decimals.
- **Errors**: every one has the body `{"error": {code, message, facts, reference, …}}`. Unknown
  query parameters are refused with 422.
- **Pages**: lists have `links`; follow the one with `rel` = `next` until there is none.
- **Days**: `on` asks for the answer of that day; what is over is ended, not deleted.
"""

TAGS = [
    {"name": "geocoding", "description": "Text to place, place to text."},
    {
        "name": "address texts",
        "description": "Texts by themselves: read, standardised, compared; no register is asked.",
    },
    {"name": "duplicates", "description": "Addresses that are probably one place, and merges."},
    {"name": "review", "description": "Texts that were not sure: a person decides once."},
    {
        "name": "addresses",
        "description": "Standard addresses (标准地址), their aliases and history.",
    },
    {
        "name": "registers",
        "description": "Dwellings, residents and establishments (一标三实) at standard addresses. "
        "Whatever is about a person takes a purpose and a case, and is audited.",
    },
    {"name": "areas", "description": "Administrative areas, from province to community."},
    {"name": "grids", "description": "Community grids (网格), their versions and H3 cells."},
    {"name": "imports", "description": "Files brought in as jobs, with status and report."},
    {"name": "exports", "description": "Files taken out, with a second person above a cap."},
    {
        "name": "subject requests",
        "description": "Persons who ask to see, correct or delete what is kept of them.",
    },
    {"name": "incidents", "description": "What was reported, when and where."},
    {"name": "layers", "description": "Answers over places, for the map."},
    {"name": "roads", "description": "The road network, times and ways by road."},
    {"name": "tiles", "description": "Vector tiles of the base map and the grids."},
    {"name": "patrol plans", "description": "Routes of a shift: planned, assigned, compared."},
    {"name": "patrol units", "description": "Patrol units, their duty, their devices."},
    {"name": "musters", "description": "Units called to a place (一呼百应), answers, arrivals."},
    {"name": "positions", "description": "Where units are: in from devices, out to viewers."},
    {
        "name": "coverage",
        "description": "Where patrols were and weren't, when; key places; a unit's own day.",
    },
    {"name": "session", "description": "Signing in, who one is, signing out."},
    {"name": "task", "description": "Why one reads about persons, said once a task."},
    {"name": "audit", "description": "Who looked at what, for the audit administrator."},
    {"name": "accounts", "description": "Who may sign in, for the security administrator."},
    {"name": "store", "description": "The deployment itself."},
]


def create_app(
    settings: Settings, database: Database, positions_in: PositionsIn | None = None
) -> FastAPI:
    """Return the API over an open store.

    Parameters
    ----------
    positions_in : where they come in already; missing, it makes its own
    """
    services = Services(settings, database, positions_in)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.enter_context(services.running())
            if settings.cot_port is not None:
                cot = CotServer(services)
                services.cot_port = await stack.enter_async_context(
                    cot.serving(settings.host, settings.cot_port)
                )
            yield

    app = _App(
        title="GridBeat",
        version=version("gridbeat"),
        description=DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # both would load their scripts from a foreign host
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        separate_input_output_schemas=False,
    )
    app.state.services = services
    add_error_handlers(app, refused=record_refusal)
    # Tiles, hexagons and scripts shrink to a third: a phone on a bad network feels it.
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM_BYTES, compresslevel=5)
    app.add_middleware(BodyCap, cap_of=_body_cap(settings))
    app.add_middleware(OwnOriginOnly)
    app.add_middleware(RequestRecord)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=PROXIES)
    app.door = PositionDoor(app.usual_way, services.intake, path=POSITIONS_IN, cap=BODY_MAX_BYTES)

    # Devices come through a door of their own, with words of their own in the query. First: each
    # route before it is tried for each position, which took longer than all the rest.
    app.include_router(positions.intake, prefix=PREFIX)
    at_each = [Depends(pass_door), Depends(refuse_unknown_parameters)]
    endpoints = APIRouter(prefix=PREFIX, dependencies=at_each)
    for module in (
        geocoding,
        address_texts,
        review,
        duplicates,
        addresses,
        dwellings,
        residents,
        establishments,
        address_records,
        record_reports,
        due,
        areas,
        grids,
        imports,
        exports,
        subject_requests,
        incidents,
        place_incidents,
        hotspots,
        hotspot_tables,
        layers,
        roads,
        travel,
        reach,
        dose_gaps,
        gaps,
        grid_drafts,
        siting,
        tiles,
        unit_board,
        units,
        unit_records,
        musters,
        patrol_plans,
        positions,
        coverage,
        key_places,
        sessions,
        own_account,
        tasks,
        audit,
        accounts,
        store,
    ):
        endpoints.include_router(module.router)
    app.include_router(endpoints)
    return app


class _App(FastAPI):
    """FastAPI, with the schema of our errors among the components of its document, and a quick way
    in for positions before all else: what else stands around an application takes twice as long as
    a position does."""

    door: PositionDoor

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        await self.door(scope, receive, send)

    async def usual_way(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """Answer as FastAPI does."""
        await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            document["components"]["schemas"] = dict(sorted({**schemas, **error_schemas()}.items()))
        assert self.openapi_schema is not None
        return self.openapi_schema


def _body_cap(settings: Settings) -> Callable[[str], int]:
    upload_max = settings.upload_max_mb * 1024 * 1024 + FORM_EXTRA_BYTES

    def cap_of(path: str) -> int:
        return upload_max if path.startswith(f"{PREFIX}/imports/") else BODY_MAX_BYTES

    return cap_of
