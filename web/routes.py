"""The pages of patrol routes: planning a shift, one's own route, a printed roadbook."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import HTMLResponse, Response

from api.callers import SignedInCaller, pass_door
from api.dependencies import ID_MAX, ReadSession, Scope, ServicesDep
from api.endpoints.patrol_plans import own_or_led_route
from geo.accounts import Permission
from geo.errors import PatrolPlanNotFound
from web.maps import MapLayer
from web.rendering import Overview, new_nonce, render_map_page, render_page, unavailable_page
from web.texts import LANGUAGE_COOKIE, choose_language

router = APIRouter(include_in_schema=False, dependencies=[Depends(pass_door)])
Number = Annotated[int, Path(ge=1, le=ID_MAX)]


@router.get("/routes", response_class=HTMLResponse)
def routes_page(request: Request, overview: Overview, caller: SignedInCaller) -> Response:
    """Who leads units plans a shift; everybody else sees the routes of their own units."""
    if overview is None:
        return unavailable_page(request)
    leads = caller.may(Permission.LEAD)
    return render_map_page(
        request,
        "routes.html" if leads else "own_route.html",
        page="routes",
        overview=overview,
        script="js/routes.js" if leads else "js/own_route.js",
        layers=(MapLayer("addRoutes" if leads else "addOwnRoute", {}),),
        text_groups=("routes.",),
    )


@router.get("/routes/{plan_id}/roadbook/{unit_id}", response_class=HTMLResponse)
def roadbook_page(
    request: Request,
    session: ReadSession,
    services: ServicesDep,
    scope: Scope,
    caller: SignedInCaller,
    plan_id: Number,
    unit_id: Number,
    lang: Annotated[str | None, Query(max_length=5)] = None,
) -> Response:
    """A unit's assigned route on paper: stops with times and why, the way to each."""
    try:
        route, unit = own_or_led_route(session, scope, caller, plan_id, unit_id)
    except PatrolPlanNotFound:
        page = render_page(request, "place_missing.html", nonce=new_nonce(), page="place_missing")
        page.status_code = 404
        return page
    zone = ZoneInfo(services.settings.time_zone)
    language = choose_language(lang, request.cookies.get(LANGUAGE_COOKIE))

    def clock(text: str) -> str:
        return datetime.fromisoformat(text).astimezone(zone).strftime("%H:%M")

    stops = [
        {
            **stop,
            "number": number,
            "begin": clock(stop["begin_at"]),
            "leave": clock(stop["leave_at"]),
            "length_m": round(leg["length_m"]),
            "steps": leg[language],
        }
        for number, (stop, leg) in enumerate(zip(route.stops, route.legs, strict=False), start=1)
    ]
    home = route.legs[len(route.stops)] if len(route.legs) > len(route.stops) else None
    return render_page(
        request,
        "roadbook.html",
        nonce=new_nonce(),
        page="roadbook",
        unit=unit,
        day=route.starts_at.astimezone(zone).strftime("%Y-%m-%d"),
        on_duty=" – ".join(
            f"{at.astimezone(zone):%H:%M}" for at in (route.starts_at, route.ends_at)
        ),
        stops=stops,
        home=None
        if home is None
        else {
            "at": clock(home["arrive_at"]),
            "steps": home[language],
            "length_m": round(home["length_m"]),
        },
    )
