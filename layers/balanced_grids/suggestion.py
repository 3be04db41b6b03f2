"""Suggest grids of an area, and change a suggestion: the whole way from roads and points."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.errors import InvalidInput
from layers.balanced_grids.blocks import PART_ABOVE, BlockMap, build_blocks
from layers.balanced_grids.dividers import BLOCK_CLASSES
from layers.balanced_grids.problem import TOLERANCE, BalanceProblem, GridsPlan
from layers.balanced_grids.solving import STAGES, Stage, solve_in_stages

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOUSEHOLDS_A_GRID = 400  # practice is 300 to 500 (docs/areas_and_grids.md)
AREA = "area_m2"
PART_FINELY = 0.05  # of a share: where whole blocks can't be balanced


@dataclass(frozen=True, slots=True)
class BalanceQuestion:
    """What a person asks for.

    weight : the column of points that is balanced
    grid_count : grids wanted; None: as many as `a_grid` gives
    a_grid : what a grid is to hold, where `grid_count` is None
    tolerance : largest deviation from the mean that is called balanced
    stay : 0: what is now doesn't count; 1: moving all costs as much as all borders
    block_classes : classes of road that part blocks
    """

    weight: str = "households"
    grid_count: int | None = None
    a_grid: float = HOUSEHOLDS_A_GRID
    tolerance: float = TOLERANCE
    stay: float = 0.0
    block_classes: Sequence[str] = BLOCK_CLASSES
    seed: int = 1

    def count_for(self, total: float) -> int:
        """Return how many grids are wanted of so much in all.

        Raises
        ------
        InvalidInput : neither a count nor what a grid holds, or less than one
        """
        if self.grid_count is not None:
            return self.grid_count
        if not self.a_grid > 0:
            raise InvalidInput(
                f"A grid is to hold {self.a_grid:g}. Give more than 0, or the number of grids.",
                field="a_grid",
            )
        return max(round(total / self.a_grid), 1)


@dataclass(frozen=True)
class Suggestion:
    """Blocks with what they hold, and their grouping into grids.

    sums : column → (n,) what each block holds
    now_codes : grids of now, ascending; now : column → (n, len(now_codes)) what each block holds
        of each
    balanced : the column that is balanced; `area_m2` where nothing weighs
    plan : None before the first stage
    locked : grids that may not change
    outside : points that lie outside of the area
    """

    question: BalanceQuestion
    blocks: BlockMap
    sums: Mapping[str, Floats]
    now_codes: tuple[str, ...]
    now: Mapping[str, Floats]
    balanced: str
    grid_count: int
    outside: int
    plan: GridsPlan | None = None
    locked: frozenset[int] = field(default_factory=frozenset)

    @property
    def weight(self) -> Floats:
        """(n,) what each block holds of what is balanced."""
        if self.balanced == AREA:
            return self.blocks.area_m2
        return np.asarray(self.sums[self.balanced], float)

    def problem(self) -> BalanceProblem:
        """Return what is solved: from anew, or from the plan there is."""
        now = None
        if self.question.stay > 0 and self.balanced in self.now and self.plan is None:
            now = _first_grids(self.now[self.balanced], self.grid_count)
        return BalanceProblem.of_blocks(
            self.blocks,
            self.weight,
            self.grid_count,
            tolerance=self.question.tolerance,
            now=now,
            stay=self.question.stay,
            start=None if self.plan is None else self.plan.label,
            locked=self.locked,
        )

    def solved(self, *, stages: tuple[Stage, ...] = STAGES) -> Iterator[Suggestion]:
        """Yield it with a plan after each stage; see `solve_in_stages`."""
        for plan in solve_in_stages(self.problem(), seed=self.question.seed, stages=stages):
            yield replace(self, plan=plan)

    def with_label(self, label: Ints) -> Suggestion:
        """Return it with another plan."""
        problem = BalanceProblem.of_blocks(
            self.blocks, self.weight, self.grid_count, tolerance=self.question.tolerance
        )
        return replace(self, plan=GridsPlan.of(problem, label))

    def with_moved(self, block: int, grid: int) -> Suggestion:
        """Return it with one block moved to a grid beside it.

        Raises
        ------
        InvalidInput : there is no such block or grid, it is locked, doesn't lie beside the block,
            or a grid would be empty or fall apart
        """
        label = self._label()
        if not 0 <= block < len(label) or not 0 <= grid < self.grid_count:
            raise InvalidInput(
                f"There is no block {block} or no grid {grid} in this draft. Load it again.",
                field="block",
            )
        old = int(label[block])
        if {old, grid} & self.locked:
            raise InvalidInput("This grid is locked. Unlock it to change it.", field="locked")
        if old == grid:
            return self
        beside = np.concatenate(
            (
                label[self.blocks.second[self.blocks.first == block]],
                label[self.blocks.first[self.blocks.second == block]],
            )
        )
        if grid not in beside:
            raise InvalidInput(
                "The block doesn't lie beside that grid: the grid would fall apart. Move the "
                "blocks between them first.",
                field="grid",
            )
        changed = label.copy()
        changed[block] = grid
        if self.problem_of_all().pieces(changed)[old] != 1:
            raise InvalidInput(
                "Without this block its grid would be empty or fall into pieces. Move what would "
                "be cut off first.",
                field="block",
            )
        return self.with_label(changed)

    def with_locked(self, grids: Iterable[int]) -> Suggestion:
        """Return it with other grids locked, and no more than these.

        Raises
        ------
        InvalidInput : a grid that isn't there
        """
        locked = frozenset(int(grid) for grid in grids)
        if any(not 0 <= grid < self.grid_count for grid in locked):
            raise InvalidInput("A grid to lock isn't in this draft. Load it again.", field="locked")
        return replace(self, locked=locked)

    def problem_of_all(self) -> BalanceProblem:
        """The problem without start, locks and what is now: to measure any labels by."""
        return BalanceProblem.of_blocks(
            self.blocks, self.weight, self.grid_count, tolerance=self.question.tolerance
        )

    def loads(self, column: str) -> Floats:
        """Return what each grid holds of a column, (K,)."""
        held = np.bincount(self._label(), self.sums[column], minlength=self.grid_count)
        return held.astype(float)

    def overlap(self, column: str) -> Floats:
        """Return what new grids and grids of now share of a column, (K, grids of now)."""
        shared = np.zeros((self.grid_count, len(self.now_codes)))
        np.add.at(shared, self._label(), self.now[column])
        return shared

    def _label(self) -> Ints:
        if self.plan is None:
            raise InvalidInput("There is no plan yet. Wait for the first stage.")
        return self.plan.label


def prepare_suggestion(
    area: Any,
    roads: gpd.GeoDataFrame | None,
    points: pd.DataFrame,
    question: BalanceQuestion,
    *,
    columns: Sequence[str],
    part_above: float = PART_ABOVE,
) -> Suggestion:
    """Return the blocks of an area with what they hold, before anything is solved.

    Parameters
    ----------
    area : valid polygon or multipolygon, EPSG:4326
    roads : as `build_blocks` takes them
    points : (p,) columns `lon`, `lat`, `building`, each of `columns`, and `grid_code` where there
        are grids now (None in none)
    columns : what is summed by block; `question.weight` is one of them

    Raises
    ------
    InvalidInput : an unknown column, no area, more grids than blocks
    """
    if question.weight not in columns:
        raise InvalidInput(
            f"`{question.weight}` can't be balanced. Choose of: {', '.join(columns)}.",
            field="weight",
        )
    weights = points[question.weight].astype(float)
    inside = _inside_box(area, points)
    total = float(weights[inside].sum())
    count = question.count_for(total)
    blocks = build_blocks(
        area,
        roads,
        points.assign(weight=weights),
        share=total / max(count, 1),
        block_classes=question.block_classes,
        part_above=part_above,
    )
    held = blocks.point_block >= 0
    if question.grid_count is None:
        count = question.count_for(float(weights[held].sum()))
    sums = {name: blocks.sums(points[name]) for name in columns}
    balanced = question.weight if sums[question.weight].any() else AREA
    suggestion = Suggestion(
        question=question,
        blocks=blocks,
        sums=sums,
        balanced=balanced,
        grid_count=count,
        outside=int((~held).sum()),
        **_now(blocks, points, columns),
    )
    suggestion.problem()  # refuses what can't be solved, before anybody waits
    return suggestion


def suggest(
    area: Any,
    roads: gpd.GeoDataFrame | None,
    points: pd.DataFrame,
    question: BalanceQuestion,
    *,
    columns: Sequence[str],
    stages: tuple[Stage, ...] = STAGES,
) -> Iterator[Suggestion]:
    """Yield the best suggestion so far after each stage, see `prepare_suggestion`.

    Where whole blocks can't be balanced, blocks are parted between their buildings from
    `PART_FINELY` of a share on, and all begins anew.

    Raises
    ------
    InvalidInput, CRSMismatch : as `prepare_suggestion`, before the first stage
    """
    prepared = prepare_suggestion(area, roads, points, question, columns=columns)
    yield from suggest_in_stages(
        prepared,
        lambda: prepare_suggestion(
            area, roads, points, question, columns=columns, part_above=PART_FINELY
        ),
        stages=stages,
    )


def suggest_in_stages(
    prepared: Suggestion,
    finer: Callable[[], Suggestion] | None,
    *,
    stages: tuple[Stage, ...] = STAGES,
) -> Iterator[Suggestion]:
    """Yield the best suggestion so far after each stage.

    Parameters
    ----------
    finer : makes the same of parted blocks, asked where whole ones can't be balanced; None: never
    """
    for number, found in enumerate(prepared.solved(stages=stages)):
        yield found
        assert found.plan is not None
        if finer is None or found.plan.is_balanced or prepared.balanced == AREA:
            continue
        # The second stage may balance what the first hasn't, but not where one block is too much.
        is_hopeless = found.plan.bound > prepared.question.tolerance
        if is_hopeless or number >= min(1, len(stages) - 1):
            parted, finer = finer(), None
            if len(parted.blocks) > len(prepared.blocks):
                yield from parted.solved(stages=stages)
                return


def _inside_box(area: Any, points: pd.DataFrame) -> NDArray[np.bool_]:
    west, south, east, north = (float(side) for side in area.bounds)
    lon, lat = points["lon"].to_numpy(float), points["lat"].to_numpy(float)
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def _now(blocks: BlockMap, points: pd.DataFrame, columns: Sequence[str]) -> dict[str, Any]:
    """`now_codes` and `now` of a suggestion."""
    if "grid_code" not in points:
        return {"now_codes": (), "now": {}}
    known = (blocks.point_block >= 0) & points["grid_code"].notna().to_numpy()
    codes, grid = np.unique(
        points["grid_code"].to_numpy(object)[known].astype(str), return_inverse=True
    )
    now = {}
    for name in columns:
        shared = np.zeros((len(blocks), len(codes)))
        np.add.at(shared, (blocks.point_block[known], grid), points[name].to_numpy(float)[known])
        now[name] = shared
    return {"now_codes": tuple(str(code) for code in codes), "now": now}


def _first_grids(now: Floats, grid_count: int) -> Floats:
    """What is now as columns of new grids: the heaviest of now where there are more."""
    order = np.argsort(-now.sum(axis=0), kind="stable")[:grid_count]
    found = np.zeros((len(now), grid_count))
    found[:, : len(order)] = now[:, order]
    return found
