"""Coverage out of the store, as far as the session's scope goes: grids by the hour, units' time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.coverage.pieces import SUMS, VISIT, Rows, unpacked
from geo.coverage.records import HOUR_MS, ms_of
from geo.tables import AREA_KINDS, DutyShift, GridCoverage, PatrolUnit, UnitPresence

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CoverageRows:
    """What is stored of places of one kind in some hours.

    sums : (n,) `SUMS`, one row a place and hour; hour : (n,) number of the hour asked for
    grid : (n,) position in `grid_codes`
    visits : (m,) `VISIT`, by place and start; visit_grid : (m,)
    """

    sums: Rows
    hour: Rows
    grid: Rows
    visits: Rows
    visit_grid: Rows
    grid_codes: list[str]


def load_coverage(session: Session, hours: Sequence[datetime], *, kind: str) -> CoverageRows:
    """Return what is stored of places of a kind in hours that begin so."""
    number_of = {hour: number for number, hour in enumerate(hours)}
    sums, hour_of, grid_of, visits, visit_grid = [], [], [], [], []
    codes: dict[str, int] = {}
    if hours:
        rows = session.execute(
            select(GridCoverage.hour, GridCoverage.grid_code, GridCoverage.sums,
                   GridCoverage.visits)
            .where(
                GridCoverage.kind == kind,
                GridCoverage.hour >= min(hours),
                GridCoverage.hour <= max(hours),
            )
            .order_by(GridCoverage.hour, GridCoverage.grid_code)
        )  # fmt: skip
        for hour, code, packed, packed_visits in rows:
            number = number_of.get(hour)
            if number is None:
                continue
            grid = codes.setdefault(code, len(codes))
            part, began = unpacked(packed, SUMS), unpacked(packed_visits, VISIT)
            sums.append(part)
            hour_of.append(np.full(len(part), number, np.int64))
            grid_of.append(np.full(len(part), grid, np.int64))
            visits.append(began)
            visit_grid.append(np.full(len(began), grid, np.int64))
    none = np.zeros(0, np.int64)
    stays = np.concatenate([np.zeros(0, VISIT), *visits])
    order = np.lexsort((stays["end_ms"], stays["start_ms"], stays["place"]))
    return CoverageRows(
        np.concatenate([np.zeros(0, SUMS), *sums]),
        np.concatenate([none, *hour_of]),
        np.concatenate([none, *grid_of]),
        stays[order],
        np.concatenate([none, *visit_grid])[order],
        list(codes),
    )


@dataclass(frozen=True, slots=True, eq=False)
class DutyHours:
    """Duty and what is known of it, by unit and hour [s].

    units : in order of their codes, those with duty in any of the hours
    duty_s, known_s, uncertain_s, beat_s, community_s, patrolling_s, stationary_s, responding_s :
        (n_units, n_hours); uncertain time is part of the known
    """

    units: list[PatrolUnit]
    duty_s: Floats
    known_s: Floats
    uncertain_s: Floats
    beat_s: Floats
    community_s: Floats
    patrolling_s: Floats
    stationary_s: Floats
    responding_s: Floats

    def of_grids(self, hours: Any = slice(None)) -> dict[str, tuple[float, float]]:
        """Return duty and known time [s] of the units of each grid, in some of the hours."""
        found: dict[str, tuple[float, float]] = {}
        duty, known = self.duty_s[:, hours].sum(axis=1), self.known_s[:, hours].sum(axis=1)
        for row, unit in enumerate(self.units):
            for code in unit.grid_codes:
                before = found.get(code, (0.0, 0.0))
                found[code] = (before[0] + float(duty[row]), before[1] + float(known[row]))
        return found


def load_duty_hours(session: Session, hours: Sequence[datetime]) -> DutyHours:
    """Return how the duty of each unit the session sees went in hours that begin so, rising."""
    units = list(session.scalars(select(PatrolUnit).order_by(PatrolUnit.code)))
    row_of = {unit.id: row for row, unit in enumerate(units)}
    number_of = {ms_of(hour): number for number, hour in enumerate(hours)}
    starts = np.array(sorted(number_of), np.int64)
    duty = np.zeros((len(units), len(hours)))
    time = np.zeros((7, len(units), len(hours)))
    if not hours:
        return DutyHours([], duty[:0], *time[:, :0])
    first, end = min(hours), max(hours) + timedelta(hours=1)
    for unit_id, begins, ends in session.execute(
        select(DutyShift.unit_id, DutyShift.starts_at, DutyShift.ends_at).where(
            DutyShift.starts_at < end, DutyShift.ends_at > first
        )
    ):
        inside = np.minimum(ms_of(ends), starts + HOUR_MS) - np.maximum(ms_of(begins), starts)
        duty[row_of[unit_id]] += np.clip(inside, 0, None) / 1000
    for unit_id, kind, hour, *parts in session.execute(
        select(
            UnitPresence.unit_id, UnitPresence.kind, UnitPresence.hour, UnitPresence.certain_ms,
            UnitPresence.uncertain_ms, UnitPresence.patrolling_ms, UnitPresence.stationary_ms,
            UnitPresence.responding_ms,
        ).where(
            UnitPresence.hour >= first, UnitPresence.hour < end, UnitPresence.kind.in_(AREA_KINDS)
        )
    ):  # fmt: skip
        number = number_of.get(ms_of(hour))
        if number is None:
            continue
        row, both = row_of[unit_id], (parts[0] + parts[1]) / 1000
        if kind == "known":
            own = (both, parts[1] / 1000, 0, 0, *(part / 1000 for part in parts[2:]))
            time[[0, 1, 4, 5, 6], row, number] = [own[k] for k in (0, 1, 4, 5, 6)]
        else:
            time[2 if kind == "beat" else 3, row, number] = both
    on_duty = np.flatnonzero(duty.sum(axis=1) > 0)
    return DutyHours([units[row] for row in on_duty], duty[on_duty], *time[:, on_duty])
