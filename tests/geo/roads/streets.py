"""Draw the streets: networks from a few lines of text, so that a test shows its map.

    network = streets('''
        A-B>C
        | |
        D-E F
    ''')

Letters are crossings, 100 m apart; `-` and `|` are streets open both ways, `>`, `<`, `^` and `v`
one-way for vehicles. The first line is the north.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np

from geo.geodesy import geodesic_distance_m
from geo.roads.build import build_road_network
from geo.roads.lines import RoadLines, RoadLinesBuilder
from geo.roads.modes import ALL_MODES, VEHICLES, TravelMode
from geo.roads.network import RoadNetwork
from geo.roads.speeds import SpeedProfile

WEST, NORTH = 112.55, 37.88
STEP_M = 100.0
LAT_DEG = STEP_M / geodesic_distance_m(WEST, NORTH - 0.0005, WEST, NORTH + 0.0005) * 0.001
LON_DEG = STEP_M / geodesic_distance_m(WEST - 0.0005, NORTH, WEST + 0.0005, NORTH) * 0.001
TEN_MPS = SpeedProfile(TravelMode.CAR, {"road": 36.0}, source="test: 100 m in 10 s")
BACKWARDS = "<v"


def place(column: float, row: float) -> tuple[float, float]:
    """Longitude and latitude of a crossing's column and row, fractions between them."""
    return WEST + column * LON_DEG, NORTH - row * LAT_DEG


def street_lines(
    drawing: str,
    *,
    names: Mapping[str, str] | None = None,
    classes: Mapping[str, str] | None = None,
) -> RoadLines:
    """Return the streets of a drawing; `names` and `classes` by the two letters they join."""
    rows = textwrap.dedent(drawing).strip("\n").splitlines()
    cells = {(c, r): ch for r, row in enumerate(rows) for c, ch in enumerate(row) if ch != " "}
    letters = sorted(ch for ch in cells.values() if ch.isalpha() and ch != "v")
    number = {letter: k for k, letter in enumerate(letters)}
    found = []
    for (column, row), sign in sorted(cells.items()):
        if sign in number:
            continue
        step = (1, 0) if sign in "-<>" else (0, 1)
        a = cells[(column - step[0], row - step[1])]
        b = cells[(column + step[0], row + step[1])]
        ends = [((column - step[0]) / 2, (row - step[1]) / 2)]
        ends.append(((column + step[0]) / 2, (row + step[1]) / 2))
        is_one_way = sign in "<>^v"
        if sign in "<^":
            a, b, ends = b, a, ends[::-1]
        found.append((a, b, [place(*end) for end in ends], is_one_way))
    builder = RoadLinesBuilder()
    builder.add(
        xy=np.array([end for _, _, ends, _ in found for end in ends]),
        point_counts=np.full(len(found), 2),
        node_keys=np.array([number[ch] for a, b, _, _ in found for ch in (a, b)]),
        classes=[(classes or {}).get(a + b, "residential") for a, b, _, _ in found],
        names=[(names or {}).get(a + b) for a, b, _, _ in found],
        forward_modes=np.full(len(found), ALL_MODES, np.uint8),
        backward_modes=np.array(
            [ALL_MODES & ~VEHICLES if one_way else ALL_MODES for *_, one_way in found], np.uint8
        ),
        limit_kmh=np.zeros(len(found), np.float32),
        source_ids=np.arange(len(found)) + 1,
    )
    return builder.build()


def streets(drawing: str, **options: Mapping[str, str]) -> RoadNetwork:
    """Return the network of a drawing."""
    return build_road_network(street_lines(drawing, **options))
