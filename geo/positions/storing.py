"""Positions into the store: many at a time, each once, on duty only, the latest moved forward."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.positions.fix import Drop, Fix

_COLUMNS = (
    ("unit_id", "bigint"), ("fixed_at", "timestamptz"), ("device_id", "bigint"),
    ("sent_at", "timestamptz"), ("received_at", "timestamptz"), ("skew_s", "real"),
    ("lon", "float8"), ("lat", "float8"), ("accuracy_m", "real"), ("speed_mps", "real"),
    ("course_deg", "real"), ("altitude_m", "real"), ("battery_share", "real"), ("alarm", "text"),
    ("source", "text"),
)  # fmt: skip
_NAMES = ", ".join(name for name, _ in _COLUMNS)
# The names are fixed words of this file.
_STORE = text(
    f"""
    WITH given AS MATERIALIZED (
        SELECT *, EXISTS (
            SELECT FROM duty_shift AS shift WHERE shift.unit_id = fix.unit_id
            AND shift.starts_at <= fix.fixed_at + make_interval(secs => fix.skew_s)
            AND shift.ends_at > fix.fixed_at + make_interval(secs => fix.skew_s)
        ) AS on_duty
        FROM unnest({", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _COLUMNS)})
        WITH ORDINALITY AS fix({_NAMES}, number)
    ), put AS (
        INSERT INTO patrol_position ({_NAMES}) SELECT {_NAMES} FROM given WHERE on_duty
        ON CONFLICT DO NOTHING RETURNING unit_id, fixed_at, device_id
    )
    SELECT given.number, given.on_duty FROM given
    LEFT JOIN put USING (unit_id, fixed_at, device_id) WHERE put.unit_id IS NULL
    """  # noqa: S608
)
_LATEST_COLUMNS = (
    ("unit_id", "bigint"), ("at", "timestamptz"), ("received_at", "timestamptz"),
    ("lon", "float8"), ("lat", "float8"), ("accuracy_m", "real"), ("speed_mps", "real"),
    ("course_deg", "real"), ("battery_share", "real"), ("alarm", "text"),
)  # fmt: skip
_LATEST_NAMES = ", ".join(name for name, _ in _LATEST_COLUMNS)
_MOVE_LATEST = text(
    f"""
    INSERT INTO patrol_latest ({_LATEST_NAMES})
    SELECT * FROM unnest({", ".join(f"CAST(:{n} AS {kind}[])" for n, kind in _LATEST_COLUMNS)})
    ON CONFLICT (unit_id) DO UPDATE SET
        {", ".join(f"{name} = excluded.{name}" for name, _ in _LATEST_COLUMNS[1:])}
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
_MAKE_PARTITIONS = text("SELECT position_make_partitions(:first, :last)")
# Days: what may come late, and the days of a server that nobody restarts.
PARTITIONS_BACK, PARTITIONS_AHEAD = 8, 3


@dataclass(frozen=True, slots=True)
class PlacedFix:
    """A fix with whose it is: the unit, the device, when it came and what its clock lags [s]."""

    fix: Fix
    unit_id: int
    device_id: int
    received_at: datetime
    skew_s: float = 0.0

    @property
    def at(self) -> datetime:
        """When it was, by our clock."""
        return self.fix.fixed_at + timedelta(seconds=self.skew_s)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a batch.

    outcomes : (n,) for each fix the reason why it wasn't kept, None where it was
    moved : the new latest positions of the units that moved on
    """

    outcomes: list[Drop | None]
    moved: list[PlacedFix]


def store_fixes(session: Session, fixes: Sequence[PlacedFix]) -> Stored:
    """Store fixes in the session's transaction. Who sends one again gets the same answer.

    A fix outside the unit's shifts isn't stored. Of a unit and device each time is stored once.
    """
    outcomes: list[Drop | None] = [None] * len(fixes)
    first: dict[tuple[int, int, datetime], int] = {}
    for number, each in enumerate(fixes):
        key = (each.unit_id, each.device_id, each.fix.fixed_at)
        if first.setdefault(key, number) != number:
            outcomes[number] = Drop.DUPLICATE
    rows = sorted(first.values())
    if rows:
        refused = session.execute(_STORE, _columns([fixes[row] for row in rows])).all()
        for number, on_duty in refused:
            outcomes[rows[number - 1]] = Drop.DUPLICATE if on_duty else Drop.OFF_DUTY
    kept = [each for each, why in zip(fixes, outcomes, strict=True) if why is None]
    return Stored(outcomes, _move_latest(session, kept))


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


def make_position_partitions(session: Session, *, now: datetime) -> None:
    """Make room for the positions of the days around now."""
    day = now.astimezone(UTC).date()
    session.execute(
        _MAKE_PARTITIONS,
        {
            "first": day - timedelta(days=PARTITIONS_BACK),
            "last": day + timedelta(days=PARTITIONS_AHEAD),
        },
    )


def _move_latest(session: Session, kept: Sequence[PlacedFix]) -> list[PlacedFix]:
    newest: dict[int, PlacedFix] = {}
    for each in kept:
        stale_at = each.fix.stale_at
        if stale_at is not None and stale_at <= each.received_at:
            continue
        if each.unit_id not in newest or each.at > newest[each.unit_id].at:
            newest[each.unit_id] = each
    if not newest:
        return []
    given = [newest[unit] for unit in sorted(newest)]
    moved = set(
        session.scalars(
            _MOVE_LATEST,
            {
                "unit_id": [each.unit_id for each in given],
                "at": [each.at for each in given],
                "received_at": [each.received_at for each in given],
                **_shared([each.fix for each in given]),
            },
        )
    )
    return [each for each in given if each.unit_id in moved]


def _columns(fixes: Sequence[PlacedFix]) -> dict[str, list[object]]:
    return {
        "unit_id": [each.unit_id for each in fixes],
        "fixed_at": [each.fix.fixed_at for each in fixes],
        "device_id": [each.device_id for each in fixes],
        "sent_at": [each.fix.sent_at for each in fixes],
        "received_at": [each.received_at for each in fixes],
        "skew_s": [each.skew_s for each in fixes],
        "altitude_m": [each.fix.altitude_m for each in fixes],
        "source": [str(each.fix.source) for each in fixes],
        **_shared([each.fix for each in fixes]),
    }


def _shared(fixes: Sequence[Fix]) -> dict[str, list[object]]:
    return {
        "lon": [fix.position.longitude for fix in fixes],
        "lat": [fix.position.latitude for fix in fixes],
        "accuracy_m": [fix.accuracy_m for fix in fixes],
        "speed_mps": [fix.speed_mps for fix in fixes],
        "course_deg": [fix.course_deg for fix in fixes],
        "battery_share": [fix.battery_share for fix in fixes],
        "alarm": [fix.alarm for fix in fixes],
    }
