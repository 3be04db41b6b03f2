"""Tables over incidents: concentration, hours of the week, near repeats, the list for a shift."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated

import pandas as pd
from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from api.dependencies import ServicesDep
from api.endpoints.hotspots import (
    Ground,
    Now,
    Places,
    Question,
    backtest_of,
    check_year,
    named,
    number,
)
from api.geojson import GeoJSONResponse, feature, feature_collection, geometry_of
from api.schemas.errors import error_responses
from api.schemas.hotspot_tables import (
    Concentration,
    CurvePoint,
    NearRepeatRow,
    NearRepeats,
    ShiftList,
    ShiftPlace,
    WeekTable,
)
from geo.incidents.reading import COARSE_RESOLUTION
from layers.hotspots.layer import FINEST_RESOLUTION
from layers.hotspots.measures import FEW
from layers.hotspots.tables import concentration, curve_points, near_repeats, shift_list, week

router = APIRouter(prefix="/layers/hotspots", tags=["layers"])

SHIFT_HOURS_MAX = 91 * 24.0
AREA_MAX_KM2 = 10_000.0
Resolution = Annotated[
    int, Query(ge=5, le=FINEST_RESOLUTION, description="H3 resolution of the cells.")
]


@router.get(
    "/concentration",
    operation_id="get_hotspot_concentration",
    summary="How few places hold how many incidents: 80-20 and the curve",
    responses=error_responses(404, 409),
)
def get_hotspot_concentration(
    services: ServicesDep,
    ground: Ground,
    question: Question,
    resolution: Resolution = FINEST_RESOLUTION,
    places: Places = "h3",
) -> Concentration:
    """Of the caller's area: every cell that ever held an incident and those beside them, or every
    grid. 409 below five incidents."""
    view = services.hotspots.view(
        services.incidents.current(), question, resolution if places == "h3" else None, ground
    )
    curve = concentration(view, question)
    return Concentration(
        n_places=len(view.places),
        n_events=curve.n_events,
        gini=round(curve.gini, 4),
        half_in=round(curve.places_for(0.5), 4),
        eighty_in=round(curve.places_for(0.8), 4),
        curve=[
            CurvePoint(place_share=round(of_places, 4), event_share=round(of_events, 4))
            for of_places, of_events in curve_points(curve)
        ],
    )


@router.get(
    "/week",
    operation_id="get_hotspot_week",
    summary="Incidents by weekday and hour, those known as from-to spread evenly",
    responses=error_responses(404, 409),
)
def get_hotspot_week(services: ServicesDep, ground: Ground, question: Question) -> WeekTable:
    """Aoristic weights, in the time zone of the deployment. 409 below five incidents."""
    view = services.hotspots.view(services.incidents.current(), question, COARSE_RESOLUTION, ground)
    found = week(view.columns, question, zone=services.settings.time_zone)
    return WeekTable(
        weights=found.weights.round(2).tolist(),
        n_events=found.n_events,
        n_too_vague=found.n_too_vague,
        zone=found.zone,
    )


@router.get(
    "/near-repeats",
    operation_id="get_hotspot_near_repeats",
    summary="Do incidents follow each other near in space and time: the Knox table",
    responses=error_responses(404, 409),
)
def get_hotspot_near_repeats(
    services: ServicesDep, ground: Ground, question: Question
) -> NearRepeats:
    """Against times shuffled among the incidents. 409 below five incidents; 422 where too many lie
    near each other for one answer: ask for a shorter period or one kind."""
    view = services.hotspots.view(services.incidents.current(), question, COARSE_RESOLUTION, ground)
    found = near_repeats(view.finest, question)
    return NearRepeats(
        days=list(found.days),
        rows=[
            NearRepeatRow(
                distance_m=distance,
                pairs=pairs.tolist(),
                ratio=[
                    None if few or math.isnan(one) else round(one, 3)
                    for one, few in zip(ratio.tolist(), (pairs < FEW).tolist(), strict=True)
                ],
                p=p.round(4).tolist(),
            )
            for distance, pairs, ratio, p in zip(
                found.distances_m, found.pairs, found.ratio, found.p, strict=True
            )
        ],
        n_events=found.n_events,
        n_permutations=found.n_permutations,
    )


@router.get(
    "/shift",
    operation_id="get_hotspot_shift",
    summary="Where to be in a shift: places for an area, with reasons and what they would catch",
    response_class=GeoJSONResponse,
    response_model=ShiftList,
    responses=error_responses(404, 409),
)
def get_hotspot_shift(
    services: ServicesDep,
    ground: Ground,
    moment: Now,
    question: Question,
    area_km2: Annotated[
        float, Query(gt=0, le=AREA_MAX_KM2, description="What the shift can look after.")
    ],
    begins: Annotated[
        AwareDatetime | None, Query(description="When the shift begins, with its zone; else now.")
    ] = None,
    shift_hours: Annotated[
        float, Query(gt=0, le=SHIFT_HOURS_MAX, description="8 is a shift, 168 a week.")
    ] = 8.0,
    resolution: Resolution = FINEST_RESOLUTION,
    places: Places = "h3",
) -> GeoJSONResponse:
    """Best first. Learned from all incidents before the shift, whatever `start` and `end` say; the
    hours of the week in which they happen share a week's expectation out to the shift."""
    start: datetime = begins or moment
    check_year("begins", start)
    view = services.hotspots.view(
        services.incidents.current(), question, resolution if places == "h3" else None, ground
    )
    found = shift_list(
        view, question, start=pd.Timestamp(start), hours=shift_hours, budget_m2=area_km2 * 1e6,
        zone=services.settings.time_zone,
    )  # fmt: skip
    caught = found.would_have_caught
    features = []
    for rank, row in enumerate(found.places.to_dict("records"), start=1):
        at = int(row["place"])
        told = ShiftPlace(
            rank=rank,
            expected=round(row["expected"], 4),
            low=row["low"],
            high=row["high"],
            reason=row["reason"],
            history=round(row["history"], 4),
            surroundings=round(row["surroundings"], 4),
            recent_here=round(row["recent here"], 4),
            recent_near=round(row["recent near"], 4),
            h3_cell=named(view.places, at).get("h3_cell"),
            grid_code=named(view.places, at).get("grid_code"),
            name=named(view.places, at).get("name"),
        )
        features.append(
            feature(
                view.places.names[at],
                geometry_of(view.places.outlines[at]),
                told.model_dump(exclude_none=True),
            )
        )
    return GeoJSONResponse(
        feature_collection(
            features,
            by=places,
            start=start.isoformat(),
            hours=shift_hours,
            share_of_week=number(found.share_of_week),
            area_share=number(found.area_share),
            expected_total=number(found.expected_total),
            expected_everywhere=number(found.expected_everywhere),
            would_have_caught=None if caught is None else backtest_of(caught).model_dump(),
            method=found.method,
        )
    )
