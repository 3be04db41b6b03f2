"""Roads as they stand in a file: lines, before they are joined into a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

ALONE = int(np.iinfo(np.int64).min)  # key of a point that no other line can share
_DEGREE_STEPS = 10_000_000  # a coordinate is the same to 1e-7 degrees, a centimetre: OSM's own step


@dataclass(frozen=True, slots=True)
class RoadLines:
    """Lines of roads with what decides who may go along them.

    xy : (n_points, 2) longitude, latitude [degrees, WGS 84], line after line
    first_point : (n_lines + 1,) where each line's points begin
    node_keys : (n_points,) points of one key are one node; `ALONE`: joined to nothing
    class_index, class_names : (n_lines,) class of road
    name_index, names : (n_lines,) name, -1 where it has none
    forward_modes, backward_modes : (n_lines,) uint8 masks: who may go along, and against
    limit_kmh : (n_lines,) float32 posted limit, 0 where unknown
    source_ids : (n_lines,) the file's own number of the road, -1 where it has none
    length_m : (n_lines,) float64 length the file states, NaN where the geometry decides
    is_round : (n_lines,) whether it is a roundabout
    """

    xy: NDArray[np.float64]
    first_point: Ints
    node_keys: Ints
    class_index: NDArray[np.int16]
    class_names: tuple[str, ...]
    name_index: NDArray[np.int32]
    names: tuple[str, ...]
    forward_modes: NDArray[np.uint8]
    backward_modes: NDArray[np.uint8]
    limit_kmh: NDArray[np.float32]
    source_ids: Ints
    length_m: NDArray[np.float64]
    is_round: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.class_index)


class RoadLinesBuilder:
    """Gathers lines chunk by chunk; only arrays are kept, so memory grows with the points alone."""

    def __init__(self) -> None:
        self._parts: dict[str, list[NDArray[Any]]] = {}
        self._classes: dict[str, int] = {}
        self._names: dict[str, int] = {}
        self.line_count = 0

    def add(
        self,
        *,
        xy: NDArray[np.float64],
        point_counts: Ints,
        node_keys: Ints,
        classes: Sequence[str],
        names: Sequence[str | None],
        forward_modes: NDArray[np.uint8],
        backward_modes: NDArray[np.uint8],
        limit_kmh: NDArray[np.float32],
        source_ids: Ints,
        length_m: NDArray[np.float64] | None = None,
        is_round: NDArray[np.bool_] | None = None,
    ) -> None:
        """Add lines; columns as of `RoadLines`, `point_counts` (n,) instead of where they begin."""
        count = len(point_counts)
        index = [self._classes.setdefault(name, len(self._classes)) for name in classes]
        called = [
            -1 if name is None else self._names.setdefault(name, len(self._names)) for name in names
        ]
        columns: dict[str, NDArray[Any]] = {
            "xy": np.asarray(xy, np.float64).reshape(-1, 2),
            "point_counts": np.asarray(point_counts, np.int64),
            "node_keys": np.asarray(node_keys, np.int64),
            "class_index": np.array(index, np.int16),
            "name_index": np.array(called, np.int32),
            "forward_modes": np.asarray(forward_modes, np.uint8),
            "backward_modes": np.asarray(backward_modes, np.uint8),
            "limit_kmh": np.asarray(limit_kmh, np.float32),
            "source_ids": np.asarray(source_ids, np.int64),
            "length_m": np.full(count, np.nan) if length_m is None else np.asarray(length_m, float),
            "is_round": np.zeros(count, bool) if is_round is None else np.asarray(is_round, bool),
        }
        for name, column in columns.items():
            self._parts.setdefault(name, []).append(column)
        self.line_count += count

    def build(self) -> RoadLines:
        """Return what was gathered; the builder is empty afterwards."""
        parts, self._parts = self._parts, {}
        if not parts:
            return _NO_LINES
        columns: dict[str, Any] = {}
        for name in list(parts):
            columns[name] = np.concatenate(parts.pop(name))
        counts = columns.pop("point_counts")
        return RoadLines(
            first_point=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
            class_names=tuple(self._classes),
            names=tuple(self._names),
            **columns,
        )


def keys_of_coordinates(xy: NDArray[np.float64]) -> Ints:
    """Return a key for each point that two points share only where they lie within a centimetre.

    Parameters
    ----------
    xy : (n, 2) longitude, latitude [degrees]
    """
    east = np.rint((xy[:, 0] + 180.0) * _DEGREE_STEPS).astype(np.int64)
    north = np.rint((xy[:, 1] + 90.0) * _DEGREE_STEPS).astype(np.int64)
    return (east << 31) | north


def _empty() -> RoadLines:
    none = np.zeros(0, np.int64)
    return RoadLines(
        xy=np.zeros((0, 2)),
        first_point=np.zeros(1, np.int64),
        node_keys=none,
        class_index=none.astype(np.int16),
        class_names=(),
        name_index=none.astype(np.int32),
        names=(),
        forward_modes=none.astype(np.uint8),
        backward_modes=none.astype(np.uint8),
        limit_kmh=none.astype(np.float32),
        source_ids=none,
        length_m=none.astype(np.float64),
        is_round=none.astype(bool),
    )


_NO_LINES = _empty()
