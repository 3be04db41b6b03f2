"""Which checkpoints were visited: by a fix there, or probably, by the way between two fixes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import shapely

from geo.positions.tracks import TrackLimits, Tracks
from layers.place_raster import PlaceRaster

REACH_M = 30.0
KNOWN_SHARE_MIN = 0.5


def find_checkpoint_verdicts(
    tracks: Tracks,
    keys: Any,
    points: Any,
    *,
    plane_of_tracks: PlaceRaster,
    reach_m: Any = REACH_M,
    known_share: float = 1.0,
    limits: TrackLimits | None = None,
) -> pd.DataFrame:
    """Return what is known of each checkpoint.

    Parameters
    ----------
    tracks : clean fixes of the units that should pass there, in the time they should
    keys, points : (n,) what each is called, and where it is (shapely points, EPSG:4326)
    plane_of_tracks : a raster on the plane in whose metres the tracks are
    reach_m : how near is there; one for all, or (n,)
    known_share : of the units' duty time, the part of which anything is known

    Returns
    -------
    DataFrame, index `key`: `verdict`, `unit` and `at_ms` of the first time, missing where none.
    `visited`: a fix is within reach. `probable`: none is, but the straight way between two fixes
    not farther apart than the silence passes within reach. `not_visited`: neither. `unknown`:
    neither, and less than half of the duty time is known.
    """
    limits = limits or TrackLimits()
    fixes = tracks.fixes
    where = shapely.points(
        plane_of_tracks.plane.points_to_metres(shapely.get_x(points), shapely.get_y(points))
    )
    keys = np.asarray(keys, dtype=object)
    nothing = "not_visited" if known_share >= KNOWN_SHARE_MIN else "unknown"
    verdict = np.full(len(keys), nothing, dtype=object)
    row_of = np.full(len(keys), -1, np.int64)
    is_gap = (fixes.unit[1:] == fixes.unit[:-1]) & (
        np.diff(fixes.time_ms) <= limits.silence_s * 1000
    )
    at = np.flatnonzero(is_gap)
    ends = np.stack([np.column_stack((fixes.x[at + k], fixes.y[at + k])) for k in (0, 1)], axis=1)
    ways = np.asarray(shapely.linestrings(ends), dtype=object)
    here = np.asarray(shapely.points(fixes.x, fixes.y), dtype=object)
    for name, shapes, rows in (("probable", ways, at), ("visited", here, np.arange(len(fixes)))):
        if len(shapes) == 0:
            continue
        checkpoint, shape = shapely.STRtree(shapes).query(where, "dwithin", reach_m)
        found = rows[shape]
        order = np.argsort(-fixes.time_ms[found], kind="stable")  # the earliest is written last
        row_of[checkpoint[order]] = found[order]
        verdict[checkpoint] = name
    seen = row_of >= 0
    unit, moment = fixes.unit[row_of[seen]], fixes.time_ms[row_of[seen]]
    result = pd.DataFrame({"verdict": verdict}, index=pd.Index(keys, name="key"))
    result["unit"] = pd.Series(unit, index=result.index[seen], dtype="Int64")
    result["at_ms"] = pd.Series(moment, index=result.index[seen], dtype="Int64")
    return result
