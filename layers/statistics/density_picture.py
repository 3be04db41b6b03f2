"""Kernel density: a smooth picture of where events lie. A picture, not a ranking.

It carries events into streets and parks where none happen, by as much as its bandwidth says; in the
backtests of docs/hotspots.md it catches far less than plain counts. So it is drawn, with its
bandwidth in metres, and never ranks.

Source: Silverman 1986 (Gaussian kernel); the comparison: `python -m bench.hotspots`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import h3.api.basic_int as h3
import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix, diags
from scipy.spatial import cKDTree

from geo.errors import InvalidInput
from geo.h3_cells import h3_cell_centres, h3_cell_resolution
from geo.local_plane import LocalPlane

REACH = 3.0  # bandwidths; a Gaussian holds 1.1 % of its mass beyond
BANDWIDTH_M = 300.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DensityPicture:
    """`density` : (n,) events per km2 at the centre of each cell, within the period counted."""

    density: Floats
    bandwidth_m: float
    n_events: int
    method: str


def density_picture(
    counts: ArrayLike, h3_cells: ArrayLike, *, bandwidth_m: float = BANDWIDTH_M
) -> DensityPicture:
    """Return the kernel density at the centres of some cells.

    density = sum of counts exp(-d2 / (2 h2)) / (2 pi h2), d between centres, h the bandwidth.
    Events are taken to lie at the centre of their cell, so h is at least a cell's edge.

    Parameters
    ----------
    counts : (n,) events of each cell
    h3_cells : (n,) of one resolution
    bandwidth_m : [m]

    Raises
    ------
    InvalidInput : lengths differ, or the bandwidth is narrower than a cell's edge
    """
    events = np.asarray(counts, dtype=float)
    cells = np.asarray(h3_cells, dtype=np.int64)
    if events.shape != cells.shape:
        raise InvalidInput(
            f"{len(events)} counts were given for {len(cells)} cells, wanted one each."
        )
    edge_m = edge_m_of(cells)
    if not bandwidth_m >= edge_m:
        raise InvalidInput(
            f"The bandwidth is {bandwidth_m:g} m, narrower than a cell's edge of {edge_m:.0f} m. "
            "Take a wider one, or finer cells.",
            got=bandwidth_m,
        )
    weights = gaussian_weights(cells, bandwidth_m=bandwidth_m)
    density: Floats = (weights @ events) * 1e6 / (2 * np.pi * bandwidth_m**2)
    return DensityPicture(
        density=density,
        bandwidth_m=bandwidth_m,
        n_events=round(float(events.sum())),
        method=(
            f"Gaussian kernel density, bandwidth {bandwidth_m:.0f} m, events per km2. A picture: "
            "it spreads events over places where none happen, and doesn't rank."
        ),
    )


def edge_m_of(h3_cells: ArrayLike) -> float:
    """Return the edge of cells of one resolution [m], in the mean of all on earth; 0 of none."""
    cells = np.asarray(h3_cells, dtype=np.int64)
    if not len(cells):
        return 0.0
    return float(h3.average_hexagon_edge_length(int(h3_cell_resolution(cells[:1])[0]), unit="m"))


def gaussian_weights(h3_cells: ArrayLike, *, bandwidth_m: float) -> Any:
    """Return exp(-d2 / (2 h2)) between the centres of all pairs of cells up to `REACH` apart.

    Returns
    -------
    (n, n) sparse, 1 on the diagonal
    """
    cells = np.asarray(h3_cells, dtype=np.int64)
    if not len(cells):
        return csr_matrix((0, 0))
    lon, lat = h3_cell_centres(cells)
    plane = LocalPlane.around(shapely.points([lon.min(), lon.max()], [lat.min(), lat.max()]))
    tree = cKDTree(plane.points_to_metres(lon, lat))
    apart = tree.sparse_distance_matrix(tree, REACH * bandwidth_m, output_type="coo_matrix").tocsr()
    apart.data = np.exp(-0.5 * (apart.data / bandwidth_m) ** 2)
    return (apart + diags(1.0 - apart.diagonal())).tocsr()
