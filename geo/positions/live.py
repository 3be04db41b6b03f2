"""Where all units are now, in memory, and what changed since a viewer last looked.

One a process. Each change gets the next number; a viewer who comes back says the last number seen
and gets what changed since, each unit once, at its newest.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.positions.storing import PlacedFix
from geo.tables import PatrolLatest

FRESH_S, STALE_S = 60.0, 300.0


def state_of(at: datetime, *, now: datetime) -> str:
    """Return what a position is worth by its age: `fresh`, after 1 min `stale`, 5 `unknown`."""
    age_s = (now - at).total_seconds()
    if age_s <= FRESH_S:
        return "fresh"
    return "stale" if age_s <= STALE_S else "unknown"


class LiveBoard:
    """The newest position of each unit. `epoch` names this run: numbers of another mean nothing."""

    def __init__(self) -> None:
        self.epoch = uuid4().hex[:8]
        self._lock = threading.Lock()
        self._number = 1  # who looked while it was empty has seen 1, and gets the first change
        self._units: dict[int, tuple[int, str]] = {}

    @property
    def number(self) -> int:
        """The number of the last change."""
        return self._number

    def load(self, session: Session) -> None:
        """Begin with what the store knows."""
        for row in session.scalars(select(PatrolLatest)):
            told = _told(
                row.unit_id, row.at, row.lon, row.lat, row.accuracy_m, row.speed_mps,
                row.course_deg, row.battery_share, row.alarm,
            )  # fmt: skip
            with self._lock:
                self._number += 1
                self._units.setdefault(row.unit_id, (self._number, told))

    def move(self, moved: Sequence[PlacedFix]) -> None:
        """Take in new positions, after they are on disk."""
        texts = [
            _told(
                each.unit_id, each.at, each.fix.position.longitude, each.fix.position.latitude,
                each.fix.accuracy_m, each.fix.speed_mps, each.fix.course_deg,
                each.fix.battery_share, each.fix.alarm,
            )
            for each in moved
        ]  # fmt: skip
        with self._lock:
            self._number += 1
            for each, told in zip(moved, texts, strict=True):
                self._units.pop(each.unit_id, None)  # the last to change stands last
                self._units[each.unit_id] = (self._number, told)

    def changes(self, after: int, units: Collection[int]) -> tuple[int, str]:
        """Return the number of the last change, and the JSON of the units that changed since.

        Parameters
        ----------
        after : the last number seen; 0 for all
        units : those that the viewer may see
        """
        found = []
        with self._lock:
            for unit in reversed(self._units):
                number, told = self._units[unit]
                if number <= after:
                    break
                if unit in units:
                    found.append(told)
            return self._number, f"[{','.join(found)}]"


def _told(unit_id: int, at: datetime, lon: float, lat: float, *more: object) -> str:
    names = ("accuracy_m", "speed_mps", "course_deg", "battery_share", "alarm")
    known = {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in zip(names, more, strict=True)
        if value is not None
    }
    return json.dumps(
        {"unit_id": unit_id, "at": at.isoformat(), "lon": round(lon, 7), "lat": round(lat, 7)}
        | known,
        ensure_ascii=False,
        separators=(",", ":"),
    )
