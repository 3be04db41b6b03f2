"""Groups of rows of the register: where they are, what they share, which row is all of it.

A group may lie in several parts of the index: most of it in the large one, what changed since in
the small one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.addresses.levels import LEVELS
from geo.addresses.parse import parse
from geo.addresses.register_index import RegisterView, VisiblePart
from geo.addresses.register_keys import NAME_LEVELS, SITE_NUMBER_LEVELS
from geo.addresses.standardise import format_address
from geo.values import LonLat

EARTH_RADIUS_M = 6_371_008.8  # mean radius, IUGG; radii of places are rounded up anyway

SAME_POINT_M = 0.01  # closer than this, two points are one
_CUT_LEVELS = {"door", "building", "entrance", "floor"}

LEVEL_RANK = {level.value: level.rank for level in LEVELS}
NAME_COLUMN = {level: i for i, level in enumerate(NAME_LEVELS)}
NUMBER_COLUMN = {level: i for i, level in enumerate(SITE_NUMBER_LEVELS)}


@dataclass(frozen=True)
class RowGroup:
    """Rows by part of the index: (part, sorted rows), no part without rows."""

    parts: tuple[tuple[int, NDArray[np.int64]], ...]

    @classmethod
    def of(cls, found: Iterator[tuple[int, NDArray[np.int64]]]) -> RowGroup:
        return cls(tuple((part, rows) for part, rows in found if len(rows)))

    @classmethod
    def single(cls, part: int, row: int) -> RowGroup:
        return cls(((part, np.array([row], np.int64)),))

    def __len__(self) -> int:
        return sum(len(rows) for _, rows in self.parts)

    def only_row(self) -> tuple[int, int]:
        """Return (part, row) of a group of one row."""
        ((part, rows),) = self.parts
        return part, int(rows[0])

    def holds(self, part: int, row: int) -> bool:
        """Whether a row is in the group."""
        rows = dict(self.parts).get(part)
        if rows is None:
            return False
        at = int(np.searchsorted(rows, row))
        return at < len(rows) and int(rows[at]) == row


_LEVEL_OF_RANK = {rank: level for level, rank in LEVEL_RANK.items()} | {-1: "road"}


def row_level(part: VisiblePart, row: int) -> str:
    """Return the finest level that a row has."""
    return _LEVEL_OF_RANK[int(part.segment.row_rank[row])]


def find_exact_row(view: RegisterView, group: RowGroup, level: str) -> tuple[int, int] | None:
    """Return (part, row) of the row that has no level finer than `level`: the place itself.

    Of several, the first that is no alias, by address id.
    """
    return next(iter(find_exact_rows(view, group, level)), None)


def find_exact_rows(view: RegisterView, group: RowGroup, level: str) -> list[tuple[int, int]]:
    """Return (part, row) of all rows that have no level finer than `level`, aliases last."""
    if len(group) == 1:
        number, row = group.only_row()
        return [(number, row)] if row_level(view.parts[number], row) == level else []
    found: list[tuple[bool, int, int, int]] = []
    for number, rows in group.parts:
        segment = view.parts[number].segment
        own = segment.row_rank[rows] <= LEVEL_RANK[level]
        found += [
            (bool(segment.row_is_alias[row]), int(segment.row_id[row]), number, row)
            for row in rows[own].tolist()
        ]
    return [(number, row) for *_, number, row in sorted(found)]


def group_point(view: RegisterView, group: RowGroup) -> tuple[LonLat | None, float | None]:
    """Return the middle of rows and the radius [m] of the circle around it that holds them all.

    The circle is never smaller than the accuracy of the least known point that says it; None
    where all points are one and none of them does.
    """
    if len(group) == 1:
        return _row_point(view, *group.only_row())
    lonlat = np.concatenate([view.parts[n].segment.row_lonlat[rows] for n, rows in group.parts])
    accuracy = np.concatenate(
        [view.parts[n].segment.row_accuracy_m[rows] for n, rows in group.parts]
    )
    there = ~np.isnan(lonlat[:, 0])
    lonlat, accuracy = lonlat[there], accuracy[there]
    if not len(lonlat):
        return None, None
    least_m = float(np.nanmax(accuracy)) if not np.isnan(accuracy).all() else 0.0
    lon, lat = (lonlat.min(axis=0) + lonlat.max(axis=0)) / 2
    east = np.radians(lonlat[:, 0] - lon) * math.cos(math.radians(lat))
    north = np.radians(lonlat[:, 1] - lat)
    radius_m = max(float(np.hypot(east, north).max() * EARTH_RADIUS_M), least_m)
    return LonLat(float(lon), float(lat)), radius_m if radius_m > SAME_POINT_M else None


def _row_point(view: RegisterView, part: int, row: int) -> tuple[LonLat | None, float | None]:
    segment = view.parts[part].segment
    longitude, latitude = segment.row_lonlat[row].tolist()
    if math.isnan(longitude):
        return None, None
    accuracy_m = float(segment.row_accuracy_m[row])
    return LonLat(longitude, latitude), accuracy_m if accuracy_m > SAME_POINT_M else None


def group_grid_and_cell(view: RegisterView, group: RowGroup) -> tuple[str | None, int | None]:
    """Return the grid and the H3 cell in which all rows lie, None where there are several."""
    if len(group) == 1:
        part, row = group.only_row()
        segment = view.parts[part].segment
        code = int(segment.row_grid[row])
        return segment.grid_codes[code] if code >= 0 else None, int(
            segment.row_h3_cell[row]
        ) or None
    grids: set[str | None] = set()
    cells: set[int] = set()
    for number, rows in group.parts:
        segment = view.parts[number].segment
        codes = segment.row_grid[rows]
        cells_of_rows = segment.row_h3_cell[rows]
        # Two different ones are as good as all of them: then there is no one grid.
        for code in {int(codes[0]), int(codes.min()), int(codes.max())}:
            grids.add(segment.grid_codes[code] if code >= 0 else None)
        cells |= {int(cells_of_rows.min()), int(cells_of_rows.max())}
    grid = grids.pop() if len(grids) == 1 else None
    return grid, (cells.pop() or None) if len(cells) == 1 else None


def group_text(view: RegisterView, group: RowGroup, level: str) -> str:
    """Return the standard text of what all rows share, down to `level`.

    Numbers are written as the register writes them: the text of one row is cut off behind them.
    """
    if level in _CUT_LEVELS:
        smallest = []
        for number, rows in group.parts:
            ids = view.parts[number].segment.row_id[rows]
            smallest.append((int(ids.min()), number, int(rows[ids.argmin()])))
        _, number, row = min(smallest)
        text = str(view.parts[number].segment.texts[row].as_py())
        for part in parse(text).parts:
            if part.level.value == level:
                return text[: part.end]
    shared: list[dict[str, str]] = []
    for number, rows in group.parts:
        values_of_part: dict[str, str] = {}
        for each, (codes, values) in view.parts[number].segment.components.items():
            if each not in LEVEL_RANK or LEVEL_RANK[each] > LEVEL_RANK[level]:
                continue
            found = codes[rows]
            if found[0] >= 0 and (found == found[0]).all():
                values_of_part[each] = values[int(found[0])].as_py()
        shared.append(values_of_part)
    first = shared[0]
    return format_address(
        {each: v for each, v in first.items() if all(other.get(each) == v for other in shared)},
        written_form=view.index.written_form,
    )
