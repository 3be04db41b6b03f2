"""Answers of the geocoder as the API shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

from api.geojson import rounded
from api.schemas.geocoding import Candidate, GeocodeAnswer, Reason
from geo.addresses.match import MatchCandidate
from geo.addresses.match_reasons import MatchReason
from geo.geocoding import geocoder as answers
from geo.h3_cells import h3_cell_to_text
from geo.values import LonLat

Status = Literal["matched", "review", "not_found", "error"]


def geocode_answer(found: answers.GeocodeAnswer) -> GeocodeAnswer:
    """Return an answer of the geocoder."""
    return GeocodeAnswer(
        text=found.text,
        status=cast(Status, found.status),
        canonical_text=found.canonical_text,
        standard_address_id=found.standard_address_id,
        level=found.level,
        **lon_and_lat(found.lonlat),
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
        **lon_and_lat(found.lonlat),
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


def lon_and_lat(place: LonLat | None) -> dict[str, float | None]:
    """Return the two members of a schema that hold a point, null where there is none."""
    if place is None:
        return {"lon": None, "lat": None}
    return {"lon": rounded(place.longitude), "lat": rounded(place.latitude)}


def _metres(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
