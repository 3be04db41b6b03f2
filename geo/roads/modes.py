"""Ways of moving about, each one bit of a mask."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class TravelMode(StrEnum):
    """How a patrol moves. An emergency car is a car under lights and siren."""

    FOOT = "foot"
    BICYCLE = "bicycle"
    MOTORCYCLE = "motorcycle"
    CAR = "car"
    EMERGENCY_CAR = "emergency_car"

    @property
    def bit(self) -> int:
        """The mode's bit in a mask of modes."""
        return 1 << list(TravelMode).index(self)


def mask_of(modes: Iterable[TravelMode]) -> int:
    """Return the mask of some modes."""
    mask = 0
    for mode in modes:
        mask |= mode.bit
    return mask


ALL_MODES = mask_of(TravelMode)
VEHICLES = mask_of(set(TravelMode) - {TravelMode.FOOT})
MOTOR_VEHICLES = mask_of({TravelMode.MOTORCYCLE, TravelMode.CAR, TravelMode.EMERGENCY_CAR})
