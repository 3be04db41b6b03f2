"""Presence of units and coverage of grids in the store: read, and written where they changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import numpy as np
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from geo.coverage.pieces import Rows
from geo.tables import DutyShift, GridCoverage, UnitPresence

HOUR_MS = 3_600_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Packed rows come as one text of bytes, and each row's part of it: thousands of them in an array
# would have to be quoted each.
_PUT_PRESENCE = text(
    """
    INSERT INTO unit_presence (unit_id, hour, kind, pieces, visits, certain_ms, uncertain_ms,
        patrolling_ms, stationary_ms, responding_ms)
    SELECT unit_id, timestamptz 'epoch' + hour_ms * interval '1 ms', kind,
        substring(CAST(:packed AS bytea) FROM first FOR middle - first),
        substring(CAST(:packed AS bytea) FROM middle FOR last - middle),
        certain, uncertain, patrolling, stationary, responding
    FROM unnest(CAST(:unit_id AS bigint[]), CAST(:hour AS bigint[]), CAST(:kind AS text[]),
        CAST(:first AS int[]), CAST(:middle AS int[]), CAST(:last AS int[]),
        CAST(:certain AS int[]), CAST(:uncertain AS int[]), CAST(:patrolling AS int[]),
        CAST(:stationary AS int[]), CAST(:responding AS int[])) AS given(unit_id, hour_ms, kind,
        first, middle, last, certain, uncertain, patrolling, stationary, responding)
    ON CONFLICT (unit_id, hour, kind) DO UPDATE SET pieces = excluded.pieces,
        visits = excluded.visits, certain_ms = excluded.certain_ms,
        uncertain_ms = excluded.uncertain_ms, patrolling_ms = excluded.patrolling_ms,
        stationary_ms = excluded.stationary_ms, responding_ms = excluded.responding_ms
    """
)
_DROP_PRESENCE = text(
    "DELETE FROM unit_presence USING unnest(CAST(:unit_id AS bigint[]), "
    "CAST(:hour AS bigint[]), CAST(:kind AS text[])) AS gone(unit_id, hour_ms, kind) "
    "WHERE (unit_presence.unit_id, unit_presence.hour, unit_presence.kind) "
    "= (gone.unit_id, timestamptz 'epoch' + gone.hour_ms * interval '1 ms', gone.kind)"
)
_PUT_COVERAGE = text(
    """
    INSERT INTO grid_coverage (hour, kind, grid_code, sums, visits)
    SELECT timestamptz 'epoch' + hour_ms * interval '1 ms', kind, grid_code,
        substring(CAST(:packed AS bytea) FROM first FOR middle - first),
        substring(CAST(:packed AS bytea) FROM middle FOR last - middle)
    FROM unnest(CAST(:hour AS bigint[]), CAST(:kind AS text[]), CAST(:grid_code AS text[]),
        CAST(:first AS int[]), CAST(:middle AS int[]), CAST(:last AS int[]))
        AS given(hour_ms, kind, grid_code, first, middle, last)
    ON CONFLICT (hour, kind, grid_code)
    DO UPDATE SET sums = excluded.sums, visits = excluded.visits
    """
)
_DROP_COVERAGE = text(
    "DELETE FROM grid_coverage USING unnest(CAST(:hour AS bigint[]), "
    "CAST(:kind AS text[]), CAST(:grid_code AS text[])) AS gone(hour_ms, kind, grid_code) "
    "WHERE (grid_coverage.hour, grid_coverage.kind, grid_coverage.grid_code) "
    "= (timestamptz 'epoch' + gone.hour_ms * interval '1 ms', gone.kind, gone.grid_code)"
)
ROWS_AT_ONCE = 5_000  # a message stays far below the gigabyte that PostgreSQL takes
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
Row = TypeVar("Row")
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
    for part in _parts(changed):
        totals = [_totals(pieces) for _, _, (pieces, _) in part]
        session.execute(
            _PUT_PRESENCE,
            {
                "unit_id": [unit for unit, _, _ in part],
                "hour": [hour for _, (hour, _), _ in part],
                "kind": [kind for _, (_, kind), _ in part],
                **_packed([(rows.tobytes(), visits.tobytes()) for _, _, (rows, visits) in part]),
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
                "hour": [hour for _, (hour, _) in gone],
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
    for part in _parts(changed):
        session.execute(_PUT_COVERAGE, _columns(part) | _packed([now[key] for key in part]))
    if gone:
        session.execute(_DROP_COVERAGE, _columns(gone))
    return len(changed) + len(gone)


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for first in range(0, len(rows), ROWS_AT_ONCE):
        yield rows[first : first + ROWS_AT_ONCE]


def _columns(keys: Sequence[CoverageKey]) -> dict[str, object]:
    return {
        "hour": [hour for hour, _, _ in keys],
        "kind": [kind for _, kind, _ in keys],
        "grid_code": [code for _, _, code in keys],
    }


def _packed(rows: Sequence[tuple[bytes, bytes]]) -> dict[str, object]:
    """Pairs of packed rows as one text of bytes, and where each begins, counted from 1."""
    lengths = np.array([(len(first), len(second)) for first, second in rows], np.int64)
    ends = np.cumsum(lengths.ravel()).reshape(-1, 2) + 1
    return {
        "packed": b"".join(part for pair in rows for part in pair),
        "first": (ends[:, 0] - lengths[:, 0]).tolist(),
        "middle": ends[:, 0].tolist(),
        "last": ends[:, 1].tolist(),
    }


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
