"""What was reported at a standard address."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api.callers import SignedInCaller
from api.dependencies import ReadSession, RowId, Scope
from api.schemas.errors import error_responses
from api.schemas.place_incidents import AddressIncidents, PlacedIncident, RepeatedIncidents
from geo.incidents.at_place import incidents_at_place
from geo.incidents.categories import CategoryTree
from geo.register import get_standard_address

router = APIRouter(prefix="/addresses", tags=["incidents"])

INCIDENTS_MAX = 100


@router.get(
    "/{address_id}/incidents",
    operation_id="list_address_incidents",
    summary="Incidents at a standard address, and near by",
    responses=error_responses(404),
)
def list_address_incidents(
    session: ReadSession,
    scope: Scope,
    caller: SignedInCaller,
    address_id: Annotated[RowId, Path(description="Number of the address.")],
) -> AddressIncidents:
    """The latest first, those within 50 m too. Kinds whose point the caller's role may not see
    aren't told here: the address would tell it."""
    address = get_standard_address(session, address_id, scope=scope)
    found = incidents_at_place(
        session, address, scope=scope, tree=CategoryTree.load(session), role=caller.role,
        limit=INCIDENTS_MAX,
    )  # fmt: skip
    return AddressIncidents(
        address_id=address.id,
        count=found.count,
        repeated=None
        if found.repeated is None
        else RepeatedIncidents(
            count=found.repeated.count,
            open_count=found.repeated.open_count,
            first_at=found.repeated.first_at,
            last_at=found.repeated.last_at,
        ),
        incidents=[
            PlacedIncident(
                **{
                    name: getattr(each.incident, name)
                    for name in PlacedIncident.model_fields
                    if name not in {"is_here", "distance_m"}
                },
                is_here=each.is_here,
                distance_m=None if each.distance_m is None else round(each.distance_m, 1),
            )
            for each in found.incidents
        ],
    )
