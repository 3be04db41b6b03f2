"""The live board: where a leader's units are, and one's own."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, Response

from api.callers import SignedInCaller, pass_door
from geo.accounts import Permission
from geo.tables import UNIT_KINDS, UNIT_STATUSES
from web.rendering import Overview, render_map_page, unavailable_page

router = APIRouter(include_in_schema=False, dependencies=[Depends(pass_door)])


@router.get("/live", response_class=HTMLResponse)
def live_page(request: Request, caller: SignedInCaller, overview: Overview) -> Response:
    """Units as they move, their board, who is nearest, replay. The page holds no unit."""
    if overview is None:
        return unavailable_page(request)
    return render_map_page(
        request,
        "live.html",
        page="live",
        overview=overview,
        script="js/live.js",
        start_function="startLive",
        shown={"units": True, "trails": True, "basemap": True, "grids": True},
        text_groups=("live.", "muster."),
        kinds=UNIT_KINDS,
        statuses=UNIT_STATUSES,
        may_write=caller.may(Permission.WRITE),
        leads=caller.may(Permission.LEAD),
    )
