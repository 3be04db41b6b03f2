"""Several plans that are nearly as good, one of them drawn: so that nobody can set a clock by it.

After ARMOR (LAX, since 2007) and PROTECT (US Coast Guard, since 2011), without their model of an
adversary: the plans are searched for from different seeds, those within a stated share of the best
are kept, and each is as likely. The draw is made with a seed that is kept, so that it can be shown
later that nobody chose.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from geo.errors import InvalidInput
from layers.routes.plan import PatrolPlan, UnitRoute
from layers.routes.problem import RouteProblem
from layers.routes.solving import Progress, solve_routes

WITHIN = 0.03  # of the best prize
PLANS = 6  # searched for
SLOT_S = 900  # an observer notes quarters of an hour
WATCHED = 20  # shifts that the observer has seen
TRIALS = 200  # of the observer, drawn with a seed of their own
HIT_RATE_RISE = 0.1  # a rise that is warned of


@dataclass(frozen=True, slots=True)
class Predictability:
    """How well somebody who watches could foretell the stops, over plans that are equally likely.

    plans : how many
    entropy_bits : of (place, quarter of an hour) over all their stops
    choice_bits : what of it comes from the choice of plans: 0 for one plan, at most log2(plans)
    gap_cv : coefficient of variation of the gaps between visits of a place, over shifts drawn one
        after another; None where no place is visited often enough
    hit_rate : who has seen `watched` shifts names as many (place, quarter) as a plan has stops: the
        share of them that the next shift holds. 1: a clock
    """

    plans: int
    entropy_bits: float
    choice_bits: float
    gap_cv: float | None
    hit_rate: float
    watched: int


@dataclass(frozen=True)
class NearEqualPlans:
    """Plans within `within` of the best, best first; `drawn` is the one the seed drew."""

    plans: tuple[PatrolPlan, ...]
    drawn: int
    seed: int
    within: float
    predictability: Predictability

    @property
    def plan(self) -> PatrolPlan:
        return self.plans[self.drawn]


def near_equal_plans(
    problem: RouteProblem,
    *,
    seconds: float | None = None,
    steps: int | None = None,
    seed: int,
    wanted: int = PLANS,
    within: float = WITHIN,
    starts: Sequence[tuple[UnitRoute, ...]] = (),
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> NearEqualPlans:
    """Return plans nearly as good as the best, and one of them drawn.

    Half of the time goes to the best plan, the rest in equal parts to the others.

    Parameters
    ----------
    seconds, steps : for all together; one of them, as in `solve_routes`
    seed : of searches and draw; kept with the answer
    starts : plans before an edit, one for each search; fewer are used again

    Raises
    ------
    InvalidInput : less than one plan wanted, a share out of range, or as `solve_routes`
    """
    if wanted < 1 or not 0 <= within < 1:
        raise InvalidInput(f"{wanted} plans within {within} of the best: wanted 1 or more, 0 to 1.")
    parts = [1.0] if wanted == 1 else [0.5, *[0.5 / (wanted - 1)] * (wanted - 1)]
    found: list[PatrolPlan] = []
    done = 0.0
    for k, part in enumerate(parts):
        if found and should_stop is not None and should_stop():
            break

        def told(progress: Progress, done: float = done, part: float = part) -> None:
            if on_progress is not None:
                best = max([progress.prize, *(plan.prize for plan in found)])
                share = done + part * progress.share
                on_progress(
                    Progress(share, progress.steps, best, progress.travel_s, progress.unmet)
                )

        found.append(
            solve_routes(
                problem,
                seconds=None if seconds is None else seconds * part,
                steps=None if steps is None else max(1, round(steps * part)),
                seed=seed + 7_919 * k,
                start=starts[k % len(starts)] if starts else (),
                on_progress=told,
                should_stop=should_stop,
            )
        )
        done += part
    best = max(found, key=_rank)
    kept = [
        plan for plan in sorted(found, key=_rank, reverse=True)
        if len(plan.unmet) == len(best.unmet) and plan.prize >= best.prize * (1 - within)
    ]  # fmt: skip
    plans = tuple(_different(kept))
    drawn = int(np.random.default_rng(seed).integers(len(plans)))
    return NearEqualPlans(plans, drawn, seed, within, predictability(plans))


def predictability(plans: Sequence[PatrolPlan]) -> Predictability:
    """Return how foreseeable plans are that are drawn with equal chance, shift after shift.

    Raises
    ------
    InvalidInput : there is no plan
    """
    if not plans:
        raise InvalidInput("There is no plan to look at. Give one or more.")
    visits = [_visits(plan) for plan in plans]
    slots = [[(place, begin // SLOT_S) for place, begin in each] for each in visits]
    counts = np.array(list(Counter(slot for each in slots for slot in each).values()), float)
    mean_stops = float(np.mean([len(each) for each in visits]))
    entropy = 0.0
    if len(counts):
        share = counts / counts.sum()
        entropy = float(-(share * np.log2(share)).sum())
    one_plan = float(np.log2(mean_stops)) if mean_stops else 0.0
    random = np.random.default_rng(1)
    return Predictability(
        plans=len(plans),
        entropy_bits=entropy,
        choice_bits=max(entropy - one_plan, 0.0),
        gap_cv=_gap_cv(visits, random),
        hit_rate=_hit_rate(slots, round(mean_stops), random),
        watched=WATCHED,
    )


def warns_of(before: Predictability, after: Predictability) -> bool:
    """Whether an edit makes the stops so much more foreseeable that a leader should know."""
    return after.hit_rate > before.hit_rate + HIT_RATE_RISE or (
        before.plans > 1 and after.plans == 1
    )


def _rank(plan: PatrolPlan) -> tuple[int, float, int]:
    return -len(plan.unmet), plan.prize, -plan.travel_s


def _visits(plan: PatrolPlan) -> list[tuple[str, int]]:
    return [
        (stop.place_id, stop.begin_s)
        for route in plan.routes for stop in route.stops if stop.place_id is not None
    ]  # fmt: skip


def _different(plans: Sequence[PatrolPlan]) -> list[PatrolPlan]:
    """The plans that an observer could tell apart."""
    seen: set[frozenset[tuple[str, int]]] = set()
    kept = []
    for plan in plans:
        mark = frozenset((place, begin // SLOT_S) for place, begin in _visits(plan))
        if mark not in seen:
            seen.add(mark)
            kept.append(plan)
    return kept


def _gap_cv(visits: list[list[tuple[str, int]]], random: np.random.Generator) -> float | None:
    """Shifts follow each other without a pause between; only how gaps vary matters."""
    length = max((begin for each in visits for _, begin in each), default=0) + SLOT_S
    times: dict[str, list[int]] = {}
    for shift, drawn in enumerate(random.integers(len(visits), size=WATCHED)):
        for place, begin in visits[drawn]:
            times.setdefault(place, []).append(shift * length + begin)
    found = []
    for each in times.values():
        gaps = np.diff(np.sort(each))
        if len(gaps) >= 2 and gaps.mean() > 0:
            found.append(float(gaps.std() / gaps.mean()))
    return float(np.mean(found)) if found else None


def _hit_rate(slots: list[list[tuple[str, int]]], named: int, random: np.random.Generator) -> float:
    if not named:
        return 0.0
    hits = 0
    for _ in range(TRIALS):
        seen = Counter(
            slot for drawn in random.integers(len(slots), size=WATCHED) for slot in slots[drawn]
        )
        guess = {slot for slot, _ in sorted(seen.items(), key=lambda it: (-it[1], it[0]))[:named]}
        hits += len(guess & set(slots[random.integers(len(slots))]))
    return hits / (TRIALS * named)
