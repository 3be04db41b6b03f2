"""Positions into the store: many at a time, each once, on duty only, the latest moved forward."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.positions.fix import Drop, Fix
from geo.positions.rows import SOURCES, Rows, corrected_us, row_of, rows_of, to_us
from geo.store.arrays import NO_TIME, ArrayParameter, bigints, floats, reals, texts, times

_COLUMNS = {
    "unit_id": "bigint", "fixed_at": "timestamptz", "device_id": "bigint",
    "sent_at": "timestamptz", "received_at": "timestamptz", "skew_s": "real",
    "lon": "float8", "lat": "float8", "accuracy_m": "real", "speed_mps": "real",
    "course_deg": "real", "altitude_m": "real", "battery_share": "real", "alarm": "text",
    "source": "text",
}  # fmt: skip
# The columns come as arrays, in which a missing number is NaN and a missing time -infinity.
_MISSING = {
    "sent_at": "'-infinity'", "accuracy_m": "'NaN'", "speed_mps": "'NaN'", "course_deg": "'NaN'",
    "altitude_m": "'NaN'", "battery_share": "'NaN'",
}  # fmt: skip


def _given(columns: Iterable[str]) -> str:
    return ", ".join(f"CAST(:{name} AS {_COLUMNS[name]}[])" for name in columns)


def _known(columns: Iterable[str]) -> str:
    return ", ".join(
        f"NULLIF({name}, {_MISSING[name]})" if name in _MISSING else name for name in columns
    )


_NAMES = ", ".join(_COLUMNS)
# The names are fixed words of this file.
_STORE = text(
    f"""
    WITH given AS MATERIALIZED (
        SELECT *, EXISTS (
            SELECT FROM duty_shift AS shift WHERE shift.unit_id = fix.unit_id
            AND shift.starts_at <= fix.fixed_at + make_interval(secs => fix.skew_s)
            AND shift.ends_at > fix.fixed_at + make_interval(secs => fix.skew_s)
        ) AS on_duty
        FROM unnest({_given(_COLUMNS)}) WITH ORDINALITY AS fix({_NAMES}, number)
    ), put AS (
        INSERT INTO patrol_position ({_NAMES}) SELECT {_known(_COLUMNS)} FROM given WHERE on_duty
        ON CONFLICT DO NOTHING RETURNING unit_id, fixed_at, device_id
    )
    SELECT given.number, given.on_duty FROM given
    LEFT JOIN put USING (unit_id, fixed_at, device_id) WHERE put.unit_id IS NULL
    """  # noqa: S608
)
_LATEST = (
    "unit_id", "fixed_at", "received_at", "lon", "lat", "accuracy_m", "speed_mps", "course_deg",
    "battery_share", "alarm",
)  # fmt: skip
_LATEST_INTO = ", ".join(_LATEST).replace("fixed_at", "at")
_MOVE_LATEST = text(
    f"""
    INSERT INTO patrol_latest ({_LATEST_INTO})
    SELECT {_known(_LATEST)} FROM unnest({_given(_LATEST)}) AS latest({", ".join(_LATEST)})
    ON CONFLICT (unit_id) DO UPDATE SET
        {", ".join(f"{name} = excluded.{name}" for name in _LATEST_INTO.split(", ")[1:])}
    WHERE excluded.at > patrol_latest.at
    RETURNING unit_id
    """  # noqa: S608
)
_COUNT_DROPS = text(
    """
    INSERT INTO position_drop (device_id, day, reason, fix_count)
    SELECT * FROM unnest(
        CAST(:device_id AS bigint[]), CAST(:day AS date[]), CAST(:reason AS text[]),
        CAST(:fix_count AS int[])
    )
    ON CONFLICT (device_id, day, reason)
    DO UPDATE SET fix_count = position_drop.fix_count + excluded.fix_count
    """
)
_ARRAYS: dict[str, Callable[[Any], ArrayParameter]] = {
    "bigint": bigints, "real": reals, "float8": floats, "text": texts,
}  # fmt: skip
_MAKE_PARTITIONS = text("SELECT position_make_partitions(:first, :last)")
# Days: what may come late, and the days of a server that nobody restarts.
PARTITIONS_BACK, PARTITIONS_AHEAD = 8, 3
OUTCOMES = (None, *Drop)


@dataclass(frozen=True, slots=True)
class PlacedFix:
    """A fix with whose it is: the unit, the device, when it came and what its clock lags [s]."""

    fix: Fix
    unit_id: int
    device_id: int
    received_at: datetime
    skew_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a batch.

    codes : (n,) for each fix the place in `OUTCOMES` of why it wasn't kept, 0 where it was
    moved : the new latest positions of the units that moved on, by corrected time
    """

    codes: NDArray[np.uint8]
    moved: Rows

    @property
    def outcomes(self) -> list[Drop | None]:
        """(n,) for each fix the reason why it wasn't kept, None where it was."""
        return [OUTCOMES[code] for code in self.codes]


def store_fixes(session: Session, fixes: Sequence[PlacedFix]) -> Stored:
    """Store fixes in the session's transaction, as `store_rows`."""
    return store_rows(
        session,
        rows_of(
            row_of(each.fix, each.unit_id, each.device_id, to_us(each.received_at), each.skew_s)
            for each in fixes
        ),
    )


def store_rows(session: Session, rows: Rows) -> Stored:
    """Store fixes in the session's transaction. Who sends one again gets the same answer.

    A fix outside the unit's shifts isn't stored. Of a unit and device each time is stored once.

    Parameters
    ----------
    rows : (n,) of `geo.positions.rows.ROW`
    """
    codes = np.zeros(len(rows), np.uint8)
    order = np.lexsort((rows["fixed_us"], rows["device_id"], rows["unit_id"]))  # equal ones in turn
    key = rows[["unit_id", "device_id", "fixed_us"]][order]
    is_again = np.zeros(len(rows), bool)
    is_again[order[1:]] = key[1:] == key[:-1]
    codes[is_again] = OUTCOMES.index(Drop.DUPLICATE)
    # In the order of the index: neighbours go to the same page.
    once = order[~is_again[order]]
    if len(once):
        for number, on_duty in session.execute(_STORE, _parameters(rows[once], _COLUMNS)):
            reason = Drop.DUPLICATE if on_duty else Drop.OFF_DUTY
            codes[once[number - 1]] = OUTCOMES.index(reason)
    return Stored(codes, _move_latest(session, rows[codes == 0]))


def count_drops(session: Session, drops: Counter[tuple[int, Drop]], *, day: date) -> None:
    """Add to the counts of what wasn't kept, by device and reason."""
    if not drops:
        return
    keys = sorted(drops)
    session.execute(
        _COUNT_DROPS,
        {
            "device_id": [device for device, _ in keys],
            "day": [day] * len(keys),
            "reason": [str(reason) for _, reason in keys],
            "fix_count": [drops[key] for key in keys],
        },
    )


def make_position_partitions(
    session: Session, *, now: datetime, back_days: int = PARTITIONS_BACK
) -> bool:
    """Make room for the positions of the days around now, and for days whose positions lie where
    those without room go; whether all have it.

    Where somebody reads all days for long it is not there yet: try again later. What comes in
    meanwhile is stored all the same.
    """
    day = now.astimezone(UTC).date()
    without = session.scalar(
        _MAKE_PARTITIONS,
        {
            "first": day - timedelta(days=back_days),
            "last": day + timedelta(days=PARTITIONS_AHEAD),
        },
    )
    return bool(without == 0)


def _move_latest(session: Session, kept: Rows) -> Rows:
    at_us = corrected_us(kept)
    is_current = (kept["stale_us"] == NO_TIME) | (kept["stale_us"] > kept["received_us"])
    kept, at_us = kept[is_current], at_us[is_current]
    # The last of each unit in the order of time; of equal ones the first that came.
    order = np.lexsort((-np.arange(len(kept)), at_us, kept["unit_id"]))
    units = kept["unit_id"][order]
    is_last = np.ones(len(order), bool)
    is_last[:-1] = units[1:] != units[:-1]
    newest = kept[order[is_last]]
    if not len(newest):
        return newest
    newest["fixed_us"] = at_us[order[is_last]]
    moved = session.scalars(_MOVE_LATEST, _parameters(newest, _LATEST)).all()
    return newest if len(moved) == len(newest) else newest[np.isin(newest["unit_id"], moved)]


def _parameters(rows: Rows, names: Iterable[str]) -> dict[str, ArrayParameter]:
    return {name: _column(rows, name) for name in names}


def _column(rows: Rows, name: str) -> ArrayParameter:
    kind = _COLUMNS[name]
    if kind == "timestamptz":
        return times(rows[name.replace("_at", "_us")])
    if name == "source":
        return texts(SOURCES[code] for code in rows["source"])
    return _ARRAYS[kind](rows[name])
