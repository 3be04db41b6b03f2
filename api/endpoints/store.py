"""Is it well, and what does it hold."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request

from api.dependencies import Day, ReadSession, Scope, ServicesDep
from api.schemas.errors import error_responses
from api.schemas.store import Health, Landing, LandingLink, StoreSummary
from geo.overview import load_store_overview

router = APIRouter(tags=["store"])


@router.get(
    "/",
    operation_id="get_landing",
    summary="Where to begin",
    responses=error_responses(),
)
def get_landing(request: Request) -> Landing:
    """Links to the description of this API and to its lists."""
    app: FastAPI = request.app
    return Landing(
        title=app.title,
        version=app.version,
        links=[
            LandingLink(rel="service-desc", href=str(app.openapi_url), title="OpenAPI 3.1"),
            *(
                LandingLink(rel="data", href=f"{request.url.path}{name}", title=name)
                for name in ("addresses", "areas", "grids", "imports")
            ),
            LandingLink(rel="about", href=f"{request.url.path}store", title="store"),
            LandingLink(rel="status", href=f"{request.url.path}health", title="health"),
        ],
    )


@router.get(
    "/health",
    operation_id="get_health",
    summary="Is the service well",
    responses=error_responses(),
)
def get_health(services: ServicesDep, request: Request) -> Health:
    """Answers 200 where the database can be reached, 503 where it can't."""
    services.database.ping()
    return Health(status="ok", database="reachable", version=request.app.version)


@router.get(
    "/store",
    operation_id="get_store",
    summary="What this deployment holds",
    responses=error_responses(),
)
def get_store(session: ReadSession, scope: Scope, on: Day) -> StoreSummary:
    """Counts, extent and attribution; `is_generated` says that the city is invented."""
    return StoreSummary.model_validate(load_store_overview(session, on=on, scope=scope))
