"""What a shift's plan could stop at, and who could drive: hot cells, key places, units on duty."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from geoalchemy2 import Geometry
from geoalchemy2.shape import to_shape
from numpy.typing import NDArray
from sqlalchemy import cast, func, select
from sqlalchemy.orm import Session

from geo.assignment import NO_GRID, GridAssigner
from geo.coverage.reading import load_coverage
from geo.errors import InvalidInput, TooFewIncidents
from geo.grids import is_in_force
from geo.h3_cells import h3_cell_centres, parse_h3_cell
from geo.incidents.columns import IncidentColumns
from geo.roads.modes import TravelMode
from geo.tables import DutyShift, Grid, KeyPlace, KeyPlaceDose, PatrolUnit
from geo.values import GridScope, LonLat, Period
from layers.hotspots.ground import HotspotGround
from layers.hotspots.layer import HotspotLayers
from layers.hotspots.question import HotspotQuestion
from layers.routes.problem import Break, PatrolPlace, PlaceKind, RouteUnit, Slot
from layers.travel.times import TravelTimes

HISTORY = timedelta(days=365)  # of incidents that the forecast learns from
POINTS_AN_EVENT = 100.0  # prize of a visit: expected incidents of its slot, in hundredths
RECENT = timedelta(days=1)  # before a shift, in which patrols lower a cell's prize
RECENT_HALF_MIN = 30.0  # of patrols, after which a visit is worth half
ZOOM = 16  # of the forecast's cells: the finest, some 130 m across
SHIFT_WITH_BREAK_S = 6 * 3600
BREAK_FROM, BREAK_TO = 0.35, 0.7  # of the shift, between which a break lies


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that a plan could hold.

    expected : incidents in the shift, None for a key place
    recent_min : that patrols were there lately [min], which lowered the prize; None for a key place
    """

    place: PatrolPlace
    grid_code: str | None
    expected: float | None
    recent_min: float | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """Best first; `too_few`: there are not incidents enough to forecast from."""

    found: tuple[Candidate, ...]
    too_few: bool


def hot_candidates(
    layers: HotspotLayers,
    columns: IncidentColumns,
    *,
    period: Period,
    grids: GridFinder,
    ground: HotspotGround,
    hidden: frozenset[str],
    zone: ZoneInfo,
    now: datetime,
    wanted: int,
    slots: int,
    dwell_s: int,
    gap_s: int,
    recent_min: Mapping[int, float] = MappingProxyType({}),
) -> Candidates:
    """Return the cells in which most incidents are expected in a shift.

    The expectation of a week in the shift's hours of the day, a seventh of it a day; each slot has
    an equal part, since one cell alone seldom has enough incidents to tell its hours apart.

    Parameters
    ----------
    period : the shift
    ground : of the caller's scope: incidents and cells in other grids aren't there
    hidden : kinds of incidents of which the caller may not see the point
    wanted : at most so many
    recent_min : H3 cell → minutes that patrols were there lately, which lower its prize
    """
    bounds = grids.bounds
    if bounds is None or wanted < 1:
        return Candidates((), too_few=bounds is not None)
    hours = _hours(period, zone)
    question = HotspotQuestion(
        period=Period(_whole_day(now) - HISTORY, _whole_day(now)),
        measure="forecast",
        hidden=hidden,
        hours=None if len(hours) == 24 else frozenset(hours),
    )
    try:
        layer = layers.layer(columns, question, bbox=bounds, zoom=ZOOM, ground=ground, now=now)
    except TooFewIncidents:
        return Candidates((), too_few=True)
    cells = layer.cells
    lately = np.array([recent_min.get(parse_h3_cell(name), 0.0) for name in cells["place"]], float)
    weight = share_after_patrols(lately)
    order = np.argsort(-cells["value"].to_numpy(float) * weight, kind="stable")
    cells, lately, weight = cells.iloc[order], lately[order], weight[order]
    names = cells["place"].tolist()
    lon, lat = h3_cell_centres([parse_h3_cell(name) for name in names])
    codes = grids.codes_of(lon, lat)
    days = max((period.end - period.start) / timedelta(days=1), len(hours) / 24)
    found: list[Candidate] = []
    for row, (cell, value, reason) in enumerate(
        zip(names, cells["value"].tolist(), cells["reason"].tolist(), strict=True)
    ):
        expected = value / question.horizon_d * max(days * 24 / len(hours), 1.0)
        if codes[row] is None or expected <= 0:
            continue
        place = PatrolPlace(
            place_id=cell,
            at=LonLat(float(lon[row]), float(lat[row])),
            kind=PlaceKind.HOTSPOT,
            dwell_s=dwell_s,
            slots=equal_slots(period, slots, prize=expected * POINTS_AN_EVENT * float(weight[row])),
            gap_min_s=gap_s,
            reason=str(reason),
        )
        found.append(Candidate(place, codes[row], round(expected, 4), round(float(lately[row]), 1)))
        if len(found) == wanted:
            break
    return Candidates(tuple(found), too_few=False)


def share_after_patrols(recent_min: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what share of its prize a cell keeps after so many minutes of patrols lately: half
    after `RECENT_HALF_MIN`. A choice, so that others get their turn; no measured effect."""
    return np.asarray(1.0 / (1.0 + recent_min / RECENT_HALF_MIN))


def recent_presence(session: Session, *, before: datetime) -> dict[int, float]:
    """Return H3 cell → minutes that patrols were there in the day before a moment, as far as the
    session's scope goes; time spent responding isn't patrol."""
    until = before.replace(minute=0, second=0, microsecond=0)
    hours = [until - timedelta(hours=k) for k in range(int(RECENT / timedelta(hours=1)), -1, -1)]
    rows = load_coverage(session, hours, kind="cell")
    minutes = rows.sums["ms"][:, [0, 1, 3, 4]].sum(axis=1) / 60_000
    found: dict[int, float] = {}
    for place, value in zip(rows.sums["place"].tolist(), minutes.tolist(), strict=True):
        found[int(place)] = found.get(int(place), 0.0) + value
    return found


def equal_slots(period: Period, count: int, *, prize: float) -> tuple[Slot, ...]:
    """Return a shift in equal parts, with the prize shared among them."""
    length = int((period.end - period.start).total_seconds())
    edges = [round(k * length / count) for k in range(count + 1)]
    return tuple(
        Slot(edges[k], edges[k + 1], round(prize / count, 2)) for k in range(count)
    )  # fmt: skip


def key_candidates(
    session: Session, *, period: Period, scope: GridScope, zone: ZoneInfo, prize: float
) -> list[Candidate]:
    """Return the key places that want a patrol in a shift, one slot for each stretch of hours.

    The dwell is the longest dose that is wanted; a stretch that is cut so short by the shift that
    it doesn't hold its dose is left out.

    Parameters
    ----------
    prize : of each visit: no count of incidents says what a school gate is worth
    """
    point = cast(KeyPlace.geom, Geometry)
    asked = select(
        KeyPlace.id, KeyPlace.name, KeyPlace.grid_code, func.ST_X(point), func.ST_Y(point)
    ).where(KeyPlace.ended_at.is_(None))
    if scope.grid_codes is not None:
        asked = asked.where(KeyPlace.grid_code.in_(sorted(scope.grid_codes)))
    rows = session.execute(asked.order_by(KeyPlace.id)).all()
    doses: dict[int, list[KeyPlaceDose]] = {}
    for dose in session.scalars(
        select(KeyPlaceDose).where(KeyPlaceDose.key_place_id.in_([row[0] for row in rows]))
    ):
        doses.setdefault(dose.key_place_id, []).append(dose)
    found = []
    for key, name, code, lon, lat in rows:
        slots, dwell = [], 0
        for dose in doses.get(key, []):
            for start, end in _stretches(dose, period, zone):
                if end - start >= dose.dose_s:
                    slots.append(Slot(start, end, prize))
                    dwell = max(dwell, dose.dose_s)
        slots = [slot for slot in sorted(slots, key=lambda each: each.start_s)
                 if slot.end_s - slot.start_s >= dwell]  # fmt: skip
        if slots:
            place = PatrolPlace(
                f"key:{key}", LonLat(float(lon), float(lat)), PlaceKind.KEY_PLACE, dwell,
                tuple(slots), name=name, reason="key_place",
            )  # fmt: skip
            found.append(Candidate(place, code, None))
    return found


def named_by_road(candidates: Sequence[Candidate], travel: TravelTimes) -> list[Candidate]:
    """Return candidates with the road they lie at as their name, where they have none."""
    if not candidates:
        return []
    snapped = travel.snap(
        [each.place.at.longitude for each in candidates],
        [each.place.at.latitude for each in candidates],
    )
    network = travel.network
    found = []
    for row, each in enumerate(candidates):
        line = int(snapped.line[row])
        number = int(network.line_name[line]) if line >= 0 else -1
        name = each.place.name or (network.names[number] if number >= 0 else "")
        place = replace(each.place, name=name or each.place.place_id)
        found.append(replace(each, place=place))
    return found


def units_on_duty(
    session: Session, period: Period, *, scope: GridScope
) -> list[tuple[PatrolUnit, Period]]:
    """Return the units on the roster in a period, each with the longest stretch of it, by code."""
    asked = (
        select(PatrolUnit, DutyShift.starts_at, DutyShift.ends_at)
        .join(DutyShift, DutyShift.unit_id == PatrolUnit.id)
        .where(
            PatrolUnit.ended_at.is_(None),
            DutyShift.starts_at < period.end,
            DutyShift.ends_at > period.start,
        )
        .order_by(PatrolUnit.code, DutyShift.starts_at)
    )
    if scope.grid_codes is not None:
        codes = sorted(scope.grid_codes)
        asked = asked.where(PatrolUnit.grid_codes.op("&&", is_comparison=True)(codes))
    found: dict[int, tuple[PatrolUnit, Period]] = {}
    for unit, starts_at, ends_at in session.execute(asked):
        on_duty = Period(max(starts_at, period.start), min(ends_at, period.end))
        known = found.get(unit.id)
        if known is None or on_duty.end - on_duty.start > known[1].end - known[1].start:
            found[unit.id] = (unit, on_duty)
    return list(found.values())


def route_unit(
    unit: PatrolUnit, on_duty: Period, period: Period, *, mode: TravelMode, break_s: int
) -> RouteUnit:
    """Return a unit for a plan: from its home and back; a break where its shift is long.

    Raises
    ------
    InvalidInput : the unit has no home
    """
    if unit.home is None:
        raise InvalidInput(
            f"{unit.name} has no home to start from. Give it one, or leave it out.",
            unit_id=unit.id,
        )
    (lon, lat), *_ = to_shape(unit.home).coords
    home = LonLat(float(lon), float(lat))
    on = int((on_duty.start - period.start).total_seconds())
    off = int((on_duty.end - period.start).total_seconds())
    breaks: tuple[Break, ...] = ()
    if break_s and off - on >= SHIFT_WITH_BREAK_S:
        length = off - on
        breaks = (Break(on + int(BREAK_FROM * length), on + int(BREAK_TO * length), break_s),)
    return RouteUnit(str(unit.id), mode, home, on, off, end=home, breaks=breaks, name=unit.name)


class GridFinder:
    """In which of the caller's grids points lie."""

    def __init__(self, session: Session, *, on: date, scope: GridScope) -> None:
        asked = select(Grid.grid_code, func.ST_AsBinary(Grid.geom)).where(is_in_force(Grid, on))
        if scope.grid_codes is not None:
            asked = asked.where(Grid.grid_code.in_(sorted(scope.grid_codes)))
        rows = session.execute(asked.order_by(Grid.grid_code)).all()
        self._assigner: GridAssigner | None = None
        self.bounds: tuple[float, float, float, float] | None = None
        if rows:
            shapes = shapely.from_wkb(np.array([bytes(row[1]) for row in rows], dtype=object))
            self._assigner = GridAssigner([row[0] for row in rows], shapes)
            west, south, east, north = (float(each) for each in shapely.total_bounds(shapes))
            self.bounds = west, south, east, north

    def codes_of(self, lon: Iterable[float], lat: Iterable[float]) -> list[str | None]:
        """Return the grid of each point; None: in none of them."""
        x, y = np.asarray(list(lon), float), np.asarray(list(lat), float)
        if self._assigner is None:
            return [None] * len(x)
        grid = self._assigner.assign(x, y)
        codes: Collection[str] = self._assigner.grid_codes
        return [None if k == NO_GRID else str(list(codes)[k]) for k in grid.tolist()]


def _hours(period: Period, zone: ZoneInfo) -> set[int]:
    """The local hours of the day that a shift touches."""
    found: set[int] = set()
    moment = period.start
    while moment < period.end and len(found) < 24:
        found.add(moment.astimezone(zone).hour)
        moment += timedelta(minutes=30)
    return found


def _whole_day(moment: datetime) -> datetime:
    """So that the same forecast serves a whole day."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _stretches(dose: KeyPlaceDose, period: Period, zone: ZoneInfo) -> list[tuple[int, int]]:
    """When a dose is wanted within a shift [s from its start]."""
    found = []
    day = period.start.astimezone(zone).date() - timedelta(days=1)
    while day <= period.end.astimezone(zone).date():
        if day.isoweekday() in dose.weekdays:
            midnight = datetime.combine(day, datetime.min.time(), tzinfo=zone)
            begin = midnight + timedelta(hours=dose.first_hour)
            over = 24 if dose.end_hour <= dose.first_hour else 0
            end = midnight + timedelta(hours=dose.end_hour + over)
            first, last = max(begin, period.start), min(end, period.end)
            if first < last:
                found.append(
                    (
                        int((first - period.start).total_seconds()),
                        int((last - period.start).total_seconds()),
                    )
                )
        day += timedelta(days=1)
    return found
