"""The demo city's units on duty move while the server runs, and send to it as phones do.

Nothing is put past the door: each unit has a device whose token is made anew at each start, and its
phone posts to the server's own address. What the units would have sent in the last two days while
no server ran comes as a phone's buffer does, after what is due now. A unit that was assigned a
route follows it, as people do; one that is called to a muster comes.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import numpy as np
import shapely
import structlog
from numpy.typing import NDArray
from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from geo.demo.muster_crews import MusterCrews
from geo.demo.patrol import PLANNED_BY
from geo.demo.patrol_tracks import DutyRoute, DutyTrack, duty_track
from geo.errors import PlatformError
from geo.positions.wire import KNOT_MPS
from geo.simulator.phone_line import FORM, JSON, PhoneLine
from geo.simulator.road_plan import RoadPlan
from geo.store.database import Database
from geo.tables import (
    BasemapFeature,
    BasemapSource,
    DutyShift,
    PatrolDevice,
    PatrolLatest,
    PatrolPlan,
    PatrolRoute,
    PatrolUnit,
    StoreNote,
)
from geo.units.devices import register_device, renew_device_token
from geo.units.units import set_status

log = structlog.get_logger(__name__)

DEVICE_NAME = "demo"
LOOK_EVERY_S = 15.0  # at the roster
CALLS_EVERY_S = 4.0  # at musters
CALLED_ACCURACY_M = 6.0
PAST = timedelta(days=2)  # that is filled in at a start
PAST_EVERY_S = 60.0
JUST_NOW_S, JUST_NOW_EVERY_S = 2 * 3600.0, 10.0  # of which more is told: it is what is replayed
PAST_PAUSE_S = 1.0  # between two bodies of the past: what is due now goes first
BODY_FIXES = 500
SINGLE_MAX = 3  # more that are due at once come as one body, as after a machine that slept
RETRY_S = 2.0


@dataclass(slots=True)
class _OnDuty:
    """A unit in a shift: its track, the row that is sent next, and the routes it follows."""

    unit_id: int
    ends_s: float
    track: DutyTrack
    next_row: int
    routes: list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class _Missed:
    """A stretch of a shift of which nothing was sent yet [Unix time]."""

    unit_id: int
    code: str
    kind: str
    home: tuple[float, float] | None
    shift_start_s: float
    start_s: float
    end_s: float


class PatrolMover:
    """Moves the units of one demo store. `step` is what the thread does over and over.

    Parameters
    ----------
    database : the store, for the roster, the roads and the tokens
    line : to the server
    past : what is filled in of the time before
    may_fill : whether a shift that began then [Unix time] may be filled in yet
    clock : Unix time
    """

    def __init__(
        self,
        database: Database,
        line: PhoneLine,
        *,
        past: timedelta = PAST,
        may_fill: Callable[[float], bool] = lambda _: True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._past_lasts = past
        self._may_fill = may_fill
        self._database = database
        self._line = line
        self._clock = clock
        self._plan: RoadPlan | None = None
        self._begun_s = 0.0
        self._tokens: dict[int, str] = {}
        self._on_duty: dict[int, _OnDuty] = {}
        self._statuses: dict[int, str] = {}
        self._past: deque[tuple[int, DutyTrack, NDArray[np.intp]]] = deque()
        self._missed: list[_Missed] = []
        self._look_at_s = 0.0
        self._crews = MusterCrews(self._place_by_duty)
        self._calls_at_s = 0.0

    def step(self) -> float:
        """Look at the roster where it is time, send what is due; return how long to wait [s]."""
        now_s = self._clock()
        if now_s >= self._look_at_s:
            self._look(now_s)
            self._look_at_s = now_s + LOOK_EVERY_S
        if now_s >= self._calls_at_s and self._plan is not None:
            with self._database.session() as session:
                self._crews.look(session, self._plan, now_s)
            self._calls_at_s = now_s + CALLS_EVERY_S
        for each in self._on_duty.values():
            if each.unit_id in self._tokens and not self._send_due(each, now_s):
                return RETRY_S
        due = [
            float(each.track.due_s[each.next_row])
            for each in self._on_duty.values()
            if each.next_row < len(each.track.due_s) and not self._crews.holds(each.unit_id)
        ]
        looks = (self._look_at_s, self._calls_at_s, self._crews.next_due_s())
        wait_s = max(0.0, min([*due, *looks]) - self._clock())
        if wait_s > PAST_PAUSE_S and (self._past or self._missed):
            if not self._past and not self._may_fill(self._missed[-1].shift_start_s):
                return PAST_PAUSE_S
            return PAST_PAUSE_S if self._send_past() else RETRY_S
        return wait_s

    # -- the roster

    def _look(self, now_s: float) -> None:
        now = datetime.fromtimestamp(now_s, UTC)
        with self._database.session() as session:
            if self._plan is None:
                self._plan, self._begun_s = demo_road_plan(session), now_s
                self._note_past(session, now)
            rows = _shifts(session, now, now)
            running = {shift.id: shift for shift, _, _ in rows}
            self._on_duty = {key: each for key, each in self._on_duty.items() if key in running}
            for shift, unit, home in rows:
                if unit.id not in self._tokens:
                    self._tokens[unit.id] = _token(session, unit)
                routes = _routes(session, unit.id, shift.starts_at, shift.ends_at)
                known = [(each.number, each.until_s) for each in routes]
                if shift.id not in self._on_duty or self._on_duty[shift.id].routes != known:
                    track = duty_track(
                        self._plan, unit.code, unit.kind, shift.starts_at.timestamp(), home=home,
                        routes=routes,
                    )  # fmt: skip
                    self._on_duty[shift.id] = _OnDuty(
                        unit.id, shift.ends_at.timestamp(), track,
                        int(np.searchsorted(track.due_s, now_s)), known,
                    )  # fmt: skip
                if not self._crews.holds(unit.id):  # on a muster: what it does there is told
                    status = self._on_duty[shift.id].track.status_at(now_s)
                    self._tell(session, unit, status, now)
            busy = {unit.id for _, unit, _ in rows}
            for unit in session.scalars(_idle_units()):
                if unit.id not in busy:
                    self._tell(session, unit, "off", now)

    def _tell(self, session: Session, unit: PatrolUnit, status: str, now: datetime) -> None:
        """Note a change; what a person said meanwhile stays until the next."""
        if self._statuses.get(unit.id) == status:
            return
        self._statuses[unit.id] = status
        if unit.status != status:
            set_status(session, unit, status, now=now, told_by=PLANNED_BY)

    def _note_past(self, session: Session, now: datetime) -> None:
        latest = {row.unit_id: row.at for row in session.scalars(select(PatrolLatest))}
        for shift, unit, home in _shifts(session, now - self._past_lasts, now):
            start = max(
                shift.starts_at, now - self._past_lasts, latest.get(unit.id, shift.starts_at)
            )
            end = min(shift.ends_at, now)
            if start < end:
                if unit.id not in self._tokens:
                    self._tokens[unit.id] = _token(session, unit)
                self._missed.append(
                    _Missed(unit.id, unit.code, unit.kind, home, shift.starts_at.timestamp(),
                            start.timestamp(), end.timestamp())
                )  # fmt: skip

    # -- what is sent

    def _place_by_duty(self, unit_id: int, at_s: float) -> tuple[float, float] | None:
        for each in self._on_duty.values():
            if each.unit_id == unit_id and at_s < each.ends_s:
                row = max(0, int(np.searchsorted(each.track.due_s, at_s, side="right")) - 1)
                return float(each.track.lon[row]), float(each.track.lat[row])
        return None

    def _send_due(self, each: _OnDuty, now_s: float) -> bool:
        track = each.track
        if self._crews.holds(each.unit_id):
            each.next_row = int(np.searchsorted(track.due_s, now_s, side="right"))
            return self._send_called(each.unit_id, now_s)
        until = int(np.searchsorted(track.due_s, min(now_s, each.ends_s), side="right"))
        while each.next_row < until:
            rows = np.arange(each.next_row, min(until, each.next_row + BODY_FIXES))
            if len(rows) > SINGLE_MAX:
                if not self._send_body(each.unit_id, track, rows):
                    return False
                each.next_row += len(rows)
                continue
            if not self._send_one(each.unit_id, track, each.next_row):
                return False
            each.next_row += 1
        return True

    def _send_called(self, unit_id: int, now_s: float) -> bool:
        assert self._plan is not None
        fix = self._crews.due(self._plan, unit_id, now_s)
        if fix is None:
            return True
        if not self._send_fix(unit_id, fix.fixed_s, fix.lon, fix.lat, CALLED_ACCURACY_M,
                              fix.speed_mps, fix.course_deg):  # fmt: skip
            return False
        self._crews.sent(unit_id, now_s)
        return True

    def _send_one(self, unit_id: int, track: DutyTrack, row: int) -> bool:
        columns = (
            track.fixed_s, track.lon, track.lat, track.accuracy_m, track.speed_mps,
            track.course_deg,
        )  # fmt: skip
        return self._send_fix(unit_id, *(float(column[row]) for column in columns))

    def _send_fix(
        self, unit_id: int, fixed_s: float, lon: float, lat: float, accuracy_m: float,
        speed_mps: float, course_deg: float,
    ) -> bool:  # fmt: skip
        body = urlencode(
            {
                "id": DEVICE_NAME,
                "timestamp": f"{fixed_s:.3f}",
                "lon": f"{lon:.7f}",
                "lat": f"{lat:.7f}",
                "accuracy": f"{accuracy_m:.1f}",
                "speed": f"{speed_mps / KNOT_MPS:.2f}",
                "bearing": f"{course_deg:.1f}",
            }
        )
        return self._is_taken(unit_id, "traccar", body)

    def _send_body(self, unit_id: int, track: DutyTrack, rows: NDArray[np.intp]) -> bool:
        sent_at = round(self._clock(), 3)
        fixes = [
            {
                "device_id": DEVICE_NAME,
                "fixed_at": float(track.fixed_s[row]),
                "sent_at": sent_at,
                "longitude": float(track.lon[row]),
                "latitude": float(track.lat[row]),
                "accuracy_m": float(track.accuracy_m[row]),
                "speed_mps": float(track.speed_mps[row]),
                "course_deg": float(track.course_deg[row]),
            }
            for row in rows
        ]
        body = json.dumps({"fixes": fixes})
        return self._is_taken(unit_id, "batch", body, kind=JSON)

    def _is_taken(self, unit_id: int, format: str, body: str, *, kind: str = FORM) -> bool:
        status = self._line.send(format, body, kind=kind, token=self._tokens.get(unit_id))
        if status == http.client.UNAUTHORIZED:
            # Somebody ended the device: the next look at the roster gives it another.
            self._tokens.pop(unit_id, None)
        return status == http.client.OK

    def _send_past(self) -> bool:
        """Send one body of the past: shifts with a route first, since somebody compares those, then
        the newest."""
        if not self._past:
            assert self._plan is not None
            with self._database.session() as session:
                routes = [
                    _routes(session, each.unit_id, *(datetime.fromtimestamp(at_s, UTC)
                                                     for at_s in (each.shift_start_s, each.end_s)))
                    for each in self._missed
                ]  # fmt: skip
            number = max(range(len(routes)), key=lambda k: (bool(routes[k]), k))
            each, routes_of_it = self._missed.pop(number), routes[number]
            track = duty_track(
                self._plan,
                each.code,
                each.kind,
                each.shift_start_s,
                home=each.home,
                routes=routes_of_it,
            )
            then_s = self._begun_s - JUST_NOW_S
            rows = np.concatenate(
                [
                    track.between(each.start_s, min(each.end_s, then_s), every_s=PAST_EVERY_S),
                    track.between(max(each.start_s, then_s), each.end_s, every_s=JUST_NOW_EVERY_S),
                ]
            )
            self._past.extend(
                (each.unit_id, track, rows[at : at + BODY_FIXES])
                for at in range(0, len(rows), BODY_FIXES)
            )
            return True
        unit_id, track, rows = self._past[0]
        is_taken = self._send_body(unit_id, track, rows)
        if is_taken:
            self._past.popleft()
        return is_taken


def demo_road_plan(session: Session) -> RoadPlan:
    """Return the plan of the generated city's roads."""
    return RoadPlan.of(_roads(session))


def _roads(session: Session) -> NDArray[np.object_]:
    """The roads of the generated base map, from junction to junction."""
    found = session.scalars(
        select(func.ST_AsBinary(BasemapFeature.geom))
        .join(BasemapSource, BasemapSource.id == BasemapFeature.source_id)
        .where(BasemapSource.is_generated, BasemapFeature.kind == "road")
        .order_by(BasemapFeature.id)
    )
    lines = shapely.from_wkb([bytes(each) for each in found])
    return np.asarray(shapely.get_parts(lines), dtype=object)


def _shifts(
    session: Session, start: datetime, end: datetime
) -> list[tuple[DutyShift, PatrolUnit, tuple[float, float] | None]]:
    """Planned shifts of the demo that touch a period, by start, with the unit and its home."""
    rows = session.execute(
        select(
            DutyShift, PatrolUnit, func.ST_X(PatrolUnit.home), func.ST_Y(PatrolUnit.home)
        )
        .join(PatrolUnit, PatrolUnit.id == DutyShift.unit_id)
        .where(
            DutyShift.planned_by == PLANNED_BY, PatrolUnit.ended_at.is_(None),
            DutyShift.starts_at <= end, DutyShift.ends_at > start,
        )
        .order_by(DutyShift.starts_at, PatrolUnit.code)
    ).all()  # fmt: skip
    return [(shift, unit, None if x is None else (x, y)) for shift, unit, x, y in rows]


def _routes(session: Session, unit_id: int, start: datetime, end: datetime) -> list[DutyRoute]:
    """The routes that a unit was assigned in a shift, in the order in which it set out on them."""
    rows = session.execute(
        select(PatrolRoute, PatrolPlan.ended_at)
        .join(PatrolPlan, PatrolPlan.id == PatrolRoute.plan_id)
        .where(
            PatrolRoute.unit_id == unit_id,
            PatrolRoute.starts_at < end,
            PatrolRoute.ends_at > start,
        )
    ).all()
    found = [
        DutyRoute(
            number=route.id,
            join_s=max(route.assigned_at, route.starts_at, start).timestamp(),
            until_s=min(route.ends_at, ended_at or route.ends_at).timestamp(),
            stops=route.stops,
            legs=route.legs,
        )
        for route, ended_at in rows
    ]
    return sorted(
        (each for each in found if each.join_s < each.until_s),
        key=lambda each: (each.join_s, each.number),
    )


def _idle_units() -> Select[PatrolUnit]:
    """Units of the demo roster that aren't said to be off."""
    planned = exists().where(DutyShift.unit_id == PatrolUnit.id, DutyShift.planned_by == PLANNED_BY)
    return select(PatrolUnit).where(
        PatrolUnit.ended_at.is_(None), PatrolUnit.status != "off", planned
    )


def _token(session: Session, unit: PatrolUnit) -> str:
    """A new token of the unit's simulated phone."""
    device = session.scalar(
        select(PatrolDevice).where(
            PatrolDevice.unit_id == unit.id, PatrolDevice.name == DEVICE_NAME,
            PatrolDevice.ended_at.is_(None),
        )
    )  # fmt: skip
    if device is None:
        return register_device(session, unit, name=DEVICE_NAME)[1]
    return renew_device_token(session, device)


@contextlib.contextmanager
def moving_patrol(
    database: Database, url: str, *, may_fill: Callable[[float], bool] = lambda _: True
) -> Iterator[None]:
    """Let the units of a demo store move while the context is open; in any other store do
    nothing.

    Parameters
    ----------
    may_fill : whether what they sent in a shift that began then [Unix time] may come yet
    """
    with database.session() as session:
        is_demo = session.get(StoreNote, "demo_city") is not None
    if not is_demo:
        yield
        return
    leaving = threading.Event()
    line = PhoneLine(url)
    mover = PatrolMover(database, line, may_fill=may_fill)

    def move() -> None:
        wait_s = 0.0
        while not leaving.wait(wait_s):
            try:
                wait_s = mover.step()
            except PlatformError as error:  # the store is away, or there are no roads
                log.warning("demo.not_moved", error=type(error).__name__)
                wait_s = LOOK_EVERY_S

    thread = threading.Thread(target=move, name="demo-patrol", daemon=True)
    thread.start()
    try:
        yield
    finally:
        leaving.set()
        thread.join(timeout=10)
        line.close()
