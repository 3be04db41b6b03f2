"""The hotspot layer of the map: cells, not points, for a period, kinds, hours and weekdays.

Five measures of the same incidents: how many (`counts`), how many in the long run with what is sure
of it (`risk`), more than chance (`gi`), more than before (`change`), what to expect (`forecast`).

Each step is kept for whoever asks the same again: what the caller may see, its places, the measure,
and what an interface made of each place. So a map that is dragged costs the cut to the frame. Every
key holds the caller's scope, and each step is worked out from the cut to that scope alone.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.errors import InvalidInput
from geo.incidents.columns import IncidentColumns
from geo.incidents.reading import COARSE_RESOLUTION
from geo.values import GridScope, Period
from layers.address_density import Bounds, resolution_of_zoom, resolution_that_fits
from layers.address_density import round_class_breaks as class_breaks_of
from layers.hotspot_backtest import Backtest, backtest, default_scores, rolling_origins
from layers.hotspot_measures import Asked, Measured, measured
from layers.hotspot_places import HotspotPlaces, h3_places
from layers.hotspot_question import HotspotQuestion, day_of
from layers.kept_answers import KeptAnswers

FINEST_RESOLUTION = 10
BACKTEST_WINDOWS_MAX = 26
KEPT_INCIDENTS = 10_000_000  # of all callers' cuts, and of their places; some 60 bytes each
KEPT_PLACES = 1_000_000  # of all answers together; some 700 bytes each
KEPT_BACKTESTS = 200
KEEPING = 1_000  # what an entry weighs besides
BACKTEST_GROWTH = 1.02  # with so much more than when it was made, a backtest is made anew

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class WholeLayer:
    """One answer over all of a caller's area. `texts` : what an interface made of each place, None
    until it was shown"""

    places: HotspotPlaces
    measured: Measured
    texts: list[bytes | None]


@dataclass(frozen=True, slots=True)
class HotspotLayer:
    """Places that reach into a frame.

    `shown` : their positions in `whole`
    `class_breaks` : of the counts shown
    `incident_count` : in the period, in all of the caller's area
    `resolution` : of the H3 cells
    """

    whole: WholeLayer
    shown: Ints
    question: HotspotQuestion
    resolution: int
    class_breaks: tuple[int, ...]
    incident_count: int
    method: str

    @property
    def cells(self) -> pd.DataFrame:
        """Columns `h3_cell` (text), `count`, `is_too_few`, `value` (what is coloured by), and those
        of the measure: `rate`, `low`, `high`, `is_coloured` (risk, per year); `z`, `kind` (gi: hot,
        cold, none); `before`, `change`, `kind` (change: more, fewer, none); `low`, `high`, `reason`
        (forecast)."""
        cells = self.whole.measured.table.iloc[self.shown].reset_index(drop=True)
        cells.insert(0, "h3_cell", [self.whole.places.names[at] for at in self.shown.tolist()])
        return cells

    @property
    def outlines(self) -> NDArray[np.object_]:
        """The polygon of each place shown, EPSG:4326."""
        return self.whole.places.outlines[self.shown]


@dataclass(slots=True)
class HotspotLayers:
    """Answers over the columns; what was worked out for one frame serves the next one too."""

    _cuts: KeptAnswers[IncidentColumns] = field(
        default_factory=lambda: KeptAnswers(KEPT_INCIDENTS, lambda one: KEEPING + len(one))
    )
    _places: KeptAnswers[HotspotPlaces] = field(
        default_factory=lambda: KeptAnswers(KEPT_INCIDENTS, lambda one: KEEPING + len(one.position))
    )
    _wholes: KeptAnswers[WholeLayer] = field(
        default_factory=lambda: KeptAnswers(KEPT_PLACES, lambda one: KEEPING + len(one.places))
    )
    _backtests: KeptAnswers[Backtest] = field(
        default_factory=lambda: KeptAnswers(KEPT_BACKTESTS, lambda one: 1)
    )
    _mark: str = ""

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
        moment_d = day_of(now) if question.measure == "forecast" else 0.0
        key: Hashable = (columns.mark, question, resolution, scope, np.floor(moment_d))

        def worked_out() -> WholeLayer:
            asked = self._asked(columns, question, resolution, scope, moment_d)
            return WholeLayer(asked.places, measured(asked), [None] * len(asked.places))

        whole = self._wholes.get(key, worked_out)
        shown = np.flatnonzero(whole.measured.is_shown & whole.places.reaching_into(bbox))
        counts = whole.measured.table["count"].to_numpy()[shown]
        return HotspotLayer(
            whole=whole,
            shown=shown,
            question=question,
            resolution=resolution,
            class_breaks=class_breaks_of(counts[counts > 0]),
            incident_count=whole.measured.incident_count,
            method=f"By H3 cell of resolution {resolution}. {whole.measured.method}",
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
            asked = self._asked(columns, question, resolution, scope, day_of(now))
            events = asked.events()
            last = min(asked.moment_d, float(events.day[-1]) if len(events.day) else 0.0)
            first = float(events.day[0]) if len(events.day) else 0.0
            origins = rolling_origins(
                first + (last - first) * 2 / 3, last, question.horizon_d,
                windows_max=BACKTEST_WINDOWS_MAX,
            )  # fmt: skip
            return backtest(
                events, asked.places.area_m2, default_scores(events), origins=origins,
                horizon_d=question.horizon_d, area_share=area_share,
                random=np.random.default_rng(1),
            )  # fmt: skip

        # It takes seconds and tells of a third of the history: one more incident changes nothing.
        size = int(np.log1p(len(columns)) / np.log(BACKTEST_GROWTH))
        always = Period(datetime.fromtimestamp(0, UTC), datetime.fromtimestamp(1, UTC))
        asked_of_it = replace(question, measure="forecast", period=always)
        key = (size, asked_of_it, resolution, scope, area_share, now.date())
        return self._backtests.get(key, worked_out)

    def _asked(
        self,
        columns: IncidentColumns,
        question: HotspotQuestion,
        resolution: int,
        scope: GridScope,
        moment_d: float,
    ) -> Asked:
        self._forget_former(columns)
        # Of one incident whose point is hidden from the caller, they are told so coarse a cell.
        hidden = question.hidden if resolution > COARSE_RESOLUTION else frozenset()
        seen = (columns.mark, scope, hidden)
        own = self._cuts.get(seen, lambda: columns.within(scope, hidden=hidden))
        places = self._places.get((*seen, resolution), lambda: h3_places(own, resolution))
        return Asked(own, places, question, moment_d)

    def _forget_former(self, columns: IncidentColumns) -> None:
        """What was worked out from a former state of the store isn't asked for again."""
        if columns.mark != self._mark:
            self._mark = columns.mark
            for kept in (self._cuts, self._places, self._wholes):
                kept.clear()
