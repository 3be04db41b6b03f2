"""A unit's route as GPX 1.1: stops as a route, the ways as a track; any navigation app reads it."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

NAMESPACE = "http://www.topografix.com/GPX/1/1"


def route_gpx(name: str, stops: list[dict[str, Any]], legs: list[dict[str, Any]]) -> bytes:
    """Return a route as a GPX file, UTF-8.

    Parameters
    ----------
    stops, legs : as `geo.tables.PatrolRoute` keeps them
    """
    ET.register_namespace("", NAMESPACE)
    gpx = ET.Element(f"{{{NAMESPACE}}}gpx", version="1.1", creator="GridBeat")
    route = _sub(gpx, "rte")
    _sub(route, "name").text = name
    for number, stop in enumerate(stops, start=1):
        point = _sub(route, "rtept", lat=f"{stop['lat']:.6f}", lon=f"{stop['lon']:.6f}")
        _sub(point, "time").text = stop["begin_at"]
        _sub(point, "name").text = f"{number} {stop['name'] or stop['kind']}"
    track = _sub(gpx, "trk")
    _sub(track, "name").text = name
    for leg in legs:
        segment = _sub(track, "trkseg")
        for lon, lat in leg["line"]:
            _sub(segment, "trkpt", lat=f"{lat:.6f}", lon=f"{lon:.6f}")
    written: bytes = ET.tostring(gpx, encoding="utf-8", xml_declaration=True)
    return written


def _sub(parent: ET.Element, name: str, **attributes: str) -> ET.Element:
    return ET.SubElement(parent, f"{{{NAMESPACE}}}{name}", attributes)
