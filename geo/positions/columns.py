"""From a column of what stands in messages to values: as `geo.positions.wire`, many at a time.

A column that holds numbers alone, as most do, is read in one step; of another each value is read by
its function in `geo.positions.wire`. Missing is NaN, of times `NO_TIME`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.positions import wire
from geo.positions.rows import to_us
from geo.store.arrays import NO_TIME

_NUMBER_KINDS = {int, float, type(None)}
_FIRST_US = to_us(datetime.min.replace(tzinfo=UTC))
_LAST_US = to_us(datetime.max.replace(tzinfo=UTC))


def numbers(values: Sequence[Any]) -> NDArray[np.float64]:
    """Return (n,) as `wire.number`."""
    if set(map(type, values)) <= _NUMBER_KINDS:
        try:
            read = np.array(values, np.float64)
        except OverflowError:  # a whole number beyond any float
            pass
        else:
            read[~np.isfinite(read)] = np.nan
            return read
    return np.array([wire.number(value) for value in values], np.float64)


def within(values: Sequence[Any], factor: float, low: float, high: float) -> NDArray[np.float64]:
    """Return (n,) numbers times a factor, missing where that isn't in [low, high]."""
    read = numbers(values) * factor
    read[~((read >= low) & (read <= high))] = np.nan
    return read


def speeds_mps(values: Sequence[Any]) -> NDArray[np.float64]:
    """Return (n,) as `wire.speed_mps`, of m/s."""
    return within(values, 1.0, 0.0, wire.SPEED_MAX_MPS)


def courses_deg(values: Sequence[Any]) -> NDArray[np.float64]:
    """Return (n,) as `wire.course_deg`."""
    return within(values, 1.0, 0.0, 360.0) % 360.0


def accuracies_m(values: Sequence[Any]) -> NDArray[np.float64]:
    """Return (n,) as `wire.accuracy_m`."""
    read = numbers(values)
    read[~((read > 0) & (read < wire.ACCURACY_BELOW_M))] = np.nan
    return read


def altitudes_m(values: Sequence[Any]) -> NDArray[np.float64]:
    """Return (n,) as `wire.altitude_m`."""
    return within(values, 1.0, wire.ALTITUDE_MIN_M, wire.ALTITUDE_MAX_M)


def battery_shares(values: Sequence[Any]) -> NDArray[np.float64]:
    """Return (n,) as `wire.battery_share`, of shares."""
    return within(values, 1.0, 0.0, 1.0)


def times_us(values: Sequence[Any]) -> NDArray[np.int64]:
    """Return (n,) Unix times [µs], as `wire.any_time`."""
    if not set(map(type, values)) <= _NUMBER_KINDS:
        return np.array([to_us(wire.any_time(value)) for value in values], np.int64)
    count = numbers(values)
    seconds = np.where(count < wire.SECONDS_BELOW, count, count / 1000)
    # As a timedelta rounds: the part below a second by itself, halves to even.
    part, whole = np.modf(seconds)
    micro = whole * 1e6 + np.rint(part * 1e6)
    known = (micro >= _FIRST_US) & (micro <= _LAST_US)
    return np.where(known, np.where(known, micro, 0).astype(np.int64), NO_TIME)


def unless_all_missing(
    values: Sequence[Any], read: Callable[[Any], str | None]
) -> list[str | None] | None:
    """Return what `read` makes of each, None where there is nothing but missing ones."""
    if all(value is None for value in values):
        return None
    return [read(value) for value in values]
