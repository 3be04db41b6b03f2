"""A road network as rows of a table, and back: the same nodes, edges and numbers of edges."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo.roads.network import RoadNetwork
from geo.store.bulk import copy_table
from geo.tables import RoadLine

_FETCHED_ROWS = 20_000


def write_lines(session: Session, network_id: int, network: RoadNetwork) -> None:
    """Put the lines of a network into the table."""
    owner = np.repeat(np.arange(network.line_count), np.diff(network.line_first_point))
    lines = shapely.set_srid(shapely.linestrings(network.points, indices=owner), 4326)
    forward, backward = _line_modes(network)
    classes = np.array(network.class_names, object)[network.line_class]
    names = np.array([*network.names, None], object)[network.line_name]  # -1: the last
    rows = {
        "network_id": np.full(network.line_count, network_id),
        "position": np.arange(network.line_count),
        "tail_node": network.line_nodes[:, 0],
        "head_node": network.line_nodes[:, 1],
        "road_class": pa.array(classes, pa.string()),
        "name": pa.array(names, pa.string()),
        "source_id": network.line_source_id,
        "forward_modes": forward,
        "backward_modes": backward,
        "limit_kmh": network.line_limit_kmh,
        "is_round": network.line_is_round,
        "length_m": network.line_length_m,
        "geom": pa.array(shapely.to_wkb(lines, include_srid=True), pa.large_binary()),
    }
    copy_table(session, RoadLine.__table__, pa.table(rows))  # type: ignore[arg-type]


def read_lines(session: Session, network_id: int, dropped: dict[str, int]) -> RoadNetwork:
    """Return the network of some rows; `dropped` is told on, as `RoadNetwork.dropped`."""
    columns = (
        RoadLine.tail_node, RoadLine.head_node, RoadLine.road_class, RoadLine.name,
        RoadLine.source_id, RoadLine.forward_modes, RoadLine.backward_modes, RoadLine.limit_kmh,
        RoadLine.is_round, RoadLine.length_m, func.ST_AsBinary(RoadLine.geom),
    )  # fmt: skip
    found = session.execute(
        select(*columns).where(RoadLine.network_id == network_id).order_by(RoadLine.position),
        execution_options={"yield_per": _FETCHED_ROWS},
    )
    table = pd.DataFrame(
        (tuple(row) for row in found), columns=[*(c.key for c in columns[:-1]), "geom"]
    )
    lines = shapely.from_wkb([bytes(wkb) for wkb in table["geom"]])
    points = shapely.get_coordinates(lines)
    first_point = np.concatenate(([0], np.cumsum(shapely.get_num_coordinates(lines))))
    class_codes, class_names = pd.factorize(table["road_class"])
    name_codes, names = pd.factorize(table["name"])  # -1 where there is none
    ends = table[["tail_node", "head_node"]].to_numpy(np.int64)
    forward = table["forward_modes"].to_numpy(np.uint8)
    backward = table["backward_modes"].to_numpy(np.uint8)
    node_xy = np.empty((int(ends.max()) + 1, 2))
    node_xy[ends[:, 1]] = points[first_point[1:] - 1]
    node_xy[ends[:, 0]] = points[first_point[:-1]]
    along, against = np.flatnonzero(forward), np.flatnonzero(backward)
    line = np.concatenate((along, against))
    tail = np.concatenate((ends[along, 0], ends[against, 1]))
    head = np.concatenate((ends[along, 1], ends[against, 0]))
    order = np.lexsort((line, head, tail))
    counts = np.bincount(tail, minlength=len(node_xy))
    return RoadNetwork(
        node_xy=node_xy,
        first_edge=np.concatenate(([0], np.cumsum(counts))).astype(np.int32),
        edge_head=head[order].astype(np.int32),
        edge_line=line[order].astype(np.int32),
        edge_is_backward=np.repeat([False, True], [len(along), len(against)])[order],
        edge_modes=np.concatenate((forward[along], backward[against]))[order],
        line_length_m=table["length_m"].to_numpy(float),
        line_class=class_codes.astype(np.int16),
        class_names=tuple(class_names),
        line_name=name_codes.astype(np.int32),
        names=tuple(names),
        line_limit_kmh=table["limit_kmh"].to_numpy(np.float32),
        line_source_id=table["source_id"].to_numpy(np.int64),
        line_is_round=table["is_round"].to_numpy(bool),
        line_first_point=first_point.astype(np.int64),
        points=points,
        dropped=dropped,
    )


def digest_network(network: RoadNetwork) -> str:
    """SHA-256 over the roads and who may use them, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    arrays: tuple[NDArray[Any], ...] = (
        network.edge_head, network.edge_line, network.edge_is_backward, network.edge_modes,
        network.line_length_m, network.line_class, network.line_name, network.line_limit_kmh,
        network.line_source_id, network.line_is_round, network.line_first_point, network.points,
    )  # fmt: skip
    for values in arrays:
        digest.update(np.ascontiguousarray(values).tobytes())
    digest.update(repr((network.class_names, network.names)).encode())
    return digest.hexdigest()


def _line_modes(network: RoadNetwork) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Who may go along each line, and against it."""
    modes = np.append(network.edge_modes, np.uint8(0))  # the last: no edge
    pair = network.line_edges
    return modes[pair[:, 0]], modes[pair[:, 1]]
