"""The street plan: arterials, a river with its banks, secondary streets, and the grids between.

Four by three superblocks lie between arterials that bend, lean and meet at odd angles; the lowest
inner row line is the river. Each superblock is one community and is cut by secondary and tertiary
streets into five grids. A cut ends on a street without crossing it (a T), unless the superblock
beyond happens to be cut at the same place, where it goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from geo.demo.names import NameDrawer
from geo.demo.plane import FloatArray
from geo.demo.polylines import Quad, offset, smooth

COLUMNS_M = (-1450.0, -790.0, -40.0, 660.0, 1450.0)
ROWS_M = (-1150.0, -390.0, 400.0, 1150.0)
RIVER_ROW = 1
TILT = np.radians(8.0)
_PIECES = 8  # vertices of an arterial from one node to the next

# Width from kerb to kerb with the pavements [m], by class of road (OpenStreetMap's words).
ROAD_WIDTH_M = {
    "primary": 40.0,
    "secondary": 26.0,
    "tertiary": 18.0,
    "residential": 11.0,
    "living_street": 6.0,
    "footway": 3.0,
}


@dataclass(frozen=True, slots=True, eq=False)
class Road:
    """A named street from end to end. Numbers rise along `line` [m], odd on its left."""

    name: str
    road_class: str
    line: FloatArray

    @property
    def width_m(self) -> float:
        return ROAD_WIDTH_M[self.road_class]


@dataclass(frozen=True, slots=True, eq=False)
class GridQuad:
    """One grid before it has a code: where it lies and which superblock (column, row) holds it."""

    column: int
    row: int
    quad: Quad


@dataclass
class StreetPlan:
    """What `plan_streets` answers; all geometry in metres on the city's plane."""

    district: shapely.Polygon
    grid_quads: list[GridQuad]
    border_lines: list[FloatArray]
    """Every line that bounds a grid: the linework the tiling is polygonised from."""
    roads: list[Road]
    river: shapely.Geometry
    banks: shapely.Geometry
    """River and riverside green between the two riverside roads."""
    river_name: str


def plan_streets(rng: np.random.Generator, names: NameDrawer) -> StreetPlan:
    """Draw the arterials, the river, and the streets that bound grids."""
    nodes = _nodes(rng)
    columns = [_column_edges(nodes[i]) for i in range(len(COLUMNS_M))]
    rows = [_row_edges(nodes[:, j], rng, j == RIVER_ROW) for j in range(len(ROWS_M))]
    district = Quad(
        np.vstack(_joined(rows[0])),
        np.vstack(_joined(columns[-1])),
        np.vstack(_joined(rows[-1])),
        np.vstack(_joined(columns[0])),
    ).polygon
    river_name, river, banks, bank_roads = _river(rows[RIVER_ROW], district, names, rng)
    roads = _arterials(columns, rows, names) + bank_roads
    border_lines = [edge for line in (*columns, *rows) for edge in line]

    crossing = {
        "row": rng.uniform(0.40, 0.60, (len(ROWS_M), len(COLUMNS_M) - 1)),
        "column": rng.uniform(0.40, 0.60, (len(COLUMNS_M), len(ROWS_M) - 1)),
    }
    grid_quads: list[GridQuad] = []
    streets: list[tuple[str, FloatArray]] = []
    for i in range(len(COLUMNS_M) - 1):
        for j in range(len(ROWS_M) - 1):
            block = Quad(rows[j][i], columns[i + 1][j], rows[j + 1][i], columns[i][j])
            quads, cuts = _five_grids(
                block,
                rng,
                south=crossing["row"][j, i],
                north=crossing["row"][j + 1, i],
                west=crossing["column"][i, j],
                east=crossing["column"][i + 1, j],
            )
            grid_quads += [GridQuad(i, j, quad) for quad in quads]
            streets += cuts
    border_lines += [line for _, line in streets]
    roads += [
        Road(names.stem() + names.choice(("路", "街")), road_class, line)
        for road_class, line in streets
    ]
    return StreetPlan(
        district=district,
        grid_quads=grid_quads,
        border_lines=border_lines,
        roads=_keep_off_the_river(roads, banks),
        river=river,
        banks=banks,
        river_name=river_name,
    )


def _nodes(rng: np.random.Generator) -> FloatArray:
    """Where arterials meet, (columns, rows, 2): jittered, bent by two slow waves, tilted."""
    u, v = np.meshgrid(COLUMNS_M, ROWS_M, indexing="ij")
    phase = rng.uniform(0, 2 * np.pi, 4)
    x = u + 85 * np.sin(v / 800 + phase[0]) + 25 * np.sin(u / 450 + phase[1])
    y = v + 75 * np.sin(u / 900 + phase[2]) + 20 * np.sin(v / 400 + phase[3])
    jitter = rng.uniform(-45, 45, (*u.shape, 2))
    plane = np.stack([x, y], axis=-1) + jitter
    turn = np.array([[np.cos(TILT), np.sin(TILT)], [-np.sin(TILT), np.cos(TILT)]])
    return np.asarray(plane @ turn)


def _column_edges(nodes: FloatArray) -> list[FloatArray]:
    line = smooth(nodes, _PIECES)
    return [line[k * _PIECES : (k + 1) * _PIECES + 1] for k in range(len(nodes) - 1)]


def _row_edges(nodes: FloatArray, rng: np.random.Generator, winding: bool) -> list[FloatArray]:
    """A row line in edges from node to node; the river swings out between its nodes."""
    if not winding:
        return _column_edges(nodes)
    swing = rng.uniform(45, 80, len(nodes) - 1) * np.where(np.arange(len(nodes) - 1) % 2, 1, -1)
    knots = [nodes[0]]
    for k, start in enumerate(nodes[:-1]):
        end = nodes[k + 1]
        knots += [(start + end) / 2 + np.array([0.0, swing[k]]), end]
    line = smooth(np.array(knots), _PIECES)
    span = 2 * _PIECES
    return [line[k * span : (k + 1) * span + 1] for k in range(len(nodes) - 1)]


def _joined(edges: list[FloatArray]) -> list[FloatArray]:
    return [edges[0], *[edge[1:] for edge in edges[1:]]]


def _river(
    edges: list[FloatArray],
    district: shapely.Polygon,
    names: NameDrawer,
    rng: np.random.Generator,
) -> tuple[str, shapely.Geometry, shapely.Geometry, list[Road]]:
    """The river along its row line, its green banks, and a road on either bank."""
    line = np.vstack(_joined(edges))
    # Past the district's edge, so that clipping ends the banks exactly on its border.
    head, tail = line[0] - line[1], line[-1] - line[-2]
    line = np.vstack(
        [line[0] + 200 * head / np.hypot(*head), line, line[-1] + 200 * tail / np.hypot(*tail)]
    )
    waves = np.sin(np.linspace(0, 7, len(line)) + rng.uniform(0, 6))
    half_width = 30 + 6 * waves
    name = names.stem() + "河"
    north, south = offset(line, 62.0), offset(line, -62.0)
    river = shapely.Polygon(np.vstack([offset(line, half_width), offset(line, -half_width)[::-1]]))
    banks = shapely.Polygon(np.vstack([north, south[::-1]]))
    roads = []
    for side, bank in (("北", north), ("南", south)):
        clipped = shapely.intersection(shapely.LineString(bank), district)
        stem = name.removesuffix("河")
        roads.append(Road(f"{stem}河{side}路", "secondary", shapely.get_coordinates(clipped)))
    return (
        name,
        shapely.intersection(river, district),
        shapely.intersection(banks, district),
        roads,
    )


def _arterials(
    columns: list[list[FloatArray]], rows: list[list[FloatArray]], names: NameDrawer
) -> list[Road]:
    """Arterials by name: ring roads on the border, the others split into halves at the centre."""
    roads = []
    last_column, last_row = len(columns) - 1, len(rows) - 1
    for i, edges in enumerate(columns):
        whole = np.vstack(_joined(edges))[::-1]  # numbered from north to south
        if i in (0, last_column):
            roads.append(Road(f"环城{'西' if i == 0 else '东'}路", "primary", whole))
            continue
        stem = names.stem()
        north = np.vstack(_joined(edges[RIVER_ROW:]))  # outwards from the river
        south = np.vstack(_joined(edges[:RIVER_ROW]))[::-1]
        roads.append(Road(f"{stem}北大街", "primary", north))
        roads.append(Road(f"{stem}南大街", "primary", south))
    middle = last_column // 2
    for j, edges in enumerate(rows):
        if j == RIVER_ROW:
            continue
        if j in (0, last_row):
            roads.append(
                Road(f"环城{'南' if j == 0 else '北'}路", "primary", np.vstack(_joined(edges)))
            )
            continue
        stem = names.stem()
        west = np.vstack(_joined(edges[:middle]))[::-1]  # outwards from the central street
        east = np.vstack(_joined(edges[middle:]))
        roads.append(Road(f"{stem}西路", "primary", west))
        roads.append(Road(f"{stem}东路", "primary", east))
    return roads


def _five_grids(
    block: Quad,
    rng: np.random.Generator,
    *,
    south: float,
    north: float,
    west: float,
    east: float,
) -> tuple[list[Quad], list[tuple[str, FloatArray]]]:
    """Cut a superblock into two grids and three; the five, and the streets with their class."""
    upright = bool(rng.integers(2))
    bows = rng.uniform(-14, 14, 4)
    if upright:
        first, second, street = block.cut_upright(south, north, bows[0])
    else:
        first, second, street = block.cut_level(west, east, bows[0])
    streets = [("secondary", street)]
    halves = [first, second]
    if rng.integers(2):
        halves.reverse()
    pair, triple = halves
    inner = float(rng.uniform(0.42, 0.58))

    def across(quad: Quad, start: float, end: float, bow: float) -> tuple[Quad, Quad]:
        cutter = quad.cut_level if upright else quad.cut_upright
        low, high, line = cutter(start, end, bow)
        streets.append(("tertiary", line))
        return low, high

    quads = list(across(pair, inner, inner + rng.uniform(-0.05, 0.05), bows[1]))
    if rng.integers(2):
        # Three in a row.
        low, rest = across(triple, rng.uniform(0.30, 0.37), rng.uniform(0.30, 0.37), bows[2])
        quads += [low, *across(rest, rng.uniform(0.46, 0.54), rng.uniform(0.46, 0.54), bows[3])]
    else:
        # One on the whole breadth, two beside each other behind it: a T.
        low, rest = across(triple, rng.uniform(0.36, 0.42), rng.uniform(0.36, 0.42), bows[2])
        cutter = rest.cut_upright if upright else rest.cut_level
        one, other, line = cutter(rng.uniform(0.44, 0.56), rng.uniform(0.44, 0.56), bows[3])
        streets.append(("tertiary", line))
        quads += [low, one, other]
    return quads, streets


def _keep_off_the_river(roads: list[Road], banks: shapely.Geometry) -> list[Road]:
    """End streets at the riverside roads. Arterials cross: those are the bridges."""
    kept = []
    for road in roads:
        line = shapely.LineString(road.line)
        if road.road_class == "primary" or not shapely.crosses(line, banks):
            kept.append(road)
            continue
        parts = shapely.get_parts(shapely.difference(line, banks))
        longest = parts[np.argmax(shapely.length(parts))]
        kept.append(Road(road.name, road.road_class, shapely.get_coordinates(longest)))
    return kept


def node_roads(roads: list[Road]) -> list[tuple[Road, FloatArray]]:
    """Cut the streets wherever they meet, so that every junction is a vertex of all its streets.

    Returns the pieces in the order of `roads`, each with the road it belongs to; coordinates are
    on a grid of 1 cm.
    """
    lines = np.array([shapely.LineString(road.line) for road in roads], dtype=object)
    noded = shapely.get_parts(shapely.union_all(lines, grid_size=0.01))
    tree = shapely.STRtree(lines)
    middles = shapely.line_interpolate_point(noded, 0.5, normalized=True)
    owner = tree.nearest(middles)
    pieces = []
    for index, road in enumerate(roads):
        line = lines[index]
        own = noded[owner == index]
        along = shapely.line_locate_point(line, middles[owner == index])
        for piece in own[np.argsort(along, kind="stable")]:
            xy = shapely.get_coordinates(piece)
            ends = shapely.line_locate_point(line, shapely.points(xy[[0, -1]]))
            pieces.append((road, xy if ends[0] <= ends[1] else xy[::-1]))
    return pieces
