"""Places beside the road, as a search sees them: the nodes it starts from, or ends at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
NO_NODE = -1


@dataclass(frozen=True, slots=True)
class Seeds:
    """Nodes by which n places are left or entered, at most two each.

    nodes : (n, 2) int32, `NO_NODE` where there is none
    ms : (n, 2) int32 time between the place and that node [ms]
    """

    nodes: Ints
    ms: Ints

    def __len__(self) -> int:
        return len(self.nodes)

    @classmethod
    def at_nodes(cls, nodes: Iterable[int]) -> Seeds:
        """Return the seeds of places that are nodes."""
        first = np.fromiter(nodes, np.int32)
        both = np.column_stack((first, np.full(len(first), NO_NODE, np.int32)))
        return cls(np.ascontiguousarray(both, np.int32), np.zeros(both.shape, np.int32))

    def __getitem__(self, which: NDArray[np.integer] | slice) -> Seeds:
        return Seeds(self.nodes[which], self.ms[which])
