"""Text to place, place to text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Query

from api.dependencies import Day, Geocoder, NearPoint, Point, ReadSession, Scope, SoundText
from api.geojson import rounded
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.geocoding import (
    Candidate,
    GeocodeAnswer,
    GeocodeAnswers,
    GeocodeQuestions,
    Located,
    NearestAddress,
    PlaceArea,
    PlaceGrid,
    Reason,
    Suggestion,
    Suggestions,
)
from geo.addresses.match import MatchCandidate
from geo.addresses.match_reasons import MatchReason
from geo.geocoding import geocoder as answers
from geo.h3_cells import STORED_RESOLUTION, h3_cell_to_text
from geo.locating import LocateResult, locate
from geo.values import LonLat

router = APIRouter(tags=["geocoding"])

ADDRESS_TEXT_MAX = 500  # characters; GRIDBEAT_ADDRESS_TEXT_MAX can only narrow it
SUGGESTIONS_MAX = 20
Status = Literal["matched", "review", "not_found", "error"]


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


@router.get(
    "/geocode",
    operation_id="geocode",
    summary="Find the place of an address text",
    responses=error_responses(413),
)
def geocode_one(geocoder: Geocoder, scope: Scope, q: AddressText) -> GeocodeAnswer:
    """Point, level, confidence, grid, H3 cell, candidates and reasons."""
    return _answered(geocoder.geocode(q, scope=scope))


@router.post(
    "/geocode",
    operation_id="geocode_many",
    summary="Find the places of many address texts",
    responses=write_error_responses(),
)
def geocode_many(geocoder: Geocoder, scope: Scope, asked: GeocodeQuestions) -> GeocodeAnswers:
    """At most 1,000 at a time. A whole file: `gridbeat geocode FILE`."""
    answers = geocoder.geocode_many(asked.addresses, scope=scope)
    return GeocodeAnswers(results=[_answered(answer) for answer in answers])


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
) -> Suggestions:
    """Addresses and places, best first; with `lon` and `lat` of the user, the near ones first
    among what fits alike."""
    found = geocoder.suggest(q, scope=scope, near=near, limit=limit)
    return Suggestions(
        suggestions=[
            Suggestion(
                canonical_text=each.text,
                standard_address_id=each.standard_address_id,
                level=each.level,
                **_lonlat(each.lonlat),
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


def _answered(found: answers.GeocodeAnswer) -> GeocodeAnswer:
    return GeocodeAnswer(
        text=found.text,
        status=cast(Status, found.status),
        canonical_text=found.canonical_text,
        standard_address_id=found.standard_address_id,
        level=found.level,
        **_lonlat(found.lonlat),
        accuracy_m=_metres(found.accuracy_m),
        confidence=round(found.confidence, 4),
        grid_code=found.grid_code,
        h3_cell=None if found.h3_cell is None else h3_cell_to_text(found.h3_cell),
        is_ambiguous=found.is_ambiguous,
        missing=list(found.missing),
        contradicted=list(found.contradicted),
        reasons=_reasons(found.reasons),
        candidates=[_candidate(each) for each in found.candidates],
        message=found.message,
    )


def _candidate(found: MatchCandidate) -> Candidate:
    return Candidate(
        canonical_text=found.canonical_text,
        standard_address_id=found.standard_address_id,
        level=found.level,
        **_lonlat(found.lonlat),
        radius_m=_metres(found.radius_m),
        grid_code=found.grid_code,
        h3_cell=None if found.h3_cell is None else h3_cell_to_text(found.h3_cell),
        confidence=round(found.confidence, 4),
        missing=list(found.missing),
        contradicted=list(found.contradicted),
        reasons=_reasons(found.reasons),
    )


def _reasons(found: Sequence[MatchReason]) -> list[Reason]:
    return [Reason(code=each.code, level=each.level, zh=each.zh, en=each.en) for each in found]


def _lonlat(place: LonLat | None) -> dict[str, float | None]:
    if place is None:
        return {"lon": None, "lat": None}
    return {"lon": rounded(place.longitude), "lat": rounded(place.latitude)}


def _metres(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


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
