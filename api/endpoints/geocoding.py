"""Text to place, place to text."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import (
    Day,
    Geocoder,
    NearPoint,
    Point,
    ReadSession,
    Scope,
    SoundText,
    WriteSession,
)
from api.geocoding import geocode_answer, lon_and_lat
from api.geojson import rounded
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.geocoding import (
    GeocodeAnswer,
    GeocodeAnswers,
    GeocodeQuestions,
    Located,
    NearestAddress,
    PlaceArea,
    PlaceGrid,
    Suggestion,
    Suggestions,
)
from geo.h3_cells import STORED_RESOLUTION, h3_cell_to_text
from geo.locating import LocateResult, locate
from geo.review import queue_for_review, unsure_answers

router = APIRouter(tags=["geocoding"])

ADDRESS_TEXT_MAX = 500  # characters; GRIDBEAT_ADDRESS_TEXT_MAX can only narrow it
SUGGESTIONS_MAX = 20
RECENT_MAX = 20


AddressText = Annotated[
    SoundText,
    Query(
        min_length=1,
        max_length=ADDRESS_TEXT_MAX,
        description="Address text, however it is written.",
        examples=["上海市黄浦区南京东路100号"],
    ),
]
TypedText = Annotated[
    SoundText,
    Query(
        max_length=ADDRESS_TEXT_MAX,
        description="What stands in the box so far; Chinese, pinyin or initials.",
        examples=["南京东路1", "njdl"],
    ),
]


RecentIds = Annotated[
    str,
    Query(
        pattern=rf"^([1-9]\d{{0,17}}(,[1-9]\d{{0,17}}){{0,{RECENT_MAX - 1}}})?$",
        description="Numbers of addresses the user chose lately, separated by commas, 20 at most.",
        examples=["12,5081"],
    ),
]


@router.get(
    "/geocode",
    operation_id="geocode",
    summary="Find the place of an address text",
    responses=error_responses(413),
)
def geocode_one(geocoder: Geocoder, scope: Scope, q: AddressText) -> GeocodeAnswer:
    """Point, level, confidence, grid, H3 cell, candidates and reasons."""
    return geocode_answer(geocoder.geocode(q, scope=scope))


@router.post(
    "/geocode",
    operation_id="geocode_many",
    summary="Find the places of many address texts",
    responses=write_error_responses(),
)
def geocode_many(
    session: WriteSession, geocoder: Geocoder, scope: Scope, asked: GeocodeQuestions
) -> GeocodeAnswers:
    """At most 1,000 at a time. A whole file: `gridbeat geocode FILE`. With `queue_unsure` the texts
    that are not sure wait in the review queue."""
    answers = geocoder.geocode_many(asked.addresses, scope=scope)
    queued_count = None
    if asked.queue_unsure:
        assert asked.source is not None, "the schema asks for it"
        # Not how many are new: that would tell what lies in the queues of other grids.
        queued_count = len(unsure_answers(answers))
        queue_for_review(session, answers, source=asked.source)
    return GeocodeAnswers(
        results=[geocode_answer(answer) for answer in answers], queued_count=queued_count
    )


@router.get(
    "/suggest",
    operation_id="suggest",
    summary="Complete what is being typed",
    responses=error_responses(),
)
def suggest(
    geocoder: Geocoder,
    scope: Scope,
    near: NearPoint,
    q: TypedText,
    limit: Annotated[int, Query(ge=1, le=SUGGESTIONS_MAX, description="Suggestions.")] = 8,
    recent: RecentIds = "",
) -> Suggestions:
    """Addresses and places, best first; with `lon` and `lat` of the user, the near ones first
    among what fits alike, and so those of `recent`. Nothing of it is kept here."""
    used = [int(number) for number in recent.split(",") if number]
    found = geocoder.suggest(q, scope=scope, near=near, recent=used, limit=limit)
    return Suggestions(
        suggestions=[
            Suggestion(
                canonical_text=each.text,
                standard_address_id=each.standard_address_id,
                level=each.level,
                **lon_and_lat(each.lonlat),
                address_count=each.address_count,
            )
            for each in found
        ]
    )


@router.get(
    "/locate",
    operation_id="locate",
    summary="What is at a point",
    responses=error_responses(),
)
def locate_point(session: ReadSession, scope: Scope, on: Day, point: Point) -> Located:
    """Grid, areas, H3 cell and the nearest standard address. A point on a border belongs to the
    grid with the smallest code."""
    return _located(locate(session, point, on=on, scope=scope))


def _located(found: LocateResult) -> Located:
    nearest = found.nearest
    return Located(
        lon=rounded(found.lonlat.longitude),
        lat=rounded(found.lonlat.latitude),
        on=found.on,
        grid=None if found.grid is None else PlaceGrid.model_validate(found.grid),
        community=None if found.community is None else PlaceArea.model_validate(found.community),
        areas=[PlaceArea.model_validate(area) for area in found.areas],
        h3_cell=h3_cell_to_text(found.h3_cell),
        resolution=STORED_RESOLUTION,
        nearest_address=None
        if nearest is None
        else NearestAddress(
            address_id=nearest.address_id,
            canonical_text=nearest.canonical_text,
            level=nearest.level,
            lon=rounded(nearest.lonlat.longitude),
            lat=rounded(nearest.lonlat.latitude),
            grid_code=nearest.grid_code,
            distance_m=round(nearest.distance_m, 2),
            accuracy_m=nearest.accuracy_m,
        ),
    )
