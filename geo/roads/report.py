"""What is wrong with a network, mode by mode: islands, dead ends, places one can't leave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from geo.roads.modes import TravelMode
from geo.roads.network import RoadNetwork

COLUMNS = (
    "mode", "node_count", "edge_count", "length_km", "main_node_share", "main_length_share",
    "island_count", "island_edge_count", "trap_edge_count", "dead_end_count",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RoadReport:
    """`modes` : a row a mode, columns `COLUMNS`; `dropped` : lines left out, by reason.

    `length_km` counts a road once, whichever ways it is open. `main_node_share`: of the mode's
    nodes, those in its largest part in which one can drive from anywhere to anywhere. Islands are
    parts not joined to that one at all; traps are edges joined to it in one direction only, which
    one can enter and not leave, or leave and not enter. Dead ends are nodes with one neighbour.
    """

    modes: pd.DataFrame
    dropped: dict[str, int]


def road_report(network: RoadNetwork) -> RoadReport:
    """Return the report of a network."""
    rows = [_row(network, mode) for mode in TravelMode]
    return RoadReport(pd.DataFrame(rows, columns=list(COLUMNS)), dict(network.dropped))


def _row(network: RoadNetwork, mode: TravelMode) -> tuple[object, ...]:
    usable = np.flatnonzero((network.edge_modes & mode.bit) != 0)
    tail, head = network.edge_tail[usable], network.edge_head[usable]
    lines = np.unique(network.edge_line[usable])
    main, joined, parts = network.parts(mode)
    in_main = main[tail] & main[head]
    on_island = ~joined[tail]
    length = network.line_length_m
    main_lines = np.unique(network.edge_line[usable[in_main]])
    used = np.unique(np.concatenate((tail, head)))
    pairs = np.unique(
        np.column_stack((np.minimum(tail, head), np.maximum(tail, head)))[tail != head], axis=0
    )
    neighbours = np.bincount(pairs.ravel().astype(np.int64), minlength=network.node_count)
    total = float(length[lines].sum())
    return (
        mode.value,
        len(used),
        len(usable),
        total / 1000,
        float(main.sum() / len(used)) if len(used) else np.nan,
        float(length[main_lines].sum() / total) if total else np.nan,
        max(parts - 1, 0),
        int(on_island.sum()),
        int((~in_main & ~on_island).sum()),
        int((neighbours == 1).sum()),
    )
