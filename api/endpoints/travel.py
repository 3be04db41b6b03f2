"""By road and by the clock: travel times, the way itself, who arrives first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends

from api.callers import CallerAccess, SignedInCaller
from api.dependencies import ReadSession, Scope, ServicesDep, WriteSession, lonlat_of, now
from api.geojson import rounded
from api.roads import METHOD, basis_of, moment_of, places_of, response_units, visible_units
from api.schemas.errors import write_error_responses
from api.schemas.roads import (
    PAIRS_MAX,
    LineString,
    NearestAnswer,
    NearestQuestion,
    NearestUnit,
    NotCounted,
    PathAnswer,
    PathQuestion,
    PathStep,
    TimesQuestion,
    TravelTimesAnswer,
)
from geo.audit import record
from geo.errors import InvalidInput, NotEnoughData
from geo.roads.modes import TravelMode
from geo.roads.spread import load_spreads
from layers.response.units import ResponseUnit
from layers.travel.path import path_between

router = APIRouter(prefix="/travel", tags=["roads"])

Now = Annotated[datetime, Depends(now)]
PREPARED_FROM_PAIRS = 2_500  # from here on building the hierarchy pays


@router.post(
    "/times",
    operation_id="get_travel_times",
    summary="Travel times by road, many to many",
    responses=write_error_responses(404),
)
def get_travel_times(
    session: ReadSession, services: ServicesDep, moment: Now, asked: TimesQuestion
) -> TravelTimesAnswer:
    """At most 40,000 pairs. A place farther than 500 m from any road lies on none."""
    pairs = len(asked.origins) * len(asked.destinations)
    if pairs > PAIRS_MAX:
        raise InvalidInput(
            f"That are {pairs:,} pairs, wanted {PAIRS_MAX:,} at most. Ask in parts.",
            field="destinations",
        )
    at = moment_of(asked.at, moment)
    travel = services.roads.travel(session, asked.mode, at=at)
    start = travel.snap(*places_of(asked.origins, asked.datum))
    end = travel.snap(*places_of(asked.destinations, asked.datum))
    if pairs >= PREPARED_FROM_PAIRS:
        travel.prepare()
    times = travel.matrix(start, end, limit_s=asked.limit_s)
    return TravelTimesAnswer(
        **basis_of(services, session, asked.mode, at).model_dump(),
        times_s=[[round(float(t), 1) if np.isfinite(t) else None for t in row] for row in times],
        origins_on_road=start.is_on_road.tolist(),
        destinations_on_road=end.is_on_road.tolist(),
    )


@router.post(
    "/path",
    operation_id="get_travel_path",
    summary="The quickest way, with instructions in Chinese and English",
    responses=write_error_responses(404, 409),
)
def get_travel_path(
    session: ReadSession, services: ServicesDep, moment: Now, asked: PathQuestion
) -> PathAnswer:
    """Its line, length, time with spread, and steps by street name and turn; 409 where there is no
    way."""
    at = moment_of(asked.at, moment)
    travel = services.roads.travel(session, asked.mode, at=at)
    lon, lat = places_of([asked.origin, asked.destination], asked.datum)
    ends = travel.snap(lon, lat)
    off = [
        name for name, on in zip(("origin", "destination"), ends.is_on_road, strict=True) if not on
    ]
    if off:
        raise NotEnoughData(
            f"The {off[0]} lies more than 500 m from any road open to {asked.mode}. Move it.",
            found=0,
            needed=1,
        )
    path = path_between(travel, ends[:1], ends[1:])
    if path is None:
        raise NotEnoughData(
            f"There is no way for {asked.mode} between these places: one-way streets or closed "
            "roads cut it off. Try another mode or hour.",
            found=0,
            needed=1,
        )
    spread = load_spreads(session, hour=at.astimezone(services.roads.zone).hour)[asked.mode]
    return PathAnswer(
        **basis_of(services, session, asked.mode, at).model_dump(),
        time_s=round(path.time_s, 1),
        p50_s=round(path.time_s * spread.p50_factor, 1),
        p90_s=round(path.time_s * spread.p90_factor, 1),
        spread_basis=spread.basis,
        trip_count=spread.trip_count,
        length_m=round(path.length_m, 1),
        access_m=round(path.access_m, 1),
        geometry=LineString(
            type="LineString", coordinates=[[rounded(x), rounded(y)] for x, y in path.xy.tolist()]
        ),
        steps=[
            PathStep(
                turn=step.turn.value,
                name=step.name,
                length_m=round(step.length_m, 1),
                lon=rounded(step.lon),
                lat=rounded(step.lat),
                zh=step.zh,
                en=step.en,
            )
            for step in path.steps
        ],
    )


@router.post(
    "/nearest-units",
    operation_id="find_nearest_units",
    summary="Which units arrive first at a place, by road",
    responses=write_error_responses(404),
)
def find_nearest_units(
    session: WriteSession,
    services: ServicesDep,
    scope: Scope,
    caller: SignedInCaller,
    access: CallerAccess,
    moment: Now,
    asked: NearestQuestion,
) -> NearestAnswer:
    """Free units that the caller leads or belongs to, each by how its kind moves, with the time by
    half and by nine of ten trips; those that can't come, and why. Each look is audited."""
    place = lonlat_of(asked.place.lon, asked.place.lat, asked.datum)
    visible = [
        unit
        for unit in visible_units(session, caller, scope)
        if (not asked.kinds or unit.kind in asked.kinds) and set(asked.skills) <= set(unit.skills)
    ]
    units = response_units(services, session, visible, moment)
    record(session, access, "positions.nearest", object_kind="patrol_unit", row_count=len(units))
    roads = services.roads.roads(session, at=moment)
    spreads = load_spreads(session, hour=moment.astimezone(services.roads.zone).hour)
    found: list[tuple[float, ResponseUnit, TravelMode]] = []
    by_mode: dict[TravelMode, list[ResponseUnit]] = {}
    for unit in units:
        if unit.counts:
            by_mode.setdefault(services.reach_rules.kinds[unit.kind].mode, []).append(unit)
    for mode, own in by_mode.items():
        travel = services.roads.travel(session, mode, at=moment)
        points = [unit.place for unit in own if unit.place is not None]
        start = travel.snap([p.longitude for p in points], [p.latitude for p in points])
        target = travel.snap([place.longitude], [place.latitude])
        nearest = travel.nearest(target, start, wanted=asked.wanted, limit_s=asked.limit_s)
        found += [
            (float(time), own[k], mode)
            for k, time in zip(nearest.units.tolist(), nearest.time_s.tolist(), strict=True)
        ]
    found.sort(key=lambda each: (each[0], each[1].code))
    return NearestAnswer(
        units=[
            NearestUnit(
                unit_id=unit.id,
                code=unit.code,
                name=unit.name,
                kind=unit.kind,
                mode=mode,
                time_s=round(time, 1),
                p50_s=round(time * spreads[mode].p50_factor, 1),
                p90_s=round(time * spreads[mode].p90_factor, 1),
                arrives_at=moment + timedelta(seconds=time * spreads[mode].p50_factor),
                spread_basis=spreads[mode].basis,
                place_source=unit.place_source,
                position_state=unit.state,
            )
            for time, unit, mode in found[: asked.wanted]
        ],
        not_counted=[
            NotCounted(
                unit_id=unit.id, code=unit.code, name=unit.name, kind=unit.kind,
                why_not=str(unit.why_not), since=unit.since,
            )
            for unit in units
            if not unit.counts
        ],
        network=roads.name,
        at=moment,
        method=METHOD,
    )  # fmt: skip
