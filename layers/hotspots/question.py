"""What is asked of the hotspot layer, and which incidents that means."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geo.errors import InvalidInput
from geo.incidents.columns import SECONDS_A_DAY, WEEK_HOURS, IncidentColumns
from geo.values import Period
from layers.discovered import MODEL_SOURCES
from layers.statistics.density_picture import BANDWIDTH_M

Measure = Literal["counts", "rate", "risk", "gi", "moran", "change", "forecast", "density"]
Per = Literal["place", "household", "km2", "street_km"]
"""What a rate is of: each place alike, 1,000 households, a km2, a km of street."""

WEIGHED_MEASURES: tuple[Measure, ...] = ("counts", "rate", "risk")
FOUND_SOURCE = "officer_initiated"
HORIZON_MIN_D, HORIZON_MAX_D = 1 / 24, 100.0
BANDWIDTH_MIN_M, BANDWIDTH_MAX_M = 50.0, 3_000.0

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class HotspotQuestion:
    """What is asked.

    categories : codes, those below included by who asks; None: all kinds
    hidden : codes of which the caller may not see the point: they are in no cell that is finer than
        what the caller is told of one such incident
    sources : whose incidents count; officers' own only where somebody asks for them
    hours, weekdays : of local time, 0 to 23 and 0 (Monday) to 6; None: all
    horizon_d : [days], of `forecast`
    per : of `rate` and `risk`
    bandwidth_m : [m], of `density`
    by_presence : what officers began counts by how long patrols were there; of `counts`, `rate` and
        `risk`, by grid
    """

    period: Period
    measure: Measure = "counts"
    categories: frozenset[str] | None = None
    hidden: frozenset[str] = frozenset()
    sources: frozenset[str] = field(default_factory=lambda: frozenset(MODEL_SOURCES))
    hours: frozenset[int] | None = None
    weekdays: frozenset[int] | None = None
    horizon_d: float = 7.0
    per: Per = "place"
    bandwidth_m: float = BANDWIDTH_M
    by_presence: bool = False

    def __post_init__(self) -> None:
        if not HORIZON_MIN_D <= self.horizon_d <= HORIZON_MAX_D:
            raise InvalidInput(
                f"The horizon is {self.horizon_d:g} days, wanted an hour to {HORIZON_MAX_D:g} "
                "days.",
                field="horizon_days",
            )
        if not BANDWIDTH_MIN_M <= self.bandwidth_m <= BANDWIDTH_MAX_M:
            raise InvalidInput(
                f"The bandwidth is {self.bandwidth_m:g} m, wanted {BANDWIDTH_MIN_M:g} to "
                f"{BANDWIDTH_MAX_M:g}.",
                field="bandwidth_m",
            )

        if self.by_presence and (
            FOUND_SOURCE not in self.sources or self.measure not in WEIGHED_MEASURES
        ):
            raise InvalidInput(
                "Presence weighs what officers began. Ask with all_sources=true, and for "
                f"{', '.join(WEIGHED_MEASURES)}.",
                field="presence_corrected",
            )

    @property
    def length_d(self) -> float:
        """How long the period is [days]."""
        return (self.period.end - self.period.start).total_seconds() / SECONDS_A_DAY

    def is_of_source(self, columns: IncidentColumns, rows: slice = slice(None)) -> Flags:
        """Return which rows come from the sources asked for."""
        return columns.one_of(self.sources, columns.source, columns.sources, rows)

    def is_asked(self, columns: IncidentColumns, rows: slice = slice(None)) -> Flags:
        """Return which rows are of the kind, source, hours and weekdays asked for; of any time."""
        found = columns.one_of(self.categories, columns.category, columns.categories, rows)
        found &= self.is_of_source(columns, rows)
        if self.hours is not None or self.weekdays is not None:
            hour = np.arange(WEEK_HOURS)
            wanted = np.ones(WEEK_HOURS, dtype=bool)
            if self.hours is not None:
                wanted &= np.isin(hour % 24, list(self.hours))
            if self.weekdays is not None:
                wanted &= np.isin(hour // 24, list(self.weekdays))
            found &= wanted[columns.week_hour[rows]]
        return found


def day_of(moment: datetime) -> float:
    """Return a moment as the columns hold it [days since 1970, UTC]."""
    return moment.timestamp() / SECONDS_A_DAY
