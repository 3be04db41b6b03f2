"""The hotspot layer of the map: cells, not points, for a period, kinds, hours and weekdays.

Five measures of the same incidents: how many (`counts`), how many in the long run with what is sure
of it (`risk`), more than chance (`gi`), more than before (`change`), what to expect (`forecast`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Literal, TypeVar, cast

import h3.api.basic_int as h3
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.errors import InvalidInput
from geo.h3_cells import h3_cell_area_m2, h3_cell_polygons
from geo.incidents.columns import IncidentColumns
from geo.values import GridScope, Period
from layers.address_density import Bounds, resolution_of_zoom, resolution_that_fits
from layers.address_density import round_class_breaks as class_breaks_of
from layers.discovered import MODEL_SOURCES
from layers.hotspot_backtest import Backtest, backtest, default_scores, rolling_origins
from layers.hotspots import HotspotForecaster, is_coloured
from layers.local_statistics import getis_ord_gi_star, hot_and_cold_spots
from layers.neighbours import Neighbours, h3_neighbours
from layers.period_change import period_change
from layers.placed_events import PlacedEvents
from layers.shift_forecast import shift_reasons
from layers.shrunken_rates import shrink_to_local_mean

Measure = Literal["counts", "risk", "gi", "change", "forecast"]
FEW = 5  # fewer are hatched: they say little, and of a dwelling too much
FINEST_RESOLUTION = 10
HORIZON_MAX_D = 100.0
DAYS_A_YEAR = 365.25
SECONDS_A_DAY = 86_400.0
KEPT_ANSWERS = 64

Answer = TypeVar("Answer")
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class HotspotQuestion:
    """What is asked.

    categories : codes, those below included by who asks; None: all kinds
    sources : whose incidents count; officers' own only where somebody asks for them
    hours, weekdays : of local time, 0 to 23 and 0 (Monday) to 6; None: all
    horizon_d : [days], of `forecast`
    """

    period: Period
    measure: Measure = "counts"
    categories: frozenset[str] | None = None
    sources: frozenset[str] = field(default_factory=lambda: frozenset(MODEL_SOURCES))
    hours: frozenset[int] | None = None
    weekdays: frozenset[int] | None = None
    horizon_d: float = 7.0

    def __post_init__(self) -> None:
        if not 0 < self.horizon_d <= HORIZON_MAX_D:
            raise InvalidInput(
                f"The horizon is {self.horizon_d:g} days, wanted more than 0 and at most "
                f"{HORIZON_MAX_D:g}.",
                field="horizon_days",
            )


@dataclass(frozen=True, slots=True)
class HotspotLayer:
    """Cells that reach into a frame.

    `cells` : columns `h3_cell`, `count`, `is_too_few`, `value` (what is coloured by), and those of
        the measure: `rate`, `low`, `high`, `is_coloured` (risk, per year); `z`, `kind` (gi: hot,
        cold, none); `before`, `change`, `kind` (change: more, fewer, none); `low`, `high`,
        `reason` (forecast)
    `incident_count` : in the period, in all of the caller's area
    """

    cells: pd.DataFrame
    outlines: NDArray[np.object_]
    question: HotspotQuestion
    resolution: int
    class_breaks: tuple[int, ...]
    incident_count: int
    method: str


class HotspotLayers:
    """Answers over the columns; what was worked out for one frame serves the next one too."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, object] = OrderedDict()
        self._lock = Lock()

    def layer(
        self,
        columns: IncidentColumns,
        question: HotspotQuestion,
        *,
        bbox: Bounds,
        zoom: int,
        scope: GridScope,
        now: datetime,
    ) -> HotspotLayer:
        """Return the cells of a frame at a zoom level.

        The measure is worked out over the caller's whole area, so that a cell says the same in
        every frame; then the frame is cut out.

        Parameters
        ----------
        bbox : west, south, east, north [degrees, WGS 84]
        scope : incidents in other grids aren't there
        now : forecasts begin here

        Raises
        ------
        InvalidInput : the frame has no area
        TooFewIncidents : of `risk`, `gi`, `forecast`: too little to say anything
        """
        west, south, east, north = bbox
        if west >= east or south >= north:
            raise InvalidInput(
                f"The frame {bbox} has no area. Give west,south,east,north of a frame.", got=bbox
            )
        resolution = min(
            resolution_of_zoom(zoom, (south + north) / 2),
            resolution_that_fits(bbox),
            FINEST_RESOLUTION,
        )
        moment = _day_of(now) if question.measure == "forecast" else 0.0
        whole = self._kept(
            (columns.mark, question, resolution, scope, np.floor(moment)),
            lambda: _whole(columns, question, resolution, scope, moment),
        )
        cells, outlines, method, total = whole
        shown = cells["count"].to_numpy() > 0
        if question.measure in ("gi", "change"):
            shown = shown | (cells["kind"].to_numpy() != "none")
        if question.measure == "forecast":
            shown = cells["value"].to_numpy() >= np.quantile(cells["value"], 0.8)
        shown &= shapely.intersects(outlines, shapely.box(*bbox))
        counts = cells["count"].to_numpy()[shown]
        return HotspotLayer(
            cells=cells[shown].reset_index(drop=True),
            outlines=outlines[shown],
            question=question,
            resolution=resolution,
            class_breaks=class_breaks_of(counts[counts > 0]),
            incident_count=total,
            method=method,
        )

    def backtest(
        self,
        columns: IncidentColumns,
        question: HotspotQuestion,
        *,
        resolution: int,
        area_share: float,
        scope: GridScope,
        now: datetime,
    ) -> Backtest:
        """Return how the forecast would have done in the last third of the history, beside counts.

        Raises
        ------
        InvalidInput : the history is shorter than the horizon needs, or the share is out of range
        TooFewIncidents : there is no incident of the kind
        """

        def worked_out() -> Backtest:
            placed, cells = _placed(columns, question, resolution, scope)
            last = min(_day_of(now), float(placed.day[-1]) if len(placed.day) else 0.0)
            first = float(placed.day[0]) if len(placed.day) else 0.0
            origins = rolling_origins(
                first + (last - first) * 2 / 3, last, question.horizon_d, windows_max=26
            )
            return backtest(
                placed, h3_cell_area_m2(cells), default_scores(placed), origins=origins,
                horizon_d=question.horizon_d, area_share=area_share,
                random=np.random.default_rng(1),
            )  # fmt: skip

        key = (columns.mark, question, resolution, scope, area_share, now.date())
        return self._kept(key, worked_out)

    def _kept(self, key: Hashable, make: Callable[[], Answer]) -> Answer:
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return cast(Answer, self._answers[key])
        made = make()
        with self._lock:
            self._answers[key] = made
            while len(self._answers) > KEPT_ANSWERS:
                self._answers.popitem(last=False)
        return made


def _whole(
    columns: IncidentColumns,
    question: HotspotQuestion,
    resolution: int,
    scope: GridScope,
    moment: float,
) -> tuple[pd.DataFrame, NDArray[np.object_], str, int]:
    """Return all cells of the caller's area with their measure, outlines, method and total."""
    area, neighbours, position, held = _area(columns, resolution, scope)
    within = held & _asked(columns, question)
    counts = _counted(columns, within & _in(columns, question.period), position, len(area))
    table = pd.DataFrame({"h3_cell": area, "count": counts.astype(np.int64)})
    table["is_too_few"] = counts < FEW
    days = (question.period.end - question.period.start).total_seconds() / SECONDS_A_DAY
    method = f"Incidents counted by H3 cell of resolution {resolution}."
    if question.measure == "counts":
        table["value"] = counts
    elif question.measure == "risk":
        rates = shrink_to_local_mean(
            counts, neighbours, exposure=np.full(len(area), days / DAYS_A_YEAR)
        )
        table["rate"], table["low"], table["high"] = rates.rate, rates.low, rates.high
        table["is_coloured"], table["value"] = is_coloured(rates), rates.rate
        method = (
            "Incidents a year, pulled towards the surroundings where there are few (empirical "
            f"Bayes, shape {rates.shape:.2f}), with the 95 % interval. Coloured: {FEW} or more, "
            "and surely above the mean."
        )
    elif question.measure == "gi":
        found = getis_ord_gi_star(counts, neighbours)
        spots = hot_and_cold_spots(found, counts, neighbours)
        table["z"], table["value"] = found.z, found.z
        table["kind"] = np.select([spots.is_hot, spots.is_cold], ["hot", "cold"], "none")
        table["is_too_few"] = spots.is_too_few
        method = (
            "Getis-Ord Gi*: the cell and its neighbours against chance, exact chances, "
            "Benjamini-Hochberg 5 % over all cells. A cell without a mark isn't safe."
        )
    elif question.measure == "change":
        length = question.period.end - question.period.start
        earlier = Period(question.period.start - length, question.period.start)
        before = _counted(columns, within & _in(columns, earlier), position, len(area))
        change = period_change(before, counts)
        table["before"] = before.astype(np.int64)
        table["change"], table["value"] = change.change, change.change
        table["kind"] = np.select([change.is_more, change.is_fewer], ["more", "fewer"], "none")
        table["is_too_few"] = change.is_too_few
        method = (
            "2 (√now - √before), before being the equal stretch right before; marked after "
            "Benjamini-Hochberg 5 %. A season is no change."
        )
    else:
        placed = _events(columns, question, area, neighbours, position, held)
        forecast = HotspotForecaster(placed).forecast(moment, question.horizon_d)
        table["value"], table["low"] = forecast.expected, forecast.low
        table["high"] = forecast.high
        reasons = shift_reasons(forecast)
        table["reason"] = np.array(list(reasons))[np.argmax(list(reasons.values()), axis=0)]
        method = f"Expected in {question.horizon_d:g} days. {forecast.method}"
    return table, h3_cell_polygons(area), method, int(counts.sum())


def _placed(
    columns: IncidentColumns, question: HotspotQuestion, resolution: int, scope: GridScope
) -> tuple[PlacedEvents, Ints]:
    area, neighbours, position, held = _area(columns, resolution, scope)
    return _events(columns, question, area, neighbours, position, held), area


def _area(
    columns: IncidentColumns, resolution: int, scope: GridScope
) -> tuple[Ints, Neighbours, Ints, Flags]:
    """Return the caller's cells, their neighbours, each incident's position, and which are seen.

    The area is every cell that ever held an incident the caller may see, and those beside them:
    places without incidents belong to it, far fields don't.
    """
    cells, code = columns.cells(resolution)
    held = columns.seen_in(scope)
    with_incidents = cells[np.bincount(code[held], minlength=len(cells)) > 0]
    around = {cell for one in with_incidents.tolist() for cell in h3.grid_disk(one, 1)}
    area = np.array(sorted(around), dtype=np.int64)
    position_of_cell = np.searchsorted(area, cells)
    position = np.minimum(position_of_cell, max(len(area) - 1, 0))[code]
    return area, h3_neighbours(area), position, held


def _events(
    columns: IncidentColumns,
    question: HotspotQuestion,
    area: Ints,
    neighbours: Neighbours,
    position: Ints,
    held: Flags,
) -> PlacedEvents:
    by_source = held & columns.are_of(set(question.sources), columns.source, columns.sources)
    asked = _asked(columns, question)
    return PlacedEvents(
        place=position[by_source],
        day=columns.day[by_source],
        is_asked=asked[by_source],
        neighbours=neighbours,
    )


def _asked(columns: IncidentColumns, question: HotspotQuestion) -> Flags:
    kinds = None if question.categories is None else set(question.categories)
    found = columns.are_of(kinds, columns.category, columns.categories)
    found &= columns.are_of(set(question.sources), columns.source, columns.sources)
    if question.hours is not None:
        found &= np.isin(columns.week_hour % 24, list(question.hours))
    if question.weekdays is not None:
        found &= np.isin(columns.week_hour // 24, list(question.weekdays))
    return found


def _in(columns: IncidentColumns, period: Period) -> Flags:
    start, end = np.searchsorted(columns.day, (_day_of(period.start), _day_of(period.end)))
    within = np.zeros(len(columns), dtype=bool)
    within[start:end] = True
    return within


def _counted(columns: IncidentColumns, which: Flags, position: Ints, count: int) -> Floats:
    return np.bincount(position[which], minlength=count).astype(float)


def _day_of(moment: datetime) -> float:
    return moment.timestamp() / SECONDS_A_DAY
