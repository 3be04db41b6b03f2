"""H3 cells: points into cells, cells into polygons, areas, parents, and the overlap with an area.

A cell travels as a 64-bit number (bigint in the store). H3 itself takes latitude first; that is
turned here and nowhere else. `h3_cell_parent` has a twin in SQL of the same name
(`geo/store/functions/h3_cell_parent.sql`).

h3ronpy (h3o in Rust) does the bulk and releases the interpreter's lock; it answers the same cells
as the C library for all points tried and is quicker (`bench.assign`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, overload

import h3.api.basic_int as h3
import h3ronpy
import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj
import shapely
from h3ronpy import ContainmentMode
from h3ronpy.vector import (
    cells_to_coordinates,
    cells_to_wkb_polygons,
    coordinates_to_cells,
    wkb_to_cells,
)
from numpy.typing import ArrayLike, NDArray

from geo.crs import geodesic_area_m2, to_local_metres
from geo.errors import InvalidCoordinate, InvalidH3Cell, InvalidInput

STORED_RESOLUTION = 12
"""The resolution cells are stored at: about 307 m2 a cell, finer than any coarser question."""

NO_CELL = 0
"""What a missing point answers: H3's own null. Store it as NULL."""

MAX_CELLS = 2_000_000
"""The most cells one area may be cut into, about 600 km2 at the stored resolution."""

CellArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_RESOLUTION_SHIFT = 52
_RESOLUTION_MASK = 0xF << _RESOLUTION_SHIFT
_MAX_RESOLUTION = 15
_DIGIT_BITS = 3
# Lambert's cylindrical equal-area projection (EASE-Grid 2.0): areas in it are areas on the
# spheroid, so pieces of one area add up to it exactly.
_EQUAL_AREA_EPSG = 6933
_PIECE_VERTICES = 256


@overload
def lonlat_to_h3_cell(lon: float, lat: float, resolution: int = STORED_RESOLUTION) -> int: ...
@overload
def lonlat_to_h3_cell(
    lon: ArrayLike, lat: ArrayLike, resolution: int = STORED_RESOLUTION
) -> CellArray: ...
def lonlat_to_h3_cell(lon: ArrayLike, lat: ArrayLike, resolution: int = STORED_RESOLUTION) -> Any:
    """Return the H3 cell of each point.

    Parameters
    ----------
    lon, lat : (n,) or numbers, degrees, WGS 84; NaN where unknown
    resolution : 0 to 15

    Returns
    -------
    (n,) int64, or an int; `NO_CELL` where a point is unknown

    Raises
    ------
    InvalidCoordinate : a point is out of range or infinite (`rows`: their positions)
    InvalidH3Cell : the resolution is out of range
    """
    _check_resolution(resolution)
    x, y = np.broadcast_arrays(np.asarray(lon, float), np.asarray(lat, float))
    flat_x, flat_y = x.ravel(), y.ravel()
    unknown = np.isnan(flat_x) | np.isnan(flat_y)
    # h3 would wrap a longitude of 400 or a latitude of 95 around without a word.
    bad = ~unknown & ~((np.abs(flat_x) <= 180) & (np.abs(flat_y) <= 90))
    if bad.any():
        rows = np.flatnonzero(bad)
        raise InvalidCoordinate(
            f"{len(rows)} points are out of range; the first, row {rows[0]}, is "
            f"({flat_x[rows[0]]:g}, {flat_y[rows[0]]:g}). Give degrees of WGS 84, longitude first.",
            rows=rows.tolist(),
        )
    found = np.full(flat_x.shape, NO_CELL, dtype=np.int64)
    known = ~unknown
    found[known] = _int64(coordinates_to_cells(flat_y[known], flat_x[known], resolution))
    return int(found[0]) if x.ndim == 0 else found.reshape(x.shape)


@overload
def h3_cell_parent(cells: int, resolution: int) -> int: ...
@overload
def h3_cell_parent(cells: ArrayLike, resolution: int) -> CellArray: ...
def h3_cell_parent(cells: ArrayLike, resolution: int) -> Any:
    """Return the cell of a coarser resolution that each cell belongs to, by bit arithmetic.

    Bits 52-55 hold the resolution; below them stand 15 digits of three bits, coarse to fine, and
    the ones not used are 7. `NO_CELL` stays `NO_CELL`.

    Raises
    ------
    InvalidH3Cell : the resolution is out of range, or finer than a cell's own
    """
    _check_resolution(resolution)
    array = np.asarray(cells, dtype=np.int64)
    own = (array & _RESOLUTION_MASK) >> _RESOLUTION_SHIFT
    too_coarse = (own < resolution) & (array != NO_CELL)
    if too_coarse.any():
        raise InvalidH3Cell(
            f"A cell of resolution {own[too_coarse].flat[0]} has no parent of resolution "
            f"{resolution}. Ask for {own[too_coarse].flat[0]} or less.",
            resolution=resolution,
        )
    unused = (1 << _DIGIT_BITS * (_MAX_RESOLUTION - resolution)) - 1
    parent = (array & ~_RESOLUTION_MASK) | (resolution << _RESOLUTION_SHIFT) | unused
    parent = np.where(array == NO_CELL, NO_CELL, parent)
    return int(parent) if array.ndim == 0 else parent


def h3_cell_resolution(cells: ArrayLike) -> NDArray[np.int64]:
    """Return the resolution of each cell, 0 to 15."""
    return (np.asarray(cells, dtype=np.int64) & _RESOLUTION_MASK) >> _RESOLUTION_SHIFT


def h3_cell_polygons(cells: ArrayLike) -> NDArray[np.object_]:
    """Return the outline of each cell, EPSG:4326, longitude first.

    A cell that crosses the antimeridian reaches beyond 180 degrees east, so that it stays whole.

    Raises
    ------
    InvalidH3Cell : a number is no cell
    """
    array = _checked(cells)
    outlines = np.asarray(
        shapely.from_wkb(np.asarray(cells_to_wkb_polygons(array.view(np.uint64)), dtype=object)),
        dtype=object,
    )
    if len(outlines):
        bounds = shapely.bounds(outlines)
        torn = bounds[:, 2] - bounds[:, 0] > 180
        if torn.any():
            outlines[torn] = shapely.transform(outlines[torn], _beyond_180)
    return outlines


def h3_cell_centres(cells: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return longitude and latitude [degrees] of the centre of each cell.

    Raises
    ------
    InvalidH3Cell : a number is no cell
    """
    centres = cells_to_coordinates(_checked(cells).view(np.uint64))
    return np.asarray(centres["lng"], dtype=float), np.asarray(centres["lat"], dtype=float)


def h3_cell_area_m2(cells: ArrayLike) -> FloatArray:
    """Return the real area of each cell on the spheroid [m2].

    h3 gives the area on a sphere of equal surface, up to 0.7 % off; the ratio of the two surfaces
    at the cell's latitude puts that right. Checked against the geodesic area of the outline.

    Raises
    ------
    InvalidH3Cell : a number is no cell
    """
    array = _checked(cells)
    on_sphere = np.asarray(h3ronpy.cells_area_m2(array.view(np.uint64)), dtype=float)
    lat = np.radians(h3_cell_centres(array)[1])
    return on_sphere * _spheroid_to_sphere(lat)


def polygon_to_h3_cells(polygon: Any, resolution: int) -> pd.DataFrame:
    """Return every cell that shares area with a polygon, with both shares.

    Cells that only touch the border aren't listed. The shares of the area add up to 1.

    Parameters
    ----------
    polygon : valid shapely Polygon or MultiPolygon, EPSG:4326, not over the antimeridian
    resolution : 0 to 15

    Returns
    -------
    (n_cells,) columns `h3_cell` int64, ascending; `share_of_area`: the share of the polygon's area
    that lies in the cell; `share_of_h3_cell`: the share of the cell's area that lies in the
    polygon

    Raises
    ------
    InvalidH3Cell : the resolution is out of range
    InvalidInput : no valid polygon, or one that needs more than `MAX_CELLS` cells
    """
    shares = polygons_to_h3_cells([polygon], resolution)
    return shares.drop(columns="position")


def polygons_to_h3_cells(polygons: Any, resolution: int) -> pd.DataFrame:
    """Return what `polygon_to_h3_cells` does, of many polygons at once, several times as fast.

    Polygons side by side share cells, and each cell is drawn once.

    Parameters
    ----------
    polygons : (n,) as there; no more than about a million cells together fit well into memory

    Returns
    -------
    (n_pairs,) `position` of the polygon, `h3_cell`, `share_of_area`, `share_of_h3_cell`; by
    position, then cell

    Raises
    ------
    InvalidH3Cell, InvalidInput : as there
    """
    _check_resolution(resolution)
    cut_up: list[Any] = []
    owners: list[int] = []
    for position, polygon in enumerate(polygons):
        _check_polygon(polygon, resolution)
        # A border of 1e6 vertices against every cell on it takes a minute: cut it up first.
        before = len(cut_up)
        cut_up.extend(_pieces(polygon))
        owners.extend([position] * (len(cut_up) - before))
    if not cut_up:
        empty = {"position": np.int64, "h3_cell": np.int64, "share_of_area": float}
        return pd.DataFrame(columns=[*empty, "share_of_h3_cell"]).astype(
            {**empty, "share_of_h3_cell": float}
        )
    covering = wkb_to_cells(
        shapely.to_wkb(np.array(cut_up, dtype=object)),
        resolution,
        containment_mode=ContainmentMode.Covers,
        flatten=False,
    )
    lists = pa.array(covering)
    counts = np.asarray(lists.value_lengths())
    cells, cell = np.unique(_int64(lists.flatten()), return_inverse=True)
    piece = np.repeat(np.arange(len(cut_up)), counts)
    equal_area = pyproj.CRS.from_epsg(_EQUAL_AREA_EPSG)
    outlines, _ = to_local_metres(h3_cell_polygons(cells), equal_area)
    pieces, _ = to_local_metres(np.array(cut_up, dtype=object), equal_area)
    cell_m2 = shapely.area(outlines)
    shapely.prepare(pieces)
    cut = cell_m2[cell]
    border = ~shapely.contains_properly(pieces[piece], outlines[cell])  # most need no cutting
    cut[border] = shapely.area(shapely.intersection(outlines[cell[border]], pieces[piece[border]]))
    pairs = pd.DataFrame({"position": np.array(owners)[piece], "cell": cell, "m2": cut})
    shared = pairs[pairs["m2"] > 0].groupby(["position", "cell"], sort=True)["m2"].sum()
    owner = shared.index.get_level_values("position").to_numpy(dtype=np.int64)
    at = shared.index.get_level_values("cell").to_numpy(dtype=np.int64)
    shared_m2 = shared.to_numpy(dtype=float)
    return pd.DataFrame(
        {
            "position": owner,
            "h3_cell": cells[at],
            "share_of_area": shared_m2 / np.bincount(owner, weights=shared_m2)[owner],
            "share_of_h3_cell": np.minimum(shared_m2 / cell_m2[at], 1.0),
        }
    )


def parse_h3_cell(text: str) -> int:
    """Return the cell a text names: 15 or 16 hexadecimal digits, or the decimal number.

    Raises
    ------
    InvalidH3Cell : it is neither, or names no cell
    """
    given = text.strip().lower()
    number = 0
    if re.fullmatch(r"0?8[0-9a-f]{14}", given):
        number = int(given, 16)
    elif re.fullmatch(r"[0-9]{18,19}", given):
        number = int(given)
    if number >= 1 << 63 or not h3.is_valid_cell(number):
        raise InvalidH3Cell(
            f"“{given[:40]}” is no H3 cell. Give its 15 hexadecimal digits, such as "
            f"8c31ab5a4a1a1ff, or its decimal number."
        )
    return number


def h3_cell_to_text(h3_cell: int) -> str:
    """Return the 15 hexadecimal digits H3's own tools use."""
    return f"{h3_cell:x}"


def _check_resolution(resolution: int) -> None:
    if not 0 <= resolution <= _MAX_RESOLUTION:
        raise InvalidH3Cell(
            f"The resolution is {resolution}, wanted 0 to {_MAX_RESOLUTION}.", resolution=resolution
        )


def _checked(cells: ArrayLike) -> CellArray:
    array = np.ascontiguousarray(np.atleast_1d(np.asarray(cells, dtype=np.int64)))
    valid = np.asarray(h3ronpy.cells_valid(array.view(np.uint64), booleanarray=True), dtype=bool)
    if not valid.all():
        first = array[~valid][0]
        raise InvalidH3Cell(
            f"{(~valid).sum()} of {len(array)} numbers are no H3 cells; the first is {first}. "
            f"Make cells with geo.h3_cells.lonlat_to_h3_cell."
        )
    return array


def _check_polygon(polygon: Any, resolution: int) -> None:
    kind = getattr(polygon, "geom_type", type(polygon).__name__)
    if kind not in ("Polygon", "MultiPolygon") or polygon.is_empty:
        raise InvalidInput(f"Wanted a polygon with an area, got {kind}. Drop the empty ones first.")
    if not shapely.is_valid(polygon):
        raise InvalidInput(
            f"The polygon is broken: {shapely.is_valid_reason(polygon)}. Mend it first."
        )
    west, south, east, north = shapely.bounds(polygon)
    if west < -180 or east > 180 or south < -90 or north > 90 or east - west >= 180:
        raise InvalidInput(
            f"The polygon reaches from ({west:g}, {south:g}) to ({east:g}, {north:g}), wanted "
            f"degrees of WGS 84, not over the antimeridian."
        )
    wanted = geodesic_area_m2([polygon])[0] / h3.average_hexagon_area(resolution, unit="m^2")
    if wanted > MAX_CELLS:
        raise InvalidInput(
            f"The polygon needs about {wanted:,.0f} cells of resolution {resolution}, at most "
            f"{MAX_CELLS:,} are cut at once. Ask for a coarser resolution.",
            wanted=int(wanted),
        )


def _pieces(polygon: Any) -> Iterator[Any]:
    """Halve a polygon along its longer side until each piece has few vertices."""
    for part in shapely.get_parts(polygon):
        if shapely.get_dimensions(part) < 2:
            continue  # halving can leave a point or a line, which share no area
        if shapely.get_num_coordinates(part) <= _PIECE_VERTICES:
            yield part
            continue
        west, south, east, north = shapely.bounds(part)
        x, y = (west + east) / 2, (south + north) / 2
        halves = (
            (shapely.box(west, south, x, north), shapely.box(x, south, east, north))
            if east - west > north - south
            else (shapely.box(west, south, east, y), shapely.box(west, y, east, north))
        )
        for half in halves:
            yield from _pieces(shapely.intersection(part, half))


def _beyond_180(lonlat: FloatArray) -> FloatArray:
    moved = lonlat.copy()
    moved[moved[:, 0] < 0, 0] += 360
    return moved


def _spheroid_to_sphere(lat_rad: FloatArray) -> FloatArray:
    """Return M * N / R2: the surface of the spheroid over that of the sphere of equal surface."""
    geod = pyproj.Geod(ellps="WGS84")
    e2 = geod.es
    authalic2 = geod.a**2 / 2 * (1 + (1 - e2) / np.sqrt(e2) * np.arctanh(np.sqrt(e2)))
    ratio: FloatArray = geod.a**2 * (1 - e2) / (1 - e2 * np.sin(lat_rad) ** 2) ** 2 / authalic2
    return ratio


def _int64(arrow_array: Any) -> CellArray:
    return np.asarray(arrow_array, dtype=np.uint64).view(np.int64)
