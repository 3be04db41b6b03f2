"""Draw the place: polygons from a few lines of text, so that a test shows its map.

    drawn = draw('''
        AAB
        AAB
        CC.
    ''')
    drawn["A"]      # a square of 2 x 2 steps

Each character is one square step; the same character makes one polygon (a multipolygon where its
squares don't touch along a side); dots are nothing. The first line is the north, the first
column the west. Corners are shared exactly.
"""

from __future__ import annotations

import textwrap
from typing import Any

import shapely

WEST, NORTH = 112.55, 37.88  # a place in Taiyuan
STEP_DEG = 0.001  # 88 m east, 111 m north there


def draw(
    text: str, *, west: float = WEST, north: float = NORTH, step_deg: float = STEP_DEG
) -> dict[str, Any]:
    """Return the polygons of a drawing by their character, longitude and latitude in degrees."""
    squares: dict[str, list[Any]] = {}
    lines = [line for line in textwrap.dedent(text).strip("\n").splitlines() if line.strip()]
    for row, line in enumerate(lines):
        for column, character in enumerate(line.rstrip()):
            if character not in ". ":
                squares.setdefault(character, []).append(
                    square(column, row, west=west, north=north, step_deg=step_deg)
                )
    return {character: shapely.coverage_union_all(parts) for character, parts in squares.items()}


def square(
    column: float,
    row: float,
    *,
    west: float = WEST,
    north: float = NORTH,
    step_deg: float = STEP_DEG,
    size: float = 1.0,
) -> Any:
    """Return one square of a drawing, `size` steps wide, its north-west corner at column, row."""
    left, top = corner(column, row, west=west, north=north, step_deg=step_deg)
    right, bottom = corner(column + size, row + size, west=west, north=north, step_deg=step_deg)
    return shapely.box(left, bottom, right, top)


def corner(
    column: float,
    row: float,
    *,
    west: float = WEST,
    north: float = NORTH,
    step_deg: float = STEP_DEG,
) -> tuple[float, float]:
    """Return longitude and latitude of a corner of a drawing, rounded so that all agree."""
    return round(west + column * step_deg, 9), round(north - row * step_deg, 9)
