"""The pages of the registers: one place, with what is recorded at it; what is due.

The page holds the address alone. Its records come by the API, so that who may see them, why, and
what is written down of it is decided in one place.
"""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter, Depends, Request
from geoalchemy2.shape import to_shape
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, Response

from api.callers import SignedInCaller, pass_door
from api.dependencies import ID_MAX, ReadSession, Scope, SettingsDep
from api.schemas.registers import NOTE_MAX, TEXT_MAX
from geo import tables
from geo.accounts import Caller, Permission
from geo.errors import AddressNotFound, GridNotFound
from geo.grids import get_grid
from geo.register import get_standard_address
from geo.registers.due import DUE_KINDS, DUE_ORDERS
from geo.values import GridScope
from web.assets import load_assets
from web.rendering import Overview, Today, new_nonce, render_page, unavailable_page

SHOWN_AT_FIRST = 20  # records of a kind; the rest follow when they are asked for
MAP_ZOOM = 18
DUE_WITHIN_DAYS = (0, 7, 30, 90)  # offered on the page of what is due; 0: now

router = APIRouter(include_in_schema=False, dependencies=[Depends(pass_door)])


@router.get("/place/{address_id}", response_class=HTMLResponse)
def place_page(
    request: Request,
    session: ReadSession,
    scope: Scope,
    caller: SignedInCaller,
    overview: Overview,
    program: SettingsDep,
    day: Today,
    address_id: str,
) -> Response:
    """One standard address: its dwelling, establishments and residents; recorded and corrected."""
    if overview is None:
        return unavailable_page(request)
    try:
        address = get_standard_address(session, _row_id(address_id), scope=scope)
    except AddressNotFound:
        return no_such_place_page(request)
    return render_page(
        request,
        "place.html",
        nonce=new_nonce(),
        text_groups=("place.",),
        settings={
            "address_id": address.id,
            "is_current": address.status == "current",
            "today": day.isoformat(),
            "shown_at_first": SHOWN_AT_FIRST,
            "text_max": TEXT_MAX,
            "note_max": NOTE_MAX,
            "may": permissions_of(caller),
            "choices": choices(),
            "address_text": address.canonical_text,
            "point": _point_of(address),
        },
        page="place",
        overview=overview,
        today=day.isoformat(),
        address=address,
        grid=_grid_of(session, address.grid_code, day, scope),
        map_link=_map_link(address),
        modules=list(
            dict.fromkeys(
                url
                for script in ("js/place.js", "js/place_incidents.js")
                for url in load_assets().module_urls(script)
            )
        ),
    )


@router.get("/due", response_class=HTMLResponse)
def due_page(request: Request, caller: SignedInCaller, overview: Overview, day: Today) -> Response:
    """What is to be looked at, as a list to walk along."""
    if overview is None:
        return unavailable_page(request)
    kinds = [kind for kind in DUE_KINDS if kind != "residence" or caller.may(Permission.PERSONS)]
    return render_page(
        request,
        "due.html",
        nonce=new_nonce(),
        text_groups=("due.",),
        settings={"today": day.isoformat(), "kinds": kinds, "within_days": DUE_WITHIN_DAYS},
        page="due",
        overview=overview,
        kinds=kinds,
        orders=DUE_ORDERS,
        within_days=DUE_WITHIN_DAYS,
        modules=load_assets().module_urls("js/due.js"),
    )


def no_such_place_page(request: Request) -> Response:
    """Return a page that says the same of a place that isn't there and of one out of scope."""
    page = render_page(request, "place_missing.html", nonce=new_nonce(), page="place_missing")
    page.status_code = 404
    return page


def permissions_of(caller: Caller) -> dict[str, bool]:
    """What the page offers to this caller; the API refuses the rest in any case."""
    return {
        "write": caller.may(Permission.WRITE),
        "persons": caller.may(Permission.PERSONS),
        "identity": caller.may(Permission.IDENTITY),
    }


def choices() -> dict[str, tuple[str, ...]]:
    """The values of each field that takes one out of a list; their texts are `place.NAME_VALUE`."""
    return {
        "use": tables.DWELLING_USES,
        "safety_findings": tables.SAFETY_FINDINGS,
        "establishment_class": tables.ESTABLISHMENT_CLASSES,
        "kind": tables.RESIDENCE_KINDS,
        "identity_kind": tables.IDENTITY_KINDS,
    }


def _row_id(text: str) -> int:
    """The number in an address of a page.

    Raises
    ------
    AddressNotFound : it is none
    """
    if text.isascii() and text.isdecimal() and 1 <= int(text[:20]) <= ID_MAX:
        return int(text[:20])
    raise AddressNotFound("There is no such address.")


def _grid_of(
    session: Session, grid_code: str | None, day: date, scope: GridScope
) -> tables.Grid | None:
    if grid_code is None:
        return None
    try:
        return get_grid(session, grid_code, on=day, scope=scope)
    except GridNotFound:  # the address hasn't followed a new version yet
        return None


def _point_of(address: tables.StandardAddress) -> tuple[float, float] | None:
    """Longitude and latitude [degrees, WGS 84]; None where nobody knows where it is."""
    if address.geom is None:
        return None
    point = to_shape(address.geom).centroid  # of a point, the point
    return point.x, point.y


def _map_link(address: tables.StandardAddress) -> str | None:
    """The way to the place on the map; None where nobody knows where it is."""
    point = _point_of(address)
    if point is None:
        return None
    lon, lat = point
    return f"/#map={MAP_ZOOM}/{lat:.5f}/{lon:.5f}&at={lon:.5f},{lat:.5f}"
