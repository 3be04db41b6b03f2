"""The demo city's road network: its streets, a part of them one-way, as a version of the store."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from geo.demo.city import NOTICE
from geo.roads.access import modes_each_way
from geo.roads.build import build_road_network
from geo.roads.lines import RoadLines, RoadLinesBuilder, keys_of_coordinates
from geo.roads.modes import VEHICLES, TravelMode
from geo.roads.network import RoadNetwork
from geo.roads.store import StoredRoads, store_road_network

# Narrow streets of which some are one-way in any old town; every third of them is tried.
ONE_WAY_CLASSES = ("tertiary", "residential")
_EVERY = 3


def store_demo_roads(session: Session, roads: gpd.GeoDataFrame, *, valid_from: date) -> StoredRoads:
    """Put the demo city's roads into the store.

    Parameters
    ----------
    roads : as `DemoCity.roads`
    """
    return store_road_network(
        session,
        demo_road_network(roads),
        name="demo",
        valid_from=valid_from,
        attribution=NOTICE,
        is_generated=True,
    )


def demo_road_network(roads: gpd.GeoDataFrame) -> RoadNetwork:
    """Return the network of the demo city's roads; a street's number is its position and 1.

    A street is one-way where one can still drive from anywhere to anywhere.
    """
    is_narrow = roads["feature_class"].isin(ONE_WAY_CLASSES).to_numpy()
    names = roads["name"].to_numpy(object)
    streets = sorted(set(names[is_narrow]))[::_EVERY]
    one_way = is_narrow & np.isin(names, streets)
    while True:
        network = build_road_network(_lines(roads, one_way))
        main = network.main_component(TravelMode.CAR)
        outside = ~(main[network.edge_tail] & main[network.edge_head])
        stuck = np.unique(network.line_source_id[network.edge_line[outside]]) - 1
        # A whole street is opened again, not the piece of it that leads nowhere.
        opened = one_way & np.isin(names, names[stuck])
        if not opened.any():
            return network
        one_way &= ~opened


def _lines(roads: gpd.GeoDataFrame, one_way: NDArray[np.bool_]) -> RoadLines:
    xy = shapely.get_coordinates(roads.geometry.to_numpy())
    modes = np.array(
        [modes_each_way(name, {}) for name in roads["feature_class"]], np.uint8
    ).reshape(-1, 2)
    backward = np.where(one_way, modes[:, 1] & ~np.uint8(VEHICLES), modes[:, 1])
    builder = RoadLinesBuilder()
    builder.add(
        xy=xy,
        point_counts=shapely.get_num_coordinates(roads.geometry.to_numpy()).astype(np.int64),
        node_keys=keys_of_coordinates(xy),
        classes=roads["feature_class"].tolist(),
        names=[name or None for name in roads["name"]],
        forward_modes=modes[:, 0],
        backward_modes=backward,
        limit_kmh=np.zeros(len(roads), np.float32),
        source_ids=np.arange(1, len(roads) + 1),
    )
    return builder.build()
