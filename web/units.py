"""Patrol units: the list, and one unit's page with its people, kit, roster and devices.

Both hold no unit but by name: what is in them comes by the API, which decides who may see it.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import HTMLResponse, Response

from api.callers import SignedInCaller, pass_door
from api.dependencies import ID_MAX, ReadSession, Scope
from api.endpoints.units import is_member
from geo.accounts import Permission
from geo.errors import PatrolUnitNotFound
from geo.tables import MEMBER_ROLES, UNIT_KINDS, UNIT_STATUSES
from geo.units.units import get_unit
from web.coverage import no_such_unit_page
from web.rendering import Overview, new_nonce, render_page

router = APIRouter(include_in_schema=False, dependencies=[Depends(pass_door)])

TEXTS = ("units.", "live.", "muster.")


@router.get("/units", response_class=HTMLResponse)
def units_page(request: Request, caller: SignedInCaller, overview: Overview) -> Response:
    """The units of the caller's grids; who leads units makes new ones."""
    return render_page(
        request,
        "units.html",
        nonce=new_nonce(),
        page="units",
        overview=overview,
        text_groups=TEXTS,
        kinds=UNIT_KINDS,
        leads=caller.may(Permission.LEAD),
    )


@router.get("/units/{unit_id}", response_class=HTMLResponse)
def unit_page(
    request: Request,
    session: ReadSession,
    scope: Scope,
    caller: SignedInCaller,
    overview: Overview,
    unit_id: Annotated[int, Path(ge=1, le=ID_MAX)],
) -> Response:
    """One unit, for its members and who leads units: what it is, who belongs to it, when it is on
    duty, its devices; a call to a muster is seen at once."""
    try:
        unit = get_unit(session, unit_id, scope=scope)
    except PatrolUnitNotFound:
        return no_such_unit_page(request)
    leads = caller.may(Permission.LEAD)
    if not (leads or is_member(session, unit, caller, scope)):
        return no_such_unit_page(request)
    return render_page(
        request,
        "unit.html",
        nonce=new_nonce(),
        page="unit",
        overview=overview,
        text_groups=TEXTS,
        settings={"unit_id": unit.id, "leads": leads},
        unit=unit,
        kinds=UNIT_KINDS,
        statuses=UNIT_STATUSES,
        roles=MEMBER_ROLES,
        leads=leads,
    )
