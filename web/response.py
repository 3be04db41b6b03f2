"""The pages of response by road: rings, the gap board, siting."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, Response

from api.callers import SignedInCaller, pass_door
from api.endpoints.units import require_lead
from geo.accounts import Permission
from web.maps import MapLayer
from web.rendering import Overview, render_map_page, unavailable_page

GAPS_SHOWN = {"basemap": True, "grids": True, "gaps": True, "units": True}
REACH_SHOWN = {"basemap": True, "grids": True, "reach": True, "sources": True}
SITING_SHOWN = {"basemap": True, "grids": True, "siting": True}
RESPONSE_LAYERS = tuple({**GAPS_SHOWN, **REACH_SHOWN, **SITING_SHOWN})

router = APIRouter(include_in_schema=False, dependencies=[Depends(pass_door)])


@router.get("/gaps", response_class=HTMLResponse)
def gaps_page(request: Request, overview: Overview, caller: SignedInCaller) -> Response:
    """The gap board: where nobody comes in time now. For who leads units."""
    require_lead(caller)
    if overview is None:
        return unavailable_page(request)
    return render_map_page(
        request,
        "gaps.html",
        page="gaps",
        overview=overview,
        script="js/gaps.js",
        layers=(MapLayer("addGaps", {"url": "/v1/gaps"}),),
        shown=GAPS_SHOWN,
        text_groups=("gaps.", "response."),
    )


@router.get("/reach", response_class=HTMLResponse)
def reach_page(request: Request, overview: Overview, caller: SignedInCaller) -> Response:
    """Rings of 1, 3 and 5 minutes, and what is lost if one leaves."""
    if overview is None:
        return unavailable_page(request)
    return render_map_page(
        request,
        "reach.html",
        page="reach",
        overview=overview,
        script="js/reach.js",
        layers=(MapLayer("addReach", {"url": "/v1/layers/reach"}),),
        shown=REACH_SHOWN,
        text_groups=("closures.", "reach.", "response."),
        may_see_units=caller.may(Permission.LEAD),
    )


@router.get("/siting", response_class=HTMLResponse)
def siting_page(request: Request, overview: Overview) -> Response:
    """Where sites should be: a question, its plan, two plans compared."""
    if overview is None:
        return unavailable_page(request)
    return render_map_page(
        request,
        "siting.html",
        page="siting",
        overview=overview,
        script="js/siting.js",
        layers=(MapLayer("addSiting", {"url": "/v1/siting/plans"}),),
        shown=SITING_SHOWN,
        text_groups=("siting.", "response."),
    )
