"""Time slots: the hours of a week, or parts of a day with names, in the deployment's time zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.errors import InvalidInput
from geo.values import Period

HOURS_OF_WEEK = 168


@dataclass(frozen=True, slots=True, eq=False)
class SlotPlan:
    """Which slot each moment of a period belongs to.

    edges_ms : (n + 1,) Unix time [ms] where slots begin, and the end of the period
    slot_of_edge : (n,) int32, -1 where none
    names : of the slots
    """

    edges_ms: NDArray[np.int64]
    slot_of_edge: NDArray[np.int32]
    names: tuple[str, ...]

    @property
    def lengths_s(self) -> NDArray[np.float64]:
        """(n_slots,) how long each slot lasts in the period, all its days together."""
        used = self.slot_of_edge >= 0
        lengths = np.diff(self.edges_ms)[used] / 1000
        return np.asarray(
            np.bincount(self.slot_of_edge[used], lengths, minlength=len(self.names)), float
        )


def hours_of_week(period: Period, time_zone: str) -> SlotPlan:
    """Return the 168 hours of a week, Monday 00:00 first."""
    starts, local = _hours(period, time_zone)
    slots = (local.day_of_week * 24 + local.hour).to_numpy(np.int32)
    names = tuple(f"{day} {hour:02}" for day in range(1, 8) for hour in range(24))
    return SlotPlan(_edges(starts, period), slots, names)


def parts_of_day(period: Period, time_zone: str, parts: Sequence[tuple[str, int, int]]) -> SlotPlan:
    """Return parts of each day.

    Parameters
    ----------
    parts : name, first hour, hour where it ends; (22, 6) goes over midnight

    Raises
    ------
    InvalidInput : an hour is none, or two parts hold one
    """
    of_hour = np.full(24, -1, np.int32)
    for number, (name, first, end) in enumerate(parts):
        if not (0 <= first <= 23 and 0 <= end <= 24 and first != end):
            raise InvalidInput(f"Slot {name} goes from {first} to {end}, wanted hours, 0 to 24.")
        hours = np.arange(first, end if end > first else end + 24) % 24
        if (of_hour[hours] >= 0).any():
            raise InvalidInput(f"Slot {name} holds an hour of another. Part them.")
        of_hour[hours] = number
    starts, local = _hours(period, time_zone)
    slots = of_hour[local.hour.to_numpy()]
    return SlotPlan(_edges(starts, period), slots, tuple(name for name, _, _ in parts))


def _hours(period: Period, time_zone: str) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
    """Where each local hour of the period begins, in UTC and local."""
    first = pd.Timestamp(period.start).tz_convert(time_zone)
    # Zones that are off by parts of an hour begin their hours off ours.
    within = pd.Timedelta(
        minutes=first.minute, seconds=first.second, microseconds=first.microsecond
    )
    start = first.tz_convert("UTC") - within
    end = pd.Timestamp(period.end).tz_convert("UTC")
    starts = pd.date_range(start, end, freq="h", inclusive="left")
    return starts, starts.tz_convert(time_zone)


def _edges(starts: pd.DatetimeIndex, period: Period) -> NDArray[np.int64]:
    edges = np.append(starts.as_unit("ms").asi8, pd.Timestamp(period.end).value // 1_000_000)
    edges[0] = pd.Timestamp(period.start).value // 1_000_000
    return edges.astype(np.int64)
