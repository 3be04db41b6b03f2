"""Coverage as it is asked for: places of a kind, in a period, in some of its hours and weekdays.

What is stored by the hour is added up; nothing is traced anew. A place without presence is `none`
where the units of its grid are known in half of their duty time or more, or had no duty, and
`unknown` else: an absence that nobody can know is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.coverage.reading import CoverageRows, DutyHours
from geo.coverage.records import HOUR_MS, moment_of, ms_of
from geo.errors import InvalidPeriod
from geo.values import Period
from layers.coverage.checkpoints import KNOWN_SHARE_MIN
from layers.coverage.measures import VISIT_COLUMNS, VisitRules, places_of_visits

PERIOD_MAX = timedelta(days=92)
MEASURES = ("visits", "dose", "presence", "revisit", "since", "intermittency", "mean_stay")
STATES = ("certain", "uncertain", "none", "unknown")
_VALUE_OF = {
    "visits": "visit_count", "dose": "dose_s", "presence": "presence_s", "revisit": "gap_p50_s",
    "since": "since_last_s", "intermittency": "gap_cv", "mean_stay": "mean_stay_s",
}  # fmt: skip
_OF_ALL_HOURS = ("gap_p50_s", "gap_p90_s", "gap_max_s", "gap_cv", "since_last_s")


@dataclass(frozen=True, slots=True)
class CoverageHours:
    """Which hours are asked for.

    period : rounded out to whole hours
    starts : when each hour begins, rising
    is_part : whether hours of the period are left out: then intervals between visits say nothing
    """

    period: Period
    starts: list[datetime]
    is_part: bool


def hours_asked(
    period: Period,
    *,
    time_zone: str,
    offset_ms: int = 0,
    hours: frozenset[int] | None = None,
    weekdays: frozenset[int] | None = None,
) -> CoverageHours:
    """Return the hours of a period, those of some local hours and weekdays (0: Monday).

    Raises
    ------
    InvalidPeriod : longer than 92 days
    """
    if period.end - period.start > PERIOD_MAX:
        raise InvalidPeriod(
            f"The period has {(period.end - period.start).days} days, wanted {PERIOD_MAX.days} at "
            "most. Ask for less.",
            field="end",
        )
    first = (ms_of(period.start) - offset_ms) // HOUR_MS * HOUR_MS + offset_ms
    end = -((offset_ms - ms_of(period.end)) // HOUR_MS) * HOUR_MS + offset_ms
    starts = [moment_of(ms) for ms in range(first, end, HOUR_MS)]
    whole = len(starts)
    if hours is not None or weekdays is not None:
        zone = ZoneInfo(time_zone)
        local = [(start, start.astimezone(zone)) for start in starts]
        starts = [
            start
            for start, here in local
            if (hours is None or here.hour in hours)
            and (weekdays is None or here.weekday() in weekdays)
        ]
    return CoverageHours(
        Period(moment_of(first), moment_of(end)), starts, is_part=len(starts) < whole
    )


def coverage_of_places(
    rows: CoverageRows,
    asked: CoverageHours,
    keys: NDArray[np.int64],
    grid_codes: Sequence[str],
    duty: DutyHours,
    *,
    rules: VisitRules | None = None,
) -> pd.DataFrame:
    """Return the coverage of some places.

    Parameters
    ----------
    rows : as stored in the hours asked for
    keys, grid_codes : (n,) the places, and the grid of each
    duty : of the same hours

    Returns
    -------
    DataFrame (n,) in the order of `keys`, columns `place`, `grid_code`, `state` and those of
    `CoverageResult` places; `certain_s`, `uncertain_s`, `presence_s` (both),
    `patrolling_s`, `stationary_s`, `responding_s`. Intervals between visits are missing where only
    a part of the period's hours is asked for.
    """
    order = np.argsort(keys)
    sorted_keys = keys[order]

    def row_of(places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The place's row; -1 where it isn't asked for."""
        if len(keys) == 0:
            return np.full(len(places), -1, np.int64)
        at = np.minimum(np.searchsorted(sorted_keys, places), len(keys) - 1)
        return np.where(sorted_keys[at] == places, order[at], -1)

    row = row_of(rows.sums["place"])
    sums = np.zeros((len(keys), 6))
    np.add.at(sums, row[row >= 0], rows.sums["ms"][row >= 0] / 1000)
    visits = _visit_table(rows, row_of)
    found = pd.DataFrame({"place": keys, "grid_code": list(grid_codes)})
    by_place = places_of_visits(visits, sums.sum(axis=1), asked.period, rules or VisitRules())
    for name, column in by_place.items():
        found[str(name)] = column.reindex(np.arange(len(keys)))
    for name in ("visit_count", "probable_count", "dose_s", "passing_s"):
        found[name] = found[name].fillna(0)
    if asked.is_part:
        found[list(_OF_ALL_HOURS)] = np.nan
    found["certain_s"], found["uncertain_s"] = sums[:, :3].sum(axis=1), sums[:, 3:].sum(axis=1)
    found["presence_s"] = sums.sum(axis=1)
    for number, doing in enumerate(("patrolling", "stationary", "responding")):
        found[f"{doing}_s"] = sums[:, number] + sums[:, number + 3]
    found["state"] = states_of(found, duty.of_grids())
    return found


def states_of(places: pd.DataFrame, duty: dict[str, tuple[float, float]]) -> NDArray[Any]:
    """Return what is known of each place, one of `STATES`; of `certain_s`, `uncertain_s` and
    `grid_code`."""
    is_unknown = [
        known < KNOWN_SHARE_MIN * on_duty if on_duty > 0 else False
        for on_duty, known in (duty.get(code, (0.0, 0.0)) for code in places.grid_code)
    ]
    return np.select(
        [
            (places.certain_s > 0) & (places.certain_s >= places.uncertain_s),
            places.uncertain_s > 0,
            np.array(is_unknown, bool),
        ],
        ["certain", "uncertain", "unknown"],
        default="none",
    )


def values_of(places: pd.DataFrame, measure: str) -> NDArray[np.float64]:
    """Return what places are coloured by: visits, minutes, hours for intervals, or a ratio."""
    column = places[_VALUE_OF[measure]].to_numpy(float)
    if measure in ("dose", "presence", "mean_stay"):
        return column / 60
    if measure in ("revisit", "since"):
        return column / 3600
    return column


def class_breaks_of(values: NDArray[np.float64]) -> list[float]:
    """Return up to four lower ends of classes above the first, so that each holds as many places;
    of values above 0."""
    known = values[np.isfinite(values) & (values > 0)]
    if len(known) == 0:
        return []
    steps = np.quantile(known, [0.2, 0.4, 0.6, 0.8])
    return sorted({float(f"{step:.2g}") for step in steps} - {0.0})


def local_days(period: Period, time_zone: str) -> list[datetime]:
    """Return when each local day of a period begins, in UTC."""
    zone = ZoneInfo(time_zone)
    day = period.start.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    while day < period.end:
        found.append(day.astimezone(UTC))
        day = (day + timedelta(days=1)).replace(tzinfo=zone)
    return found


def _visit_table(rows: CoverageRows, row_of: Any) -> NDArray[np.int64]:
    """Visits as `coverage.measures` has them, by place and start; whose they were isn't known."""
    row = row_of(rows.visits["place"])
    visits = rows.visits[row >= 0]
    table = np.zeros((len(visits), len(VISIT_COLUMNS)), np.int64)
    table[:, 1] = row[row >= 0]
    for number, name in ((2, "start_ms"), (3, "end_ms"), (4, "inside_ms"), (5, "certain_ms")):
        table[:, number] = visits[name]
    return table[np.lexsort((table[:, 2], table[:, 1]))]
