"""What the hotspot layer tells of each place of a caller's area: one function a measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.errors import InvalidInput, TooFewIncidents
from geo.incidents.columns import IncidentColumns
from geo.values import Period
from layers.discovered import presence_weights
from layers.hotspots.places import HotspotPlaces
from layers.hotspots.question import FOUND_SOURCE, HotspotQuestion, Measure, Per
from layers.hotspots.ranking import HotspotForecaster, is_coloured
from layers.hotspots.shift_forecast import shift_reasons
from layers.placed_events import PlacedEvents
from layers.statistics.density_picture import density_picture, edge_m_of
from layers.statistics.local import (
    getis_ord_gi_star,
    hot_and_cold_spots,
    like_and_unlike,
    local_moran,
)
from layers.statistics.period_change import period_change
from layers.statistics.shrunken_rates import shrink_to_local_mean

FEW = 5  # fewer are hatched: they say little, and of a dwelling too much
DAYS_A_YEAR = 365.25
SHOWN_SHARE = 0.2  # of the places, those a forecast shows
FAINTEST = 0.01  # of the top density: fainter isn't drawn
UNITS: dict[Per, str] = {
    "place": "Incidents a year and place",
    "household": "Incidents a year and 1,000 households",
    "km2": "Incidents a year and km²",
    "street_km": "Incidents a year and km of street",
}

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
    street_m: Floats | None = None
    presence_h: Floats | None = None

    def counts(self, period: Period) -> Floats:
        """Return the incidents asked for in each place within a period."""
        return self._of(self.question, period)

    def _of(self, question: HotspotQuestion, period: Period) -> Floats:
        rows = self.columns.rows_in(period)
        where = self.places.position[rows][question.is_asked(self.columns, rows)]
        return np.bincount(where[where >= 0], minlength=len(self.places)).astype(float)

    def weighed(self, counts: Floats) -> Floats:
        """Return the counts with those that officers began weighed by presence, if that is asked.

        Raises
        ------
        TooFewIncidents : nobody's presence was measured
        """
        if self.presence_h is None:
            return counts
        if not self.presence_h.any():
            raise TooFewIncidents(
                "No presence of patrols was measured in this period. Take another period, or ask "
                "without presence_corrected.",
                found=0,
                needed=1,
            )
        found = self._of(
            replace(self.question, sources=frozenset({FOUND_SOURCE})), self.question.period
        )
        return counts + found * (presence_weights(self.presence_h) - 1)

    def exposure(self) -> Floats:
        """Return how much of what the rate is of there is in each place.

        Raises
        ------
        InvalidInput : households of cells, which nobody states
        TooFewIncidents : no place has any
        """
        per, places = self.question.per, self.places
        if per == "place":
            return np.ones(len(places))
        if per == "km2":
            return places.area_m2 / 1e6
        exposed = self.street_m
        if per == "household":
            if places.households is None:
                raise InvalidInput(
                    "Households are known of grids, not of cells. Ask with by=grid.", field="per"
                )
            exposed = places.households
        assert exposed is not None
        if len(places) and not exposed.any():
            raise TooFewIncidents(
                "No grid states its households. Import grids with household_count."
                if per == "household"
                else "The base map holds no road here. Import roads.",
                found=0,
                needed=1,
            )
        return exposed / 1e3

    def events(self) -> PlacedEvents:
        """Return all incidents of the sources asked for; those of other kinds tell how much happens
        at a place."""
        kept = self.question.is_of_source(self.columns) & (self.places.position >= 0)
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
    InvalidInput : `density` of grids, households of cells
    TooFewIncidents : of `risk`, `gi`, `moran`, `forecast`: too little to say anything
    """
    counts = asked.counts(asked.question.period)
    table = pd.DataFrame({"count": counts.astype(np.int64), "is_too_few": counts < FEW})
    is_shown, method = _MEASURES[asked.question.measure](asked, counts, table)
    return Measured(table, is_shown, method, int(counts.sum()))


Filled = tuple[Flags, str]


def _counts(asked: Asked, counts: Floats, table: pd.DataFrame) -> Filled:
    table["value"] = asked.weighed(counts)
    return counts > 0, f"Incidents counted.{_weighed_note(asked)}"


def _rate(asked: Asked, counts: Floats, table: pd.DataFrame) -> Filled:
    exposed = asked.exposure()
    known = exposed > 0
    years = asked.question.length_d / DAYS_A_YEAR
    weighed = asked.weighed(counts)
    rate = np.divide(weighed, exposed * years, out=np.full(len(counts), np.nan), where=known)
    table["rate"], table["value"] = rate, rate
    unexposed = int((~known & (counts > 0)).sum())
    note = f" {unexposed:,} places with incidents have none and no rate." if unexposed else ""
    return (counts > 0) & known, (
        f"{UNITS[asked.question.per]}, as counted: of few incidents, it says little.{note}"
        f"{_weighed_note(asked)}"
    )


def _risk(asked: Asked, counts: Floats, table: pd.DataFrame) -> Filled:
    years = asked.question.length_d / DAYS_A_YEAR
    rates = shrink_to_local_mean(
        asked.weighed(counts), asked.places.neighbours, exposure=asked.exposure() * years
    )
    table["rate"], table["low"], table["high"] = rates.rate, rates.low, rates.high
    table["is_coloured"], table["value"] = is_coloured(rates), rates.rate
    return counts > 0, (
        f"{UNITS[asked.question.per]}, pulled towards the surroundings where there are few "
        f"(empirical Bayes, shape {rates.shape:.2f}), with the 95 % interval. Coloured: {FEW} or "
        f"more, and surely above the mean.{_weighed_note(asked)}"
    )


def _weighed_note(asked: Asked) -> str:
    if asked.presence_h is None:
        return ""
    unknown = int((asked.presence_h == 0).sum())
    return (
        " What officers began is weighed by the hours patrols were measured in each grid: found an "
        f"hour there, not found. In {unknown:,} grids nobody was: what is found there is unknown, "
        "not nothing."
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


def _moran(asked: Asked, counts: Floats, table: pd.DataFrame) -> Filled:
    found = local_moran(counts, asked.places.neighbours, p_kind="table")
    kind = like_and_unlike(found, counts, asked.places.neighbours)
    table["z"], table["value"] = found.z, found.statistic
    table["kind"] = kind
    table["is_too_few"] = counts + asked.places.neighbours.sums(counts) < FEW
    return (counts > 0) | (kind != "none"), (
        "Local Moran's I: is the place like its neighbours, or unlike them. Exact chances, "
        "Benjamini-Hochberg 5 % over all places. It describes this map and foretells nothing."
    )


def _density(asked: Asked, counts: Floats, table: pd.DataFrame) -> Filled:
    if asked.places.cells is None:
        raise InvalidInput(
            "A density is a picture drawn on cells, grids have borders. Ask with by=h3.", field="by"
        )
    if not len(counts):
        table["value"] = counts
        return counts > 0, "No incident, no density."
    picture = density_picture(counts, asked.places.cells, bandwidth_m=effective_bandwidth_m(asked))
    table["value"] = picture.density
    top = picture.density.max()
    return picture.density > FAINTEST * top, picture.method


def effective_bandwidth_m(asked: Asked) -> float:
    """Return the bandwidth asked for, or the cells' edge where that is wider."""
    assert asked.places.cells is not None
    return max(asked.question.bandwidth_m, edge_m_of(asked.places.cells))


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
    if not len(forecast.expected):
        return counts > 0, forecast.method
    shown: Flags = forecast.expected >= np.quantile(forecast.expected, 1 - SHOWN_SHARE)
    return shown, f"Expected in {horizon_d:g} days. {forecast.method}"


_MEASURES: dict[Measure, Callable[[Asked, Floats, pd.DataFrame], Filled]] = {
    "counts": _counts, "rate": _rate, "risk": _risk, "gi": _gi, "moran": _moran,
    "change": _change, "forecast": _forecast, "density": _density,
}  # fmt: skip
