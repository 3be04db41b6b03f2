"""Many fixes in one JSON body: `{"fixes": [{…}, …]}`, fields as in `geo.positions.plain_fields`."""

from __future__ import annotations

from geo.positions import wire
from geo.positions.fix import Drop, Reading, Source
from geo.positions.plain_fields import reading_of_fields


def read_batch(body: bytes, *, device_id: str | None = None) -> Reading:
    """Return the fixes of a body.

    Parameters
    ----------
    device_id : of fixes that don't name one
    """
    message = wire.json_of(body)
    fixes = message.get("fixes") if isinstance(message, dict) else message
    if not isinstance(fixes, list):
        reading = Reading()
        reading.drop(Drop.UNREADABLE)
        return reading
    messages = [each if isinstance(each, dict) else None for each in fixes]
    return reading_of_fields(messages, Source.BATCH, device_id)
