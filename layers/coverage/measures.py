"""Patrol coverage: how often, how long, how evenly and how lately each place was visited.

Definitions, sources and limits of every measure: docs/coverage.md. A place is whatever the raster
holds: a grid, an H3 cell, a street segment, a key place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.values import Period
from layers.coverage import kernels
from layers.presence.pieces import Presence
from layers.time_slots import SlotPlan

DOING = ("patrolling", "stationary", "responding")
VISIT_COLUMNS = (
    "unit", "place", "start_ms", "end_ms", "inside_ms", "certain_ms",
    *(f"{doing}_ms" for doing in DOING),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class VisitRules:
    """What a visit is.

    gap_max_s : a unit that is back within this goes on with its visit
    stay_min_s : time inside that makes a visit
    dose_low_s, dose_high_s : a stop that is long enough and not wasted (Koper 1995: 10 to 16 min)
    """

    gap_max_s: float = 90.0
    stay_min_s: float = 120.0
    dose_low_s: float = 600.0
    dose_high_s: float = 900.0


@dataclass(frozen=True, slots=True, eq=False)
class CoverageResult:
    """Coverage in a period.

    period, rules : what it was asked with
    places : one row a place visited or passed, index `place`; `visit_count`, `probable_count`
        (visits of which less than `stay_min_s` is certain; counted in `visit_count` too),
        `dose_s` (time inside, all visits), `passing_s` (time inside that was no visit),
        `mean_stay_s`, `right_dose_share` (of visits, from `dose_low_s` to `dose_high_s`),
        `gap_p50_s`, `gap_p90_s`, `gap_max_s` and `gap_cv` (revisit interval and intermittency;
        missing under 2 and 3 visits), `since_last_s` (to the end of the period)
    slots : one row a place and slot with any presence; `place`, `slot`, `visit_count` (by start),
        `certain_s`, `uncertain_s`, and of both together `patrolling_s`, `stationary_s`,
        `responding_s`
    visits : one row a visit, columns `VISIT_COLUMNS`, by place, start and unit
    """

    period: Period
    rules: VisitRules
    places: pd.DataFrame
    slots: pd.DataFrame
    visits: pd.DataFrame


def find_visits(
    presence: Presence, place_count: int, rules: VisitRules
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the visits, (n, 9) `VISIT_COLUMNS`, by place, start and unit; and the time inside
    each place, visits and passings together, (n_places,) [s].
    """
    stay_min_ms = max(round(rules.stay_min_s * 1000), 1)
    bound = min(int((presence.end_ms - presence.start_ms).sum()) // stay_min_ms, len(presence))
    visits = np.empty((bound, len(VISIT_COLUMNS)), np.int64)
    inside_ms = np.zeros(place_count, np.int64)
    count = kernels.merge_visits(
        presence.unit, presence.place, presence.start_ms, presence.end_ms, presence.certainty,
        presence.doing, round(rules.gap_max_s * 1000), stay_min_ms, inside_ms, visits,
    )  # fmt: skip
    visits = visits[:count]
    order = np.lexsort((visits[:, 0], visits[:, 2], visits[:, 1]))
    return visits[order], np.asarray(inside_ms / 1000, float)


def find_coverage(
    presence: Presence,
    place_count: int,
    slots: SlotPlan,
    *,
    period: Period,
    rules: VisitRules | None = None,
) -> CoverageResult:
    """Return the coverage of all places in a period.

    Parameters
    ----------
    presence : of all units; what lies outside the period is left out
    place_count : how many places the raster has
    slots : of the period
    """
    rules = rules or VisitRules()
    presence = _clipped(presence, period)
    visits, inside_s = find_visits(presence, place_count, rules)
    return CoverageResult(
        period=period,
        rules=rules,
        places=places_of_visits(visits, inside_s, period, rules),
        slots=_by_slot(presence, place_count, visits, slots),
        visits=pd.DataFrame(visits, columns=pd.Index(VISIT_COLUMNS)),
    )


def _clipped(presence: Presence, period: Period) -> Presence:
    start, end = _ms(period.start), _ms(period.end)
    if len(presence) == 0 or (presence.start_ms.min() >= start and presence.end_ms.max() <= end):
        return presence
    inside = (presence.end_ms > start) & (presence.start_ms < end)
    kept = presence.take(inside)
    return Presence(
        kept.unit, kept.place, np.maximum(kept.start_ms, start), np.minimum(kept.end_ms, end),
        kept.certainty, kept.doing,
    )  # fmt: skip


def places_of_visits(
    visits: NDArray[np.int64], inside_s: NDArray[np.float64], period: Period, rules: VisitRules
) -> pd.DataFrame:
    """Return the measures of `CoverageResult.places`.

    Parameters
    ----------
    visits : (n, 9) `VISIT_COLUMNS`, by place and start
    inside_s : (n_places,) time inside each, visits and passings together
    """
    seen = np.flatnonzero(inside_s)
    row_of_place = np.zeros(len(inside_s), np.int64)
    row_of_place[seen] = np.arange(len(seen))
    row = row_of_place[visits[:, 1]]
    stay_s = visits[:, 4] / 1000

    def total(weights: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(row, weights, minlength=len(seen)), float)

    count = np.bincount(row, minlength=len(seen))
    dose_s = total(stay_s)
    is_right = (stay_s >= rules.dose_low_s) & (stay_s <= rules.dose_high_s)
    probable = visits[:, 5] < rules.stay_min_s * 1000
    last_end = np.full(len(seen), -1, np.int64)
    np.maximum.at(last_end, row, visits[:, 3])
    gaps = np.empty(len(visits), np.int64)
    kernels.gaps_between(
        np.ascontiguousarray(visits[:, 1]), np.ascontiguousarray(visits[:, 2]),
        np.ascontiguousarray(visits[:, 3]), gaps,
    )  # fmt: skip
    again = gaps >= 0
    grouped = pd.Series(gaps[again] / 1000).groupby(seen[row[again]])
    gap_count = grouped.count()
    with np.errstate(invalid="ignore", divide="ignore"):
        found = pd.DataFrame(
            {
                "visit_count": count,
                "probable_count": total(probable).astype(np.int64),
                "dose_s": dose_s,
                "passing_s": inside_s[seen] - dose_s,
                "mean_stay_s": dose_s / count,
                "right_dose_share": total(is_right) / count,
                "since_last_s": np.where(
                    last_end >= 0, (_ms(period.end) - last_end) / 1000, np.nan
                ),
            },
            index=pd.Index(seen, name="place"),
        )
    found["gap_p50_s"] = grouped.quantile(0.5)
    found["gap_p90_s"] = grouped.quantile(0.9)
    found["gap_max_s"] = grouped.max()
    spread = grouped.std(ddof=0) / grouped.mean()
    found["gap_cv"] = spread[(gap_count >= 2) & (grouped.mean() > 0)]
    return found


def _by_slot(
    presence: Presence, place_count: int, visits: NDArray[np.int64], plan: SlotPlan
) -> pd.DataFrame:
    is_seen = np.zeros(place_count, bool)
    is_seen[presence.place] = True
    seen = np.flatnonzero(is_seen)
    row_of_place = np.full(place_count, -1, np.int64)
    row_of_place[seen] = np.arange(len(seen))
    sums = np.zeros((len(seen), len(plan.names), 6), np.int64)
    kernels.add_by_slot(
        row_of_place, presence.place, presence.start_ms, presence.end_ms, presence.certainty,
        presence.doing, plan.edges_ms, plan.slot_of_edge, sums,
    )  # fmt: skip
    counts = np.zeros(sums.shape[:2], np.int64)
    if len(visits):
        edge = np.searchsorted(plan.edges_ms, visits[:, 2], side="right") - 1
        slot = plan.slot_of_edge[np.clip(edge, 0, len(plan.slot_of_edge) - 1)]
        np.add.at(counts, (row_of_place[visits[slot >= 0, 1]], slot[slot >= 0]), 1)
    row, slot_number = np.nonzero(sums.any(axis=2) | (counts > 0))
    by_kind = sums[row, slot_number].reshape(-1, 2, 3) / 1000
    found = {
        "place": seen[row],
        "slot": slot_number,
        "visit_count": counts[row, slot_number],
        "certain_s": by_kind[:, 0].sum(axis=1),
        "uncertain_s": by_kind[:, 1].sum(axis=1),
    }
    for number, doing in enumerate(DOING):
        found[f"{doing}_s"] = by_kind[:, :, number].sum(axis=1)
    return pd.DataFrame(found)


def _ms(moment: pd.Timestamp | object) -> int:
    return int(pd.Timestamp(moment).value // 1_000_000)  # type: ignore[arg-type]
