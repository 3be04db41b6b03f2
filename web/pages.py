"""The pages, and the files they load. A page is a template with texts; its data come by the API."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from babel.numbers import format_decimal
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from api.callers import CurrentCaller, pass_door
from api.dependencies import OperatorScope, ServicesDep, SettingsDep
from api.endpoints.subject_requests import answers_persons
from geo.accounts import ADMINISTRATORS, Caller, Permission
from geo.accounts.first import DEMO_PASSWORD, find_demo_accounts
from geo.codes import CodeStandard
from geo.decisions import NOTE_CHARS_MAX
from geo.errors import Unavailable
from geo.exports.kinds import EXPORT_KINDS, MAP_FORMATS, TABLE_FORMATS
from geo.tables import DUPLICATE_STATUSES, REVIEW_STATUSES, ROLES, SUBJECT_REQUEST_KINDS
from geo.values import GridScope
from web.assets import load_assets
from web.maps import MapLayer
from web.rendering import (
    Overview,
    Today,
    new_nonce,
    render_map_page,
    render_page,
    unavailable_page,
)

# An address with its version in it never changes its content.
KEEP_FOR_GOOD = "public, max-age=31536000, immutable"
ASK_EACH_TIME = "no-cache"
# A list of this length takes a minute or two; longer ones are work for the command line.
GEOCODE_MOST_ROWS = 20_000
GEOCODE_MOST_BYTES = 20_000_000
ADDRESS_MOST_TEXTS = 50  # a person reads them one by one; more are work for the command line
IMPORT_KINDS = ("areas", "grids", "addresses", "basemap")  # in the order a new store is filled
AUDIT_DAYS = 7
DATUMS_OFFERED = ("WGS84", "CGCS2000", "GCJ02", "BD09")  # or any EPSG:nnnn, typed
HOTSPOTS = "/v1/layers/hotspots"
FRONT_LAYERS = (
    MapLayer("addAddressDensity", {"url": "/v1/layers/address-density"}),
    MapLayer("addFreshness", {"url": "/v1/layers/freshness"}),
    MapLayer("addHotspots", {"url": HOTSPOTS, "categoriesUrl": "/v1/incident-categories"}),
)
# In the order of the panel; the scripts register the same names.
FRONT_SHOWN = {
    "basemap": True, "density": True, "grids": True, "freshness": False, "hotspots": False,
}  # fmt: skip

# What can go wrong at the sign-in provider; each has its text, sign.fault_….
SIGN_IN_FAULTS = ("account", "clock", "code", "down", "provider", "state", "token", "tries")

router = APIRouter(include_in_schema=False, dependencies=[Depends(pass_door)])
# A page of ours, never another host's: //evil.example would be one.
OWN_PAGE = re.compile(r"/(?![/\\\\])[\w/?&=%.,~+#-]*", re.ASCII)
NextPage = Annotated[str, Query(max_length=500)]


@router.get("/", response_class=HTMLResponse)
def map_page(request: Request, overview: Overview, settings: SettingsDep) -> Response:
    """The front page: the map."""
    if overview is None:
        return unavailable_page(request)
    return render_map_page(
        request,
        "map.html",
        page="map",
        overview=overview,
        script="js/main.js",
        layers=FRONT_LAYERS,
        start_function="startWorkbench",
        shown=FRONT_SHOWN,
    )


@router.get("/geocode", response_class=HTMLResponse)
def geocode_page(request: Request, overview: Overview, settings: SettingsDep) -> Response:
    """Many addresses at once."""
    if overview is None:
        return unavailable_page(request)
    return render_page(
        request,
        "geocode.html",
        nonce=new_nonce(),
        text_groups=("geocode.",),
        settings={
            "most_rows": GEOCODE_MOST_ROWS,
            "most_bytes": GEOCODE_MOST_BYTES,
            "text_max": settings.address_text_max,
        },
        page="geocode",
        overview=overview,
        most_rows=format_decimal(GEOCODE_MOST_ROWS, locale="en"),
    )


@router.get("/address", response_class=HTMLResponse)
def address_page(request: Request, overview: Overview, settings: SettingsDep) -> Response:
    """What the engine makes of a text: parts, standard text, what is left over."""
    if overview is None:
        return unavailable_page(request)
    return render_page(
        request,
        "address.html",
        nonce=new_nonce(),
        text_groups=("address.",),
        settings={"most_texts": ADDRESS_MOST_TEXTS, "text_max": settings.address_text_max},
        page="address",
        overview=overview,
        most_texts=ADDRESS_MOST_TEXTS,
    )


@router.get("/review", response_class=HTMLResponse)
def review_page(request: Request, overview: Overview) -> Response:
    """Texts that were not sure, for a person to decide."""
    if overview is None:
        return unavailable_page(request)
    return render_page(
        request,
        "review.html",
        nonce=new_nonce(),
        text_groups=("review.", "map.search_"),
        page="review",
        overview=overview,
        statuses=REVIEW_STATUSES,
        note_chars_max=NOTE_CHARS_MAX,
        modules=load_assets().module_urls("js/review.js"),
    )


@router.get("/duplicates", response_class=HTMLResponse)
def duplicates_page(request: Request, overview: Overview) -> Response:
    """Pairs of addresses that are probably one place, for a person to decide."""
    if overview is None:
        return unavailable_page(request)
    return render_page(
        request,
        "duplicates.html",
        nonce=new_nonce(),
        text_groups=("duplicates.", "review.", "map.search_"),
        page="duplicates",
        overview=overview,
        statuses=DUPLICATE_STATUSES,
        note_chars_max=NOTE_CHARS_MAX,
        modules=load_assets().module_urls("js/duplicates.js"),
    )


@router.get("/imports", response_class=HTMLResponse)
def imports_page(request: Request, overview: Overview, _scope: OperatorScope) -> Response:
    """Files brought in: a form, and the jobs with how far they are."""
    if overview is None:
        return unavailable_page(request)
    return render_page(
        request,
        "imports.html",
        nonce=new_nonce(),
        text_groups=("imports.", "report."),
        page="imports",
        overview=overview,
        kinds=IMPORT_KINDS,
        datums=DATUMS_OFFERED,
        standards=[standard.value for standard in CodeStandard],
    )


@router.get("/exports", response_class=HTMLResponse)
def exports_page(
    request: Request, overview: Overview, settings: SettingsDep, caller: CurrentCaller
) -> Response:
    """Files taken out: a form, and what was asked for with how far it is."""
    if overview is None:
        return unavailable_page(request)
    return render_page(
        request,
        "exports.html",
        nonce=new_nonce(),
        text_groups=("exports.",),
        page="exports",
        overview=overview,
        kinds=[
            kind
            for kind in EXPORT_KINDS.values()
            if not kind.about_persons or (caller and caller.may(Permission.PERSONS))
        ],
        formats=(*TABLE_FORMATS, *MAP_FORMATS),
        rows_max=format_decimal(settings.export_rows_max, locale="en"),
        keep_days=settings.export_keep_days,
    )


@router.get("/rights", response_class=HTMLResponse, dependencies=[Depends(answers_persons)])
def rights_page(
    request: Request, overview: Overview, settings: SettingsDep, day: Today
) -> Response:
    """Requests of persons about what is kept of them."""
    if overview is None:
        return unavailable_page(request)
    return render_page(
        request,
        "rights.html",
        nonce=new_nonce(),
        text_groups=("rights.",),
        page="rights",
        overview=overview,
        kinds=SUBJECT_REQUEST_KINDS,
        due_days=settings.rights_due_days,
        today=day.isoformat(),
    )


@router.get("/sign-in", response_class=HTMLResponse)
def sign_in_page(
    request: Request,
    services: ServicesDep,
    caller: CurrentCaller,
    next_page: NextPage = "/",
    fault: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Name, password, code; the way to the provider, if one is set; in a generated city, its known
    accounts besides. `fault` is what went wrong at the provider."""
    goal = next_page if OWN_PAGE.fullmatch(next_page) else "/"
    if caller is not None:
        return RedirectResponse(goal, 303)
    try:
        with services.database.session_of(GridScope.of([])) as session:
            demo_accounts = find_demo_accounts(session)
    except Unavailable:
        return unavailable_page(request)
    return render_page(
        request,
        "sign_in.html",
        nonce=new_nonce(),
        text_groups=("sign.",),
        page="sign_in",
        next_page=goal,
        has_provider=services.oidc is not None,
        provider_name=None if services.oidc is None else services.oidc.name,
        provider_way=f"/sign-in/provider?{urlencode({'next_page': goal})}",
        fault=fault if fault in SIGN_IN_FAULTS else None,
        demo_accounts=demo_accounts,
        demo_password=DEMO_PASSWORD,
    )


@router.get("/audit", response_class=HTMLResponse)
def audit_page(request: Request, overview: Overview, settings: SettingsDep, now: Today) -> Response:
    """The audit log, for its administrator."""
    if overview is None:
        return unavailable_page(request)
    return render_page(
        request,
        "audit.html",
        nonce=new_nonce(),
        text_groups=("audit_page.",),
        page="audit",
        overview=overview,
        since=(now - timedelta(days=AUDIT_DAYS - 1)).isoformat(),
        until=now.isoformat(),
        ratio=settings.audit_unusual_ratio,
        rows_min=settings.audit_unusual_rows,
    )


@router.get("/accounts", response_class=HTMLResponse)
def accounts_page(request: Request, overview: Overview) -> Response:
    """Who may sign in, as what and where, for the security administrator."""
    if overview is None:
        return unavailable_page(request)
    return render_page(
        request,
        "accounts.html",
        nonce=new_nonce(),
        text_groups=("accounts.", "sign.role_"),
        page="accounts",
        overview=overview,
        roles=[role for role in ROLES if role not in ADMINISTRATORS],
    )


def home_of(request: Request) -> str | None:
    """Where those begin who have no map: the page of their own work; None where there is none."""
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is not None and caller.may(Permission.AUDIT):
        return "/audit"
    if caller is not None and caller.may(Permission.ACCOUNTS):
        return "/accounts"
    return None


def not_permitted_page(request: Request) -> Response:
    """Return a page that says that the account may not see the one asked for."""
    page = render_page(request, "not_permitted.html", nonce=new_nonce(), page="not_permitted")
    page.status_code = 403
    return page


def to_sign_in(request: Request) -> Response:
    """Return the way to the sign-in page, and from there back to the page that was asked for."""
    asked = request.url.path
    query = request.url.query
    goal = f"{asked}?{query}" if query else asked
    where = "/sign-in" if goal == "/" else f"/sign-in?{urlencode({'next_page': goal})}"
    return RedirectResponse(where, 303, headers={"Cache-Control": "no-store"})


@router.get("/static/{version}/{name:path}", response_class=Response)
def static_file(version: str, name: str) -> Response:
    """One file of the table in `web/assets.py`."""
    assets = load_assets()
    asset = assets.files.get(name)
    if asset is None:
        return PlainTextResponse("no such file", status_code=404)
    keep = KEEP_FOR_GOOD if version == assets.version else ASK_EACH_TIME
    return Response(asset.content, media_type=asset.media_type, headers={"Cache-Control": keep})
