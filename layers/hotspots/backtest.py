"""Does a ranking foretell better than counting: rolling origin, on the deployment's own data.

At each origin every method ranks the places from what was known before, and is then scored on the
window after it. Then the origin moves on. All methods may flag the same area.

PAI = (n / N) / (a / A): the share of events caught over the share of the area flagged; at random 1.
PEI = n / n*: of what the same area could have caught at best, in hindsight. PAI of different area
shares must not be compared, nor PEI of different cell sizes.

Ties: where places of equal score lie at the edge of the budget, each gets an equal share of what is
left of it, and its events count with this share: the mean over all ways to break the tie. The last
place is cut the same way, so that the area is exactly the budget.

Intervals: 95 %, bootstrap of (window, place) clusters: all events of one place in one window stay
together, since they come together. A difference between two methods is drawn in pairs.

Source: Chainey, Tompson & Uhlig 2008 (PAI); Hunt 2016 (PEI); facts in docs/hotspots.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import InvalidInput
from layers.hotspots.ranking import HotspotForecaster
from layers.placed_events import PlacedEvents

JUDGED_MIN_EVENTS = 100  # in all windows; of fewer, a handful decides
JUDGED_MIN_CAUGHT = 20  # by the better of the two: 20 +- 9 at 95 %
WINDOWS_MAX = 60
BOOTSTRAPS = 1_000
FORECAST, COUNTS, RANDOM = "forecast", "counts", "random"

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Score = Callable[[float, float], ArrayLike]
"""Origin [days since 1970] and horizon [days] to a score of each place; higher comes first."""
Judgement = Literal["better", "worse", "no difference shown", "cannot be judged"]


@dataclass(frozen=True, slots=True)
class MethodScore:
    """How one method did.

    `caught` : events in the flagged area, a fraction where ties were shared
    `pai`, `pai_low`, `pai_high`, `pei`, `pei_low`, `pei_high` : NaN without events
    `pai_gain_low`, `pai_gain_high` : interval of its PAI less that of counts
    `judgement` : against counts, by that interval
    """

    caught: float
    pai: float
    pai_low: float
    pai_high: float
    pei: float
    pei_low: float
    pei_high: float
    pai_gain_low: float
    pai_gain_high: float
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Backtest:
    """Methods scored on the same windows and the same area.

    `sentence` : for the user: what can be said, or why nothing can
    """

    scores: dict[str, MethodScore]
    n_events: int
    n_windows: int
    area_share: float
    horizon_d: float
    origins: tuple[float, ...]
    sentence: str

    @property
    def is_judged(self) -> bool:
        """Whether there were events enough to tell methods apart."""
        return all(score.judgement != "cannot be judged" for score in self.scores.values())


def rolling_origins(
    first_day: float, last_day: float, horizon_d: float, *, windows_max: int = WINDOWS_MAX
) -> tuple[float, ...]:
    """Return origins whose windows follow each other and end by `last_day`; the latest, if many."""
    count = max(0, int((last_day - first_day + 1e-9) // horizon_d))
    kept = min(count, windows_max)
    return tuple(last_day - horizon_d * back for back in range(kept, 0, -1))


def backtest(
    events: PlacedEvents,
    area_m2: ArrayLike,
    scores: Mapping[str, Score],
    *,
    origins: tuple[float, ...],
    horizon_d: float,
    area_share: float,
    random: np.random.Generator,
) -> Backtest:
    """Return how well each method's ranking caught what came after each origin.

    Parameters
    ----------
    area_m2 : (n_places,) [m2]
    scores : by name; must hold `COUNTS`, against which all are judged; each must look only at what
        lies before its origin
    area_share : of the whole area that may be flagged, above 0, at most 1

    Raises
    ------
    InvalidInput : no origin, no counts among the methods, or a share out of range
    """
    if not origins:
        raise InvalidInput(
            "The period is too short for one window after the first origin. Take a longer period "
            "or a shorter horizon."
        )
    if COUNTS not in scores or not 0 < area_share <= 1:
        raise InvalidInput(
            f"The share is {area_share} and the methods {sorted(scores)}: wanted a share above 0 "
            f"and at most 1, and “{COUNTS}” among the methods."
        )
    area = np.asarray(area_m2, dtype=float)
    budget = area_share * area.sum()
    happened: list[Floats] = []
    caught: list[Floats] = []
    names = list(scores)
    for origin in origins:
        events_here = events.counts(origin, origin + horizon_d)
        seen = np.flatnonzero(events_here)
        flagged = [
            flagged_share(scores[name](origin, horizon_d), area, budget)[seen] for name in names
        ]
        best = flagged_share(events_here / area, area, budget)[seen]
        happened.append(events_here[seen])
        caught.append(np.array([*flagged, best]))
    return _scored(
        names, np.concatenate(happened), np.concatenate(caught, axis=1), origins, horizon_d,
        area_share, random,
    )  # fmt: skip


def flagged_share(score: ArrayLike, area_m2: Floats, budget_m2: float) -> Floats:
    """Return how much of each place is flagged, 0 to 1, by the rule for ties above.

    Parameters
    ----------
    score : (n,) the higher, the earlier; area_m2 : (n,) [m2]; budget_m2 : [m2]
    """
    values = np.asarray(score, dtype=float)
    order = np.argsort(-values, kind="stable")
    ranked = values[order]
    begins = np.concatenate(([True], ranked[1:] != ranked[:-1]))
    group = np.cumsum(begins) - 1
    area_of_group = np.bincount(group, weights=area_m2[order])
    before = np.concatenate(([0.0], np.cumsum(area_of_group)[:-1]))
    share_of_group = np.clip((budget_m2 - before) / area_of_group, 0.0, 1.0)
    flagged = np.empty(len(values))
    flagged[order] = share_of_group[group]
    return flagged


def default_scores(events: PlacedEvents) -> dict[str, Score]:
    """Return the methods every deployment is shown: the forecast, counts, and random."""
    forecaster = HotspotForecaster(events)
    first = forecaster.first_day
    return {
        FORECAST: lambda origin, horizon: forecaster.forecast(origin, horizon).expected,
        COUNTS: lambda origin, horizon: events.counts(first, origin),
        RANDOM: lambda origin, horizon: np.zeros(events.n_places),
    }


def offered_default(result: Backtest) -> str:
    """Return the method a deployment is offered first: the forecast where it beat counts.

    Where it caught no more than counts, or too little happened to judge, counting is the default.
    """
    if not result.is_judged:
        return COUNTS
    return FORECAST if result.scores[FORECAST].pai > result.scores[COUNTS].pai else COUNTS


def _scored(
    names: list[str],
    happened: Floats,
    caught: Floats,
    origins: tuple[float, ...],
    horizon_d: float,
    area_share: float,
    random: np.random.Generator,
) -> Backtest:
    total = happened.sum()
    sums = caught @ happened
    # Clusters with the same number of events and the same flags are alike: drawing how often each
    # kind is drawn gives the same bootstrap, however many clusters there are.
    kinds, alike = np.unique(np.vstack((happened, caught)), axis=1, return_counts=True)
    drawn = random.poisson(alike, (BOOTSTRAPS, len(alike))) if total else np.zeros((1, 0))
    drawn_total = drawn @ kinds[0] if total else np.zeros(1)
    drawn_sums = drawn @ (kinds[0] * kinds[1:]).T if total else np.zeros((1, len(caught)))
    pai = _over(sums, total * area_share)
    drawn_pai = _over(drawn_sums, drawn_total[:, None] * area_share)
    pei = _over(sums, sums[-1])
    drawn_pei = _over(drawn_sums, drawn_sums[:, -1:])
    low, high = _interval(drawn_pai)
    pei_low, pei_high = _interval(drawn_pei)
    counted = names.index(COUNTS)
    gain_low, gain_high = _interval(drawn_pai - drawn_pai[:, counted : counted + 1])
    most = max(sums[:-1])
    enough = total >= JUDGED_MIN_EVENTS and most >= JUDGED_MIN_CAUGHT
    scores = {}
    for at, name in enumerate(names):
        judgement: Judgement = "no difference shown"
        if not enough:
            judgement = "cannot be judged"
        elif gain_low[at] > 0:
            judgement = "better"
        elif gain_high[at] < 0:
            judgement = "worse"
        scores[name] = MethodScore(
            caught=float(sums[at]),
            pai=float(pai[at]), pai_low=float(low[at]), pai_high=float(high[at]),
            pei=float(pei[at]), pei_low=float(pei_low[at]), pei_high=float(pei_high[at]),
            pai_gain_low=float(gain_low[at]), pai_gain_high=float(gain_high[at]),
            judgement=judgement,
        )  # fmt: skip
    return Backtest(
        scores=scores,
        n_events=round(total),
        n_windows=len(origins),
        area_share=area_share,
        horizon_d=horizon_d,
        origins=origins,
        sentence=_sentence(enough, round(total), len(origins), most),
    )


def _sentence(enough: bool, total: int, n_windows: int, most: float) -> str:
    told = f"{total:,} events in {n_windows} windows, {total / n_windows:.1f} in each"
    if enough:
        return told + "."
    return (
        f"Cannot be judged: {told}; the best method caught {most:.1f}. Below "
        f"{JUDGED_MIN_EVENTS} events, or {JUDGED_MIN_CAUGHT} caught, luck decides."
    )


def _over(part: Floats, whole: ArrayLike) -> Floats:
    """Return part / whole, NaN where there is no whole."""
    given = np.broadcast_to(np.asarray(whole, dtype=float), part.shape)
    ratio: Floats = np.divide(part, given, out=np.full(part.shape, np.nan), where=given > 0)
    return ratio


def _interval(drawn: Floats) -> tuple[Floats, Floats]:
    if not np.isfinite(drawn).any():
        nothing = np.full(drawn.shape[1], np.nan)
        return nothing, nothing
    return np.nanpercentile(drawn, 2.5, axis=0), np.nanpercentile(drawn, 97.5, axis=0)
