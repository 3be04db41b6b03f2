"""Cursor on Target 2.0: events as XML, one or many after another.

`<event version="2.0" uid type how time start stale><point lat lon hae ce
le/><detail>…</detail></event>`; times in UTC; `ce` is the circular error [m], `hae` the height
above the ellipsoid [m]; 9999999.0 means unknown; `<track course speed/>` in degrees and **m/s**;
`<status battery/>` in per cent; `<emergency type/>` is an alarm. An event whose `type` begins with
`a` (an atom) is a position, `b-a` an alarm with one; others are counted as other messages.

Source: MITRE, "Cursor on Target Message Router User's Guide" and the base schema (Event 2.0).
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element

from geo.positions import wire
from geo.positions.fix import Drop, Fix, Reading, Source
from geo.positions.safe_xml import local_name, xml_of

UNKNOWN = 9_999_999.0
_END = re.compile(rb"(?<=</event>)")
_DECLARATION = re.compile(rb"\s*<\?xml[^>]{0,200}\?>")


def read_cursor_on_target(body: bytes) -> Reading:
    """Return the fixes of a body: one event, or several one after another as TAK streams them."""
    reading = Reading()
    for at, event in enumerate(filter(bytes.strip, _END.split(body))):
        root = xml_of(event if at == 0 else _DECLARATION.sub(b"", event, count=1).strip())
        reading.take(root if isinstance(root, Drop) else _fix_of(root), at)
    return reading


def _fix_of(event: Element) -> Fix | Drop:
    if local_name(event) != "event":
        return Drop.UNREADABLE
    kind = event.get("type", "")
    if not kind.startswith(("a-", "b-a")):
        return Drop.OTHER_MESSAGE
    device_id = wire.name_of(event.get("uid"))
    if device_id is None:
        return Drop.NO_DEVICE
    point = _child(event, "point")
    if point is None:
        return Drop.NO_POSITION
    position = wire.position_of(_known(point.get("lon")), _known(point.get("lat")))
    if isinstance(position, Drop):
        return position
    sent_at = wire.iso_time(event.get("time"))
    fixed_at = wire.iso_time(event.get("start")) or sent_at
    if fixed_at is None:
        return Drop.BAD_TIME
    detail = _child(event, "detail")
    track, status, emergency = (
        _child(detail, name) if detail is not None else None
        for name in ("track", "status", "emergency")
    )
    return Fix(
        device_id=device_id,
        fixed_at=fixed_at,
        position=position,
        source=Source.CURSOR_ON_TARGET,
        sent_at=sent_at,
        stale_at=wire.iso_time(event.get("stale")),
        accuracy_m=wire.accuracy_m(_known(point.get("ce"))),
        speed_mps=wire.speed_mps(_known(_of(track, "speed"))),
        course_deg=wire.course_deg(_known(_of(track, "course"))),
        altitude_m=wire.altitude_m(_known(point.get("hae"))),
        battery_share=wire.battery_share(_of(status, "battery")),
        alarm=_alarm(emergency),
    )


def _alarm(emergency: Element | None) -> str | None:
    if emergency is None or emergency.get("cancel") == "true":
        return None
    return wire.alarm_of(emergency.get("type")) or "emergency"


def _child(element: Element, name: str) -> Element | None:
    return next((child for child in element if local_name(child) == name), None)


def _of(element: Element | None, name: str) -> str | None:
    return None if element is None else element.get(name)


def _known(value: Any) -> Any:
    return None if wire.number(value) == UNKNOWN else value
