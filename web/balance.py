"""The page where grids are drawn: a suggestion beside what is, edited, proposed, accepted."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, Response

from api.callers import SignedInCaller, pass_door
from api.dependencies import ReadSession, Scope
from api.endpoints.grid_drafts import require_drawing
from geo.accounts import Permission
from geo.areas import list_areas
from geo.grids import summarise_communities
from geo.values import GridScope
from web.maps import MapLayer
from web.rendering import Overview, Today, render_map_page, unavailable_page

BALANCE_SHOWN = {"basemap": True, "grids": True, "balance": True}

router = APIRouter(include_in_schema=False, dependencies=[Depends(pass_door)])


@dataclass(frozen=True, slots=True)
class OfferedArea:
    """An area that may be split, as the choice shows it."""

    code: str
    name: str
    level: str
    grid_count: int


@router.get("/balance", response_class=HTMLResponse)
def balance_page(
    request: Request,
    session: ReadSession,
    scope: Scope,
    overview: Overview,
    caller: SignedInCaller,
    on: Today,
) -> Response:
    """Grids of a community, or beats of a station's area, that carry alike."""
    require_drawing(caller)
    if overview is None:
        return unavailable_page(request)
    return render_map_page(
        request,
        "balance.html",
        page="balance",
        overview=overview,
        script="js/balance.js",
        layers=(
            MapLayer(
                "addBalance",
                {"url": "/v1/grid-drafts", "mayAccept": caller.may(Permission.IMPORT)},
            ),
        ),
        shown=BALANCE_SHOWN,
        text_groups=("balance.",),
        areas=_offered(session, scope, on),
        may_accept=caller.may(Permission.IMPORT),
        today=on.isoformat(),
    )


def _offered(session: Session, scope: GridScope, on: Today) -> list[OfferedArea]:
    """Communities with grids, by code, after each area above some of them."""
    communities = summarise_communities(session, on=on, scope=scope)
    parents = {
        area.code: area.parent_code for area in list_areas(session, on=on, level="community")
    }
    found = []
    for township in list_areas(session, on=on, level="township"):
        own = [each for each in communities if parents.get(each.community_code) == township.code]
        if own:
            count = sum(each.grid_count for each in own)
            found.append(OfferedArea(township.code, township.name, "township", count))
            found += [
                OfferedArea(each.community_code, each.name or each.community_code, "community",
                            each.grid_count)
                for each in own
            ]  # fmt: skip
    return found
