"""A road network as the lines that blocks are made of."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from geo.roads.network import RoadNetwork


def roads_of_network(network: RoadNetwork) -> gpd.GeoDataFrame:
    """Return the lines of a network, column `road_class`, EPSG:4326."""
    owner = np.repeat(np.arange(network.line_count), np.diff(network.line_first_point))
    lines = shapely.linestrings(network.points, indices=owner)
    classes = np.array(network.class_names, object)[network.line_class]
    return gpd.GeoDataFrame({"road_class": classes}, geometry=lines, crs="EPSG:4326")


def crossings_of(network: RoadNetwork) -> NDArray[np.float64]:
    """Return where three roads or more meet, (n, 2) longitude, latitude: a stand-in for where
    people are in a city of which only roads are known."""
    meets = np.bincount(network.line_nodes.ravel(), minlength=network.node_count)
    return np.asarray(network.node_xy[meets >= 3], float)
