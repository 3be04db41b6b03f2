"""How far travel times spread around what is computed: half of the trips, nine of ten.

A computed time is one number; trips differ. Until the deployment's own trips are measured,
which nothing here does yet, the spread is an assumption, and is told as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.errors import NotEnoughData
from geo.roads.modes import TravelMode
from geo.tables import StoreNote

NOTE_NAME = "travel_spread"
TRIPS_MIN = 30  # fewer say little of the slowest tenth
ASSUMED_P50, ASSUMED_P90 = 1.0, 1.5


@dataclass(frozen=True, slots=True)
class TravelSpread:
    """By what a computed time is multiplied for the median trip and for nine of ten trips.

    basis : `assumed`, or `own_tracks`; trip_count : behind it, 0 where assumed
    """

    p50_factor: float = ASSUMED_P50
    p90_factor: float = ASSUMED_P90
    basis: str = "assumed"
    trip_count: int = 0
    measured_at: str | None = None


def spread_of_trips(
    computed_s: ArrayLike, driven_s: ArrayLike, *, measured_at: datetime
) -> TravelSpread:
    """Return the spread of measured trips.

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
    p50, p90 = np.quantile(driven[good] / computed[good], (0.5, 0.9))
    return TravelSpread(
        round(float(p50), 4), round(float(p90), 4), "own_tracks", int(good.sum()),
        measured_at.isoformat(),
    )  # fmt: skip


def load_spreads(session: Session) -> dict[TravelMode, TravelSpread]:
    """Return the spread of each mode: measured, or assumed."""
    note = session.scalar(select(StoreNote.value).where(StoreNote.name == NOTE_NAME)) or {}
    return {mode: TravelSpread(**note.get(mode.value, {})) for mode in TravelMode}


def store_spreads(session: Session, found: Mapping[TravelMode, TravelSpread]) -> None:
    """Keep measured spreads; those of other modes stay."""
    note = session.get(StoreNote, NOTE_NAME)
    value: dict[str, Any] = dict(note.value) if note else {}
    value |= {mode.value: asdict(spread) for mode, spread in found.items()}
    if note is None:
        session.add(StoreNote(name=NOTE_NAME, value=value))
    else:
        note.value = value
    session.flush()
