"""OwnTracks over HTTP: one message as JSON.

Of the kinds of message only `_type: location` is a fix: `lat`, `lon`, `tst` (Unix seconds of the
fix), `created_at` (of the message), `acc` [m], `alt` [m], `vel` [**km/h**], `cog` [degrees], `batt`
[%]. The device is the user and the device of the headers `X-Limit-U` and `X-Limit-D`, else the
`topic` (`owntracks/USER/DEVICE`), else the `tid`. An empty body is no message. The answer is `[]`.

Source: the OwnTracks booklet, "JSON" and "HTTP".
"""

from __future__ import annotations

from typing import Any

from geo.positions import wire
from geo.positions.fix import Drop, Fix, Reading, Source


def read_owntracks(body: bytes, *, user: str | None = None, device: str | None = None) -> Reading:
    """Return the fixes of a body, which holds a message or a list of them.

    Parameters
    ----------
    user, device : of the headers
    """
    reading = Reading()
    if not body.strip():
        return reading
    message = wire.json_of(body)
    if not isinstance(message, (dict, list)):
        reading.drop(Drop.UNREADABLE)
        return reading
    for at, each in enumerate(message if isinstance(message, list) else [message]):
        reading.take(_fix_of(each, user, device), at)
    return reading


def _fix_of(message: Any, user: str | None, device: str | None) -> Fix | Drop:
    if not isinstance(message, dict):
        return Drop.UNREADABLE
    if message.get("_type") != "location":
        return Drop.OTHER_MESSAGE if isinstance(message.get("_type"), str) else Drop.UNREADABLE
    device_id = _device_of(message, user, device)
    if device_id is None:
        return Drop.NO_DEVICE
    position = wire.position_of(message.get("lon"), message.get("lat"))
    if isinstance(position, Drop):
        return position
    fixed_at = wire.unix_time(message.get("tst"))
    if fixed_at is None:
        return Drop.BAD_TIME
    return Fix(
        device_id=device_id,
        fixed_at=fixed_at,
        position=position,
        source=Source.OWNTRACKS,
        sent_at=wire.unix_time(message.get("created_at")),
        accuracy_m=wire.accuracy_m(message.get("acc")),
        speed_mps=wire.speed_mps(message.get("vel"), wire.KMH_MPS),
        course_deg=wire.course_deg(message.get("cog")),
        altitude_m=wire.altitude_m(message.get("alt")),
        battery_share=wire.battery_share(message.get("batt")),
    )


def _device_of(message: dict[str, Any], user: str | None, device: str | None) -> str | None:
    if user and device:
        return wire.name_of(f"{user}/{device}")
    topic = message.get("topic")
    if isinstance(topic, str) and topic.count("/") == 2:
        return wire.name_of(topic.partition("/")[2])
    return wire.name_of(message.get("tid"))
