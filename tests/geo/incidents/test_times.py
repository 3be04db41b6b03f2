"""Times as files write them: forms, zones, the two odd nights of summer time, what is no time."""

from __future__ import annotations

import pandas as pd
import pytest

from geo.incidents.times import ReadTimes, read_times

CHICAGO = "America/Chicago"


def read(*cells: str | None, zone: str = "Asia/Shanghai", form: str | None = None) -> ReadTimes:
    return read_times(pd.Series(list(cells), dtype=object), zone=zone, time_format=form)


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-01 08:05:00", "2024-03-01T08:05", "2024/03/01 08:05", "2024/03/01 08:05:00",
        "2024年03月01日 08时05分", "2024年3月1日8时5分", "20240301080500",
        "2024-03-01T00:05:00Z", "2024-03-01T09:05:00+09:00", "2024-02-29 19:05:00-05:00",
    ],
)  # fmt: skip
def test_one_moment_in_many_writings(text: str) -> None:
    found = read(text)
    assert found.faults[0] is None
    assert found.times[0] == pd.Timestamp("2024-03-01T00:05:00Z")


def test_day_and_month_are_not_guessed() -> None:
    assert read("03/04/2024 10:00").faults[0] == "time_unreadable"
    found = read("03/04/2024 10:00:00 PM", zone=CHICAGO, form="%m/%d/%Y %I:%M:%S %p")
    assert found.times[0] == pd.Timestamp("2024-03-05T04:00:00Z")


def test_the_odd_nights_of_summer_time() -> None:
    # 2016-11-06 01:30 occurred twice in Chicago: the first, summer time, is taken and told
    autumn = read("2016-11-06 01:30", zone=CHICAGO)
    assert autumn.is_ambiguous[0]
    assert autumn.times[0] == pd.Timestamp("2016-11-06T06:30:00Z")
    # 2016-03-13 02:30 never was
    spring = read("2016-03-13 02:30", "2016-03-13 03:30", zone=CHICAGO)
    assert spring.faults.tolist() == ["time_does_not_exist", None]
    assert not spring.is_ambiguous.any()


def test_empty_cells_are_no_fault_and_nonsense_is() -> None:
    found = read(None, "  ", "昨天", "2024-13-01 10:00")
    assert found.faults.tolist() == [None, None, "time_unreadable", "time_unreadable"]
    assert found.times.isna().all()
