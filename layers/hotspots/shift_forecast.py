"""Where to be in a shift: the top places that fit the area a shift can look after, with reasons.

Beside the list stands what the same list would have caught in the same shift of the last weeks,
against counts, so that nobody has to believe it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from geo.errors import InvalidInput
from layers.hotspots.backtest import Backtest, backtest, default_scores, rolling_origins
from layers.hotspots.ranking import (
    COUNT,
    INTERVAL,
    LONG_RUN,
    HotspotForecast,
    HotspotForecaster,
    expected_interval,
    top_places,
)
from layers.placed_events import SECONDS_A_DAY, PlacedEvents
from layers.statistics.week_hours import WeekHours

WEEK_D = 7.0
LOOKED_BACK = 12  # past windows that the list is held against
WINDOW_MIN_D = 7.0  # a shift at a time holds too few events to compare methods by

Reason = str
"""`history`: more happened here in the long run than at places like it; `surroundings`: places like
it and around it; `recent here`, `recent near`: lately, at the place or next door."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ShiftForecast:
    """Places to be at, best first.

    `places` : columns `place` (position), `expected`, `low`, `high` [events in the shift, 95 %],
        `reason` (what gives most), and the parts `history`, `surroundings`, `recent here`,
        `recent near` [events]; they sum to `expected`
    `expected_total` : [events] in all places listed; `expected_everywhere` : in the whole area
    `would_have_caught` : the same budget on the last windows, beside counts and
        random; None where the history is shorter than two windows
    """

    places: pd.DataFrame
    start: pd.Timestamp
    hours: float
    share_of_week: float
    area_share: float
    expected_total: float
    expected_everywhere: float
    would_have_caught: Backtest | None
    method: str


def forecast_shift(
    events: PlacedEvents,
    area_m2: ArrayLike,
    *,
    start: pd.Timestamp,
    hours: float,
    budget_m2: float,
    random: np.random.Generator,
    week: WeekHours | None = None,
) -> ShiftForecast:
    """Return the places to be at in [start, start + hours), within an area.

    What a place expects in a week is shared out to the shift by the hours of the week in which
    events of this kind happen, the same for all places: one place alone seldom has enough of them.

    Parameters
    ----------
    events : only those before `start` are looked at
    area_m2 : (n_places,) [m2]
    start : aware; hours : above 0; more than a week takes whole weeks of the same rate
    budget_m2 : what the shift can look after [m2]
    week : of the same events; None: every hour counts alike

    Raises
    ------
    InvalidInput : the budget holds not one place
    TooFewIncidents : no event of the kind before the start
    """
    area = np.asarray(area_m2, dtype=float)
    origin = start.timestamp() / SECONDS_A_DAY
    forecaster = HotspotForecaster(events)
    of_week = forecaster.forecast(origin, max(WEEK_D, hours / 24))
    share = hours / 24 / of_week.horizon_d
    if week is not None and hours <= 168 and week.n_events:
        share = week.share_of_week(start, hours)
    top = top_places(of_week.expected, area, budget_m2=budget_m2)
    if not len(top):
        raise InvalidInput(
            f"The budget of {budget_m2:,.0f} m2 holds not one place; the smallest has "
            f"{area.min():,.0f} m2. Take a larger budget or finer cells.",
            got=budget_m2,
        )
    parts = shift_reasons(of_week)
    places = pd.DataFrame({"place": top, "expected": share * of_week.expected[top]})
    places["low"], places["high"] = expected_interval(
        places["expected"].to_numpy(), of_week.shape[top]
    )
    for name, part in parts.items():
        places[name] = share * part[top]
    places["reason"] = places[list(parts)].idxmax(axis=1)
    area_share = float(area[top].sum() / area.sum())
    window = max(WINDOW_MIN_D, hours / 24)
    first = forecaster.first_day + window
    origins = rolling_origins(first, origin, window, windows_max=LOOKED_BACK)
    past = None
    if origins:
        past = backtest(
            events, area, default_scores(events), origins=origins, horizon_d=window,
            area_share=area_share, random=random,
        )  # fmt: skip
    return ShiftForecast(
        places=places,
        start=start,
        hours=hours,
        share_of_week=share,
        area_share=area_share,
        expected_total=float(places["expected"].sum()),
        expected_everywhere=float(share * of_week.expected.sum()),
        would_have_caught=past,
        method=(
            f"{of_week.method} A week's expectation, of which the hours of the shift hold "
            f"{share:.1%}; intervals {INTERVAL:.0%}."
        ),
    )


def shift_reasons(forecast: HotspotForecast) -> dict[Reason, Floats]:
    """Return what each reason gives to the expected events of each place; they sum to it.

    The long-run rate is what surroundings suggest, corrected by the place's own history; where that
    lowers it, all of the rate is put to the surroundings.
    """
    run = forecast.long_run
    of_run = forecast.parts[LONG_RUN]
    own = np.clip(1 - run.prior_mean / run.rate, 0.0, 1.0)
    here = [part for name, part in forecast.parts.items() if name.startswith("here")]
    near = [part for name, part in forecast.parts.items() if name.startswith("near")]
    return {
        "history": of_run * own + forecast.parts[COUNT],
        "surroundings": of_run * (1 - own),
        "recent here": np.sum(here, axis=0),
        "recent near": np.sum(near, axis=0),
    }
