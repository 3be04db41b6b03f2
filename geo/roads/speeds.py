"""How fast one goes on which class of road, at which hour.

All speeds are door to door along the road: stops at junctions are in them. **They are assumptions
until they are calibrated on the deployment's own tracks**, and each carries a source that says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.errors import InvalidFile, InvalidInput
from geo.roads.access import CLASS_MODES
from geo.roads.modes import TravelMode

KMH_MAX = 200.0
HOURS = 24
ACCESS_KMH = 5.0  # from the road to the door, on foot; assumed


@dataclass(frozen=True, slots=True)
class SpeedProfile:
    """Speeds of one mode.

    kmh : class of road → [km/h]; a class that isn't named is driven at `kmh["road"]`
    hour_factor : (24,) what the speed is multiplied by in each hour of the day, local time
    limit_share : share of a road's posted limit that is reached, where the file has one; 0: posted
        limits don't matter
    access_kmh : from the road to the place itself [km/h]
    source : where the figures come from

    Raises
    ------
    InvalidInput : no default class, a speed or factor out of range, not 24 factors
    """

    mode: TravelMode
    kmh: Mapping[str, float]
    source: str
    hour_factor: tuple[float, ...] = (1.0,) * HOURS
    limit_share: float = 0.0
    access_kmh: float = ACCESS_KMH

    def __post_init__(self) -> None:
        if "road" not in self.kmh:
            raise InvalidInput(
                f"The speeds of {self.mode} have no class “road”, which stands for every class "
                "that is not named. Add it.",
                field="kmh",
            )
        for name, value in (*self.kmh.items(), ("access_kmh", self.access_kmh)):
            if not 0 < value <= KMH_MAX:
                raise InvalidInput(
                    f"{self.mode} on {name} has {value} km/h, wanted over 0 up to {KMH_MAX:g}. "
                    "Where a mode may not go, close the road; a speed of 0 closes nothing.",
                    field=name,
                )
        if len(self.hour_factor) != HOURS or not all(0 < f <= 3 for f in self.hour_factor):
            raise InvalidInput(
                f"{self.mode} wants {HOURS} factors over 0 up to 3, one an hour; got "
                f"{len(self.hour_factor)}.",
                field="hour_factor",
            )
        if not 0 <= self.limit_share <= 1.5:
            raise InvalidInput(f"limit_share is {self.limit_share}, wanted 0 to 1.5.")
        if not self.source.strip():
            raise InvalidInput(
                f"The speeds of {self.mode} name no source. Say where they are from."
            )

    def speeds_kmh(
        self,
        class_names: tuple[str, ...],
        class_index: NDArray[np.integer[Any]],
        limit_kmh: NDArray[np.floating[Any]],
        hour: int | None,
    ) -> NDArray[np.float64]:
        """Return the speed on each road [km/h].

        Parameters
        ----------
        class_names, class_index : the classes, and (n,) which one each road has
        limit_kmh : (n,) posted limit [km/h], 0 where unknown
        hour : of the day, local time; None: no factor
        """
        if hour is not None and not 0 <= hour < HOURS:
            raise InvalidInput(f"hour is {hour}, wanted 0 to 23.", field="hour")
        default = self.kmh["road"]
        by_class = np.array([self.kmh.get(name, default) for name in class_names], float)
        speeds = by_class[class_index] if len(class_names) else np.zeros(len(class_index))
        if self.limit_share:
            speeds = np.where(limit_kmh > 0, limit_kmh * self.limit_share, speeds)
        return speeds * (1.0 if hour is None else self.hour_factor[hour])


_ASSUMED = "assumed by this project; not measured. Calibrate on own tracks."
_LIMITS = (
    "Shares of the limits of 《道路交通安全法实施条例》 art. 45 (30 km/h without a centre line in "
    "towns, 50 km/h with one lane each way) and art. 78 (expressways 60 to 120 km/h); the shares "
    "are " + _ASSUMED
)
# Two rush hours and a quiet night. Assumed.
_RUSH: tuple[float, ...] = (
    1.15, 1.15, 1.15, 1.15, 1.15, 1.15, 1.0, 0.7, 0.7, 0.9, 0.9, 0.9,
    0.9, 0.9, 0.9, 0.9, 0.85, 0.65, 0.7, 0.9, 1.0, 1.0, 1.1, 1.15,
)  # fmt: skip
_CAR_KMH = {
    "motorway": 80.0, "trunk": 50.0, "primary": 36.0, "secondary": 32.0, "tertiary": 28.0,
    "unclassified": 24.0, "residential": 20.0, "living_street": 10.0, "service": 12.0,
    "road": 24.0, "track": 12.0, "pedestrian": 8.0, "busway": 32.0,
}  # fmt: skip

DEFAULT_SPEEDS: Mapping[TravelMode, SpeedProfile] = {
    TravelMode.FOOT: SpeedProfile(
        mode=TravelMode.FOOT,
        kmh={"road": 5.0, "steps": 2.0},
        source="A patrol's walking pace, " + _ASSUMED,
    ),
    TravelMode.BICYCLE: SpeedProfile(
        mode=TravelMode.BICYCLE,
        kmh={"road": 14.0, "track": 10.0, "path": 10.0, "living_street": 12.0, "service": 12.0},
        source="Below the 25 km/h of GB 17761 for electric bicycles, " + _ASSUMED,
    ),
    TravelMode.MOTORCYCLE: SpeedProfile(
        mode=TravelMode.MOTORCYCLE,
        kmh={**_CAR_KMH, "motorway": 70.0, "residential": 22.0},
        hour_factor=tuple(0.5 + factor / 2 for factor in _RUSH),
        source=_LIMITS,
    ),
    TravelMode.CAR: SpeedProfile(
        mode=TravelMode.CAR, kmh=_CAR_KMH, hour_factor=_RUSH, source=_LIMITS
    ),
    TravelMode.EMERGENCY_CAR: SpeedProfile(
        mode=TravelMode.EMERGENCY_CAR,
        kmh={name: speed * 1.25 for name, speed in _CAR_KMH.items()},
        hour_factor=tuple(0.5 + factor / 2 for factor in _RUSH),
        source="A quarter over the car, half as much held up by rush hours, " + _ASSUMED,
    ),
}


def read_speeds(path: Path) -> dict[TravelMode, SpeedProfile]:
    """Return all modes' speeds, those of a JSON file over the defaults.

    The file: `{"car": {"kmh": {"primary": 40, …}, "hour_factor": [24 numbers], "limit_share": 0.8,
    "access_kmh": 5, "source": "…"}}`; what is left out is as it was, the source may not be.

    Raises
    ------
    InvalidFile : no JSON of that form
    InvalidInput : as `SpeedProfile`, or a class of road that doesn't exist
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        found = dict(DEFAULT_SPEEDS)
        for name, fields in told.items():
            mode = TravelMode(name)
            unknown = set(fields) - {"kmh", "hour_factor", "limit_share", "access_kmh", "source"}
            if unknown or "source" not in fields:
                raise InvalidFile(
                    f"{path.name}: {name} has {', '.join(sorted(unknown)) or 'no source'}. Wanted "
                    "source, and any of kmh, hour_factor, limit_share, access_kmh."
                )
            strangers = set(fields.get("kmh", {})) - set(CLASS_MODES)
            if strangers:
                raise InvalidInput(
                    f"{path.name}: there is no class of road {', '.join(sorted(strangers))[:80]}. "
                    f"Classes: {', '.join(CLASS_MODES)}."
                )
            changes: dict[str, Any] = {
                **fields,
                "kmh": {**found[mode].kmh, **fields.get("kmh", {})},
            }
            if "hour_factor" in changes:
                changes["hour_factor"] = tuple(float(factor) for factor in changes["hour_factor"])
            found[mode] = replace(found[mode], **changes)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InvalidFile(f"{path.name} can't be read as JSON: {error}.") from error
    except (AttributeError, TypeError, KeyError) as error:
        raise InvalidFile(
            f"{path.name} has not the form of speeds. Wanted an object of modes: "
            f"{', '.join(TravelMode)}."
        ) from error
    except ValueError as error:
        if isinstance(error, (InvalidFile, InvalidInput)):
            raise
        raise InvalidFile(f"{path.name}: {error}. Modes are {', '.join(TravelMode)}.") from error
    return found
