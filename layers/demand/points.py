"""Demand from points that aren't in the store, or from the roads alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from geo.errors import InvalidFile
from geo.h3_cells import lonlat_to_h3_cell
from geo.response_sites import known_column
from geo.roads.modes import TravelMode
from geo.roads.network import RoadNetwork
from layers.demand.cells import RESOLUTION, Demand


def demand_of_points(
    lon: ArrayLike, lat: ArrayLike, weight: ArrayLike | None = None, *, resolution: int = RESOLUTION
) -> Demand:
    """Return demand by H3 cell, each entered at the middle of its points; all in grid None.

    Parameters
    ----------
    lon, lat : (n,) degrees, WGS 84
    weight : (n,) what each counts; None: 1. It stands as `households` and as `addresses`
    """
    x, y = np.asarray(lon, float), np.asarray(lat, float)
    counts = np.ones(len(x)) if weight is None else np.asarray(weight, float)
    cells, of = np.unique(lonlat_to_h3_cell(x, y, resolution), return_inverse=True)
    number = np.bincount(of)
    sums = np.bincount(of, weights=counts).astype(float)
    return Demand(
        resolution=resolution,
        h3_cell=np.asarray(cells, np.int64),
        grid_code=np.full(len(cells), None, object),
        lon=np.bincount(of, weights=x) / number,
        lat=np.bincount(of, weights=y) / number,
        weights={"households": sums, "addresses": sums, "key_places": np.zeros(len(cells))},
        household_source="points",
    )


def demand_of_roads(network: RoadNetwork, *, resolution: int = RESOLUTION) -> Demand:
    """Return a demand of 1 for each H3 cell in which somebody on foot can stand on a road: for a
    city of which nothing else is known."""
    inside = network.main_component(TravelMode.FOOT)
    xy = network.points[
        np.repeat(inside[network.line_nodes[:, 0]], np.diff(network.line_first_point))
    ]
    found = demand_of_points(xy[:, 0], xy[:, 1], resolution=resolution)
    ones = np.ones(len(found))
    return Demand(
        resolution=resolution, h3_cell=found.h3_cell, grid_code=found.grid_code, lon=found.lon,
        lat=found.lat, weights={**found.weights, "households": ones, "addresses": ones},
        household_source="roads",
    )  # fmt: skip


def read_demand(path: Path, *, resolution: int = RESOLUTION) -> Demand:
    """Return the demand of a file's points, see `read_weighted_points`."""
    points = read_weighted_points(path)
    return demand_of_points(points[:, 0], points[:, 1], points[:, 2], resolution=resolution)


def read_weighted_points(path: Path) -> NDArray[np.float64]:
    """Read points of a CSV or Parquet file with the columns lon, lat and, where they differ,
    weight: (n, 3). Rows without a place are left out.

    Raises
    ------
    InvalidFile : no such columns, no row with a place, a weight below 0
    """
    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InvalidFile(f"{path.name} can't be read as CSV or Parquet: {error}.") from error
    frame = frame.rename(columns=known_column)
    if not {"lon", "lat"} <= set(frame.columns):
        raise InvalidFile(
            f"{path.name} has the columns {', '.join(map(str, frame.columns))[:200]}. Wanted lon, "
            "lat (WGS 84) and, where they differ, weight."
        )
    weight = frame["weight"] if "weight" in frame else pd.Series(1.0, index=frame.index)
    points = np.column_stack(
        [pd.to_numeric(column, errors="coerce") for column in (frame["lon"], frame["lat"], weight)]
    )
    points = points[np.isfinite(points).all(axis=1)]
    outside = (np.abs(points[:, 0]) > 180) | (np.abs(points[:, 1]) > 90)
    if not len(points) or outside.any() or (points[:, 2] < 0).any():
        raise InvalidFile(f"{path.name} has no row with a place, or a value out of range.")
    return np.asarray(points, np.float64)
