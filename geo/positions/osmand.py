"""The OsmAnd protocol: one fix in the words of a query or a form.

`id` or `deviceid`; `lat` and `lon`, or `location=lat,lon`; `timestamp` in seconds, milliseconds,
ISO 8601 or `yyyy-MM-dd HH:mm:ss` in UTC, missing: now; `speed` in **knots**; `bearing` or
`heading`; `altitude`; `accuracy` [m]; `batt` [%]; `alarm`; `valid`. Other words are left.

Source: the documentation of Traccar, "OsmAnd protocol".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from geo.positions import wire
from geo.positions.fix import Drop, Fix, Reading, Source

FIELDS_MAX = 200
_PLAIN = re.compile(rb"[\w.,:~-]*=[\w.,:~-]*(&[\w.,:~-]*=[\w.,:~-]*)*", re.ASCII).fullmatch


def read_osmand(query: bytes, *, received_at: datetime) -> Reading:
    """Return the fix of a query or a form.

    Parameters
    ----------
    query : what stands after the question mark, or the body of the form
    received_at : now, for a fix that doesn't say when it was
    """
    reading = Reading()
    words = form_words(query)
    if isinstance(words, Drop):
        reading.drop(words)
        return reading
    reading.claimed = wire.name_of(words.get("id") or words.get("deviceid"))
    fixed_at = wire.any_time(words["timestamp"]) if words.get("timestamp") else received_at
    reading.take(fix_of_words(words, fixed_at, Source.OSMAND))
    return reading


def form_words(query: bytes) -> dict[str, str] | Drop:
    """Return the words of a form; of a word that stands twice the first."""
    if _PLAIN(query) and query.count(b"&") < FIELDS_MAX:
        # As devices send it: nothing is written in another way.
        words = [each.partition("=") for each in query.decode().split("&")]
        return {name: value for name, _, value in reversed(words)}
    try:
        pairs = parse_qsl(
            query.decode("utf-8"),
            keep_blank_values=True,
            max_num_fields=FIELDS_MAX,
            errors="strict",
        )
    except ValueError:
        return Drop.UNREADABLE
    return dict(reversed(pairs)) if pairs else Drop.UNREADABLE


def fix_of_words(words: Mapping[str, str], fixed_at: datetime | None, source: Source) -> Fix | Drop:
    """Return the fix that the words of a form tell of, or why there is none."""
    device_id = wire.name_of(words.get("id") or words.get("deviceid"))
    if device_id is None:
        return Drop.NO_DEVICE
    lat, lon = words.get("lat"), words.get("lon")
    if lat is None and lon is None and "location" in words:
        lat, _, lon = words["location"].partition(",")
    position = wire.position_of(lon, lat)
    if isinstance(position, Drop):
        return position
    if fixed_at is None:
        return Drop.BAD_TIME
    if words.get("valid", "").strip().lower() in {"false", "0"}:
        return Drop.INVALID
    return Fix(
        device_id=device_id,
        fixed_at=fixed_at,
        position=position,
        source=source,
        accuracy_m=wire.accuracy_m(words.get("accuracy")),
        speed_mps=wire.speed_mps(words.get("speed"), wire.KNOT_MPS),
        course_deg=wire.course_deg(words.get("bearing", words.get("heading"))),
        altitude_m=wire.altitude_m(words.get("altitude")),
        battery_share=wire.battery_share(words.get("batt")),
        alarm=wire.alarm_of(words.get("alarm")),
    )
