"""How a page is made: its template with the texts of the visitor's language, under its own content
security policy, with the bar and what the store holds; and the map pages, which Folium begins."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from babel.numbers import format_decimal
from fastapi import Depends, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from api.dependencies import ReadSession, Scope, today
from api.services import Services
from geo.accounts import Caller
from geo.accounts.tasks import CASE_CHARS_MAX
from geo.accounts.tasks import NOTE_CHARS_MAX as TASK_NOTE_CHARS_MAX
from geo.errors import Unavailable
from geo.overview import StoreOverview, load_store_overview
from web.assets import load_assets
from web.headers import PERMISSIONS_POLICY, policy_of_page
from web.maps import MapLayer, MapStart, build_map, map_parts
from web.navigation import navigation_of
from web.texts import LANGUAGE_COOKIE, LANGUAGES, choose_language, load_texts

TEMPLATES_FOLDER = Path(__file__).parent / "templates"
LANGUAGE_COOKIE_AGE_S = 365 * 24 * 3600
RETRY_AFTER_S = 5
TASK_HOURS_OFFERED = (1, 2, 4, 8, 12)

Today = Annotated[date, Depends(today)]


def store_overview(session: ReadSession, scope: Scope, now: Today) -> StoreOverview | None:
    """What the store holds for this caller; None where it can't be read now."""
    try:
        return load_store_overview(session, on=now, scope=scope)
    except Unavailable:
        return None


Overview = Annotated[StoreOverview | None, Depends(store_overview)]


@cache
def templates() -> Environment:
    """Return the template engine: everything escaped, a missing value an error."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def new_nonce() -> str:
    """Return a number used once: each script and style of one answer bears it."""
    return secrets.token_urlsafe(18)


def render_page(
    request: Request,
    template: str,
    *,
    nonce: str,
    text_groups: tuple[str, ...] = (),
    settings: dict[str, Any] | None = None,
    overview: StoreOverview | None = None,
    **values: Any,
) -> Response:
    """Return a page in the visitor's language, under its own content security policy.

    Parameters
    ----------
    text_groups : beginnings of the keys whose texts the page's scripts need
    settings : what the page's scripts need to know besides texts
    overview : of the store; None where it can't be read
    values : what the template names besides
    """
    asked = request.query_params.get("lang")
    language = choose_language(asked, request.cookies.get(LANGUAGE_COOKIE))
    texts = load_texts(language)
    services: Services = request.app.state.services
    caller: Caller | None = getattr(request.state, "caller", None)
    hours = services.settings.task_hours
    html = (
        templates()
        .get_template(template)
        .render(
            overview=overview,
            caller=caller,
            navigation=navigation_of(caller),
            purposes=list(services.purposes.values()),
            case_chars_max=CASE_CHARS_MAX,
            task_note_chars_max=TASK_NOTE_CHARS_MAX,
            task_hours=hours,
            task_hours_offered=sorted({*TASK_HOURS_OFFERED, hours}),
            texts=texts,
            say=texts.say,
            number=lambda value: format_decimal(value, locale=language),
            other_language=next(other for other in LANGUAGES if other != language),
            asset=load_assets().url,
            nonce=nonce,
            config={
                "language": language,
                "time_zone": services.settings.time_zone,
                "texts": texts.group("common.", "error.", "level.", "task.", *text_groups),
                "settings": settings or {},
                "task": _task_facts(caller, services, language),
            },
            **values,
        )
    )
    response = HTMLResponse(html)
    response.headers["Content-Security-Policy"] = policy_of_page(nonce)
    response.headers["Permissions-Policy"] = PERMISSIONS_POLICY
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Language"] = texts.html_language
    if asked in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE,
            language,
            max_age=LANGUAGE_COOKIE_AGE_S,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
    return response


def render_map_page(
    request: Request,
    template: str,
    *,
    page: str,
    overview: StoreOverview,
    script: str,
    layers: Iterable[MapLayer] = (),
    start_function: str = "startPageMap",
    shown: dict[str, bool] | None = None,
    text_groups: tuple[str, ...] = (),
    **values: Any,
) -> Response:
    """Return a page whose heart is the map: a template that extends `map_base.html`.

    Parameters
    ----------
    script : the page's module, such as "js/live.js". It exports what Folium's script calls:
        `addVectorTiles`, the functions of `layers`, and `start_function`
    layers : of this page, between the base map and what is drawn around the map
    shown : the layers that can be switched, and whether they are shown at first
    """
    nonce = new_nonce()
    platform_map = build_map(
        MapStart.around(overview.extent), *layers, start_function=start_function
    )
    return render_page(
        request,
        template,
        nonce=nonce,
        text_groups=("map.", *text_groups),
        page=page,
        overview=overview,
        map_parts=map_parts(platform_map, nonce),
        layers=shown or {"basemap": True, "grids": True},
        script=script,
        modules=load_assets().module_urls(script),
        **values,
    )


def _task_facts(caller: Caller | None, services: Services, language: str) -> dict[str, str] | None:
    """What the bar says of the caller's open task."""
    task = None if caller is None else caller.task
    if task is None:
        return None
    purpose = services.purposes.get(task.purpose)  # the list may have changed since
    name = task.purpose if purpose is None else {"zh": purpose.zh, "en": purpose.en}[language]
    return {"name": name, "case_ref": task.case_ref, "ends_at": task.ends_at.isoformat()}


def unavailable_page(request: Request) -> Response:
    """Return a page that says the store can't be read now, with a way to try again."""
    page = render_page(request, "unavailable.html", nonce=new_nonce(), page="unavailable")
    page.status_code = 503
    page.headers["Retry-After"] = str(RETRY_AFTER_S)
    return page
