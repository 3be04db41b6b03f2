"""Presence of units and coverage of grids in the store: read, and written where they changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from geo.coverage.pieces import Rows
from geo.tables import DutyShift, GridCoverage, UnitPresence

HOUR_MS = 3_600_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PUT_PRESENCE = text(
    """
    INSERT INTO unit_presence (unit_id, hour, kind, pieces, visits, certain_ms, uncertain_ms,
        patrolling_ms, stationary_ms, responding_ms)
    SELECT * FROM unnest(CAST(:unit_id AS bigint[]), CAST(:hour AS timestamptz[]),
        CAST(:kind AS text[]), CAST(:pieces AS bytea[]), CAST(:visits AS bytea[]),
        CAST(:certain AS int[]), CAST(:uncertain AS int[]), CAST(:patrolling AS int[]),
        CAST(:stationary AS int[]), CAST(:responding AS int[]))
    ON CONFLICT (unit_id, hour, kind) DO UPDATE SET pieces = excluded.pieces,
        visits = excluded.visits, certain_ms = excluded.certain_ms,
        uncertain_ms = excluded.uncertain_ms, patrolling_ms = excluded.patrolling_ms,
        stationary_ms = excluded.stationary_ms, responding_ms = excluded.responding_ms
    """
)
_DROP_PRESENCE = text(
    "DELETE FROM unit_presence USING unnest(CAST(:unit_id AS bigint[]), "
    "CAST(:hour AS timestamptz[]), CAST(:kind AS text[])) AS gone(unit_id, hour, kind) "
    "WHERE (unit_presence.unit_id, unit_presence.hour, unit_presence.kind) "
    "= (gone.unit_id, gone.hour, gone.kind)"
)
_PUT_COVERAGE = text(
    """
    INSERT INTO grid_coverage (hour, kind, grid_code, sums, visits)
    SELECT * FROM unnest(CAST(:hour AS timestamptz[]), CAST(:kind AS text[]),
        CAST(:grid_code AS text[]), CAST(:sums AS bytea[]), CAST(:visits AS bytea[]))
    ON CONFLICT (hour, kind, grid_code)
    DO UPDATE SET sums = excluded.sums, visits = excluded.visits
    """
)
_DROP_COVERAGE = text(
    "DELETE FROM grid_coverage USING unnest(CAST(:hour AS timestamptz[]), "
    "CAST(:kind AS text[]), CAST(:grid_code AS text[])) AS gone(hour, kind, grid_code) "
    "WHERE (grid_coverage.hour, grid_coverage.kind, grid_coverage.grid_code) "
    "= (gone.hour, gone.kind, gone.grid_code)"
)

_LOAD_PRESENCE = text(
    """
    SELECT held.unit_id, held.hour, held.kind, held.pieces, held.visits
    FROM unnest(CAST(:units AS bigint[]), CAST(:first AS timestamptz[]),
        CAST(:end AS timestamptz[])) AS asked(unit_id, first_at, end_at)
    JOIN unit_presence AS held ON held.unit_id = asked.unit_id
        AND held.hour >= asked.first_at AND held.hour < asked.end_at
    """
)

PresenceKey = tuple[int, str]  # hour [ms], kind
CoverageKey = tuple[int, str, str]  # hour [ms], kind, grid
StoredHours = dict[PresenceKey, tuple[bytes, bytes]]  # packed pieces and visits


def moment_of(ms: int) -> datetime:
    """Return a Unix time [ms] as a moment, exactly."""
    return _EPOCH + timedelta(milliseconds=int(ms))


def ms_of(moment: datetime) -> int:
    """Return a moment as Unix time [ms]."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def load_shifts(
    session: Session, windows: Mapping[int, tuple[float, float]]
) -> dict[int, list[tuple[int, int]]]:
    """Return the shifts [ms] of each unit that touch its window, by start."""
    first = min(each for each, _ in windows.values())
    last = max(each for _, each in windows.values())
    rows = session.execute(
        select(DutyShift.unit_id, DutyShift.starts_at, DutyShift.ends_at)
        .where(
            DutyShift.unit_id.in_(list(windows)),
            DutyShift.starts_at <= moment_of(round(last)),
            DutyShift.ends_at >= moment_of(round(first)),
        )
        .order_by(DutyShift.unit_id, DutyShift.starts_at)
    )
    found: dict[int, list[tuple[int, int]]] = {unit: [] for unit in windows}
    for unit, start, end in rows:
        low, high = windows[unit]
        if ms_of(start) <= high and ms_of(end) >= low:
            found[unit].append((ms_of(start), ms_of(end)))
    return found


def load_presence(
    session: Session, windows: Mapping[int, tuple[int, int]]
) -> dict[int, StoredHours]:
    """Return what is stored of each unit in the hours that begin in its window, [first, end) [ms];
    of a unit without any, nothing."""
    rows = session.execute(
        _LOAD_PRESENCE,
        {
            "units": list(windows),
            "first": [moment_of(first) for first, _ in windows.values()],
            "end": [moment_of(end) for _, end in windows.values()],
        },
    )
    found: dict[int, StoredHours] = {unit: {} for unit in windows}
    for unit, hour, kind, pieces, visits in rows:
        found[unit][ms_of(hour), kind] = (pieces, visits)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class UnitHours:
    """The hours of a unit that differ from what is stored.

    was : as they are stored, whether they differ or not
    changed : as they are now, pieces and visits
    gone : of which nothing is left
    """

    unit: int
    was: StoredHours
    changed: dict[PresenceKey, tuple[Rows, Rows]]
    gone: list[PresenceKey]

    @classmethod
    def of(
        cls, unit: int, was: StoredHours, now: Mapping[PresenceKey, tuple[Rows, Rows]]
    ) -> UnitHours:
        """Compare what is stored with what is now."""
        differ = {
            key: value
            for key, value in now.items()
            if was.get(key) != (value[0].tobytes(), value[1].tobytes())
        }
        return cls(unit, was, differ, [key for key in was if key not in now])

    @property
    def keys(self) -> list[PresenceKey]:
        """The hours that differ."""
        return [*self.changed, *self.gone]


def write_presence(session: Session, units: Iterable[UnitHours]) -> None:
    """Write the hours that differ, of all units at once."""
    given = list(units)
    changed = [(each.unit, key, rows) for each in given for key, rows in each.changed.items()]
    gone = [(each.unit, key) for each in given for key in each.gone]
    if changed:
        totals = [_totals(pieces) for _, _, (pieces, _) in changed]
        session.execute(
            _PUT_PRESENCE,
            {
                "unit_id": [unit for unit, _, _ in changed],
                "hour": [moment_of(hour) for _, (hour, _), _ in changed],
                "kind": [kind for _, (_, kind), _ in changed],
                "pieces": [pieces.tobytes() for _, _, (pieces, _) in changed],
                "visits": [visits.tobytes() for _, _, (_, visits) in changed],
                **{
                    name: [each[number] for each in totals]
                    for number, name in enumerate(
                        ("certain", "uncertain", "patrolling", "stationary", "responding")
                    )
                },
            },
        )
    if gone:
        session.execute(
            _DROP_PRESENCE,
            {
                "unit_id": [unit for unit, _ in gone],
                "hour": [moment_of(hour) for _, (hour, _) in gone],
                "kind": [kind for _, (_, kind) in gone],
            },
        )


def load_hours(
    session: Session, keys: Iterable[PresenceKey]
) -> dict[PresenceKey, dict[int, tuple[bytes, bytes]]]:
    """Return the packed pieces and visits of each unit in some hours."""
    wanted = sorted(keys)
    found: dict[PresenceKey, dict[int, tuple[bytes, bytes]]] = {key: {} for key in wanted}
    rows = session.execute(
        select(UnitPresence.unit_id, UnitPresence.hour, UnitPresence.kind, UnitPresence.pieces,
               UnitPresence.visits)
        .where(
            UnitPresence.hour.in_(sorted({moment_of(hour) for hour, _ in wanted})),
            UnitPresence.kind.in_(sorted({kind for _, kind in wanted})),
        )
    )  # fmt: skip
    for unit, hour, kind, pieces, visits in rows:
        key = (ms_of(hour), kind)
        if key in found:
            found[key][unit] = (pieces, visits)
    return found


def load_coverage(
    session: Session, keys: Collection[PresenceKey]
) -> dict[CoverageKey, tuple[bytes, bytes]]:
    """Return the coverage of grids in some hours, packed sums and visits."""
    rows = session.execute(
        select(
            GridCoverage.hour, GridCoverage.kind, GridCoverage.grid_code, GridCoverage.sums,
            GridCoverage.visits,
        ).where(GridCoverage.hour.in_(sorted({moment_of(hour) for hour, _ in keys})))
    )  # fmt: skip
    return {
        (ms_of(hour), kind, code): (sums, visits)
        for hour, kind, code, sums, visits in rows
        if (ms_of(hour), kind) in keys
    }


def write_coverage(
    session: Session,
    was: Mapping[CoverageKey, tuple[bytes, bytes]],
    now: Mapping[CoverageKey, tuple[bytes, bytes]],
) -> int:
    """Write the coverage of grids that differs from what is stored; return how many rows did."""
    changed = [key for key, value in now.items() if was.get(key) != value]
    gone = [key for key in was if key not in now]
    for statement, rows_of in ((_PUT_COVERAGE, changed), (_DROP_COVERAGE, gone)):
        if not rows_of:
            continue
        given: dict[str, list[object]] = {
            "hour": [moment_of(hour) for hour, _, _ in rows_of],
            "kind": [kind for _, kind, _ in rows_of],
            "grid_code": [code for _, _, code in rows_of],
        }
        if statement is _PUT_COVERAGE:
            given["sums"] = [now[key][0] for key in rows_of]
            given["visits"] = [now[key][1] for key in rows_of]
        session.execute(statement, given)
    return len(changed) + len(gone)


def purge_presence(session: Session, *, before: datetime) -> int:
    """Delete the units' own records of hours before a moment; coverage of grids stays."""
    gone = session.execute(delete(UnitPresence).where(UnitPresence.hour < before))
    return int(gone.rowcount)  # type: ignore[attr-defined]


def _totals(pieces: Rows) -> tuple[int, int, int, int, int]:
    length = pieces["end_ms"] - pieces["start_ms"]
    by_certainty = np.bincount(pieces["certainty"], length, minlength=2)
    by_doing = np.bincount(pieces["doing"], length, minlength=3)
    return (
        int(by_certainty[0]), int(by_certainty[1]), int(by_doing[0]), int(by_doing[1]),
        int(by_doing[2]),
    )  # fmt: skip
