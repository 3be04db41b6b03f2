"""How much of their duty time units spent in the community they are assigned to.

In-community share (社区民警下沉社区时间占比) = time inside the assigned community / duty time
of the roster. The roster, not the time from first to last fix: who switches the phone off would
else have a better share. Targets are settings: 80 % for full-time, 40 % for part-time community
officers.

Source: duty rules for community officers as reported, docs/coverage.md. The same with a grid in
place of the community is the in-beat share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import shapely

from geo.positions.tracks import FixColumns, TrackLimits, Tracks, starts_of
from geo.values import Period
from layers.place_raster import PlaceRaster, raster_near
from layers.presence.pieces import Presence, PresenceRules, find_presence

BUFFER_M = 20.0
TARGET_FULL_TIME, TARGET_PART_TIME = 0.8, 0.4
_EVERYWHERE_M = 4e7


def find_area_shares(
    tracks: Tracks,
    areas: Mapping[int, tuple[str, Any]],
    duty: Mapping[int, Sequence[Period]],
    *,
    plane_of_tracks: PlaceRaster,
    targets: Mapping[int, float] | None = None,
    buffer_m: float = BUFFER_M,
    rules: PresenceRules | None = None,
    limits: TrackLimits | None = None,
) -> pd.DataFrame:
    """Return for each unit on duty how long it was in its area.

    Parameters
    ----------
    tracks : clean fixes
    areas : unit → code and polygon of its area, EPSG:4326
    duty : unit → the shifts of the roster, apart from each other
    plane_of_tracks : a raster on the plane in whose metres the tracks are
    targets : unit → share wanted
    buffer_m : how far outside still counts as inside: what the accuracy of a fix leaves open

    Returns
    -------
    DataFrame, index `unit`: `area_code`, `duty_s`, `inside_s`, `outside_s`, `unknown_s` (the three
    add up to `duty_s`), `share` (inside / duty), `share_high` (were all that is unknown inside),
    `target`, `verdict`: `met`, `missed` (missed even by `share_high`), `unknown` between, and
    missing where there is no target
    """
    known = _on_duty(find_presence(tracks, _everywhere(plane_of_tracks), rules=rules,
                                   limits=limits), duty)  # fmt: skip
    of_code: dict[str, list[int]] = {}
    for unit, (code, _) in areas.items():
        of_code.setdefault(code, []).append(unit)
    inside: dict[int, float] = {}
    for code, units in of_code.items():
        polygon = areas[units[0]][1]
        raster = raster_near([code], np.full(1, polygon, dtype=object), reach_m=buffer_m,
                             step_m=_step(polygon))  # fmt: skip
        mine = _moved(_of_units(tracks, units), plane_of_tracks, raster)
        found = find_presence(mine, raster, rules=rules, limits=limits)
        inside |= _on_duty(found, {unit: duty.get(unit, ()) for unit in units})
    rows = []
    for unit in sorted(duty):
        duty_s = sum((each.end - each.start).total_seconds() for each in duty[unit])
        inside_s = min(inside.get(unit, 0.0), known.get(unit, 0.0))
        unknown_s = duty_s - known.get(unit, 0.0)
        share, high = inside_s / duty_s, (inside_s + unknown_s) / duty_s
        target = (targets or {}).get(unit)
        rows.append(
            {
                "unit": unit, "area_code": areas[unit][0] if unit in areas else None,
                "duty_s": duty_s, "inside_s": inside_s,
                "outside_s": known.get(unit, 0.0) - inside_s, "unknown_s": unknown_s,
                "share": share, "share_high": high, "target": target,
                "verdict": share_verdict(share, high, target),
            }
        )  # fmt: skip
    columns = [
        "unit", "area_code", "duty_s", "inside_s", "outside_s", "unknown_s", "share", "share_high",
        "target", "verdict",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=pd.Index(columns)).set_index("unit")


def share_verdict(share: float, high: float, target: float | None) -> str | None:
    """Return `met`, `missed` (even were all that is unknown inside), `unknown` between; None
    without a target."""
    if target is None:
        return None
    if share >= target:
        return "met"
    return "missed" if high < target else "unknown"


def _everywhere(like: PlaceRaster) -> PlaceRaster:
    """One pixel that holds the earth: presence in it is all time of which anything is known."""
    return PlaceRaster(
        like.plane, -_EVERYWHERE_M / 2, -_EVERYWHERE_M / 2, _EVERYWHERE_M,
        np.zeros((1, 1), np.int32), np.array(["everywhere"]),
    )  # fmt: skip


def _step(polygon: Any) -> float:
    """A pixel of 10 m, larger for large areas."""
    metric_side = float(np.sqrt(shapely.area(shapely.envelope(polygon)))) * 100_000
    return max(10.0, metric_side / 2_000)


def _of_units(tracks: Tracks, units: Sequence[int]) -> Tracks:
    fixes = tracks.fixes.take(np.isin(tracks.fixes.unit, units))
    return Tracks(fixes, starts_of(fixes.unit), tracks.dropped)


def _moved(tracks: Tracks, old: PlaceRaster, new: PlaceRaster) -> Tracks:
    """The same tracks in the metres of another plane."""
    fixes = tracks.fixes
    lon = fixes.x / old.plane.metres_per_lon_deg + old.plane.longitude
    lat = fixes.y / old.plane.metres_per_lat_deg + old.plane.latitude
    x, y = new.plane.points_to_metres(lon, lat).T
    moved = FixColumns(
        fixes.unit, fixes.time_ms, np.ascontiguousarray(x), np.ascontiguousarray(y),
        fixes.accuracy_m, fixes.rank, fixes.responding,
    )  # fmt: skip
    return Tracks(moved, tracks.unit_start, tracks.dropped)


def _on_duty(presence: Presence, duty: Mapping[int, Sequence[Period]]) -> dict[int, float]:
    """Seconds of presence within each unit's shifts."""
    found = {}
    for unit, shifts in duty.items():
        rows = slice(*np.searchsorted(presence.unit, [unit, unit + 1]))
        start, end = presence.start_ms[rows], presence.end_ms[rows]
        total = 0.0
        for shift in shifts:
            low, high = shift.start.timestamp() * 1000, shift.end.timestamp() * 1000
            total += float(np.clip(np.minimum(end, high) - np.maximum(start, low), 0, None).sum())
        found[unit] = total / 1000
    return found
