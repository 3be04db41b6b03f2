"""The pages of patrol coverage: the map with its slots and lists; one unit's own day.

Both hold no data: those come by the API, which decides who may see them and writes it down.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import HTMLResponse, Response

from api.callers import SignedInCaller, pass_door
from api.dependencies import ID_MAX, ReadSession, Scope, SettingsDep
from api.endpoints.units import is_member
from geo.accounts import Permission
from geo.errors import PatrolUnitNotFound
from geo.units.units import find_units, get_unit, units_of_account
from layers.coverage.answers import MEASURES
from web.maps import MapLayer
from web.rendering import (
    Overview,
    Today,
    new_nonce,
    render_map_page,
    render_page,
    unavailable_page,
)

PLACE_KINDS = ("cell", "grid", "street", "key_place")
SHOWN = {"basemap": True, "grids": True}

router = APIRouter(include_in_schema=False, dependencies=[Depends(pass_door)])


@router.get("/coverage", response_class=HTMLResponse)
def coverage_page(
    request: Request,
    session: ReadSession,
    scope: Scope,
    caller: SignedInCaller,
    overview: Overview,
    day: Today,
) -> Response:
    """Where patrols were, and weren't, by slot; key places missed; shares of duty time."""
    if overview is None:
        return unavailable_page(request)
    leads = caller.may(Permission.LEAD)
    units = find_units(session, scope=scope) if leads else (
        units_of_account(session, caller.account_id, scope=scope)
    )  # fmt: skip
    return render_map_page(
        request,
        "coverage.html",
        page="coverage",
        overview=overview,
        script="js/coverage.js",
        layers=(MapLayer("addCoverage", {"url": "/v1/coverage"}),),
        shown=SHOWN,
        text_groups=("coverage.",),
        place_kinds=PLACE_KINDS,
        measures=MEASURES,
        leads=leads,
        units=units,
        today=day.isoformat(),
    )


@router.get("/coverage/units/{unit_id}", response_class=HTMLResponse)
def unit_day_page(
    request: Request,
    session: ReadSession,
    scope: Scope,
    caller: SignedInCaller,
    overview: Overview,
    settings: SettingsDep,
    day: Today,
    unit_id: Annotated[int, Path(ge=1, le=ID_MAX)],
    on: Annotated[date | None, Query()] = None,
) -> Response:
    """One unit's day: its way, where it stopped, how its time went."""
    if overview is None:
        return unavailable_page(request)
    try:
        unit = get_unit(session, unit_id, scope=scope)
    except PatrolUnitNotFound:
        return no_such_unit_page(request)
    if not (caller.may(Permission.LEAD) or is_member(session, unit, caller, scope)):
        return no_such_unit_page(request)
    return render_map_page(
        request,
        "coverage_unit.html",
        page="coverage_unit",
        overview=overview,
        script="js/coverage_unit.js",
        layers=(
            MapLayer(
                "addUnitDay",
                {
                    "url": f"/v1/coverage/units/{unit.id}/day",
                    "today": day.isoformat(),
                },
            ),
        ),
        shown=SHOWN,
        text_groups=("coverage.",),
        unit=unit,
        on=(on or day).isoformat(),
        today=day.isoformat(),
    )


def no_such_unit_page(request: Request) -> Response:
    """Return a page that says the same of a unit that isn't there and of one out of sight."""
    page = render_page(request, "coverage_missing.html", nonce=new_nonce(), page="coverage_missing")
    page.status_code = 404
    return page
