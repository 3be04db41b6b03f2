"""Tables over the incidents a caller may see: concentration, hours of the week, near repeats, and
the list for a shift.

Each takes what `layers.hotspots.layer.HotspotLayers.view` returned; nothing else is looked at.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from geo.errors import TooFewIncidents
from geo.h3_cells import h3_cell_centres
from geo.incidents.columns import SECONDS_A_DAY, IncidentColumns
from geo.local_plane import LocalPlane
from layers.hotspots.layer import HotspotView
from layers.hotspots.measures import FEW, Asked
from layers.hotspots.question import HotspotQuestion
from layers.hotspots.shift_forecast import ShiftForecast, forecast_shift
from layers.statistics.concentration import ConcentrationCurve, concentration_curve
from layers.statistics.near_repeat import KnoxTable, knox_table
from layers.statistics.week_hours import WeekHours, aoristic_week

PAIRS_MAX = 400_000  # shuffled 99 times in about a second
SEED = 1  # the same question gets the same answer


def concentration(view: HotspotView, question: HotspotQuestion) -> ConcentrationCurve:
    """Return how few places hold how many of the incidents asked for.

    Raises
    ------
    TooFewIncidents : fewer than five
    """
    counts = Asked(view.columns, view.places, question, 0.0).counts(question.period)
    _require_some(int(counts.sum()))
    return concentration_curve(counts)


def week(columns: IncidentColumns, question: HotspotQuestion, *, zone: str) -> WeekHours:
    """Return the incidents asked for by weekday and hour, those known as from-to spread evenly.

    Parameters
    ----------
    columns : what the caller may see; no place is told, so hidden points count too
    zone : of the local week

    Raises
    ------
    TooFewIncidents : fewer than five
    """
    rows = columns.rows_in(question.period)
    kept = question.is_asked(columns, rows)
    middle, half = columns.day[rows][kept], columns.stretch_d[rows][kept] / 2
    _require_some(len(middle))
    start, end = (
        pd.Series(pd.to_datetime(np.round(days * SECONDS_A_DAY), unit="s", utc=True))
        for days in (middle - half, middle + half)
    )
    return aoristic_week(start, end, zone=zone)


def near_repeats(columns: IncidentColumns, question: HotspotQuestion) -> KnoxTable:
    """Return how often incidents follow each other near in space and time, against chance.

    Places are the centres of the stored cells, some 10 m off: the first row, the same point, means
    the same cell.

    Parameters
    ----------
    columns : what the caller may see to the point

    Raises
    ------
    TooFewIncidents : fewer than five
    InvalidInput : too many pairs lie near each other
    """
    rows = columns.rows_in(question.period)
    kept = question.is_asked(columns, rows)
    day, cells = columns.day[rows][kept], columns.h3_cell[rows][kept]
    _require_some(len(day))
    lon, lat = h3_cell_centres(cells)
    plane = LocalPlane.of_bounds(lon.min(), lat.min(), lon.max(), lat.max())
    x_m, y_m = plane.points_to_metres(lon, lat).T
    return knox_table(x_m, y_m, day, random=np.random.default_rng(SEED), pairs_max=PAIRS_MAX)


def shift_list(
    view: HotspotView,
    question: HotspotQuestion,
    *,
    start: pd.Timestamp,
    hours: float,
    budget_m2: float,
    zone: str,
) -> ShiftForecast:
    """Return the places to be at in a shift; `layers.hotspots.shift_forecast`.

    The hours of the week come from the same incidents, as far as they lie before the start.

    Parameters
    ----------
    start : aware; hours : of the shift, up to a season
    budget_m2 : what can be looked after

    Raises
    ------
    InvalidInput : the budget holds not one place
    TooFewIncidents : no incident of the kind before the start
    """
    events = Asked(view.columns, view.places, question, 0.0).events()
    known = view.columns.day < start.timestamp() / SECONDS_A_DAY
    asked = known & question.is_asked(view.columns)
    moments = pd.Series(
        pd.to_datetime(np.round(view.columns.day[asked] * SECONDS_A_DAY), unit="s", utc=True)
    )
    return forecast_shift(
        events, view.places.area_m2, start=start, hours=hours, budget_m2=budget_m2,
        random=np.random.default_rng(SEED), week=aoristic_week(moments, zone=zone),
    )  # fmt: skip


def curve_points(curve: ConcentrationCurve, count: int = 100) -> list[tuple[float, float]]:
    """Return a curve thinned to some points, the first and the last among them: share of places,
    share of events."""
    places = len(curve.place_share) - 1
    step = max(1, math.ceil(places / count))
    at = sorted({*range(0, places + 1, step), places})
    return [(float(curve.place_share[one]), float(curve.event_share[one])) for one in at]


def _require_some(found: int) -> None:
    if found < FEW:
        raise TooFewIncidents(
            f"There are {found} incidents of this kind in the period, and fewer than {FEW} say "
            "nothing. Take a longer period or a wider category.",
            found=found,
            needed=FEW,
        )
