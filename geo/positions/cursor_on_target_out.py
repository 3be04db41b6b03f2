"""Positions of units as Cursor on Target 2.0, as TAK clients take them.

Source: MITRE, Cursor on Target, event schema 2.0; types of MIL-STD-2525.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element, SubElement, tostring

from geo.positions.live import STALE_S

UNKNOWN = "9999999.0"
# Friendly, on the ground: a civilian vehicle, or a unit.
VEHICLE, TEAM = "a-f-G-E-V-C", "a-f-G-U-C"
TYPES = {"car": VEHICLE, "motorcycle": VEHICLE}


def event_of(
    code: str,
    name: str,
    kind: str,
    status: str,
    *,
    at: datetime,
    lon: float,
    lat: float,
    now: datetime,
    accuracy_m: float | None = None,
    speed_mps: float | None = None,
    course_deg: float | None = None,
    battery_share: float | None = None,
) -> bytes:
    """Return one event; its `start` is when the unit was there, `stale` five minutes after that."""
    event = Element(
        "event", version="2.0", uid=f"gridbeat-{code}", type=TYPES.get(kind, TEAM), how="m-g",
        time=_time(now), start=_time(at), stale=_time(at + timedelta(seconds=STALE_S)),
    )  # fmt: skip
    SubElement(
        event, "point", lat=f"{lat:.7f}", lon=f"{lon:.7f}", hae=UNKNOWN, le=UNKNOWN,
        ce=UNKNOWN if accuracy_m is None else f"{accuracy_m:.1f}",
    )  # fmt: skip
    detail = SubElement(event, "detail")
    SubElement(detail, "contact", callsign=name)
    if speed_mps is not None or course_deg is not None:
        SubElement(
            detail, "track", speed=f"{speed_mps or 0:.2f}", course=f"{course_deg or 0:.1f}"
        )  # fmt: skip
    if battery_share is not None:
        SubElement(detail, "status", battery=f"{battery_share * 100:.0f}")
    SubElement(detail, "remarks").text = status
    return bytes(tostring(event, encoding="utf-8"))


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
