"""Presence of units and coverage of grids in the store: read, and written where they changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from geo.coverage.pieces import PIECE, VISIT, Rows, unpacked
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

PresenceKey = tuple[int, str]  # hour [ms], kind
CoverageKey = tuple[int, str, str]  # hour [ms], kind, grid


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
    session: Session, unit_id: int, first_ms: int, end_ms: int
) -> dict[PresenceKey, tuple[bytes, bytes]]:
    """Return what is stored of a unit in the hours that begin in [first, end)."""
    rows = session.execute(
        select(UnitPresence.hour, UnitPresence.kind, UnitPresence.pieces, UnitPresence.visits)
        .where(
            UnitPresence.unit_id == unit_id,
            UnitPresence.hour >= moment_of(first_ms),
            UnitPresence.hour < moment_of(end_ms),
        )
    )  # fmt: skip
    return {(ms_of(hour), kind): (pieces, visits) for hour, kind, pieces, visits in rows}


def store_presence(
    session: Session,
    unit_id: int,
    was: Mapping[PresenceKey, tuple[bytes, bytes]],
    now: Mapping[PresenceKey, tuple[Rows, Rows]],
) -> set[PresenceKey]:
    """Write what is now instead of what was; return what differed."""
    packed = {key: (pieces.tobytes(), visits.tobytes()) for key, (pieces, visits) in now.items()}
    changed = [key for key, value in packed.items() if was.get(key) != value]
    gone = [key for key in was if key not in packed]
    if changed:
        totals = [_totals(now[key][0]) for key in changed]
        session.execute(
            _PUT_PRESENCE,
            {
                "unit_id": [unit_id] * len(changed),
                "hour": [moment_of(hour) for hour, _ in changed],
                "kind": [kind for _, kind in changed],
                "pieces": [packed[key][0] for key in changed],
                "visits": [packed[key][1] for key in changed],
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
                "unit_id": [unit_id] * len(gone),
                "hour": [moment_of(hour) for hour, _ in gone],
                "kind": [kind for _, kind in gone],
            },
        )
    return {*changed, *gone}


def load_hours(
    session: Session, keys: Iterable[PresenceKey]
) -> dict[PresenceKey, tuple[list[Rows], list[Rows]]]:
    """Return the pieces and visits of all units in some hours, unit by unit."""
    wanted = sorted(keys)
    found: dict[PresenceKey, tuple[list[Rows], list[Rows]]] = {key: ([], []) for key in wanted}
    rows = session.execute(
        select(UnitPresence.hour, UnitPresence.kind, UnitPresence.pieces, UnitPresence.visits)
        .where(
            UnitPresence.hour.in_(sorted({moment_of(hour) for hour, _ in wanted})),
            UnitPresence.kind.in_(sorted({kind for _, kind in wanted})),
        )
        .order_by(UnitPresence.unit_id)
    )
    for hour, kind, pieces, visits in rows:
        key = (ms_of(hour), kind)
        if key in found:
            found[key][0].append(unpacked(pieces, PIECE))
            found[key][1].append(unpacked(visits, VISIT))
    return found


def store_coverage(
    session: Session,
    keys: Collection[PresenceKey],
    now: Mapping[CoverageKey, tuple[bytes, bytes]],
) -> int:
    """Write the coverage of grids in some hours; return how many rows changed."""
    rows = session.execute(
        select(
            GridCoverage.hour, GridCoverage.kind, GridCoverage.grid_code, GridCoverage.sums,
            GridCoverage.visits,
        ).where(GridCoverage.hour.in_(sorted({moment_of(hour) for hour, _ in keys})))
    )  # fmt: skip
    was = {
        (ms_of(hour), kind, code): (sums, visits)
        for hour, kind, code, sums, visits in rows
        if (ms_of(hour), kind) in keys
    }
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
