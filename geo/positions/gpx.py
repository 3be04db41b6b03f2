"""GPX 1.0 and 1.1: the points of all tracks of a file, in their order.

`<trkpt lat lon><ele/><time/>…`; `speed` [**m/s**] and `course` [degrees] stand in the point (1.0)
or in its extensions (1.1), in whatever name space. Waypoints and planned routes are no record of
having been there and are left.

Source: Topografix, GPX 1.1 schema; Garmin, TrackPointExtension v2.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from geo.positions import wire
from geo.positions.fix import Drop, Fix, Reading, Source
from geo.positions.safe_xml import local_name, xml_of


def read_gpx(body: bytes, *, device_id: str) -> Reading:
    """Return the fixes of a file.

    Parameters
    ----------
    device_id : whose track it is; the file doesn't say
    """
    reading = Reading()
    root = xml_of(body)
    if isinstance(root, Drop):
        reading.drop(root)
        return reading
    if local_name(root) != "gpx":
        reading.drop(Drop.UNREADABLE)
        return reading
    points = (each for each in root.iter() if local_name(each) == "trkpt")
    for at, point in enumerate(points):
        reading.take(_fix_of(point, device_id), at)
    return reading


def _fix_of(point: Element, device_id: str) -> Fix | Drop:
    position = wire.position_of(point.get("lon"), point.get("lat"))
    if isinstance(position, Drop):
        return position
    told: dict[str, str | None] = {}
    for element in point.iter():
        told.setdefault(local_name(element), element.text)
    fixed_at = wire.iso_time(told.get("time"))
    if fixed_at is None:
        return Drop.BAD_TIME
    return Fix(
        device_id=device_id,
        fixed_at=fixed_at,
        position=position,
        source=Source.GPX,
        speed_mps=wire.speed_mps(told.get("speed")),
        course_deg=wire.course_deg(told.get("course")),
        altitude_m=wire.altitude_m(told.get("ele")),
    )
