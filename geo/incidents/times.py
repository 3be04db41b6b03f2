"""Times of incidents as files write them: with a zone or without, in many forms, sometimes
wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Year first, so that day and month can't be taken for each other; others a profile must name.
FORMATS = (
    "ISO8601", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y.%m.%d %H:%M:%S", "%Y%m%d%H%M%S",
    "%Y年%m月%d日 %H时%M分%S秒", "%Y年%m月%d日 %H时%M分", "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日 %H:%M", "%Y年%m月%d日%H时%M分", "%Y年%m月%d日", "%Y/%m/%d",
)  # fmt: skip
_OFFSET = r"(?:[zZ]|[+-]\d{2}:?\d{2})\s*$"
_HAS_CLOCK = r"\d[T\s]*\d{1,2}\s*[:时]|^\d{14}$"


@dataclass(frozen=True, slots=True)
class ReadTimes:
    """`times` : (n,) UTC, NaT where empty or faulty; `faults` : (n,) a reason, or None;
    `is_ambiguous` : (n,) a local time that occurred twice: the first was taken"""

    times: pd.Series
    faults: NDArray[np.object_]
    is_ambiguous: NDArray[np.bool_]


def read_times(cells: pd.Series, *, zone: str, time_format: str | None = None) -> ReadTimes:
    """Read a column of times.

    A time with an offset is what it says; one without is local time of `zone`. In autumn's doubled
    hour the first of the two is taken and told; a time that clocks skipped in spring is a fault.

    Parameters
    ----------
    cells : (n,) text, missing where empty
    time_format : the one form that times without offset have; None: `FORMATS`, the first that fits

    Returns
    -------
    ReadTimes; the reasons are `time_unreadable`, `time_does_not_exist`
    """
    text = cells.astype(object).where(cells.notna(), None)
    text = pd.Series(
        [value.strip() or None if isinstance(value, str) else None for value in text], dtype=object
    )
    count = len(text)
    faults = np.full(count, None, dtype=object)
    filled = text.notna().to_numpy()
    shown = text.where(filled, "")
    has_offset = filled & shown.str.contains(_OFFSET, regex=True).to_numpy()
    has_offset &= shown.str.contains(_HAS_CLOCK, regex=True).to_numpy()
    times = pd.Series(pd.NaT, index=range(count), dtype="datetime64[us, UTC]")
    if has_offset.any():
        read = pd.to_datetime(text[has_offset], format="ISO8601", errors="coerce", utc=True)
        times[has_offset] = read.astype("datetime64[us, UTC]")
    local = filled & ~has_offset
    is_ambiguous = np.zeros(count, dtype=bool)
    if local.any():
        naive = _naive(text[local], time_format)
        first = naive.dt.tz_localize(zone, ambiguous=np.ones(len(naive), bool), nonexistent="NaT")
        strict = naive.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
        times[local] = first.dt.tz_convert("UTC").astype("datetime64[us, UTC]")
        is_ambiguous[local] = (strict.isna() & first.notna()).to_numpy()
        skipped = (naive.notna() & first.isna()).to_numpy()
        faults[np.flatnonzero(local)[skipped]] = "time_does_not_exist"
    unreadable = filled & times.isna().to_numpy() & pd.isna(faults)
    faults[unreadable] = "time_unreadable"
    return ReadTimes(times, faults, is_ambiguous)


def _naive(text: pd.Series, time_format: str | None) -> pd.Series:
    """Return times without zone; NaT where no form fits."""
    found = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us]")
    for form in (time_format,) if time_format else FORMATS:
        open_ = found.isna()
        if not open_.any():
            break
        read = pd.to_datetime(text[open_], format=form, errors="coerce")
        found[open_] = read.astype("datetime64[us]")
    return found
