"""Administrative areas, on a day. They are public; no scope hides them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from api import paging
from api.dependencies import Code, Day, ReadSession, SoundText
from api.geojson import GeoJSONResponse, feature, geometry_of
from api.schemas.areas import (
    AreaFeature,
    AreaLevel,
    AreaList,
    AreaPage,
    AreaProperties,
    AreaSummary,
    FoundArea,
)
from api.schemas.errors import error_responses
from geo.areas import get_area, list_areas, load_ancestors, load_children, search_areas

router = APIRouter(prefix="/areas", tags=["areas"])

AreaCode = Annotated[Code, Path(description="Code of the area.", examples=["140105"])]
NAME_CHARS_MAX = 60


@router.get(
    "",
    operation_id="list_areas",
    summary="Areas by name, or all of a level",
    responses=error_responses(),
)
def list_or_search_areas(
    request: Request,
    session: ReadSession,
    on: Day,
    page: paging.Page,
    q: Annotated[
        SoundText | None,
        Query(
            max_length=NAME_CHARS_MAX,
            description="Name, alias, former name or a part of the name; the best 100 at most.",
            examples=["小店区"],
        ),
    ] = None,
    level: Annotated[AreaLevel | None, Query(description="Only areas of this level.")] = None,
    after: Annotated[Code | None, Query(description="Code of the last area had so far.")] = None,
) -> AreaPage:
    """With `q` the best first, on one page; without it by code, page by page."""
    if q is not None:
        found = [
            FoundArea.model_validate({**_summary(hit.area), "match": hit.match.value})
            for hit in search_areas(session, q, on=on, level=level, limit=page.limit)
        ]
        return AreaPage.model_validate({"areas": found, "links": paging.links(request, after=None)})
    rows = list_areas(session, on=on, level=level, after=after or "", limit=page.probe)
    shown, has_more = paging.cut(rows, page)
    links = paging.links(request, after=shown[-1].code if has_more else None)
    return AreaPage.model_validate(
        {"areas": [{**_summary(area), "match": None} for area in shown], "links": links}
    )


@router.get(
    "/{code}",
    operation_id="get_area",
    summary="One area",
    response_class=GeoJSONResponse,
    response_model=AreaFeature,
    responses=error_responses(404),
)
def get_one_area(session: ReadSession, on: Day, code: AreaCode) -> GeoJSONResponse:
    """The area that bore the code on the day, with its border where one is stored, and the areas
    above it. Where another took its place since, the error names it."""
    area = get_area(session, code, on=on)
    properties = AreaProperties.model_validate(
        {
            **_summary(area),
            "ancestors": [_summary(above) for above in load_ancestors(session, code, on=on)],
        }
    )
    return GeoJSONResponse(
        feature(area.code, geometry_of(area.geom), properties.model_dump(mode="json"))
    )


@router.get(
    "/{code}/children",
    operation_id="list_area_children",
    summary="The areas right below one",
    responses=error_responses(404),
)
def list_children(session: ReadSession, on: Day, code: AreaCode) -> AreaList:
    """By code; a community has none."""
    get_area(session, code, on=on)
    children = load_children(session, code, on=on)
    return AreaList(areas=[AreaSummary.model_validate(child) for child in children])


def _summary(area: object) -> dict[str, object]:
    return AreaSummary.model_validate(area).model_dump()
