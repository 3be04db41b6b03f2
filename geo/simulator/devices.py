"""What a device reports of a walk: noise, times without reception, a wrong clock, late delivery."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.simulator.patrol_walk import Walk

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Device:
    """How a device errs.

    interval_s, jitter_s : between fixes, and how far each is off from that (uniform)
    noise_m, noise_lasts_s : standard deviation of each axis; after how long an error is forgotten
        (0: every fix errs anew)
    outages_per_hour, outage_s : times without a fix, and their shortest and longest
    wild_share, wild_m : fixes that are far off, and by how much
    clock_ahead_s : the device's clock minus the true one
    offline_share : of the outages, those in which it goes on fixing but can't send: its fixes come
        late, all at once
    """

    interval_s: float = 10.0
    jitter_s: float = 1.0
    noise_m: float = 8.0
    noise_lasts_s: float = 0.0
    outages_per_hour: float = 0.0
    outage_s: tuple[float, float] = (60.0, 600.0)
    wild_share: float = 0.0
    wild_m: float = 2_000.0
    clock_ahead_s: float = 0.0
    offline_share: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Reports:
    """Fixes of one device in the order of their times [s from the start of the shift].

    true_s : when it really was there; fixed_s : by its clock; received_s : when it came
    xy : (n, 2) [m]; accuracy_m : what the device says its accuracy is
    is_wild : which are far off
    """

    true_s: FloatArray
    fixed_s: FloatArray
    received_s: FloatArray
    xy: FloatArray
    accuracy_m: FloatArray
    is_wild: NDArray[np.bool_]

    def where(self, kept: NDArray[np.bool_]) -> Reports:
        """Return some of them."""
        return Reports(
            self.true_s[kept], self.fixed_s[kept], self.received_s[kept], self.xy[kept],
            self.accuracy_m[kept], self.is_wild[kept],
        )  # fmt: skip


def report(walk: Walk, *, seconds: float, device: Device, rng: np.random.Generator) -> Reports:
    """Return what a device reports in the first `seconds` of a walk."""
    count = int(seconds // device.interval_s) + 1
    planned = np.arange(count) * device.interval_s
    true_s = np.clip(planned + rng.uniform(-1, 1, count) * device.jitter_s, 0, seconds)
    true_s.sort()
    starts, ends, is_offline = _outages(seconds, device, rng)
    silent = np.zeros(count, dtype=bool)
    received_s = true_s + rng.uniform(0.05, 0.6, count)
    for start, end, offline in zip(starts, ends, is_offline, strict=True):
        within = (true_s >= start) & (true_s < end)
        if offline:
            received_s[within] = end + rng.uniform(0.05, 0.6)
        else:
            silent |= within
    is_wild = rng.random(count) < device.wild_share
    error = _noise(true_s, device, rng)
    turn = rng.uniform(0, 2 * np.pi, count)
    error[is_wild] += device.wild_m * np.column_stack([np.cos(turn), np.sin(turn)])[is_wild]
    told = device.noise_m * np.clip(rng.lognormal(0.2, 0.3, count), 0.5, 6.0)
    kept = ~silent
    return Reports(
        true_s=true_s[kept],
        fixed_s=(true_s + device.clock_ahead_s)[kept],
        received_s=received_s[kept],
        xy=(walk.at(true_s) + error)[kept],
        accuracy_m=told[kept],
        is_wild=is_wild[kept],
    )


def _outages(
    seconds: float, device: Device, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    count = int(rng.poisson(device.outages_per_hour * seconds / 3600))
    starts = rng.uniform(0, seconds, count)
    return (
        starts,
        starts + rng.uniform(*device.outage_s, count),
        rng.random(count) < device.offline_share,
    )


def _noise(at_s: FloatArray, device: Device, rng: np.random.Generator) -> FloatArray:
    """Errors [m] that forget themselves exponentially: a Gauss-Markov process of first order."""
    fresh = rng.normal(0, device.noise_m, (len(at_s), 2))
    if device.noise_lasts_s <= 0 or len(at_s) == 0:
        return fresh
    kept = np.exp(-np.diff(at_s) / device.noise_lasts_s)
    error = fresh.copy()
    for k, share in enumerate(kept, start=1):
        error[k] = share * error[k - 1] + np.sqrt(1 - share**2) * fresh[k]
    return error
