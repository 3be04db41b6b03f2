"""Is it well, and what does it hold."""

from __future__ import annotations

from fastapi import APIRouter, Request

from api.dependencies import Day, ReadSession, Scope, ServicesDep
from api.schemas.errors import error_responses
from api.schemas.store import Health, StoreSummary
from geo.overview import load_store_overview

router = APIRouter(tags=["store"])


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
