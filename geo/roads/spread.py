"""How far travel times spread around what is computed: half of the trips, nine of ten.

A computed time is one number; trips differ. Until the deployment's own trips are measured
(`gridbeat roads calibrate`), the spread is an assumption, and is told as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import quantile_test
from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.errors import NotEnoughData
from geo.roads.modes import TravelMode
from geo.tables import StoreNote

NOTE_NAME = "travel_spread"
VERSIONS = "versions"  # in the note, beside the modes
VERSIONS_KEPT = 50
TRIPS_MIN = 30  # fewer say little of the slowest tenth
CONFIDENCE = 0.95
ASSUMED_P50, ASSUMED_P90 = 1.0, 1.5

# Hours of the day, local time, that are measured together; those of a band without enough trips
# take the factors of the whole day.
HOUR_BANDS: Mapping[str, frozenset[int]] = {
    "rush": frozenset({7, 8, 17, 18}),
    "day": frozenset({6, 9, 10, 11, 12, 13, 14, 15, 16, 19, 20, 21}),
    "night": frozenset({22, 23, 0, 1, 2, 3, 4, 5}),
}
WHOLE_DAY = "all"


@dataclass(frozen=True, slots=True)
class TravelSpread:
    """By what a computed time is multiplied for the median trip and for nine of ten trips.

    basis : `assumed`, or `own_tracks`; trip_count : behind it, 0 where assumed
    p50_low, p50_high, p90_low, p90_high : where the true factors lie with 95 % confidence; None
        where assumed, or where too few trips bound them on that side
    """

    p50_factor: float = ASSUMED_P50
    p90_factor: float = ASSUMED_P90
    basis: str = "assumed"
    trip_count: int = 0
    measured_at: str | None = None
    p50_low: float | None = None
    p50_high: float | None = None
    p90_low: float | None = None
    p90_high: float | None = None


Spreads = Mapping[TravelMode, Mapping[str, TravelSpread]]


def band_of(hour: int) -> str:
    """Return the band of an hour of the day."""
    return next(name for name, hours in HOUR_BANDS.items() if hour in hours)


def spread_of_trips(
    computed_s: ArrayLike, driven_s: ArrayLike, *, measured_at: datetime
) -> TravelSpread:
    """Return the spread of measured trips; intervals by order statistics, with no distribution
    assumed (scipy.stats.quantile_test).

    Parameters
    ----------
    computed_s, driven_s : (n_trips,) what was computed for each, and what it took [s]

    Raises
    ------
    NotEnoughData : fewer than `TRIPS_MIN` trips with a time over 0
    """
    computed, driven = np.asarray(computed_s, float), np.asarray(driven_s, float)
    good = (computed > 0) & (driven > 0) & np.isfinite(computed) & np.isfinite(driven)
    if good.sum() < TRIPS_MIN:
        raise NotEnoughData(
            f"{int(good.sum())} trips can be compared, wanted {TRIPS_MIN}. Calibrate over more "
            "days.",
            found=int(good.sum()),
            needed=TRIPS_MIN,
        )
    ratio = driven[good] / computed[good]
    p50, p90 = np.quantile(ratio, (0.5, 0.9))
    bounds = [_interval(ratio, share) for share in (0.5, 0.9)]
    return TravelSpread(
        round(float(p50), 4), round(float(p90), 4), "own_tracks", int(good.sum()),
        measured_at.isoformat(), *bounds[0], *bounds[1],
    )  # fmt: skip


def _interval(ratio: np.ndarray[Any, Any], share: float) -> tuple[float | None, float | None]:
    found = quantile_test(ratio, p=share).confidence_interval(confidence_level=CONFIDENCE)
    low, high = (
        round(float(each), 4) if np.isfinite(each) else None for each in (found.low, found.high)
    )
    return low, high


def load_spreads(session: Session, *, hour: int | None = None) -> dict[TravelMode, TravelSpread]:
    """Return the spread of each mode: measured, or assumed.

    Parameters
    ----------
    hour : of the day, local time; its band counts where it was measured. None: the whole day
    """
    bands = [WHOLE_DAY] if hour is None else [band_of(hour), WHOLE_DAY]
    note = session.scalar(select(StoreNote.value).where(StoreNote.name == NOTE_NAME)) or {}
    found = {}
    for mode in TravelMode:
        measured = note.get(mode.value, {})
        band = next((name for name in bands if name in measured), None)
        found[mode] = TravelSpread() if band is None else TravelSpread(**measured[band])
    return found


def store_spreads(session: Session, found: Spreads, *, source: Mapping[str, Any]) -> int:
    """Keep measured spreads as a new version and return its number; other modes stay as they are.

    Parameters
    ----------
    found : by mode and band; a mode with no band is assumed again
    source : where they are from: period, network, speeds, by whom
    """
    note = session.get(StoreNote, NOTE_NAME, with_for_update=True)
    value: dict[str, Any] = dict(note.value) if note else {}
    told = {
        mode.value: {band: asdict(spread) for band, spread in bands.items()}
        for mode, bands in found.items()
    }
    versions = list(value.get(VERSIONS, []))
    number = 1 + (versions[-1]["number"] if versions else 0)
    versions.append({"number": number, "source": dict(source), "spreads": told})
    value |= told | {VERSIONS: versions[-VERSIONS_KEPT:]}
    if note is None:
        session.add(StoreNote(name=NOTE_NAME, value=value))
    else:
        note.value = value
    session.flush()
    return number
