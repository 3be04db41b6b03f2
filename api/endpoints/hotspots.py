"""The hotspot layer of the map: cells for a period, kinds, hours and weekdays; and its backtest."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import numpy as np
import pydantic_core
from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime

from api.callers import CallerAccess, SignedInCaller
from api.dependencies import ReadSession, RequiredFrame, Scope, ServicesDep, SoundText, now, today
from api.geojson import GeoJSONResponse, feature_collection_text, geometry_texts
from api.local_times import HoursText, WeekdaysText, hours_named, weekdays_named
from api.schemas.errors import error_responses
from api.schemas.hotspots import (
    HotspotBacktest,
    HotspotBy,
    HotspotLayer,
    HotspotMeasure,
    HotspotPer,
    MethodScore,
)
from api.schemas.incidents import CATEGORY_CHARS_MAX
from geo.audit import record
from geo.errors import InvalidPeriod
from geo.incidents.categories import CategoryTree
from geo.values import Period
from layers.address_density import ZOOM_MAX
from layers.discovered import MODEL_SOURCES, SOURCES
from layers.hotspots.backtest import Backtest, offered_default
from layers.hotspots.ground import HotspotGround
from layers.hotspots.layer import FINEST_RESOLUTION
from layers.hotspots.layer import HotspotLayer as LayerResult
from layers.hotspots.places import HotspotPlaces
from layers.hotspots.question import (
    BANDWIDTH_MAX_M,
    BANDWIDTH_MIN_M,
    HORIZON_MAX_D,
    HORIZON_MIN_D,
    HotspotQuestion,
)
from layers.statistics.density_picture import BANDWIDTH_M

router = APIRouter(prefix="/layers/hotspots", tags=["layers"])

PERIOD_DEFAULT = timedelta(days=90)
DIGITS = 4
YEARS = (1950, 2200)
Now = Annotated[datetime, Depends(now)]
Today = Annotated[date, Depends(today)]


def hotspot_question(
    session: ReadSession,
    services: ServicesDep,
    scope: Scope,
    caller: SignedInCaller,
    access: CallerAccess,
    moment: Now,
    measure: Annotated[HotspotMeasure, Query(description="What the places tell.")] = "counts",
    per: Annotated[
        HotspotPer,
        Query(
            description="What a rate or risk is of: each place alike, 1,000 households (by grid), "
            "a km², a km of street (roads of the base map)."
        ),
    ] = "place",
    bandwidth_m: Annotated[
        float,
        Query(
            ge=BANDWIDTH_MIN_M,
            le=BANDWIDTH_MAX_M,
            description="Of the density: the standard deviation of its bell.",
        ),
    ] = BANDWIDTH_M,
    category: Annotated[
        SoundText | None,
        Query(max_length=CATEGORY_CHARS_MAX, description="Of this kind, or one below; else all."),
    ] = None,
    start: Annotated[
        AwareDatetime | None, Query(description="With its zone; else 90 days before the end.")
    ] = None,
    end: Annotated[AwareDatetime | None, Query(description="With its zone; else now.")] = None,
    hours: HoursText = None,
    weekdays: WeekdaysText = None,
    horizon_days: Annotated[
        float, Query(ge=HORIZON_MIN_D, le=HORIZON_MAX_D, description="Of the forecast.")
    ] = 7.0,
    all_sources: Annotated[
        bool,
        Query(description="Also what officers began, sensors and other units sent. Audited."),
    ] = False,
    presence_corrected: Annotated[
        bool,
        Query(
            description="Weigh what officers began by the hours that patrols were measured there; "
            "with all_sources, of counts, rate and risk, by grid."
        ),
    ] = False,
) -> HotspotQuestion:
    """What is asked of the layer."""  # fmt: skip
    tree = CategoryTree.load(session)
    kinds = None
    if category is not None:
        kinds = frozenset(tree.with_all_below(category))
    if all_sources:
        # What officers find feeds back on where they go: who switches it on is on record.
        with services.database.session_of(scope) as writing:
            record(writing, access, "hotspots_all_sources", object_kind="incident", row_count=0)
    # To the minute, so that a map that is dragged asks the same question again.
    for name, given in (("start", start), ("end", end)):
        if given is not None:
            check_year(name, given)
    until = end or moment.replace(second=0, microsecond=0)
    return HotspotQuestion(
        period=Period(start or until - PERIOD_DEFAULT, until),
        measure=measure,
        categories=kinds,
        hidden=frozenset(
            row.code for row in tree.rows() if not tree.may_see_point(row.code, caller.role)
        ),
        sources=frozenset(SOURCES if all_sources else MODEL_SOURCES),
        hours=hours_named(hours),
        weekdays=weekdays_named(weekdays),
        horizon_d=horizon_days,
        per=per,
        bandwidth_m=bandwidth_m,
        by_presence=presence_corrected,
    )


def hotspot_ground(session: ReadSession, scope: Scope, on: Today) -> HotspotGround:
    """What is read of the store besides incidents, in the caller's scope."""
    return HotspotGround(session, scope=scope, on=on)


Ground = Annotated[HotspotGround, Depends(hotspot_ground)]
Places = Annotated[HotspotBy, Query(alias="by", description="H3 cells, or the caller's grids.")]
Question = Annotated[HotspotQuestion, Depends(hotspot_question)]


@router.get(
    "",
    operation_id="get_hotspots",
    summary="Incidents by H3 cell or grid: counts, rates, Gi*, Moran, change, forecast, density",
    response_class=GeoJSONResponse,
    response_model=HotspotLayer,
    responses=error_responses(404, 409),
)
def get_hotspots(
    services: ServicesDep,
    ground: Ground,
    moment: Now,
    question: Question,
    frame: RequiredFrame,
    zoom: Annotated[int, Query(ge=0, le=ZOOM_MAX, description="Zoom of the map.", examples=[14])],
    places: Places = "h3",
) -> GeoJSONResponse:
    """At most 5,000 hexagons, as large as the zoom asks for, or the grids that reach in. A place
    says the same in every frame: the measure is worked out over all of the caller's area."""
    result = services.hotspots.layer(
        services.incidents.current(), question, by=places, bbox=frame, zoom=zoom, ground=ground,
        now=moment,
    )  # fmt: skip
    crowded = result.crowded
    return GeoJSONResponse(
        feature_collection_text(
            _feature_texts(result),
            measure=question.measure,
            by=places,
            resolution=result.resolution,
            per=question.per,
            crowded=None
            if crowded is None
            else {"h3_cell": crowded.h3_cell, "share": number(crowded.share)},
            start=question.period.start.isoformat(),
            end=question.period.end.isoformat(),
            incident_count=result.incident_count,
            class_breaks=list(result.class_breaks),
            method=result.method,
        )
    )


@router.get(
    "/backtest",
    operation_id="get_hotspot_backtest",
    summary="How the forecast would have done, beside counts and random",
    responses=error_responses(404, 409),
)
def get_hotspot_backtest(
    services: ServicesDep,
    ground: Ground,
    moment: Now,
    question: Question,
    area_share: Annotated[
        float, Query(gt=0, le=1, description="Share of the area that may be flagged.")
    ] = 0.01,
    resolution: Annotated[
        int, Query(ge=5, le=FINEST_RESOLUTION, description="H3 resolution of the cells.")
    ] = 9,
    places: Places = "h3",
) -> HotspotBacktest:
    """On the last third of the caller's own incidents, windows of the horizon after each other."""
    found = services.hotspots.backtest(
        services.incidents.current(), question,
        resolution=resolution if places == "h3" else None, area_share=area_share, ground=ground,
        now=moment,
    )  # fmt: skip
    return backtest_of(found)


def backtest_of(found: Backtest) -> HotspotBacktest:
    """Return a backtest as it is sent."""
    return HotspotBacktest(
        scores=[
            MethodScore(
                method=name,
                caught=score.caught,
                pai=number(score.pai),
                pai_low=number(score.pai_low),
                pai_high=number(score.pai_high),
                pei=number(score.pei),
                judgement=score.judgement,
            )
            for name, score in found.scores.items()
        ],
        n_events=found.n_events,
        n_windows=found.n_windows,
        horizon_days=found.horizon_d,
        area_share=found.area_share,
        offered_default=offered_default(found),
        sentence=found.sentence,
    )


def _feature_texts(layer: LayerResult) -> list[bytes]:
    """Return the text of each feature shown; made once, kept with the answer."""
    texts, shown = layer.whole.texts, layer.shown.tolist()
    new = np.array([at for at in shown if texts[at] is None], dtype=np.int64)
    if len(new):
        whole = layer.whole
        rows = whole.measured.table.iloc[new].to_dict("records")
        outlines = geometry_texts(whole.places.outlines[new])
        for at, outline, row in zip(new.tolist(), outlines, rows, strict=True):
            names = named(whole.places, at)
            place = pydantic_core.to_json(whole.places.names[at])
            texts[at] = (
                b'{"type":"Feature","id":' + place + b',"geometry":' + outline.encode()
                + b',"properties":' + pydantic_core.to_json(names | _plain(row)) + b"}"
            )  # fmt: skip
    return [text for at in shown if (text := texts[at]) is not None]


def check_year(name: str, given: datetime) -> None:
    """Refuse a moment so far off that periods beside it can't be told.

    Raises
    ------
    InvalidPeriod
    """
    if not YEARS[0] <= given.year <= YEARS[1]:
        raise InvalidPeriod(
            f"{name} is in {given.year}, wanted a year of {YEARS[0]} to {YEARS[1]}.", field=name
        )


def named(places: HotspotPlaces, at: int) -> dict[str, str]:
    """Return what a place is called."""
    if places.by == "h3":
        return {"h3_cell": places.names[at]}
    return {"grid_code": places.names[at], "name": places.titles[at]}


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    return {
        str(name): number(value) if isinstance(value, float) else value
        for name, value in row.items()
    }


def number(value: float) -> float | None:
    """Return a number as it is sent, None where there is none."""
    return None if math.isnan(value) else round(value, DIGITS)
