"""The demo city's units answer a muster: they say that they come, drive there by road, stay till
they are let go, and drive back. A unit to which an account belongs waits for that person to answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from geo.demo.patrol import PLANNED_BY
from geo.musters.answering import acknowledge, still_called
from geo.simulator.road_plan import RoadPlan
from geo.simulator.road_way import road_way
from geo.tables import DutyShift, Muster, MusterCall, PatrolUnit, PatrolUnitMember

FloatArray = NDArray[np.float64]

ANSWER_S = (6.0, 25.0)  # after the call
FIX_EVERY_S = 5.0
NOISE_M = 3.0
# In a hurry, by road, lights and crossings in it.
SPEED_MPS = {"foot": 1.9, "volunteer": 1.5, "motorcycle": 8.0, "car": 9.0, "emergency_unit": 7.0}


@dataclass(frozen=True, slots=True)
class CalledFix:
    """What a called unit's phone reports of a moment."""

    fixed_s: float
    lon: float
    lat: float
    speed_mps: float
    course_deg: float


@dataclass(slots=True)
class _Errand:
    """A way that a called unit goes, there or back."""

    muster_id: int
    xy: FloatArray
    along_m: FloatArray
    left_s: float
    speed_mps: float
    next_fix_s: float
    is_back: bool

    @property
    def arrives_s(self) -> float:
        return self.left_s + float(self.along_m[-1]) / self.speed_mps

    def at(self, now_s: float) -> FloatArray:
        gone_m = (now_s - self.left_s) * self.speed_mps
        return np.array([np.interp(gone_m, self.along_m, self.xy[:, axis]) for axis in (0, 1)])


class MusterCrews:
    """The units that are on a muster's errand. Where they are else, their duty says.

    Parameters
    ----------
    place_of : longitude and latitude of a unit by its duty at a time [Unix time]; None: off duty
    """

    def __init__(self, place_of: Callable[[int, float], tuple[float, float] | None]) -> None:
        self._place_of = place_of
        self._errands: dict[int, _Errand] = {}

    def holds(self, unit_id: int) -> bool:
        """Whether a unit is on an errand: then it isn't where its duty says."""
        return unit_id in self._errands

    def look(self, session: Session, plan: RoadPlan, now_s: float) -> None:
        """Answer what is due to be answered, set out, and turn back from what is over."""
        now = datetime.fromtimestamp(now_s, UTC)
        has_person = exists().where(
            PatrolUnitMember.unit_id == PatrolUnit.id,
            PatrolUnitMember.account_id.is_not(None),
            PatrolUnitMember.left_at.is_(None),
        )
        on_roster = exists().where(
            DutyShift.unit_id == PatrolUnit.id, DutyShift.planned_by == PLANNED_BY,
            DutyShift.starts_at <= now, DutyShift.ends_at > now,
        )  # fmt: skip
        rows = session.execute(
            select(Muster, MusterCall, PatrolUnit, has_person)
            .join(MusterCall, MusterCall.muster_id == Muster.id)
            .join(PatrolUnit, PatrolUnit.id == MusterCall.unit_id)
            .where(Muster.ended_at.is_(None), still_called(), on_roster)
        ).all()
        called = set()
        for muster, call, unit, is_answered_by_a_person in rows:
            called.add((unit.id, muster.id))
            if call.acknowledged_at is None and call.arrived_at is None:
                is_due = now_s >= call.called_at.timestamp() + _answers_after_s(unit, muster)
                if is_answered_by_a_person or not is_due:
                    continue
                acknowledge(session, muster, unit, now=now, told_by=PLANNED_BY)
            errand = self._errands.get(unit.id)
            if errand is None or errand.muster_id != muster.id or errand.is_back:
                self._go(plan, unit, muster.id, (muster.lon, muster.lat), now_s)
        for unit_id, errand in list(self._errands.items()):
            if not errand.is_back and (unit_id, errand.muster_id) not in called:
                self._turn_back(plan, unit_id, errand, now_s)
            elif errand.is_back and now_s >= errand.arrives_s:
                del self._errands[unit_id]

    def next_due_s(self) -> float:
        """When the next fix is due; infinity where nobody is on an errand."""
        return min((each.next_fix_s for each in self._errands.values()), default=float("inf"))

    def due(self, plan: RoadPlan, unit_id: int, now_s: float) -> CalledFix | None:
        """Return what a unit's phone reports now, None where it isn't time yet."""
        errand = self._errands[unit_id]
        if now_s < errand.next_fix_s:
            return None
        # Drawn from the moment: whoever asks again gets the same.
        rng = np.random.default_rng([unit_id, int(now_s * 1000)])
        here, before = errand.at(now_s), errand.at(now_s - 1.0)
        step = here - before
        noisy = here + rng.normal(0.0, NOISE_M, 2)
        lon, lat = plan.plane.metres_to_points(noisy[None])
        return CalledFix(
            fixed_s=round(now_s, 3),
            lon=float(lon[0]),
            lat=float(lat[0]),
            speed_mps=float(np.hypot(*step)),
            course_deg=float(np.degrees(np.arctan2(*step)) % 360),
        )

    def sent(self, unit_id: int, now_s: float) -> None:
        """Note that a unit's phone has reported."""
        self._errands[unit_id].next_fix_s = now_s + FIX_EVERY_S

    def _go(
        self, plan: RoadPlan, unit: PatrolUnit, muster_id: int, to: tuple[float, float],
        now_s: float,
    ) -> None:  # fmt: skip
        here = self._here(plan, unit.id, now_s)
        if here is not None:
            there = plan.plane.points_to_metres(np.array([to[0]]), np.array([to[1]]))[0]
            self._errands[unit.id] = _errand(
                plan, here, there, muster_id, SPEED_MPS[unit.kind], now_s, is_back=False
            )

    def _turn_back(self, plan: RoadPlan, unit_id: int, errand: _Errand, now_s: float) -> None:
        """To where its duty has it by then."""
        here = errand.at(now_s)
        lasts_s = 0.0
        for _ in range(2):  # the second time it is known how long it takes
            place = self._place_of(unit_id, now_s + lasts_s)
            if place is None:
                del self._errands[unit_id]
                return
            there = plan.plane.points_to_metres(np.array([place[0]]), np.array([place[1]]))[0]
            back = _errand(
                plan, here, there, errand.muster_id, errand.speed_mps, now_s, is_back=True
            )
            lasts_s = back.arrives_s - now_s
        self._errands[unit_id] = back

    def _here(self, plan: RoadPlan, unit_id: int, now_s: float) -> FloatArray | None:
        if unit_id in self._errands:
            return self._errands[unit_id].at(now_s)
        place = self._place_of(unit_id, now_s)
        if place is None:
            return None
        found: FloatArray = plan.plane.points_to_metres(np.array([place[0]]), np.array([place[1]]))[
            0
        ]
        return found


def _errand(
    plan: RoadPlan, here: FloatArray, there: FloatArray, muster_id: int, speed_mps: float,
    now_s: float, *, is_back: bool,
) -> _Errand:  # fmt: skip
    xy = road_way(plan, here, there)
    along_m = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    return _Errand(muster_id, xy, along_m, now_s, speed_mps, now_s, is_back)


def _answers_after_s(unit: PatrolUnit, muster: Muster) -> float:
    """The same each time for a unit and a muster."""
    digest = hashlib.sha256(f"{unit.code} {muster.id}".encode()).digest()
    return ANSWER_S[0] + (ANSWER_S[1] - ANSWER_S[0]) * digest[0] / 255
