"""A unit's own day: its shifts, its way, where it stopped, how its time went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.coverage.fixes import load_fixes
from geo.coverage.pieces import PIECE, Rows, joined_pieces, unpacked
from geo.coverage.records import moment_of, ms_of
from geo.positions.tracks import FixColumns, Tracks, clean_tracks
from geo.tables import DutyShift, PatrolUnit, UnitPresence
from geo.values import Period
from layers.coverage.area import CoveredArea, find_covered_area
from layers.coverage.places import CoveragePlaces
from layers.coverage.rules import KeepingRules

STOP_MIN_S = 120.0
STATIONARY = 1


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a unit stood for two minutes or more: the middle of its fixes; degrees where known."""

    starts_at: datetime
    ends_at: datetime
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class UnitDay:
    """What is kept of a unit in a period.

    way : (time [ms], longitude, latitude) of the fixes that count; `dropped` those that don't
    seconds : `duty`, `known`, `uncertain`, `beat`, `community`, `patrolling`, `stationary`,
        `responding`
    cell_count, street_count : places passed or visited
    """

    shifts: list[tuple[datetime, datetime]]
    way: list[tuple[int, float, float]]
    dropped: dict[str, int]
    stops: list[Stop]
    seconds: dict[str, float]
    cell_count: int
    street_count: int
    area: CoveredArea


def load_unit_day(
    session: Session,
    unit: PatrolUnit,
    period: Period,
    places: CoveragePlaces,
    *,
    rules: KeepingRules,
    swath_m: float,
) -> UnitDay:
    """Return a unit's day; what it did is told as coverage has it, the way as its fixes have it."""
    start_ms, end_ms = ms_of(period.start), ms_of(period.end)
    fixes = load_fixes(session, {unit.id: (start_ms, end_ms - 1)}, places.frame.plane)
    none = FixColumns.of([], [], [], [])
    tracks = clean_tracks(fixes.get(unit.id, none), rules.limits)
    shifts = session.execute(
        select(DutyShift.starts_at, DutyShift.ends_at)
        .where(
            DutyShift.unit_id == unit.id, DutyShift.starts_at < period.end,
            DutyShift.ends_at > period.start,
        )
        .order_by(DutyShift.starts_at)
    ).all()  # fmt: skip
    pieces = _pieces(session, unit, period)
    known = pieces.get("known", np.zeros(0, PIECE))
    length = (known["end_ms"] - known["start_ms"]) / 1000
    seconds = {
        "duty": sum(
            (min(end, period.end) - max(start, period.start)).total_seconds()
            for start, end in shifts
        ),
        "known": float(length.sum()),
        "uncertain": float(length[known["certainty"] == 1].sum()),
        **{kind: _seconds(pieces.get(kind)) for kind in ("beat", "community")},
        **{
            doing: float(length[known["doing"] == number].sum())
            for number, doing in enumerate(("patrolling", "stationary", "responding"))
        },
    }
    way = _way(tracks, places)
    return UnitDay(
        shifts=[(start, end) for start, end in shifts],
        way=way,
        dropped={str(why): count for why, count in tracks.dropped.items()},
        stops=_stops(known, way),
        seconds=seconds,
        cell_count=len(np.unique(pieces["cell"]["place"])) if "cell" in pieces else 0,
        street_count=len(np.unique(pieces["street"]["place"])) if "street" in pieces else 0,
        area=find_covered_area(tracks, swath_m=swath_m, limits=rules.limits),
    )


def _pieces(session: Session, unit: PatrolUnit, period: Period) -> dict[str, Rows]:
    rows = session.execute(
        select(UnitPresence.kind, UnitPresence.pieces).where(
            UnitPresence.unit_id == unit.id, UnitPresence.hour >= period.start,
            UnitPresence.hour < period.end,
        )
    )  # fmt: skip
    found: dict[str, list[Rows]] = {}
    for kind, packed in rows:
        found.setdefault(kind, []).append(unpacked(packed, PIECE))
    return {kind: joined_pieces(parts) for kind, parts in found.items()}


def _seconds(pieces: Rows | None) -> float:
    return 0.0 if pieces is None else float((pieces["end_ms"] - pieces["start_ms"]).sum() / 1000)


def _way(tracks: Tracks, places: CoveragePlaces) -> list[tuple[int, float, float]]:
    fixes = tracks.fixes
    lon, lat = places.frame.plane.metres_to_points(np.column_stack((fixes.x, fixes.y)))
    return list(zip(fixes.time_ms.tolist(), lon.tolist(), lat.tolist(), strict=True))


def _stops(known: Rows, way: list[tuple[int, float, float]]) -> list[Stop]:
    """Stretches in which the unit stood, its certainty aside."""
    still = known[known["doing"] == STATIONARY].copy()
    still["certainty"] = 0
    table = np.array(way, float).reshape(-1, 3)
    found = []
    for piece in joined_pieces([still]):
        start, end = int(piece["start_ms"]), int(piece["end_ms"])
        if end - start < STOP_MIN_S * 1000:
            continue
        there = table[(table[:, 0] >= start) & (table[:, 0] <= end)]
        if len(there):
            lon, lat = np.median(there[:, 1:], axis=0)
            found.append(Stop(moment_of(start), moment_of(end), float(lon), float(lat)))
    return found
