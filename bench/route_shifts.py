"""Generated patrol shifts that benches of routes run on, and the best plans known for them.

Nothing in them is real: a town of hot places in clusters and scattered, times along a crooked
street net. Prizes are whole numbers, so that VROOM's priorities can hold them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from geo.roads.modes import TravelMode
from geo.values import LonLat
from layers.routes.problem import PatrolPlace, PlaceKind, RouteProblem, RouteUnit, Slot

BEST_KNOWN = Path(__file__).parent / "data" / "patrol_routes.json"
CAR = TravelMode.CAR


@dataclass(frozen=True, slots=True)
class ShiftForm:
    """What a generated shift looks like.

    slots : visits asked for at each place, in equal parts of the shift
    overlap : by how much slots reach into each other, as a share of their length
    evenness : shape of the gamma distribution of prizes; small: few places are worth most
    stations : where units start and end
    """

    places: int = 60
    slots: int = 3
    units: int = 3
    hours: float = 8.0
    dwell_min: int = 12
    overlap: float = 0.0
    evenness: float = 1.5
    stations: int = 1
    size_m: int = 8_000
    speed_mps: float = 7.0
    seed: int = 1

    @property
    def name(self) -> str:
        return f"{self.places}x{self.slots}-{self.units}u-{self.hours:g}h-{self.seed}"


# The first two are the ones of the issue; the others spread over sizes, towns and crews.
FORMS = (
    ShiftForm(units=3, seed=11),
    ShiftForm(units=6, seed=11),
    ShiftForm(units=3, seed=12, evenness=0.6),
    ShiftForm(units=4, seed=13, overlap=0.5, stations=2),
    ShiftForm(places=25, slots=2, units=2, hours=4, seed=14, dwell_min=10),
    ShiftForm(places=40, slots=4, units=3, seed=15, size_m=14_000),
    ShiftForm(places=100, slots=2, units=5, seed=16, dwell_min=15, stations=3),
    ShiftForm(places=120, slots=1, units=4, hours=6, seed=17, size_m=20_000, speed_mps=9.0),
    ShiftForm(places=30, slots=6, units=2, hours=12, seed=18, dwell_min=10, evenness=4.0),
    ShiftForm(places=80, slots=3, units=8, seed=19, size_m=5_000, speed_mps=1.4, overlap=0.3),
)


def shift_of(form: ShiftForm, *, gap_min_s: int = 0) -> RouteProblem:
    """Return the shift of a form: the same form gives the same shift."""
    random = np.random.default_rng(form.seed)
    count, size = form.places, form.size_m
    centres = random.uniform(0.1, 0.9, (6, 2)) * size
    clustered = centres[random.integers(0, 6, count)] + random.normal(0, size / 14, (count, 2))
    scattered = random.uniform(0, size, (count, 2))
    xy = np.where(random.random((count, 1)) < 0.5, clustered, scattered).clip(0, size)
    stations = random.uniform(0.3, 0.7, (form.stations, 2)) * size
    worth = random.gamma(form.evenness, 1.0, count)
    by_slot = worth[:, None] * random.uniform(0.5, 1.5, (count, form.slots))
    prize = np.clip(np.rint(by_slot / by_slot.max() * 100), 1, 100)
    shift_s = int(form.hours * 3600)
    length = shift_s / form.slots
    wider = length * form.overlap / 2
    places = tuple(
        PatrolPlace(
            f"p{k}",
            _lonlat(xy[k]),
            PlaceKind.HOTSPOT,
            form.dwell_min * 60,
            tuple(
                Slot(
                    max(0, round(s * length - wider)),
                    min(shift_s, round((s + 1) * length + wider)),
                    float(prize[k, s]),
                )
                for s in range(form.slots)
            ),
            gap_min_s=gap_min_s,
        )
        for k in range(count)
    )
    homes = [_lonlat(stations[u % form.stations]) for u in range(form.units)]
    units = tuple(
        RouteUnit(f"u{u}", CAR, homes[u], 0, shift_s, end=homes[u]) for u in range(form.units)
    )
    at = np.vstack([xy, *(stations[[u % form.stations] * 2] for u in range(form.units))])
    away = np.abs(at[:, None] - at[None]).sum(axis=-1)
    # Streets: along the axes, a tenth of the pairs by a detour, the same there and back.
    detour = np.where(random.random(away.shape) < 0.1, random.uniform(1.0, 1.4, away.shape), 1.0)
    travel = np.ceil(away * np.triu(detour, 1).clip(1) / form.speed_mps)
    travel = np.maximum(np.triu(travel, 1), np.triu(travel, 1).T)
    for k in range(len(travel)):  # the way over a third point is never shorter
        travel = np.minimum(travel, travel[:, k : k + 1] + travel[k])
    return RouteProblem(places, units, {CAR: travel.astype(np.float32)})


def _lonlat(xy: np.ndarray) -> LonLat:
    return LonLat(112.5 + float(xy[0]) / 88_000, 37.8 + float(xy[1]) / 111_000)


def read_best_known(path: Path = BEST_KNOWN) -> dict[str, dict[str, Any]]:
    """Return what is known of each form by its name: the prize, and who found it."""
    if not path.exists():
        return {}
    found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def write_best_known(known: Mapping[str, dict[str, Any]], path: Path = BEST_KNOWN) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        json.dumps(dict(sorted(known.items())), indent=1, ensure_ascii=False) + "\n",
        encoding="utf-8",
    )


def form_facts(form: ShiftForm) -> dict[str, object]:
    return asdict(form)
