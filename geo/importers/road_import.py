"""Bringing a file of roads into the store as a version of the road network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

from geo.crs import WGS84, Datum
from geo.importers.osm import sniff_osm
from geo.importers.roads import Direction, RoadFile, read_roads
from geo.importers.upload_safety import UploadLimits
from geo.roads.build import build_road_network
from geo.roads.lines import RoadLines
from geo.roads.network import RoadNetwork
from geo.roads.report import RoadReport, road_report
from geo.roads.store import StoredRoads, store_road_network

OSM_ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0"
_NUMBERED = (
    "The file has no numbers of its roads; they were numbered in its order. Closures hold by "
    "number: look them over after the next import."
)


@dataclass(frozen=True, slots=True)
class RoadImport:
    """What was read, what became of it, and what is wrong with it."""

    file: RoadFile
    network: RoadNetwork
    report: RoadReport
    stored: StoredRoads


def import_roads(
    session: Session,
    path: Path,
    *,
    valid_from: date,
    name: str | None = None,
    attribution: str | None = None,
    datum: Datum = WGS84,
    table_name: str | None = None,
    direction: Direction | None = None,
    columns: Mapping[str, str] | None = None,
    limits: UploadLimits | None = None,
) -> RoadImport:
    """Read a file of roads and store it, in force from a day on, in the session's transaction.

    Parameters
    ----------
    name : shown to people; by default the file's
    attribution : shown at maps; known for files of OpenStreetMap
    datum, table_name, direction, columns, limits : as `read_roads`

    Raises
    ------
    InvalidFile, InvalidMapping, InvalidDatum, FileTooLarge : as `read_roads`
    NotEnoughData : no road that anybody may use
    """
    read = read_roads(
        path,
        datum=datum,
        table_name=table_name,
        direction=direction,
        columns=columns,
        limits=limits,
    )
    lines, has_own_numbers = number_lines(read.lines)
    if not has_own_numbers:
        read.notes.append(_NUMBERED)
    if attribution is None and sniff_osm(path) is not None:
        attribution = OSM_ATTRIBUTION
    network = build_road_network(lines)
    stored = store_road_network(
        session,
        network,
        name=name or path.name,
        valid_from=valid_from,
        datum=datum,
        file_name=path.name,
        attribution=attribution,
        has_own_numbers=has_own_numbers,
        notes=read.notes,
    )
    return RoadImport(read, network, road_report(network), stored)


def number_lines(lines: RoadLines) -> tuple[RoadLines, bool]:
    """Return lines of which each has a number, and whether the file's own were taken.

    The file's own are taken only where every line has one: of a mixture nobody could tell which
    are whose. Else they are numbered from 1 in the file's order.
    """
    if (lines.source_ids >= 0).all():
        return lines, True
    return replace(lines, source_ids=np.arange(1, len(lines) + 1)), False
