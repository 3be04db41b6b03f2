"""A Traccar server that forwards each position as JSON, and with it all protocols it understands.

`{"position": {…}, "device": {…}}`: the device is `device.uniqueId`; `fixTime` and `deviceTime` in
ISO 8601 or milliseconds; `latitude`, `longitude`, `altitude` [m], `speed` [**knots**], `course`,
`accuracy` [m, 0 unknown], `valid`; in `attributes`: `batteryLevel` [%], `alarm`.

Source: the documentation of Traccar, "Position forwarding" (`forward.type` json), and its model.
"""

from __future__ import annotations

from typing import Any

from geo.positions import wire
from geo.positions.fix import Drop, Fix, Reading, Source


def read_traccar_forward(body: bytes) -> Reading:
    """Return the fix of a forwarded position, or those of a list of them."""
    reading = Reading()
    message = wire.json_of(body)
    if not isinstance(message, (dict, list)):
        reading.drop(Drop.UNREADABLE)
        return reading
    for at, each in enumerate(message if isinstance(message, list) else [message]):
        reading.take(_fix_of(each), at)
    return reading


def _fix_of(message: Any) -> Fix | Drop:
    if not isinstance(message, dict):
        return Drop.UNREADABLE
    position, device = message.get("position"), message.get("device")
    if position is None and isinstance(message.get("event"), dict):
        return Drop.OTHER_MESSAGE
    if not isinstance(position, dict):
        return Drop.UNREADABLE
    device_id = wire.name_of(device.get("uniqueId") if isinstance(device, dict) else None)
    if device_id is None:
        return Drop.NO_DEVICE
    place = wire.position_of(position.get("longitude"), position.get("latitude"))
    if isinstance(place, Drop):
        return place
    fixed_at = wire.any_time(position.get("fixTime"))
    if fixed_at is None:
        return Drop.BAD_TIME
    if position.get("valid") is False:
        return Drop.INVALID
    attributes = position.get("attributes")
    known = attributes if isinstance(attributes, dict) else {}
    return Fix(
        device_id=device_id,
        fixed_at=fixed_at,
        position=place,
        source=Source.TRACCAR_FORWARD,
        sent_at=wire.any_time(position.get("deviceTime")),
        accuracy_m=wire.accuracy_m(position.get("accuracy")),
        speed_mps=wire.speed_mps(position.get("speed"), wire.KNOT_MPS),
        course_deg=wire.course_deg(position.get("course")),
        altitude_m=wire.altitude_m(position.get("altitude")),
        battery_share=wire.battery_share(known.get("batteryLevel")),
        alarm=wire.alarm_of(known.get("alarm")),
    )
