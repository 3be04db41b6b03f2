"""Clocks: what can't be true is dropped, a skew is found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.positions.admission import (
    CLOCK_REFUSALS,
    ROLLOVER,
    refusal_by_clock,
    refusals_by_clock,
)
from geo.positions.clocks import measure_skew
from geo.positions.fix import Drop
from geo.positions.rows import to_us

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


near_now = st.timedeltas(timedelta(-8), timedelta(minutes=6)).map(lambda ago: NOW + ago)


@pytest.mark.parametrize(
    ("ago", "reason"),
    [
        (timedelta(0), None),
        (timedelta(minutes=-5), None),
        (timedelta(minutes=-5, seconds=-1), Drop.FUTURE),
        (timedelta(days=2), None),  # a phone that comes back with its buffer
        (timedelta(days=7), None),
        (timedelta(days=7, seconds=1), Drop.TOO_OLD),
        (ROLLOVER, Drop.WEEK_ROLLOVER),
        (ROLLOVER + timedelta(days=1), Drop.WEEK_ROLLOVER),
        (ROLLOVER - timedelta(minutes=2), Drop.WEEK_ROLLOVER),
        (2 * ROLLOVER, Drop.WEEK_ROLLOVER),
        (ROLLOVER + timedelta(days=30), Drop.TOO_OLD),
        (timedelta(days=20_000), Drop.TOO_OLD),
    ],
)
def test_what_the_clock_says(ago: timedelta, reason: Drop | None) -> None:
    assert refusal_by_clock(NOW - ago, received_at=NOW) == reason


def test_a_clock_known_to_be_ahead_is_no_future() -> None:
    ahead = NOW + timedelta(minutes=10)
    assert refusal_by_clock(ahead, received_at=NOW) == Drop.FUTURE
    assert refusal_by_clock(ahead, received_at=NOW, skew=timedelta(minutes=-10)) is None


@given(st.datetimes(timezones=st.just(UTC)), st.timedeltas(timedelta(-9000), timedelta(9000)))
def test_any_time_gets_an_answer(moment: datetime, skew: timedelta) -> None:
    refusal_by_clock(moment, received_at=NOW, skew=skew)


@given(
    st.lists(st.datetimes(timezones=st.just(UTC)) | near_now, max_size=5),
    st.timedeltas(timedelta(-9000), timedelta(9000)) | st.just(timedelta(0)),
)
def test_many_are_admitted_as_one_by_one(moments: list[datetime], skew: timedelta) -> None:
    fixed_us = np.array([to_us(moment) for moment in moments], np.int64)
    codes = refusals_by_clock(fixed_us, received_at=NOW, skew=skew)
    assert [CLOCK_REFUSALS[code] for code in codes] == [
        refusal_by_clock(moment, received_at=NOW, skew=skew) for moment in moments
    ]


MINUTES = np.arange(0.0, 1200.0, 60.0)  # when fixes came: for twenty minutes, one a minute


def test_skew_is_the_median_of_what_came_at_once() -> None:
    sent = MINUTES - 100.0  # the clock is 100 s behind
    fixed = sent - 2.0
    sent[17:] -= 3600.0  # three came from the buffer, an hour late
    fixed[17:] -= 3600.0
    skew = measure_skew(fixed, sent, MINUTES)
    assert (skew.skew_s, skew.fix_count, skew.is_corrected) == (100.0, 17, True)
    assert skew.correction == timedelta(seconds=100)


def test_a_fix_by_the_satellites_clock_is_not_corrected() -> None:
    skew = measure_skew(MINUTES - 1.0, MINUTES + 300.0, MINUTES)
    assert skew.skew_s == -300.0
    assert not skew.is_corrected


@pytest.mark.parametrize(("offset", "corrected"), [(29.0, False), (31.0, True), (-31.0, True)])
def test_only_large_skews_are_corrected(offset: float, corrected: bool) -> None:
    missing = np.full(len(MINUTES), np.nan)  # the format has no time of sending
    assert measure_skew(MINUTES - offset, missing, MINUTES).is_corrected is corrected


@pytest.mark.parametrize("every_s", [0.05, 0.5, 0.9])
def test_a_buffer_that_is_emptied_is_no_clock_that_is_behind(every_s: float) -> None:
    # A fix a second for twenty minutes, two hours ago; they come one each `every_s`.
    fixed = np.arange(0.0, 1200.0)
    received = 7200.0 + every_s * np.arange(1200)
    assert not measure_skew(fixed, np.full(1200, np.nan), received).is_corrected


def test_a_clock_that_is_ahead_is_sure_sooner() -> None:
    minute = np.arange(0.0, 70.0, 10.0)
    assert measure_skew(minute + 400, minute + 400, minute).is_corrected
    assert not measure_skew(minute - 400, minute - 400, minute).is_corrected


def test_too_few_fixes_say_nothing() -> None:
    assert np.isnan(measure_skew([1.0], [1.0], [500.0]).skew_s)
    assert measure_skew([], [], []).fix_count == 0
