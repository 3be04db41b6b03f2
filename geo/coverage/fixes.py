"""Fixes of many units out of the store, each in a window of its own, by corrected time."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.local_plane import LocalPlane
from geo.positions.tracks import FixColumns, starts_of

# Positions are kept by the device's own clock, and asked for by the corrected one. A clock that is
# off by more than this, and was set right since, is found by its device's skew or not at all.
_LOAD = text(
    """
    SELECT fix.unit_id,
        round(extract(epoch FROM fix.fixed_at) * 1000 + fix.skew_s * 1000)::bigint AS at_ms,
        fix.lon, fix.lat, coalesce(fix.accuracy_m, 'NaN'), coalesce(device.rank, 0)
    FROM unnest(CAST(:units AS bigint[]), CAST(:first AS float8[]), CAST(:last AS float8[]))
        AS asked(unit_id, first_s, last_s)
    CROSS JOIN LATERAL (
        SELECT greatest(7200, 2 * coalesce(max(abs(skew_s)), 0)) AS margin_s
        FROM patrol_device WHERE unit_id = asked.unit_id
    ) AS clock
    JOIN patrol_position AS fix ON fix.unit_id = asked.unit_id
        AND fix.fixed_at >= to_timestamp(asked.first_s - clock.margin_s)
        AND fix.fixed_at <= to_timestamp(asked.last_s + clock.margin_s)
    LEFT JOIN patrol_device AS device ON device.id = fix.device_id
    WHERE extract(epoch FROM fix.fixed_at) + fix.skew_s
        BETWEEN asked.first_s - 0.001 AND asked.last_s + 0.001
    """
)
_STATUSES = text(
    "SELECT unit_id, ceil(extract(epoch FROM since) * 1000)::bigint, "
    "status IN ('en_route', 'on_scene') FROM patrol_unit_status "
    "WHERE unit_id = ANY(:units) ORDER BY unit_id, since, id"
)
_JUMPS = text(
    "SELECT unit_id, at_ms FROM coverage_jump WHERE unit_id = ANY(:units) ORDER BY unit_id, at_ms"
)


def load_fixes(
    session: Session, windows: Mapping[int, tuple[float, float]], plane: LocalPlane
) -> dict[int, FixColumns]:
    """Return the fixes of each unit in its window [Unix ms, both ends in it], ordered.

    Units without fixes are left out. `responding`: by the last status the unit had told.
    """
    if not windows:
        return {}
    rows = session.execute(
        _LOAD,
        {
            "units": list(windows),
            "first": [first / 1000 for first, _ in windows.values()],
            "last": [last / 1000 for _, last in windows.values()],
        },
    ).all()
    if not rows:
        return {}
    unit, at_ms, lon, lat, accuracy, rank = (np.array(each) for each in zip(*rows, strict=True))
    x, y = plane.points_to_metres(lon.astype(float), lat.astype(float)).T
    fixes = FixColumns.of(
        unit, at_ms, np.ascontiguousarray(x), np.ascontiguousarray(y),
        accuracy_m=accuracy.astype(float), rank=rank,
        responding=_responding(session, unit.astype(np.int64), at_ms.astype(np.int64)),
    ).ordered()  # fmt: skip
    starts = starts_of(fixes.unit)
    return {
        int(fixes.unit[begin]): fixes.take(np.arange(begin, end)) for begin, end in pairwise(starts)
    }


def load_jumps(session: Session, units: list[int]) -> dict[int, NDArray[np.int64]]:
    """Return the times [ms] of the fixes that are left out as jumps, of units that have any."""
    found: dict[int, list[int]] = {}
    for unit, at_ms in session.execute(_JUMPS, {"units": units}):
        found.setdefault(int(unit), []).append(int(at_ms))
    return {unit: np.array(each, np.int64) for unit, each in found.items()}


def _responding(
    session: Session, unit: NDArray[np.int64], at_ms: NDArray[np.int64]
) -> NDArray[np.bool_]:
    told = session.execute(_STATUSES, {"units": np.unique(unit).tolist()}).all()
    responding = np.zeros(len(unit), bool)
    of_unit: dict[int, list[tuple[int, bool]]] = {}
    for each, since_ms, is_called in told:
        of_unit.setdefault(int(each), []).append((int(since_ms), bool(is_called)))
    for each, statuses in of_unit.items():
        rows = np.flatnonzero(unit == each)
        since = np.array([moment for moment, _ in statuses], np.int64)
        called = np.array([False, *(is_called for _, is_called in statuses)])
        responding[rows] = called[np.searchsorted(since, at_ms[rows], side="right")]
    return responding
