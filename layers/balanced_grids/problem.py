"""What is asked when blocks are grouped into grids, and what a plan of grids holds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo.errors import InvalidInput
from layers.balanced_grids.blocks import BlockMap

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

GRIDS_MAX = 500
TOLERANCE = 0.10  # the largest deviation from the mean that is called balanced


@dataclass(frozen=True)
class BalanceProblem:
    """n blocks to group into grids.

    first, second, price : (m,) pairs of blocks that may share a grid, and what a border between
        the two costs; all blocks hang together
    weight : (n,) what each holds of what is balanced; 0 or more, not all 0
    grid_count : grids wanted
    tolerance : largest deviation from the mean, a fraction
    now : (n, grid_count) how much of each block's weight lies in each grid of now; None: there is
        none to stay near. Grids of now beyond `grid_count` are left out.
    stay : what moving all weight costs, in cuts of the whole plan; 0: what is now doesn't count
    start : (n,) labels to begin with; None: none
    locked : grids that stay as `start` has them

    Raises
    ------
    InvalidInput : more grids than blocks, tolerance or stay out of range, a start that doesn't
        fit
    """

    first: Ints
    second: Ints
    price: Floats
    weight: Floats
    grid_count: int
    tolerance: float = TOLERANCE
    now: Floats | None = None
    stay: float = 0.0
    start: Ints | None = None
    locked: frozenset[int] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        blocks = len(self.weight)
        if not 1 <= self.grid_count <= GRIDS_MAX:
            raise InvalidInput(
                f"{self.grid_count} grids are wanted. Ask for 1 to {GRIDS_MAX}.",
                field="grid_count",
            )
        if self.grid_count > blocks:
            raise InvalidInput(
                f"{self.grid_count} grids are wanted of {blocks} blocks. Ask for {blocks} at most, "
                "or let smaller roads part blocks.",
                field="grid_count",
            )
        if not 0.001 <= self.tolerance <= 1.0:
            raise InvalidInput(
                f"The tolerance is {self.tolerance:g}. Give 0.001 to 1 (0.1: within a tenth of "
                "the mean).",
                field="tolerance",
            )
        if not 0.0 <= self.stay <= 100.0:
            raise InvalidInput(f"`stay` is {self.stay:g}. Give 0 to 100.", field="stay")
        if self.start is not None:
            self._check_start(self.start)
        elif self.locked:
            raise InvalidInput("Grids are locked, but there is no plan to hold.", field="locked")

    def _check_start(self, start: Ints) -> None:
        if len(start) != len(self.weight) or set(np.unique(start)) != set(range(self.grid_count)):
            raise InvalidInput(
                f"The plan to begin with doesn't put {len(self.weight)} blocks into "
                f"{self.grid_count} grids. Take a plan of the same blocks.",
                field="start",
            )
        if any(not 0 <= grid < self.grid_count for grid in self.locked):
            raise InvalidInput("A locked grid isn't in the plan.", field="locked")

    @classmethod
    def of_blocks(
        cls,
        blocks: BlockMap,
        weight: Floats,
        grid_count: int,
        *,
        tolerance: float = TOLERANCE,
        now: Floats | None = None,
        stay: float = 0.0,
        start: Ints | None = None,
        locked: frozenset[int] = frozenset(),
    ) -> BalanceProblem:
        """Return the problem of some blocks; where nothing weighs, their areas are balanced."""
        if not weight.any():
            weight = blocks.area_m2
        return cls(
            blocks.first, blocks.second, blocks.price, weight, grid_count, tolerance, now, stay,
            start, locked,
        )  # fmt: skip

    @property
    def mean(self) -> float:
        """What a grid holds if all hold alike."""
        return float(self.weight.sum()) / self.grid_count

    @property
    def bound(self) -> float:
        """No plan has a lower largest deviation: one grid holds the heaviest block at least."""
        return max(float(self.weight.max()) / self.mean - 1.0, 0.0)

    def goals(self) -> Floats:
        """What each grid is to hold, (K,): locked ones nothing that could come or go (0)."""
        goal = np.zeros(self.grid_count)
        free = [k for k in range(self.grid_count) if k not in self.locked]
        if free:
            held = self.weight.sum()
            if self.start is not None:
                held -= self.weight[np.isin(self.start, list(self.locked))].sum()
            goal[free] = max(held / len(free), 1e-9)
        return goal

    def loads(self, label: Ints) -> Floats:
        """Return what each grid of some labels holds, (K,)."""
        return np.bincount(label, self.weight, minlength=self.grid_count).astype(float)

    def cut(self, label: Ints) -> float:
        """Return what the borders between grids cost."""
        return float(self.price[label[self.first] != label[self.second]].sum())

    def moved(self, label: Ints) -> float:
        """Return how much weight is in another grid than now; 0 where there is none of now."""
        if self.now is None:
            return 0.0
        stays = self.now[np.arange(len(label)), label].sum()
        return float(self.weight.sum() - stays)

    def pieces(self, label: Ints) -> Ints:
        """Return into how many pieces each grid falls, (K,); 0 where it has no block."""
        inner = label[self.first] == label[self.second]
        links = coo_array(
            (np.ones(int(inner.sum())), (self.first[inner], self.second[inner])),
            shape=(len(label),) * 2,
        )
        _, part = connected_components(links, directed=False)
        grid_of_part = np.unique(np.column_stack((part, label)), axis=0)[:, 1]
        return np.bincount(grid_of_part, minlength=self.grid_count).astype(np.int64)


@dataclass(frozen=True)
class GridsPlan:
    """Blocks grouped into grids, each hanging together.

    label : (n,) the grid of each block, 0 to K - 1
    load : (K,) what each holds
    deviation : the largest, of the mean
    cut : what the borders between grids cost, in metres along a lane
    moved : weight that is in another grid than now
    bound : no plan has a lower largest deviation
    is_balanced : whether the deviation is within the tolerance
    """

    label: Ints
    load: Floats
    deviation: float
    cut: float
    moved: float
    bound: float
    is_balanced: bool

    @classmethod
    def of(cls, problem: BalanceProblem, label: Ints) -> GridsPlan:
        """Return the plan of some labels."""
        load = problem.loads(label)
        deviation = float(np.abs(load / problem.mean - 1.0).max())
        return cls(
            label, load, deviation, problem.cut(label), problem.moved(label), problem.bound,
            deviation <= problem.tolerance + 1e-9,
        )  # fmt: skip
