"""Traccar Client 9, the phone app: one fix as JSON.

`device_id`, and in `location`: `timestamp` (ISO 8601), `coords` with `latitude`, `longitude`,
`accuracy` [m], `speed` [**m/s**, -1 unknown], `heading` [degrees, -1 unknown], `altitude` [m];
`mock`; `battery.level` [0 to 1]; `alarm`. A list of locations is read as well: the library under
the app sends one where it is told to batch.

Source: the documentation of Traccar Client 9 and of its location library.
"""

from __future__ import annotations

from typing import Any

from geo.positions import wire
from geo.positions.fix import Drop, Fix, Reading, Source


def read_traccar_client_json(body: bytes) -> Reading:
    """Return the fixes of a message."""
    reading = Reading()
    message = wire.json_of(body)
    if not isinstance(message, dict):
        reading.drop(Drop.UNREADABLE)
        return reading
    locations = message.get("location")
    device_id = wire.name_of(message.get("device_id"))
    reading.claimed = device_id
    for at, location in enumerate(locations if isinstance(locations, list) else [locations]):
        reading.take(_fix_of(device_id, location), at)
    return reading


def _fix_of(device_id: str | None, location: Any) -> Fix | Drop:
    if device_id is None:
        return Drop.NO_DEVICE
    if location is None:
        return Drop.NO_POSITION
    if not isinstance(location, dict):
        return Drop.UNREADABLE
    coords = location.get("coords")
    if not isinstance(coords, dict):
        return Drop.NO_POSITION if coords is None else Drop.UNREADABLE
    position = wire.position_of(coords.get("longitude"), coords.get("latitude"))
    if isinstance(position, Drop):
        return position
    fixed_at = wire.iso_time(location.get("timestamp"))
    if fixed_at is None:
        return Drop.BAD_TIME
    if location.get("mock") is True:
        return Drop.MOCK
    battery = location.get("battery")
    return Fix(
        device_id=device_id,
        fixed_at=fixed_at,
        position=position,
        source=Source.TRACCAR_CLIENT_JSON,
        accuracy_m=wire.accuracy_m(coords.get("accuracy")),
        speed_mps=wire.speed_mps(coords.get("speed")),
        course_deg=wire.course_deg(coords.get("heading")),
        altitude_m=wire.altitude_m(coords.get("altitude")),
        battery_share=wire.battery_share(
            battery.get("level") if isinstance(battery, dict) else None, factor=1.0
        ),
        alarm=wire.alarm_of(location.get("alarm")),
    )
