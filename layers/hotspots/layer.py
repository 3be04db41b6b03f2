"""The hotspot layer of the map: cells or grids, not points, for a period, kinds, hours, weekdays.

Measures of the same incidents: how many (`counts`, `rate`), how many in the long run with what is
sure of it (`risk`), more than chance (`gi`, `moran`), more than before (`change`), what to expect
(`forecast`), a smooth picture (`density`).

Each step is kept for whoever asks the same again: what the caller may see, its places, the measure,
and what an interface made of each place. So a map that is dragged costs the cut to the frame. Every
key holds the caller's scope, and each step is worked out from the cut to that scope alone.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import h3.api.basic_int as h3
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.errors import InvalidInput
from geo.incidents.columns import IncidentColumns
from geo.incidents.importing import CROWDED_MIN, CROWDED_SHARE
from geo.incidents.reading import COARSE_RESOLUTION
from geo.values import Period
from layers.address_density import Bounds, resolution_of_zoom, resolution_that_fits
from layers.address_density import round_class_breaks as class_breaks_of
from layers.hotspots.backtest import Backtest, backtest, default_scores, rolling_origins
from layers.hotspots.ground import HotspotGround, StreetPieces
from layers.hotspots.measures import Asked, Measured, measured
from layers.hotspots.places import By, HotspotPlaces, grid_places, h3_places, street_metres
from layers.hotspots.question import HotspotQuestion, day_of
from layers.kept_answers import KeptAnswers

FINEST_RESOLUTION = 10
BACKTEST_WINDOWS_MAX = 26
KEPT_INCIDENTS = 10_000_000  # of all callers' cuts, and of their places; some 60 bytes each
KEPT_PLACES = 1_000_000  # of all answers together; some 700 bytes each
KEPT_BACKTESTS = 200
EDGES_A_BANDWIDTH = 6
KEEPING = 1_000  # what an entry weighs besides
BACKTEST_GROWTH = 1.02  # with so much more than when it was made, a backtest is made anew

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CrowdedCell:
    """A fine cell with an outstanding share of all incidents asked for."""

    h3_cell: str
    share: float


@dataclass(frozen=True, slots=True)
class WholeLayer:
    """One answer over all of a caller's area. `texts` : what an interface made of each place, None
    until it was shown"""

    places: HotspotPlaces
    measured: Measured
    texts: list[bytes | None]
    crowded: CrowdedCell | None


@dataclass(frozen=True, slots=True)
class HotspotView:
    """What a caller may see. `finest` : the incidents they may see to the point; `key` : the state
    of the store, the scope and the places, for what is kept of it"""

    columns: IncidentColumns
    places: HotspotPlaces
    finest: IncidentColumns
    key: tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class HotspotLayer:
    """Places that reach into a frame.

    `shown` : their positions in `whole`
    `class_breaks` : of the counts shown
    `incident_count` : in the period, in all of the caller's area
    `resolution` : of the H3 cells, None of grids
    """

    whole: WholeLayer
    shown: Ints
    question: HotspotQuestion
    resolution: int | None
    class_breaks: tuple[int, ...]
    incident_count: int
    crowded: CrowdedCell | None
    method: str

    @property
    def cells(self) -> pd.DataFrame:
        """Columns `place` (H3 cell as text, or code of the grid), `count`, `is_too_few`, `value`
        (what is coloured by), and those of the measure: `rate` (rate, risk), `low`, `high`,
        `is_coloured` (risk); `z`, `kind` (gi: hot, cold, none; moran:
        `layers.statistics.local.like_and_unlike`); `before`, `change`, `kind` (change: more, fewer,
        none); `low`, `high`, `reason` (forecast)."""
        cells = self.whole.measured.table.iloc[self.shown].reset_index(drop=True)
        cells.insert(0, "place", [self.whole.places.names[at] for at in self.shown.tolist()])
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
    _streets: tuple[str, StreetPieces] | None = None

    def layer(
        self,
        columns: IncidentColumns,
        question: HotspotQuestion,
        *,
        by: By = "h3",
        bbox: Bounds,
        zoom: int,
        ground: HotspotGround,
        now: datetime,
    ) -> HotspotLayer:
        """Return the cells, or grids, of a frame at a zoom level.

        The measure is worked out over the caller's whole area, so that a place says the same in
        every frame; then the frame is cut out.

        Parameters
        ----------
        bbox : west, south, east, north [degrees, WGS 84]
        ground : of the caller's scope: incidents in other grids aren't there
        now : forecasts begin here, or at the end of a period that is over: as they were then

        Raises
        ------
        InvalidInput : the frame has no area; `density` by grid, households by cell
        TooFewIncidents : of `risk`, `gi`, `moran`, `forecast`: too little to say anything
        """
        west, south, east, north = bbox
        if west >= east or south >= north:
            raise InvalidInput(
                f"The frame {bbox} has no area. Give west,south,east,north of a frame.", got=bbox
            )
        resolution = None
        if by == "h3":
            resolution = min(
                resolution_of_zoom(zoom, (south + north) / 2),
                resolution_that_fits(bbox),
                FINEST_RESOLUTION,
            )
            if question.measure == "density":
                resolution = min(resolution, _coarse_enough(question.bandwidth_m))
        moment_d = 0.0
        if question.measure == "forecast":
            moment_d = min(day_of(now), day_of(question.period.end))
        view = self.view(columns, question, resolution, ground)
        key: Hashable = (*view.key, question, np.floor(moment_d))
        if question.per == "street_km":
            key = (key, ground.streets_mark())
        presence_h = None
        if question.by_presence:
            if resolution is not None:
                raise InvalidInput(
                    "Presence is told by grid, not by cell. Ask with by=grid.",
                    field="presence_corrected",
                )
            told = ground.presence_h(question.period)
            presence_h = np.array([told.get(code, 0.0) for code in view.places.names])
            key = (key, presence_h.tobytes())

        def worked_out() -> WholeLayer:
            asked = Asked(
                view.columns, view.places, question, moment_d,
                self._street_metres(view, ground) if question.per == "street_km" else None,
                presence_h,
            )  # fmt: skip
            return WholeLayer(
                view.places, measured(asked), [None] * len(view.places),
                crowded_cell(view.finest, question),
            )  # fmt: skip

        whole = self._wholes.get(key, worked_out)
        shown = np.flatnonzero(whole.measured.is_shown & whole.places.reaching_into(bbox))
        counts = whole.measured.table["count"].to_numpy()[shown]
        where = "By grid" if resolution is None else f"By H3 cell of resolution {resolution}"
        return HotspotLayer(
            whole=whole,
            shown=shown,
            question=question,
            resolution=resolution,
            class_breaks=class_breaks_of(counts[counts > 0]),
            incident_count=whole.measured.incident_count,
            crowded=whole.crowded,
            method=f"{where}. {whole.measured.method}",
        )

    def backtest(
        self,
        columns: IncidentColumns,
        question: HotspotQuestion,
        *,
        resolution: int | None,
        area_share: float,
        ground: HotspotGround,
        now: datetime,
    ) -> Backtest:
        """Return how the forecast would have done in the last third of the history, beside counts.

        Parameters
        ----------
        resolution : of the H3 cells; None: by grid

        Raises
        ------
        InvalidInput : the history is shorter than the horizon needs, or the share is out of range
        TooFewIncidents : there is no incident of the kind
        """
        view = self.view(columns, question, resolution, ground)

        def worked_out() -> Backtest:
            asked = Asked(view.columns, view.places, question, day_of(now))
            events = asked.events()
            last = min(asked.moment_d, float(events.day[-1]) if len(events.day) else 0.0)
            first = float(events.day[0]) if len(events.day) else 0.0
            origins = rolling_origins(
                first + (last - first) * 2 / 3, last, question.horizon_d,
                windows_max=BACKTEST_WINDOWS_MAX,
            )  # fmt: skip
            return backtest(
                events, view.places.area_m2, default_scores(events), origins=origins,
                horizon_d=question.horizon_d, area_share=area_share,
                random=np.random.default_rng(1),
            )  # fmt: skip

        # It takes seconds and tells of a third of the history: one more incident changes nothing.
        size = int(np.log1p(len(columns)) / np.log(BACKTEST_GROWTH))
        always = Period(datetime.fromtimestamp(0, UTC), datetime.fromtimestamp(1, UTC))
        asked_of_it = replace(question, measure="forecast", period=always)
        key = (size, asked_of_it, *view.key[1:], area_share, now.date())
        return self._backtests.get(key, worked_out)

    def view(
        self,
        columns: IncidentColumns,
        question: HotspotQuestion,
        resolution: int | None,
        ground: HotspotGround,
    ) -> HotspotView:
        """Return what a caller may see of the incidents, and its places.

        Parameters
        ----------
        resolution : of H3 cells; None: the caller's grids
        """
        if columns.mark != self._mark:  # of a former state of the store nothing is asked again
            self._mark = columns.mark
            for kept in (self._cuts, self._places, self._wholes):
                kept.clear()
        scope, mark = ground.scope, columns.mark
        # Of one incident whose point is hidden from the caller, they are told so coarse a cell.
        is_fine = resolution is not None and resolution > COARSE_RESOLUTION
        hidden = question.hidden if is_fine else frozenset()

        def cut(left_out: frozenset[str]) -> IncidentColumns:
            key = (mark, scope, left_out)
            return self._cuts.get(key, lambda: columns.within(scope, hidden=left_out))

        own = cut(hidden)
        where: Hashable = ground.grids_mark() if resolution is None else resolution
        key = (mark, scope, hidden, where)
        places = self._places.get(
            key,
            lambda: (
                grid_places(own, ground.grids())
                if resolution is None
                else h3_places(own, resolution)
            ),
        )
        return HotspotView(own, places, cut(question.hidden), key)

    def _street_metres(self, view: HotspotView, ground: HotspotGround) -> Floats:
        mark = ground.streets_mark()
        if self._streets is None or self._streets[0] != mark:
            self._streets = (mark, ground.streets())
        return street_metres(view.places, self._streets[1])


def crowded_cell(columns: IncidentColumns, question: HotspotQuestion) -> CrowdedCell | None:
    """Return the fine cell that holds a fifth of the incidents asked for or more, if there is one.

    Often it is where incidents are put when nobody knew the place, such as the station. Nothing is
    said of fewer than 50 incidents.

    Parameters
    ----------
    columns : what the caller may see to the point
    """
    rows = columns.rows_in(question.period)
    cells, position = columns.cells(FINEST_RESOLUTION)
    asked = position[rows][question.is_asked(columns, rows)]
    if len(asked) < CROWDED_MIN:
        return None
    counts = np.bincount(asked, minlength=len(cells))
    at = int(np.argmax(counts))
    share = float(counts[at] / len(asked))
    return CrowdedCell(f"{cells[at]:x}", share) if share >= CROWDED_SHARE else None


def _coarse_enough(bandwidth_m: float) -> int:
    """Return the finest resolution with at most so many cells across a bandwidth that the picture
    is drawn at once."""
    for resolution in range(FINEST_RESOLUTION, 0, -1):
        edge_m = h3.average_hexagon_edge_length(resolution, unit="m")
        if bandwidth_m <= EDGES_A_BANDWIDTH * edge_m:
            return resolution
    return 0
