"""Where all units are now, in memory, and what changed since a viewer last looked.

One a process. Each change gets the next number; a viewer who comes back says the last number seen
and gets what changed since, each unit once, at its newest.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.positions.rows import Rows, to_datetime, to_us
from geo.tables import PatrolLatest

FRESH_S, STALE_S = 60.0, 300.0
_COLUMNS = (
    "unit_id", "fixed_us", "lon", "lat", "accuracy_m", "speed_mps", "course_deg", "battery_share",
    "alarm",
)  # fmt: skip


def state_of(at: datetime, *, now: datetime) -> str:
    """Return what a position is worth by its age: `fresh`, after 1 min `stale`, 5 `unknown`."""
    age_s = (now - at).total_seconds()
    if age_s <= FRESH_S:
        return "fresh"
    return "stale" if age_s <= STALE_S else "unknown"


@dataclass(slots=True)
class _Told:
    """Where a unit is, and the number of the change; the text is made for the first who asks."""

    number: int
    values: tuple[Any, ...]
    text: str | None = None


class LiveBoard:
    """The newest position of each unit. `epoch` names this run: numbers of another mean nothing."""

    def __init__(self) -> None:
        self.epoch = uuid4().hex[:8]
        self._lock = threading.Lock()
        self._number = 1  # who looked while it was empty has seen 1, and gets the first change
        self._units: dict[int, _Told] = {}

    @property
    def number(self) -> int:
        """The number of the last change."""
        return self._number

    def load(self, session: Session) -> None:
        """Begin with what the store knows."""
        for row in session.scalars(select(PatrolLatest)):
            values = (
                row.unit_id, to_us(row.at), row.lon, row.lat, row.accuracy_m, row.speed_mps,
                row.course_deg, row.battery_share, row.alarm,
            )  # fmt: skip
            with self._lock:
                self._number += 1
                self._units.setdefault(row.unit_id, _Told(self._number, values))

    def move(self, moved: Rows) -> None:
        """Take in new positions, after they are on disk: one of each unit, `fixed_us` corrected."""
        values = list(zip(*(moved[name].tolist() for name in _COLUMNS), strict=True))
        with self._lock:
            self._number += 1
            for each in values:
                self._units.pop(each[0], None)  # the last to change stands last
                self._units[each[0]] = _Told(self._number, each)

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
                told = self._units[unit]
                if told.number <= after:
                    break
                if unit in units:
                    if told.text is None:
                        told.text = _text(*told.values)
                    found.append(told.text)
            return self._number, f"[{','.join(found)}]"


def _text(unit_id: int, at_us: int, lon: float, lat: float, *more: object) -> str:
    names = ("accuracy_m", "speed_mps", "course_deg", "battery_share", "alarm")
    known = {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in zip(names, more, strict=True)
        if value is not None and value == value  # NaN is missing
    }
    at = to_datetime(at_us)
    assert at is not None
    return json.dumps(
        {"unit_id": unit_id, "at": at.isoformat(), "lon": round(lon, 7), "lat": round(lat, 7)}
        | known,
        ensure_ascii=False,
        separators=(",", ":"),
    )
