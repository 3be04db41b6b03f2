"""The hotspot layer of the map: cells for a period, kinds, hours and weekdays; and its backtest."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Annotated, Any

import numpy as np
import pydantic_core
from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime

from api.callers import CallerAccess, SignedInCaller
from api.dependencies import ReadSession, RequiredFrame, Scope, ServicesDep, SoundText, now
from api.geojson import GeoJSONResponse, feature_collection_text, geometry_texts
from api.schemas.errors import error_responses
from api.schemas.hotspots import HotspotBacktest, HotspotLayer, HotspotMeasure, MethodScore
from api.schemas.incidents import CATEGORY_CHARS_MAX
from geo.audit import record
from geo.errors import InvalidInput, InvalidPeriod
from geo.incidents.categories import CategoryTree
from geo.values import Period
from layers.address_density import ZOOM_MAX
from layers.discovered import MODEL_SOURCES, SOURCES
from layers.hotspot_backtest import offered_default
from layers.hotspot_layer import FINEST_RESOLUTION
from layers.hotspot_layer import HotspotLayer as LayerResult
from layers.hotspot_question import HORIZON_MAX_D, HotspotQuestion

router = APIRouter(prefix="/layers/hotspots", tags=["layers"])

PERIOD_DEFAULT = timedelta(days=90)
DIGITS = 4
YEARS = (1950, 2200)
Now = Annotated[datetime, Depends(now)]


def hotspot_question(
    session: ReadSession,
    services: ServicesDep,
    scope: Scope,
    caller: SignedInCaller,
    access: CallerAccess,
    moment: Now,
    measure: Annotated[HotspotMeasure, Query(description="What the cells tell.")] = "counts",
    category: Annotated[
        SoundText | None,
        Query(max_length=CATEGORY_CHARS_MAX, description="Of this kind, or one below; else all."),
    ] = None,
    start: Annotated[
        AwareDatetime | None, Query(description="With its zone; else 90 days before the end.")
    ] = None,
    end: Annotated[AwareDatetime | None, Query(description="With its zone; else now.")] = None,
    hours: Annotated[
        str | None,
        Query(
            max_length=5,
            pattern=r"^\d{1,2}-\d{1,2}$",
            examples=["22-6"],
            description="Local hours, from and up to: 22-6 is ten at night till six.",
        ),
    ] = None,
    weekdays: Annotated[
        str | None,
        Query(
            max_length=13,
            pattern=r"^[1-7](,[1-7])*$",
            examples=["6,7"],
            description="Local weekdays, 1 = Monday.",
        ),
    ] = None,
    horizon_days: Annotated[
        float, Query(gt=0, le=HORIZON_MAX_D, description="Of the forecast.")
    ] = 7.0,
    all_sources: Annotated[
        bool,
        Query(description="Also what officers began, sensors and other units sent. Audited."),
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
        if given is not None and not YEARS[0] <= given.year <= YEARS[1]:
            raise InvalidPeriod(
                f"{name} is in {given.year}, wanted a year of {YEARS[0]} to {YEARS[1]}.", field=name
            )
    until = end or moment.replace(second=0, microsecond=0)
    return HotspotQuestion(
        period=Period(start or until - PERIOD_DEFAULT, until),
        measure=measure,
        categories=kinds,
        hidden=frozenset(
            row.code for row in tree.rows() if not tree.may_see_point(row.code, caller.role)
        ),
        sources=frozenset(SOURCES if all_sources else MODEL_SOURCES),
        hours=None if hours is None else _hours(hours),
        weekdays=None
        if weekdays is None
        else frozenset(int(one) - 1 for one in weekdays.split(",")),
        horizon_d=horizon_days,
    )


Question = Annotated[HotspotQuestion, Depends(hotspot_question)]


@router.get(
    "",
    operation_id="get_hotspots",
    summary="Incidents by H3 cell: counts, risk, Gi*, change, forecast",
    response_class=GeoJSONResponse,
    response_model=HotspotLayer,
    responses=error_responses(404, 409),
)
def get_hotspots(
    services: ServicesDep,
    scope: Scope,
    moment: Now,
    question: Question,
    frame: RequiredFrame,
    zoom: Annotated[int, Query(ge=0, le=ZOOM_MAX, description="Zoom of the map.", examples=[14])],
) -> GeoJSONResponse:
    """At most 5,000 hexagons, as large as the zoom asks for. A cell says the same in every frame:
    the measure is worked out over all of the caller's area."""
    result = services.hotspots.layer(
        services.incidents.current(), question, bbox=frame, zoom=zoom, scope=scope, now=moment
    )
    return GeoJSONResponse(
        feature_collection_text(
            _feature_texts(result),
            measure=question.measure,
            resolution=result.resolution,
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
    scope: Scope,
    moment: Now,
    question: Question,
    area_share: Annotated[
        float, Query(gt=0, le=1, description="Share of the area that may be flagged.")
    ] = 0.01,
    resolution: Annotated[
        int, Query(ge=5, le=FINEST_RESOLUTION, description="H3 resolution of the cells.")
    ] = 9,
) -> HotspotBacktest:
    """On the last third of the caller's own incidents, windows of the horizon after each other."""
    found = services.hotspots.backtest(
        services.incidents.current(), question, resolution=resolution, area_share=area_share,
        scope=scope, now=moment,
    )  # fmt: skip
    return HotspotBacktest(
        scores=[
            MethodScore(
                method=name,
                caught=score.caught,
                pai=_number(score.pai),
                pai_low=_number(score.pai_low),
                pai_high=_number(score.pai_high),
                pei=_number(score.pei),
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
            name = whole.places.names[at]
            told = pydantic_core.to_json({"h3_cell": name, **_plain(row)})
            texts[at] = (
                f'{{"type":"Feature","id":"{name}","geometry":{outline},"properties":'.encode()
                + told
                + b"}"
            )
    return [text for at in shown if (text := texts[at]) is not None]


def _hours(text: str) -> frozenset[int]:
    first, last = (int(part) for part in text.split("-"))
    if first > 23 or last > 24 or first == last:
        raise InvalidInput(
            f"hours is “{text}”, wanted two different hours, such as 22-6 or 8-18.", field="hours"
        )
    return frozenset(hour % 24 for hour in range(first, last if last > first else last + 24))


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    return {
        str(name): _number(value) if isinstance(value, float) else value
        for name, value in row.items()
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, DIGITS)
