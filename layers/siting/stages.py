"""Siting in stages, each better or surer than the one before: one can stop at any with the best so
far."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from geo.errors import InvalidInput
from layers.siting.covering import BOUND_ROUNDS, cover_all, cover_most, expected_cover
from layers.siting.median import least_time
from layers.siting.problem import SitingPlan, SitingProblem


class Question(StrEnum):
    """What is asked: how many bring all, which bring most, the same with busy units, which are
    nearest in the mean."""

    HOW_MANY = "how_many"
    MOST = "most"
    BUSY = "busy"
    NEAREST = "nearest"


@dataclass(frozen=True, slots=True)
class SitingQuestion:
    """A question with what it takes; see the functions of `layers.siting`."""

    question: Question
    limit_s: float
    wanted: int = 1
    share: float = 1.0
    busy_share: float = 0.3
    units_at_site_max: int = 1


@dataclass(frozen=True, slots=True)
class Stage:
    """How hard one stage tries: shakes, rounds of the bound, seconds of HiGHS."""

    kicks: int
    exact_s: float
    bound_rounds: int = BOUND_ROUNDS


# The first answers at once; each further one takes longer than all before it.
STAGES = (
    Stage(50, 0.0, 400),
    Stage(2000, 0.0),
    Stage(2000, 4.0),
    Stage(4000, 20.0),
)


def solve_in_stages(
    problem: SitingProblem, asked: SitingQuestion, *, stages: tuple[Stage, ...] = STAGES
) -> Iterator[SitingPlan]:
    """Yield the best plan so far after each stage, until it is proven or the stages are over.

    Raises
    ------
    InvalidInput, NotEnoughData : as the functions of `layers.siting`, at the first stage
    """
    best: SitingPlan | None = None
    is_less_better = asked.question in (Question.HOW_MANY, Question.NEAREST)
    for stage in stages:
        found = _solver(asked)(problem, stage)
        best = found if best is None else _better(best, found, is_less_better)
        yield best
        if best.is_proven:
            return


def _better(first: SitingPlan, second: SitingPlan, is_less_better: bool) -> SitingPlan:
    """The better plan of two, under the nearer of both bounds."""
    pick = min if is_less_better else max
    best = pick((first, second), key=lambda plan: plan.objective)
    nearest = max if is_less_better else min
    bound = nearest(first.bound, second.bound)
    is_proven = first.is_proven or second.is_proven or bound == best.objective
    return replace(best, bound=best.objective if is_proven else bound, is_proven=is_proven)


def _solver(asked: SitingQuestion) -> Callable[[SitingProblem, Stage], SitingPlan]:
    if asked.question is Question.HOW_MANY:
        return lambda problem, stage: cover_all(
            problem, limit_s=asked.limit_s, share=asked.share, exact_s=max(stage.exact_s, 1.0)
        )
    if asked.question is Question.MOST:
        return lambda problem, stage: cover_most(
            problem, limit_s=asked.limit_s, wanted=asked.wanted, exact_s=stage.exact_s,
            kicks=stage.kicks, bound_rounds=stage.bound_rounds,
        )  # fmt: skip
    if asked.question is Question.BUSY:
        return lambda problem, stage: expected_cover(
            problem, limit_s=asked.limit_s, wanted=asked.wanted, busy_share=asked.busy_share,
            units_at_site_max=asked.units_at_site_max, exact_s=stage.exact_s, kicks=stage.kicks,
            bound_rounds=stage.bound_rounds,
        )  # fmt: skip
    if asked.question is Question.NEAREST:
        return lambda problem, stage: least_time(
            problem,
            wanted=asked.wanted,
            kicks=min(stage.kicks, 400) if stage.exact_s == 0 else None,
        )
    raise InvalidInput(f"There is no question {asked.question}.")
