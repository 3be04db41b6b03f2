"""What the hotspot layer tells of each place of a caller's area: one function a measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.incidents.columns import IncidentColumns
from geo.values import Period
from layers.hotspot_places import HotspotPlaces
from layers.hotspot_question import HotspotQuestion, Measure
from layers.hotspots import HotspotForecaster, is_coloured
from layers.local_statistics import getis_ord_gi_star, hot_and_cold_spots
from layers.period_change import period_change
from layers.placed_events import PlacedEvents
from layers.shift_forecast import shift_reasons
from layers.shrunken_rates import shrink_to_local_mean

FEW = 5  # fewer are hatched: they say little, and of a dwelling too much
DAYS_A_YEAR = 365.25
SHOWN_SHARE = 0.2  # of the places, those a forecast shows

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure of n places.

    `table` : (n,) columns `count`, `is_too_few`, `value`, and those of the measure
    `is_shown` : (n,) whether a map shows the place
    `incident_count` : in the period, in all places
    """

    table: pd.DataFrame
    is_shown: Flags
    method: str
    incident_count: int


@dataclass(frozen=True, slots=True)
class Asked:
    """One question with what answers it. `columns` : what the caller may see, and nothing else;
    `moment_d` : where forecasts begin [days since 1970, UTC]"""

    columns: IncidentColumns
    places: HotspotPlaces
    question: HotspotQuestion
    moment_d: float

    def counts(self, period: Period) -> Floats:
        """Return the incidents asked for in each place within a period."""
        rows = self.columns.rows_in(period)
        where = self.places.position[rows][self.question.is_asked(self.columns, rows)]
        return np.bincount(where, minlength=len(self.places)).astype(float)

    def events(self) -> PlacedEvents:
        """Return all incidents of the sources asked for; those of other kinds tell how much happens
        at a place."""
        kept = self.question.is_of_source(self.columns)
        return PlacedEvents(
            place=self.places.position[kept].astype(np.int64),
            day=self.columns.day[kept],
            is_asked=self.question.is_asked(self.columns)[kept],
            neighbours=self.places.neighbours,
        )


def measured(asked: Asked) -> Measured:
    """Return the measure asked for.

    Raises
    ------
    TooFewIncidents : of `risk`, `gi`, `forecast`: too little to say anything
    """
    counts = asked.counts(asked.question.period)
    table = pd.DataFrame({"count": counts.astype(np.int64), "is_too_few": counts < FEW})
    is_shown, method = _MEASURES[asked.question.measure](asked, counts, table)
    return Measured(table, is_shown, method, int(counts.sum()))


Filled = tuple[Flags, str]


def _counts(asked: Asked, counts: Floats, table: pd.DataFrame) -> Filled:
    table["value"] = counts
    return counts > 0, "Incidents counted."


def _risk(asked: Asked, counts: Floats, table: pd.DataFrame) -> Filled:
    years = np.full(len(counts), asked.question.length_d / DAYS_A_YEAR)
    rates = shrink_to_local_mean(counts, asked.places.neighbours, exposure=years)
    table["rate"], table["low"], table["high"] = rates.rate, rates.low, rates.high
    table["is_coloured"], table["value"] = is_coloured(rates), rates.rate
    return counts > 0, (
        "Incidents a year, pulled towards the surroundings where there are few (empirical "
        f"Bayes, shape {rates.shape:.2f}), with the 95 % interval. Coloured: {FEW} or more, "
        "and surely above the mean."
    )


def _gi(asked: Asked, counts: Floats, table: pd.DataFrame) -> Filled:
    found = getis_ord_gi_star(counts, asked.places.neighbours)
    spots = hot_and_cold_spots(found, counts, asked.places.neighbours)
    table["z"], table["value"] = found.z, found.z
    table["kind"] = np.select([spots.is_hot, spots.is_cold], ["hot", "cold"], "none")
    table["is_too_few"] = spots.is_too_few
    return (counts > 0) | spots.is_hot | spots.is_cold, (
        "Getis-Ord Gi*: the place and its neighbours against chance, exact chances, "
        "Benjamini-Hochberg 5 % over all places. A place without a mark isn't safe."
    )


def _change(asked: Asked, counts: Floats, table: pd.DataFrame) -> Filled:
    period = asked.question.period
    before = asked.counts(Period(period.start - (period.end - period.start), period.start))
    change = period_change(before, counts)
    table["before"] = before.astype(np.int64)
    table["change"], table["value"] = change.change, change.change
    table["kind"] = np.select([change.is_more, change.is_fewer], ["more", "fewer"], "none")
    table["is_too_few"] = change.is_too_few
    return (counts > 0) | change.is_more | change.is_fewer, (
        "2 (√now - √before), before being the equal stretch right before; marked after "
        "Benjamini-Hochberg 5 %. A season is no change."
    )


def _forecast(asked: Asked, counts: Floats, table: pd.DataFrame) -> Filled:
    horizon_d = asked.question.horizon_d
    forecast = HotspotForecaster(asked.events()).forecast(asked.moment_d, horizon_d)
    table["value"], table["low"] = forecast.expected, forecast.low
    table["high"] = forecast.high
    reasons = shift_reasons(forecast)
    table["reason"] = np.array(list(reasons))[np.argmax(list(reasons.values()), axis=0)]
    shown: Flags = forecast.expected >= np.quantile(forecast.expected, 1 - SHOWN_SHARE)
    return shown, f"Expected in {horizon_d:g} days. {forecast.method}"


_MEASURES: dict[Measure, Callable[[Asked, Floats, pd.DataFrame], Filled]] = {
    "counts": _counts, "risk": _risk, "gi": _gi, "change": _change, "forecast": _forecast,
}  # fmt: skip
