"""Patrol coverage: where patrols were and weren't, key places, duty time, a unit's own day.

What tells where one unit was is a read about an officer, volunteer or grid worker: their own, or
for who leads units, with a purpose and a case. The rest tells places and sums; who doesn't lead
units gets no less than a day, or a week where hours are picked, so that it tells no unit's way.
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.callers import CallerAccess, SignedInCaller
from api.dependencies import (
    Frame,
    ReadSession,
    RowId,
    Scope,
    ServicesDep,
    WriteSession,
    now,
)
from api.endpoints.units import is_member, require_lead
from api.geojson import GeoJSONResponse, feature, feature_collection, geometry_of
from api.local_times import HoursText, WeekdaysText, hours_named, weekdays_named
from api.schemas import coverage as schemas
from api.schemas.errors import error_responses
from geo.accounts import Permission
from geo.audit import audited
from geo.coverage.fixes import load_fixes
from geo.coverage.key_places import (
    find_key_places,
)
from geo.coverage.reading import load_coverage, load_duty_hours
from geo.coverage.records import moment_of, ms_of
from geo.coverage.road_days import names_of_roads
from geo.errors import InvalidInput, InvalidPeriod, NotPermitted, PatrolUnitNotFound
from geo.h3_cells import h3_cell_to_text
from geo.positions.tracks import FixColumns, clean_tracks
from geo.tables import Area, Grid
from geo.units.units import find_units, get_unit
from geo.values import GridScope, Period
from layers.coverage.answers import (
    CoverageHours,
    class_breaks_of,
    coverage_of_places,
    hours_asked,
    local_days,
    values_of,
)
from layers.coverage.area import CoveredArea, find_covered_area
from layers.coverage.board import (
    SLOTS,
    Occasion,
    demand_mismatch,
    occasions_of,
    uncovered_occasions,
    weekly_shares,
)
from layers.coverage.checkpoints import find_checkpoint_verdicts
from layers.coverage.unit_day import load_unit_day

router = APIRouter(prefix="/coverage", tags=["coverage"])

PERIOD_DEFAULT = timedelta(days=7)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
PLACES_MAX = 6_000
OCCASIONS_MAX = 2_000
DEMAND = timedelta(days=90)
YEARS = (1990, 2200)
METHOD = (
    "Time between fixes up to {certain:g} s apart is certain, up to 330 s uncertain; a visit is "
    "{stay:g} s or more inside, absences up to {gap:g} s merged."
)
Now = Annotated[datetime, Depends(now)]


def _period(start: datetime | None, end: datetime | None, moment: datetime) -> Period:
    for name, given in (("start", start), ("end", end)):
        if given is not None and not YEARS[0] <= given.year <= YEARS[1]:
            raise InvalidPeriod(
                f"{name} is in {given.year}, wanted a year of {YEARS[0]} to {YEARS[1]}.", field=name
            )
    until = min(end or moment, moment)
    begin = start or until - PERIOD_DEFAULT
    if begin >= until:
        raise InvalidPeriod("The period ends before it begins, or lies ahead.", field="start")
    return Period(begin, until)


def coverage_hours(
    services: ServicesDep,
    caller: SignedInCaller,
    moment: Now,
    start: Annotated[
        AwareDatetime | None, Query(description="With its zone; else 7 days before the end.")
    ] = None,
    end: Annotated[AwareDatetime | None, Query(description="With its zone; else now.")] = None,
    hours: HoursText = None,
    weekdays: WeekdaysText = None,
) -> CoverageHours:
    """The hours asked for."""  # fmt: skip
    period = _period(start, end, moment)
    asked = hours_asked(
        period,
        time_zone=services.settings.time_zone,
        offset_ms=services.coverage.rules.offset_ms,
        hours=hours_named(hours),
        weekdays=weekdays_named(weekdays),
    )
    least = WEEK if asked.is_part else DAY
    if asked.period.end - asked.period.start < least and not caller.may(Permission.LEAD):
        raise NotPermitted(
            f"Less than {least.days} days tell where a unit was. That takes the permission to "
            "lead units. Ask for a longer period.",
            wanted=str(Permission.LEAD),
        )
    return asked


Hours = Annotated[CoverageHours, Depends(coverage_hours)]


@router.get(
    "/places",
    operation_id="get_coverage",
    summary="Coverage of cells, grids, streets or key places in a period",
    response_class=GeoJSONResponse,
    response_model=schemas.CoverageLayer,
    responses=error_responses(),
)
def get_coverage(
    session: ReadSession,
    services: ServicesDep,
    scope: Scope,
    asked: Hours,
    frame: Frame,
    kind: Annotated[schemas.CoveragePlaceKind, Query(description="Kind of places.")] = "grid",
    measure: Annotated[
        schemas.CoverageMeasure, Query(description="What `value` tells.")
    ] = "visits",
) -> GeoJSONResponse:
    """All places of the kind in the frame, those where nobody was as well. `value`: visits;
    minutes of visits (dose), of presence, of a mean stay; hours between visits (revisit) or since
    the last; a ratio (intermittency)."""
    keys, grid_codes, shapes = services.coverage.places().seen(kind, scope, frame)
    if len(keys) > PLACES_MAX:
        raise InvalidInput(
            f"{len(keys)} places lie in the frame, wanted {PLACES_MAX} at most. Zoom in, or ask "
            "for grids.",
            field="bbox",
        )
    duty = load_duty_hours(session, asked.starts)
    table = coverage_of_places(
        load_coverage(session, asked.starts, kind=kind), asked, keys, grid_codes, duty,
        rules=services.coverage.rules.visits,
    )  # fmt: skip
    table["value"] = values_of(table, measure)
    names = _names(session, kind, scope)
    rows = table.to_dict("records")
    features = []
    for row, shape in zip(rows, shapes, strict=True):
        row["place"] = h3_cell_to_text(row["place"]) if kind == "cell" else (
            row["grid_code"] if kind == "grid" else str(row["place"])
        )  # fmt: skip
        row["name"] = names.get(row["place"])
        for name in ("visit_count", "probable_count"):
            row[name] = int(row[name])
        features.append(feature(row["place"], geometry_of(shape), _plain(row)))
    rules = services.coverage.rules
    return GeoJSONResponse(
        feature_collection(
            features,
            kind=kind,
            measure=measure,
            start=asked.period.start.isoformat(),
            end=asked.period.end.isoformat(),
            hour_count=len(asked.starts),
            states={name: int(count) for name, count in table.state.value_counts().items()},
            class_breaks=class_breaks_of(table.value.to_numpy(float)),
            duty_s=round(float(duty.duty_s.sum())),
            known_s=round(float(duty.known_s.sum())),
            roads=names_of_roads(
                session, {services.settings.local_day(each) for each in asked.starts}
            ),
            method=METHOD.format(
                certain=rules.presence.certain_s, stay=rules.visits.stay_min_s,
                gap=rules.visits.gap_max_s,
            ),
        )
    )  # fmt: skip


@router.get(
    "/uncovered",
    operation_id="list_uncovered",
    summary="Key places that got less than they want, by slot",
    responses=error_responses(),
)
def list_uncovered(
    session: ReadSession,
    services: ServicesDep,
    scope: Scope,
    moment: Now,
    asked: Hours,
    with_covered: Annotated[bool, Query(description="Also those that got enough.")] = False,
) -> schemas.UncoveredList:
    """Most lacking first, at most 2,000. Of stretches that lie in the period whole."""
    if asked.is_part:
        raise InvalidInput("Hours and weekdays are told by what key places want. Leave them out.")
    places = find_key_places(session, scope=scope)
    wanted = occasions_of(places, asked.period, time_zone=services.settings.time_zone, now=moment)
    found = uncovered_occasions(
        wanted, load_coverage(session, asked.starts, kind="key_place"), asked,
        load_duty_hours(session, asked.starts), only_uncovered=False,
    )  # fmt: skip
    counts = found.state.value_counts()
    if not with_covered:
        found = found[~found.state.isin(("covered", "probably_covered"))]
    return schemas.UncoveredList(
        occasions=[
            _occasion(wanted[int(row.pop("occasion"))], row)
            for row in found.head(OCCASIONS_MAX).to_dict("records")
        ],
        wanted_count=len(wanted),
        covered_count=int(counts.get("covered", 0)),
        probably_count=int(counts.get("probably_covered", 0)),
        start=asked.period.start,
        end=asked.period.end,
    )  # fmt: skip


@router.get(
    "/mismatch",
    operation_id="get_mismatch",
    summary="Whether patrols are where and when residents call",
    responses=error_responses(409),
)
def get_mismatch(
    session: ReadSession, services: ServicesDep, scope: Scope, asked: Hours
) -> schemas.CoverageMismatch:
    """By grid and part of the day. Reports of residents in the 90 days before the period's end;
    time spent responding isn't presence."""
    if asked.is_part:
        raise InvalidInput("The matrix has all hours of the day. Leave hours and weekdays out.")
    demand = Period(asked.period.end - DEMAND, asked.period.end)
    found = demand_mismatch(
        load_coverage(session, asked.starts, kind="grid"), asked, services.incidents.current(),
        demand=demand, scope=scope, time_zone=services.settings.time_zone,
    )  # fmt: skip
    return schemas.CoverageMismatch(
        index=round(found.index, 4),
        slots=list(SLOTS),
        matrix=[
            schemas.MismatchCell.model_validate(
                {
                    "grid_code": row.pop("place"),
                    **{
                        name: round(value, 6) if isinstance(value, float) else value
                        for name, value in row.items()
                    },
                }
            )
            for row in found.matrix.to_dict("records")
        ],
        demand_count=found.demand_count,
        demand_start=demand.start,
        start=asked.period.start,
        end=asked.period.end,
        method="Half of the sum of |share of presence - share of demand| over grids and parts of "
        "the day.",
    )  # fmt: skip


@router.get(
    "/weekly",
    operation_id="list_weekly_shares",
    summary="In-community share of duty time in a week, by station and kind of unit",
    responses=error_responses(),
)
def list_weekly_shares(
    session: ReadSession,
    services: ServicesDep,
    caller: SignedInCaller,
    moment: Now,
    week_of: Annotated[
        date | None, Query(description="Any day of the week. Default: the last whole week.")
    ] = None,
) -> schemas.WeeklyShares:
    """Stations are townships (the first nine digits of a community's code). Of the running week:
    until now. For who leads units."""
    require_lead(caller)
    zone = ZoneInfo(services.settings.time_zone)
    day = week_of or services.settings.local_day(moment) - WEEK
    if not YEARS[0] <= day.year <= YEARS[1]:
        raise InvalidPeriod(f"week_of is in {day.year}, wanted 1990 to 2200.", field="week_of")
    monday = day - timedelta(days=day.weekday())
    start = datetime(monday.year, monday.month, monday.day, tzinfo=zone)
    stop = min(start + WEEK, moment)
    rows = []
    if stop > start:
        asked = hours_asked(
            Period(start, stop), time_zone=services.settings.time_zone,
            offset_ms=services.coverage.rules.offset_ms,
        )  # fmt: skip
        stations = _stations(session)
        asked_names = select(Area.code, Area.name).where(
            Area.code.in_(sorted(set(stations.values()))), Area.valid_to.is_(None)
        )
        names = {str(code): str(name) for code, name in session.execute(asked_names)}
        table = weekly_shares(
            load_duty_hours(session, asked.starts), stations,
            services.settings.coverage_community_targets,
        )  # fmt: skip
        rows = [
            schemas.WeeklyShare.model_validate(
                {
                    **_plain(row),
                    "station_name": names.get(row["station"]),
                }
            )
            for row in table.to_dict("records")
        ]
    return schemas.WeeklyShares(monday=monday, rows=rows)


@router.get(
    "/ground",
    operation_id="get_ground_covered",
    summary="Ground covered, merged and unmerged, and key places passed",
    responses=error_responses(),
)
def get_ground_covered(
    session: ReadSession,
    services: ServicesDep,
    scope: Scope,
    caller: SignedInCaller,
    asked: Hours,
) -> schemas.GroundAndCheckpoints:
    """Of all units the caller leads, from their fixes, a day at most. For who leads units."""
    require_lead(caller)
    if asked.period.end - asked.period.start > DAY:
        raise InvalidPeriod("Ground is told for a day at most. Ask for less.", field="start")
    window = (ms_of(asked.period.start), ms_of(asked.period.end) - 1)
    units = find_units(session, scope=scope)
    places = services.coverage.places()
    rules = services.coverage.rules
    fixes = load_fixes(session, {unit.id: window for unit in units}, places.frame.plane)
    parts = [fixes[unit].each() for unit in sorted(fixes)]
    columns = FixColumns(*(np.concatenate(each) for each in zip(*parts, strict=True))) if (
        parts
    ) else FixColumns.of([], [], [], [])  # fmt: skip
    tracks = clean_tracks(columns, rules.limits)
    duty = load_duty_hours(session, asked.starts)
    on_duty = float(duty.duty_s.sum())
    wanted = find_key_places(session, scope=scope)
    verdicts = find_checkpoint_verdicts(
        tracks, [each.key_place_id for each in wanted],
        shapely.points([each.position.longitude for each in wanted],
                       [each.position.latitude for each in wanted]),
        plane_of_tracks=places.rasters["known"], reach_m=[each.reach_m for each in wanted],
        known_share=float(duty.known_s.sum()) / on_duty if on_duty else 1.0, limits=rules.limits,
    )  # fmt: skip
    area = find_covered_area(
        tracks, swath_m=services.settings.coverage_swath_m, limits=rules.limits
    )
    return schemas.GroundAndCheckpoints(
        start=asked.period.start,
        end=asked.period.end,
        area=_area(area),
        checkpoints=[
            schemas.CheckpointVerdict(
                key_place_id=each.key_place_id, name=each.name, verdict=verdict,
                at=None if at_ms is None else moment_of(at_ms),
            )
            for each, verdict, at_ms in zip(
                wanted, verdicts.verdict, _whole(verdicts.at_ms), strict=True
            )
        ],
    )  # fmt: skip


@router.get(
    "/units/{unit_id}/day",
    operation_id="get_unit_day",
    summary="A unit's own day: way, stops, how its time went",
    responses=error_responses(404),
)
def get_unit_day(
    session: WriteSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    access: CallerAccess, moment: Now,
    unit_id: Annotated[RowId, Path(description="Number of the unit.")],
    on: Annotated[date | None, Query(description="Local day. Default: today.")] = None,
) -> schemas.UnitDay:  # fmt: skip
    """A member sees their own; who leads units gives a purpose and a case. Each look is
    audited."""
    unit = get_unit(session, unit_id, scope=scope)
    is_own = is_member(session, unit, caller, scope)
    if not (is_own or caller.may(Permission.LEAD)):
        raise PatrolUnitNotFound(f"There is no patrol unit {unit_id}.", unit_id=unit_id)
    day = on or services.settings.local_day(moment)
    if not YEARS[0] <= day.year <= YEARS[1]:
        raise InvalidPeriod(f"on is in {day.year}, wanted 1990 to 2200.", field="on")
    zone = ZoneInfo(services.settings.time_zone)
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    end = local_days(Period(start, start + 2 * DAY), services.settings.time_zone)[1]
    with audited(
        session, access, "unit.read_day", object_kind="patrol_unit", object_ref=str(unit.id),
        about_persons=not is_own,
    ) as read:  # fmt: skip
        found = load_unit_day(
            session, unit, Period(start, end), services.coverage.places(),
            rules=services.coverage.rules, swath_m=services.settings.coverage_swath_m,
        )  # fmt: skip
        read.row_count = len(found.way)
    zone_of = start.tzinfo
    return schemas.UnitDay(
        unit_id=unit.id, code=unit.code, name=unit.name, kind=unit.kind, on=day,
        shifts=[schemas.DutyStretch(starts_at=a, ends_at=b) for a, b in found.shifts],
        way=[
            schemas.DayPoint(
                at=datetime.fromtimestamp(at_ms / 1000, zone_of), lon=round(lon, 6),
                lat=round(lat, 6),
            )
            for at_ms, lon, lat in found.way
        ],
        stops=[
            schemas.DayStop(
                starts_at=each.starts_at, ends_at=each.ends_at, lon=round(each.lon, 6),
                lat=round(each.lat, 6),
            )
            for each in found.stops
        ],
        dropped=found.dropped,
        **{f"{name}_s": round(seconds, 1) for name, seconds in found.seconds.items()},
        community_target=services.settings.coverage_community_targets.get(unit.kind),
        cell_count=found.cell_count,
        street_count=found.street_count,
        area=_area(found.area),
    )  # fmt: skip


# -- inside


def _area(found: CoveredArea) -> schemas.GroundCovered:
    return schemas.GroundCovered(
        swath_m=found.swath_m, length_km=round(found.length_km, 3),
        merged_km2=round(found.merged_km2, 4), unmerged_km2=round(found.unmerged_km2, 4),
    )  # fmt: skip


def _names(session: Session, kind: str, scope: GridScope) -> dict[str, str]:
    """What places of a kind are called, by what they are told apart by."""
    if kind == "grid":
        rows = session.execute(select(Grid.grid_code, Grid.name).order_by(Grid.valid_from))
        return {str(code): str(name) for code, name in rows}
    if kind == "key_place":
        return {str(each.key_place_id): each.name for each in find_key_places(session, scope=scope)}
    return {}


def _stations(session: Session) -> dict[str, str]:
    """The township of each grid: whose police station it belongs to."""
    rows = session.execute(select(Grid.grid_code, Grid.community_code))
    return {str(code): str(community)[:9] for code, community in rows}


def _occasion(each: Occasion, row: dict[Any, Any]) -> schemas.UncoveredOccasion:
    return schemas.UncoveredOccasion.model_validate(
        {
            "key_place_id": each.place.key_place_id, "code": each.place.code,
            "name": each.place.name, "grid_code": each.place.grid_code,
            "lon": round(each.place.position.longitude, 7),
            "lat": round(each.place.position.latitude, 7),
            "starts_at": each.starts_at, "ends_at": each.ends_at,
            **{name: row[name] for name in
               ("dose_s", "certain_s", "uncertain_s", "missing_s", "state")},
        }
    )  # fmt: skip


def _whole(column: Any) -> list[int | None]:
    """The numbers of a column, None where missing."""
    return [None if missing else int(value)
            for value, missing in zip(column.fillna(0), column.isna(), strict=True)]  # fmt: skip


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    return {
        str(name): _number(value) if isinstance(value, float) else value
        for name, value in row.items()
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
