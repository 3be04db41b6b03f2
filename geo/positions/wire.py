"""From what stands in a message to values: numbers, units of speed, times, device names.

Everything here answers None for what it can't read; only the place and the time of a fix are
reasons to drop it (`Drop`).
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

from geo.errors import InvalidCoordinate
from geo.positions.fix import Drop
from geo.values import LonLat

KNOT_MPS = 1852 / 3600
KMH_MPS = 1 / 3.6
PERCENT = 0.01
DEVICE_CHARS_MAX = 128
ALARM_CHARS_MAX = 60
# Below this a whole number is taken for seconds of Unix time, from it on for milliseconds; the
# OsmAnd protocol of Traccar has this border. Seconds reach it in 2038.
SECONDS_BELOW = 2**31 - 1
# No speed over ground is above this; a device that says so has counted in the wrong unit or not at
# all.
SPEED_MAX_MPS = 340.0
ACCURACY_BELOW_M = 1e7  # half-way round the world; 9999999.0 means unknown in Cursor on Target
ALTITUDE_MIN_M, ALTITUDE_MAX_M = -12_000.0, 100_000.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def json_of(body: bytes) -> Any:
    """Return what a JSON body holds, or `Drop.UNREADABLE`."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # bad bytes, half a body, brackets without end
        return Drop.UNREADABLE


def number(value: Any) -> float | None:
    """Return a finite number, written as a number or as text, or None."""
    if isinstance(value, str):
        if "_" in value:  # Python would read 1_0 as 10
            return None
        try:
            read = float(value)
        except ValueError:
            return None
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            read = float(value)
        except OverflowError:
            return None
    else:
        return None
    return read if math.isfinite(read) else None


def position_of(longitude: Any, latitude: Any) -> LonLat | Drop:
    """Return the place, or why it is none. 0 alone is a coordinate, (0, 0) is "no fix"."""
    if longitude in (None, "") and latitude in (None, ""):
        return Drop.NO_POSITION
    lon, lat = number(longitude), number(latitude)
    if lon is None or lat is None:
        return Drop.BAD_POSITION
    if lon == 0 and lat == 0:
        return Drop.ZERO
    try:
        return LonLat(lon, lat)
    except InvalidCoordinate:
        return Drop.BAD_POSITION


def speed_mps(value: Any, factor: float = 1.0) -> float | None:
    """Return a speed [m/s]; negative means unknown.

    Parameters
    ----------
    factor : of the source's unit: `KNOT_MPS`, `KMH_MPS`, or 1 for m/s
    """
    return _within(value, factor, 0.0, SPEED_MAX_MPS)


def course_deg(value: Any) -> float | None:
    """Return a course in [0, 360); negative means unknown."""
    course = _within(value, 1.0, 0.0, 360.0)
    return None if course is None else course % 360.0


def accuracy_m(value: Any) -> float | None:
    """Return a radius [m]; 0 and less mean unknown."""
    radius = number(value)
    return radius if radius is not None and 0 < radius < ACCURACY_BELOW_M else None


def altitude_m(value: Any) -> float | None:
    """Return a height [m]."""
    return _within(value, 1.0, ALTITUDE_MIN_M, ALTITUDE_MAX_M)


def battery_share(value: Any, factor: float = PERCENT) -> float | None:
    """Return how full a battery is, 0 to 1; negative means unknown."""
    return _within(value, factor, 0.0, 1.0)


def unix_time(value: Any) -> datetime | None:
    """Return the time that seconds or milliseconds of Unix time mean (border: `SECONDS_BELOW`)."""
    count = number(value)
    if count is None:
        return None
    seconds = count if count < SECONDS_BELOW else count / 1000
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return None


def iso_time(value: Any) -> datetime | None:
    """Return the time that a text in ISO 8601 means; without a zone it is UTC.

    `2026-01-02T03:04:05 08:00` is read too: a `+` that nobody escaped in a form arrives as a space.
    """
    if not isinstance(value, str) or len(value) > 40:
        return None
    text = value.strip()
    if "T" in text:
        text = text.replace(" ", "+")
    try:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def any_time(value: Any) -> datetime | None:
    """Return the time of either writing."""
    return unix_time(value) or iso_time(value)


def name_of(value: Any) -> str | None:
    """Return a device's own name, or None where it has none that can be kept."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
        value = str(value)
    if not isinstance(value, str):
        return None
    name = value.strip()
    return name if 0 < len(name) <= DEVICE_CHARS_MAX and is_plain(name) else None


def alarm_of(value: Any) -> str | None:
    """Return what an alarm is called, shortened to what is kept."""
    if not isinstance(value, str) or not value.strip():
        return None
    alarm = value.strip()[:ALARM_CHARS_MAX]
    return alarm if is_plain(alarm) else "unnamed"


def is_plain(text: str) -> bool:
    """Whether a text can be kept: no controls, no halves of a surrogate pair."""
    return text.isprintable()


def _within(value: Any, factor: float, low: float, high: float) -> float | None:
    read = number(value)
    if read is None or not low <= read * factor <= high:
        return None
    return read * factor
