"""Hour by weekday, when an event's time is only known as from-to.

Whoever comes home at seven and finds the window broken knows: between eight and seven. Taking the
start, the middle or the end puts all such events into hours when nothing happened. Aoristic weights
give each hour of the stretch an equal part of the event.

Limits: it assumes that each moment of the stretch is as likely; a stretch of more than a week says
nothing about the hour and is left out, and counted.

Source: Ratcliffe 2000, "Aoristic analysis"; Ashby & Bowers 2013 (start, middle and end mislead).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.errors import InvalidInput, InvalidPeriod, TooFewIncidents

LONGEST_H = 168.0  # a week: longer stretches hold every hour of it alike
PIECE = pd.Timedelta(minutes=15)  # zones differ from UTC by whole quarters of an hour

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WeekHours:
    """Events by weekday and hour of local time.

    `weights` : (7, 24) events, Monday first; their sum is `n_events`
    `n_too_vague` : events left out because their stretch is longer than a week
    """

    weights: Floats
    n_events: int
    n_too_vague: int
    zone: str

    def share_of_week(self, start: pd.Timestamp, hours: float) -> float:
        """Return which share of a week's events falls into a stretch of hours, such as a shift.

        Parameters
        ----------
        start : aware; hours : above 0, at most a week

        Raises
        ------
        InvalidPeriod : the start has no zone, or the stretch no length
        TooFewIncidents : there is no event
        """
        if start.tzinfo is None or not 0 < hours <= LONGEST_H:
            raise InvalidPeriod(
                f"The stretch starts at {start} and lasts {hours} hours, wanted a start with its "
                f"zone and 0 to {LONGEST_H:g} hours."
            )
        if self.n_events == 0:
            raise TooFewIncidents("There is no event to know hours from.", found=0, needed=1)
        end = start + pd.Timedelta(hours=hours)
        spread = aoristic_week(pd.Series([start]), pd.Series([end]), zone=self.zone)
        # The part of each hour of the week that the stretch covers, times that hour's events.
        covered = spread.weights * hours
        return float((covered * self.weights).sum() / self.n_events)


def aoristic_week(start: pd.Series, end: pd.Series | None = None, *, zone: str) -> WeekHours:
    """Return events by weekday and hour, each spread evenly over its stretch of time.

    Parameters
    ----------
    start : (n,) aware; end : (n,) aware; missing, or left out, where the moment is known
    zone : of the local hours, such as Asia/Shanghai; summer time is followed

    Raises
    ------
    InvalidPeriod : times without zone, or an end before its start
    InvalidInput : the zone is unknown
    """
    begins = _utc(start, "start")
    ends = begins if end is None else _utc(end, "end").fillna(begins)
    if (ends < begins).any():
        raise InvalidPeriod(
            f"{(ends < begins).sum()} events end before they start; the first is row "
            f"{int(np.flatnonzero((ends < begins).to_numpy())[0])}. Exchange the two."
        )
    length = ends - begins
    vague = (length > pd.Timedelta(hours=LONGEST_H)).to_numpy()
    begins, ends, length = begins[~vague], ends[~vague], length[~vague]
    first = begins.dt.floor(PIECE)
    pieces = np.maximum(np.ceil((ends - first) / PIECE), 1).to_numpy(dtype=np.int64)
    event = np.repeat(np.arange(len(begins)), pieces)
    number = np.arange(len(event)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    piece_start = first.to_numpy()[event] + number * PIECE.to_timedelta64()
    begin, stop = begins.to_numpy()[event], ends.to_numpy()[event]
    inside = np.minimum(stop, piece_start + PIECE.to_timedelta64()) - np.maximum(begin, piece_start)
    whole = length.to_numpy()[event]
    is_moment = whole == np.timedelta64(0)
    weight = np.where(is_moment, 1.0, inside / np.where(is_moment, PIECE.to_timedelta64(), whole))
    try:
        local = pd.DatetimeIndex(piece_start, tz="UTC").tz_convert(zone)
    except Exception as error:
        raise InvalidInput(
            f"The zone is “{zone}”, wanted a name such as Asia/Shanghai.", got=zone
        ) from error
    slot = local.day_of_week.to_numpy() * 24 + local.hour.to_numpy()
    weights: Floats = np.bincount(slot, weights=weight, minlength=168).reshape(7, 24).astype(float)
    return WeekHours(weights, len(begins), int(vague.sum()), zone)


def _utc(times: pd.Series, name: str) -> pd.Series:
    if getattr(times.dtype, "tz", None) is None:
        raise InvalidPeriod(f"`{name}` holds times without zone. Localise them first.")
    if name == "start" and times.isna().any():
        raise InvalidPeriod(f"{times.isna().sum()} events have no start. Leave them out.")
    utc: pd.Series = times.dt.tz_convert("UTC").dt.tz_localize(None).reset_index(drop=True)
    return utc
