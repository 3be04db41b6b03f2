"""Roads as a plan to walk on: nodes and edges in metres, each edge to be walked both ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo.errors import InvalidInput
from geo.local_plane import LocalPlane

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
NODE_GRID_M = 0.5  # ends of lines closer than this are one junction
EDGE_MIN_M = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class RoadPlan:
    """The largest connected part of a set of roads.

    plane : whose metres are used
    node_xy : (n_nodes, 2) [m]
    edge_nodes : (n_edges, 2) node where each edge begins and ends
    edge_xy, edge_start : (n_vertices, 2) vertices of all edges [m]; edge k has the vertices
        edge_start[k] to edge_start[k + 1]
    out_start, out_edges : edges that leave node k are out_edges[out_start[k]:out_start[k + 1]],
        as 2 * edge where it begins there, 2 * edge + 1 where it ends there
    """

    plane: LocalPlane
    node_xy: FloatArray
    edge_nodes: IntArray
    edge_xy: FloatArray
    edge_start: IntArray
    out_start: IntArray
    out_edges: IntArray

    @classmethod
    def of(cls, lines: Any) -> RoadPlan:
        """Return the plan of lines that end at junctions.

        Parameters
        ----------
        lines : (n,) shapely LineStrings, EPSG:4326

        Raises
        ------
        InvalidInput : there is no line of any length
        """
        given = np.asarray(lines, dtype=object)
        given = given[shapely.get_type_id(given) == shapely.GeometryType.LINESTRING]
        if len(given) == 0:
            raise InvalidInput("There are no roads to move on. Give lines that end at junctions.")
        plane = LocalPlane.around(given)
        metric = plane.to_metres(given)
        metric = metric[shapely.length(metric) >= EDGE_MIN_M]
        ends = np.stack(
            [shapely.get_coordinates(shapely.get_point(metric, at)) for at in (0, -1)], axis=1
        )
        places, nodes = np.unique(
            np.round(ends.reshape(-1, 2) / NODE_GRID_M).astype(np.int64), axis=0,
            return_inverse=True,
        )  # fmt: skip
        pairs = nodes.reshape(-1, 2)
        graph = coo_array(
            (np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(places), len(places))
        )
        _, part = connected_components(graph, directed=False)
        kept = part[pairs[:, 0]] == np.bincount(part[pairs[:, 0]]).argmax()
        if not kept.any():
            raise InvalidInput("All roads are shorter than 1 m. Is the file in degrees, EPSG:4326?")
        return cls._joined(plane, metric[kept], ends[kept], pairs[kept])

    @classmethod
    def _joined(
        cls, plane: LocalPlane, metric: NDArray[np.object_], ends: FloatArray, pairs: IntArray
    ) -> RoadPlan:
        used, edge_nodes = np.unique(pairs, return_inverse=True)
        edge_nodes = edge_nodes.reshape(-1, 2)
        node_xy = np.empty((len(used), 2))
        node_xy[edge_nodes[:, 0]] = ends[:, 0]
        node_xy[edge_nodes[:, 1]] = ends[:, 1]
        counts = shapely.get_num_points(metric)
        # Both directions of each edge, in the order of the node they leave.
        leaves = edge_nodes.ravel()
        order = np.argsort(leaves, kind="stable")
        return cls(
            plane=plane,
            node_xy=node_xy,
            edge_nodes=edge_nodes,
            edge_xy=shapely.get_coordinates(metric),
            edge_start=np.concatenate([[0], np.cumsum(counts)]),
            out_start=np.concatenate([[0], np.cumsum(np.bincount(leaves, minlength=len(used)))]),
            out_edges=order,
        )

    def walk_of(self, way: int) -> tuple[FloatArray, int]:
        """Return the vertices of an edge in the direction of `way` and the node where it ends."""
        edge, backward = divmod(way, 2)
        xy = self.edge_xy[self.edge_start[edge] : self.edge_start[edge + 1]]
        return (xy[::-1], int(self.edge_nodes[edge, 0])) if backward else (
            xy, int(self.edge_nodes[edge, 1])
        )  # fmt: skip

    def ways_from(self, node: int) -> IntArray:
        """Return the ways that leave a node."""
        return self.out_edges[self.out_start[node] : self.out_start[node + 1]]
