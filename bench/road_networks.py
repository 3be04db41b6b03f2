"""Road networks that benches of travel times run on: a generated city, Jinan, Chicago."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from geo.importers.roads import read_roads
from geo.roads.build import build_road_network
from geo.roads.lines import RoadLines, RoadLinesBuilder
from geo.roads.modes import ALL_MODES, VEHICLES
from geo.roads.network import RoadNetwork

FOLDER = Path(__file__).parents[1] / ".." / "shared" / "data"
STEP_DEG = 0.001  # some 100 m between crossings
WEST, SOUTH = 112.40, 37.75


def generated_lines(side: int, seed: int = 1) -> RoadLines:
    """Return the streets of a made city of `side` x `side` crossings, about 3 directed edges each.

    A jittered grid of residential streets, every fourth one tertiary, every twelfth one primary; a
    fifth of the small ones missing, a fifth of the others one-way.
    """
    random = np.random.default_rng(seed)
    column, row = np.meshgrid(np.arange(side), np.arange(side))
    jitter = random.uniform(-0.3, 0.3, (2, side, side)) * STEP_DEG
    lon = WEST + column * STEP_DEG * 1.2 + jitter[0]
    lat = SOUTH + row * STEP_DEG + jitter[1]
    node = np.arange(side * side).reshape(side, side)
    east = (node[:, :-1].ravel(), node[:, 1:].ravel(), np.repeat(np.arange(side), side - 1))
    north = (node[:-1].ravel(), node[1:].ravel(), np.tile(np.arange(side), side - 1))
    tail, head, street = (np.concatenate(pair) for pair in zip(east, north, strict=True))
    rank = np.where(street % 12 == 0, 2, np.where(street % 4 == 0, 1, 0))
    kept = (rank > 0) | (random.random(len(tail)) > 0.25)
    one_way = (rank == 0) & (random.random(len(tail)) < 0.2)
    turned = random.random(len(tail)) < 0.5
    tail, head = np.where(turned, head, tail)[kept], np.where(turned, tail, head)[kept]
    rank, one_way = rank[kept], one_way[kept]
    xy = np.column_stack((lon.ravel(), lat.ravel()))
    count = len(tail)
    builder = RoadLinesBuilder()
    builder.add(
        xy=np.stack((xy[tail], xy[head]), axis=1).reshape(-1, 2),
        point_counts=np.full(count, 2),
        node_keys=np.column_stack((tail, head)).ravel(),
        classes=[("residential", "tertiary", "primary")[k] for k in rank],
        names=[None] * count,
        forward_modes=np.full(count, ALL_MODES, np.uint8),
        backward_modes=np.where(one_way, ALL_MODES & ~VEHICLES, ALL_MODES).astype(np.uint8),
        limit_kmh=np.zeros(count, np.float32),
        source_ids=np.arange(count),
    )
    return builder.build()


def network_of(name: str, folder: Path = FOLDER) -> RoadNetwork | None:
    """Return `generated` (some 215,000 directed edges for cars), `jinan` or `chicago`.

    None where the file isn't there.
    """
    if name == "generated":
        return build_road_network(generated_lines(268))
    file, layer = {
        "jinan": ("jinan_roads/jinan_roads.gpkg", "edges"),
        "chicago": ("chicago/chicago_osm_2014.gpkg", "roads"),
    }[name]
    path = folder / "geo" / file
    if not path.exists():
        return None
    return build_road_network(read_roads(path, table_name=layer).lines)
