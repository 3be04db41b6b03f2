"""How many standard addresses lie in each H3 cell, in cells as large as the zoom asks for.

Cells are shown whole: a cell at the edge of the frame counts its addresses outside the frame too,
so that a number doesn't change while the map is dragged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import h3.api.basic_int as h3
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.errors import InvalidInput
from geo.h3_cells import STORED_RESOLUTION, h3_cell_parent, h3_cell_polygons
from geo.values import GridScope

ZOOM_MAX = 24
H3_CELLS_MAX = 5_000  # what a browser draws without a stutter
H3_CELL_WIDTH_PX = 30  # narrower hexagons read as noise, and a full screen would exceed the cap
CLASSES_MAX = 6  # more shades of one colour than a reader can tell apart; Brewer 2003
LADDER = (1, 1.5, 2, 3, 4, 5, 7)  # round class breaks: 1, …, 10, 15, 20, 30, 40, 50, 70, 100, …

_EQUATOR_M = 40_075_016.69  # WGS 84; a map 256 pixels wide at zoom 0 shows it once
_METRES_A_DEGREE = 110_574.0  # of latitude at the equator, where a degree is shortest
_SIZE_SPREAD = 1.4  # H3 cells of one resolution differ in edge by less than this; h3geo.org

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class AddressDensityResult:
    """Address counts by H3 cell.

    `h3_cells` : columns `h3_cell` int64, ascending, and `address_count`, never 0; an empty cell
        is not listed
    `outlines` : the polygon of each, EPSG:4326
    `class_breaks` : lower bounds of the classes; class i is [break i, break i + 1), the last open
    `unplaced_count` : addresses the caller may see that have no point, so no cell
    """

    bbox: Bounds
    zoom: int
    resolution: int
    h3_cells: pd.DataFrame
    outlines: NDArray[np.object_]
    class_breaks: tuple[int, ...]
    address_count: int
    unplaced_count: int
    method: str

    @property
    def class_counts(self) -> tuple[int, ...]:
        """How many cells each class holds."""
        if not self.class_breaks:
            return ()
        edges = [*self.class_breaks, np.inf]
        return tuple(np.histogram(self.h3_cells["address_count"], edges)[0].tolist())


def address_density(
    counts: pd.DataFrame, *, bbox: Bounds, zoom: int, resolution: int, unplaced_count: int
) -> AddressDensityResult:
    """Return the counts of the cells that reach into a frame, in cells few enough to draw.

    Where more than `H3_CELLS_MAX` reach in, they are gathered into coarser ones: the sum stays.

    Parameters
    ----------
    counts : (n,) columns `h3_cell` (one resolution, at least `resolution`), `address_count`
    bbox : west, south, east, north [degrees, WGS 84]
    resolution : of the cells wanted
    """
    frame = shapely.box(*bbox)
    while True:
        gathered = _gathered(counts, resolution)
        outlines = h3_cell_polygons(gathered["h3_cell"])
        inside = shapely.intersects(outlines, frame)
        if inside.sum() <= H3_CELLS_MAX or resolution == 0:
            break
        resolution -= 1
    shown = gathered[inside].reset_index(drop=True)
    return AddressDensityResult(
        bbox=bbox,
        zoom=zoom,
        resolution=resolution,
        h3_cells=shown,
        outlines=outlines[inside],
        class_breaks=round_class_breaks(shown["address_count"].to_numpy()),
        address_count=int(shown["address_count"].sum()),
        unplaced_count=unplaced_count,
        method=(
            f"Current standard addresses counted by H3 cell of resolution {resolution}, the parent "
            f"of the cell stored with each (resolution {STORED_RESOLUTION}). Cells that reach into "
            "the frame are counted whole. Addresses without a point are in no cell."
        ),
    )


def load_address_density(
    session: Session, *, bbox: Bounds, zoom: int, scope: GridScope
) -> AddressDensityResult:
    """Return the address density of a frame at a zoom level.

    Parameters
    ----------
    bbox : west, south, east, north [degrees, WGS 84], not over the antimeridian
    zoom : of a web map with tiles of 256 pixels, 0 to `ZOOM_MAX`

    Raises
    ------
    InvalidInput : the zoom is out of range, or the frame has no area
    """
    if not 0 <= zoom <= ZOOM_MAX:
        raise InvalidInput(f"zoom is {zoom}, wanted 0 to {ZOOM_MAX}.", got=zoom)
    west, south, east, north = bbox
    if west >= east or south >= north:
        raise InvalidInput(
            f"The frame {bbox} has no area. Give west,south,east,north of a frame.", got=bbox
        )
    resolution = min(resolution_of_zoom(zoom, (south + north) / 2), resolution_that_fits(bbox))
    margin = _widened(bbox, resolution)
    rows = session.execute(
        _COUNTS,
        {
            "resolution": resolution,
            "west": margin[0],
            "south": margin[1],
            "east": margin[2],
            "north": margin[3],
            "grid_codes": _codes(scope),
        },
    ).all()
    counts = pd.DataFrame(rows, columns=["h3_cell", "address_count"]).astype("int64")
    unplaced = session.execute(_UNPLACED, {"grid_codes": _codes(scope)}).scalar_one()
    return address_density(
        counts, bbox=bbox, zoom=zoom, resolution=resolution, unplaced_count=unplaced
    )


def resolution_of_zoom(zoom: int, latitude: float) -> int:
    """Return the finest resolution whose cells are `H3_CELL_WIDTH_PX` wide or wider on the map.

    Never finer than what is stored.
    """
    metres_a_pixel = _EQUATOR_M * math.cos(math.radians(latitude)) / 256 / 2**zoom
    for resolution in range(STORED_RESOLUTION, 0, -1):
        width_m = math.sqrt(3) * h3.average_hexagon_edge_length(resolution, unit="m")
        if width_m >= H3_CELL_WIDTH_PX * metres_a_pixel:
            return resolution
    return 0


def resolution_that_fits(bbox: Bounds) -> int:
    """Return the finest resolution of which `H3_CELLS_MAX` cells cover a frame, all of it."""
    west, south, east, north = bbox
    sphere_m2 = 4 * math.pi * (_EQUATOR_M / 2 / math.pi) ** 2
    share = (
        (east - west) / 360 * (math.sin(math.radians(north)) - math.sin(math.radians(south))) / 2
    )
    for resolution in range(STORED_RESOLUTION, 0, -1):
        if share * sphere_m2 <= H3_CELLS_MAX * h3.average_hexagon_area(resolution, unit="m^2"):
            return resolution
    return 0


def round_class_breaks(counts: NDArray[np.int64]) -> tuple[int, ...]:
    """Return at most `CLASSES_MAX` round lower bounds, from 1, of classes about equally full.

    Bounds are quantiles of the counts, brought down to a round number: counts are skewed, so
    even or growing steps would leave most hexagons in one class and the map in one colour. A
    round number seldom changes while the map is dragged, where the bare quantile always would.

    Parameters
    ----------
    counts : (n_h3_cells,) addresses in each, 1 or more

    >>> round_class_breaks(np.arange(1, 101))
    (1, 15, 30, 50, 70)
    """
    if not len(counts):
        return ()
    shares = np.arange(1, CLASSES_MAX) / CLASSES_MAX
    quantiles = np.quantile(counts, shares, method="lower")
    return tuple(sorted({1, *(_round_down(int(quantile)) for quantile in quantiles)}))


def _round_down(count: int) -> int:
    """Return the largest round number up to `count`, 1 or more."""
    power = 10 ** (len(str(count)) - 1)
    return max(int(rung * power) for rung in LADDER if int(rung * power) <= count)


def _gathered(counts: pd.DataFrame, resolution: int) -> pd.DataFrame:
    cells = h3_cell_parent(counts["h3_cell"].to_numpy(), resolution)
    summed = counts["address_count"].groupby(cells).sum()
    return pd.DataFrame(
        {"h3_cell": summed.index.to_numpy("int64"), "address_count": summed.to_numpy("int64")}
    )


def _widened(bbox: Bounds, resolution: int) -> Bounds:
    """Return a frame that holds every address of every cell that reaches into `bbox`.

    A cell is two edges wide; the stored cell of an address may lie over the edge of its parent by
    less than half of that again.
    """
    edge_m = _SIZE_SPREAD * h3.average_hexagon_edge_length(resolution, unit="m")
    reach_m = 3 * edge_m
    south = max(-90.0, bbox[1] - reach_m / _METRES_A_DEGREE)
    north = min(90.0, bbox[3] + reach_m / _METRES_A_DEGREE)
    narrowest = math.cos(math.radians(max(abs(south), abs(north))))
    reach_lon = reach_m / (_METRES_A_DEGREE * narrowest) if narrowest > 1e-6 else 360.0
    return max(-180.0, bbox[0] - reach_lon), south, min(180.0, bbox[2] + reach_lon), north


def _codes(scope: GridScope) -> list[str] | None:
    return None if scope.grid_codes is None else sorted(scope.grid_codes)


_IN_SCOPE = "(CAST(:grid_codes AS text[]) IS NULL OR grid_code = ANY(CAST(:grid_codes AS text[])))"
_COUNTS = text(
    f"""
    SELECT h3_cell_parent(h3_cell, :resolution) AS h3_cell, count(*) AS address_count
    FROM standard_address
    WHERE status = 'current' AND h3_cell IS NOT NULL
      AND geom && ST_MakeEnvelope(:west, :south, :east, :north, 4326)
      AND {_IN_SCOPE}
    GROUP BY 1
    """  # noqa: S608 - the only part put in is a constant of this file
)
_UNPLACED = text(
    f"""
    SELECT count(*) FROM standard_address
    WHERE status = 'current' AND h3_cell IS NULL AND {_IN_SCOPE}
    """  # noqa: S608 - the only part put in is a constant of this file
)
