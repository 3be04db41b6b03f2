"""The platform's own names for the fields of a fix, in CSV and in batches; all in SI units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from geo.positions import wire
from geo.positions.fix import Drop, Fix, Source

FIELDS = (
    "device_id", "fixed_at", "longitude", "latitude", "sent_at", "accuracy_m", "speed_mps",
    "course_deg", "altitude_m", "battery_share", "alarm",
)  # fmt: skip


def fix_of_fields(
    fields: Mapping[str, Any], source: Source, device_id: str | None = None
) -> Fix | Drop:
    """Return the fix that named fields tell of, or why there is none.

    Parameters
    ----------
    fields : of `FIELDS`; times in ISO 8601 or Unix time, the rest as in `Fix`
    device_id : where the fields don't name one
    """
    name = wire.name_of(fields.get("device_id")) or device_id
    if name is None:
        return Drop.NO_DEVICE
    position = wire.position_of(fields.get("longitude"), fields.get("latitude"))
    if isinstance(position, Drop):
        return position
    fixed_at = wire.any_time(fields.get("fixed_at"))
    if fixed_at is None:
        return Drop.BAD_TIME
    return Fix(
        device_id=name,
        fixed_at=fixed_at,
        position=position,
        source=source,
        sent_at=wire.any_time(fields.get("sent_at")),
        accuracy_m=wire.accuracy_m(fields.get("accuracy_m")),
        speed_mps=wire.speed_mps(fields.get("speed_mps")),
        course_deg=wire.course_deg(fields.get("course_deg")),
        altitude_m=wire.altitude_m(fields.get("altitude_m")),
        battery_share=wire.battery_share(fields.get("battery_share"), factor=1.0),
        alarm=wire.alarm_of(fields.get("alarm")),
    )
