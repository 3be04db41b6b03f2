"""Who reaches what within the rings: sites, units where they stand, and if one of them left.

A ring belongs to a kind of unit: each source is timed in its kind's mode on the road and held
against its kind's limits. Rings don't come from radii.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.errors import InvalidInput
from geo.roads.modes import TravelMode
from geo.tables import UNIT_KINDS
from geo.values import LonLat
from layers.demand.cells import Demand
from layers.response.reach import RINGS_S, UNKNOWN, reach_polygon
from layers.travel.stored import MODE_OF_KIND
from layers.travel.times import Seconds, TravelTimes

SITE = "site"  # stands for the units that set out from a site
RING_COUNT = 3
# Farther than this nobody is said to come [s]; half an hour is no response of a station's own.
TIMES_MAX_S = 1_800.0

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class KindRule:
    """How a kind moves, and its rings [s], ascending."""

    mode: TravelMode
    rings_s: tuple[float, ...] = RINGS_S


@dataclass(frozen=True)
class ReachRules:
    """A rule for each kind of unit, and for sites."""

    kinds: Mapping[str, KindRule] = field(
        default_factory=lambda: {
            **{kind: KindRule(mode) for kind, mode in MODE_OF_KIND.items()},
            SITE: KindRule(TravelMode.EMERGENCY_CAR),
        }
    )

    @classmethod
    def of(cls, told: Mapping[str, Mapping[str, object]]) -> ReachRules:
        """Return the rules of a setting: kind → `mode`, `rings_s`; what isn't named stays.

        Raises
        ------
        InvalidInput : an unknown kind or mode, or not `RING_COUNT` limits that ascend
        """
        kinds = dict(cls().kinds)
        for kind, words in told.items():
            if kind not in (*UNIT_KINDS, SITE) or set(words) - {"mode", "rings_s"}:
                raise InvalidInput(
                    f"GRIDBEAT_REACH_KINDS names {kind[:40]} with {', '.join(words)[:80]}. Kinds: "
                    f"{', '.join((*UNIT_KINDS, SITE))}; of each mode and rings_s."
                )
            try:
                mode = TravelMode(str(words.get("mode", kinds[kind].mode)))
                given = words.get("rings_s", kinds[kind].rings_s)
                rings = tuple(float(limit) for limit in given)  # type: ignore[attr-defined]
            except (TypeError, ValueError) as error:
                raise InvalidInput(f"GRIDBEAT_REACH_KINDS, {kind}: {error}.") from error
            if len(rings) != RING_COUNT or rings[0] <= 0 or any(b <= a for a, b in pairwise(rings)):
                raise InvalidInput(
                    f"GRIDBEAT_REACH_KINDS, {kind}: rings_s is {rings}, wanted {RING_COUNT} "
                    "limits over 0 [s] that ascend."
                )
            kinds[kind] = KindRule(mode, rings)
        return cls(kinds)


@dataclass(frozen=True, slots=True)
class Source:
    """Somebody who can set out: a unit's kind, or `SITE`; `counts`: whether it holds rings."""

    kind: str
    place: LonLat | None
    counts: bool = True


@dataclass(frozen=True)
class ResponseReach:
    """Who reaches each row of the demand first. m sources, n rows.

    times_s : (m, n) float32 by each source's own mode [s], infinite where it has no way within
        `TIMES_MAX_S`, its place is unknown, or it doesn't count
    ring : (n,) int8 first ring that holds the row by the limits of a source's own kind,
        `RING_COUNT` outside all, `UNKNOWN` where the row lies on no road
    time_s : (n,) float32 of the first to arrive [s]; infinite: nobody
    source : (n,) int32 who that is, -1: nobody
    """

    demand: Demand
    sources: tuple[Source, ...]
    rules: ReachRules
    times_s: Seconds
    ring: NDArray[np.int8]
    time_s: Seconds
    source: NDArray[np.int32]
    off_road: Flags

    def without(self, left: int) -> ResponseReach:
        """Return the reach if a source left."""
        times = self.times_s.copy()
        times[left] = np.inf
        return _reach(self.demand, self.sources, self.rules, times, self.off_road)

    def lost_by(self, left: int, *, ring: int = RING_COUNT - 1) -> dict[str, float]:
        """Return what a source alone holds within a ring: it is lost if the source leaves."""
        holds = self._within(ring)
        only = holds[left] & (holds.sum(axis=0) == 1)
        return {name: float(w[only].sum()) for name, w in self.demand.weights.items()}

    def totals(self) -> list[dict[str, object]]:
        """Return what lies in each ring, outside, and on no road (`ring` None), with shares."""
        return [
            self._sums(self.ring == group, None if group == UNKNOWN else group)
            for group in (*range(RING_COUNT + 1), UNKNOWN)
        ]

    def by_grid(self, *, ring: int = RING_COUNT - 1) -> pd.DataFrame:
        """Return, by `grid_code`, each weight, and how much of it lies outside a ring.

        What lies on no road counts as outside: nobody is known to come there.
        """
        outside = (self.ring > ring) | (self.ring == UNKNOWN)
        table: dict[str, NDArray[Any]] = {"grid_code": self.demand.grid_code}
        for name, weight in self.demand.weights.items():
            table[name] = weight
            table[f"{name}_outside"] = np.where(outside, weight, 0.0)
        return pd.DataFrame(table).groupby("grid_code", dropna=False).sum()

    def _within(self, ring: int) -> Flags:
        limits = np.array([self.rules.kinds[s.kind].rings_s[ring] for s in self.sources])
        return np.asarray(self.times_s <= limits[:, None])

    def _sums(self, which: Flags, ring: int | None) -> dict[str, object]:
        found: dict[str, object] = {"ring": ring, "cell_count": int(which.sum())}
        for name, weight in self.demand.weights.items():
            whole = float(weight.sum())
            found[name] = float(weight[which].sum())
            found[f"{name}_share"] = float(weight[which].sum()) / whole if whole else None
        return found


def reach_response(
    demand: Demand,
    sources: Sequence[Source],
    travels: Mapping[TravelMode, TravelTimes],
    rules: ReachRules,
) -> ResponseReach:
    """Return who reaches each row of the demand first.

    Parameters
    ----------
    travels : of each mode that a source's kind moves by
    """
    times = np.full((len(sources), len(demand)), np.inf, np.float32)
    off_road = np.ones(len(demand), bool)
    for mode, travel in travels.items():
        cells = travel.snap(demand.lon, demand.lat)
        off_road &= ~cells.is_on_road
        own = [
            k
            for k, source in enumerate(sources)
            if source.counts and source.place and rules.kinds[source.kind].mode is mode
        ]
        if own:
            times[own] = times_from(travel, [sources[k].place for k in own], cells)
    return _reach(demand, tuple(sources), rules, times, off_road & bool(travels))


def times_from(travel: TravelTimes, places: Sequence[LonLat | None], cells: object) -> Seconds:
    """Return the times from places to snapped cells, (n_places, n_cells) [s]."""
    known = [place for place in places if place is not None]
    start = travel.snap([p.longitude for p in known], [p.latitude for p in known])
    return travel.matrix(start, cells, limit_s=TIMES_MAX_S)  # type: ignore[arg-type]


def reach_areas(
    sources: Sequence[Source],
    travels: Mapping[TravelMode, TravelTimes],
    rules: ReachRules,
) -> list[shapely.MultiPolygon]:
    """Return the area along the roads that is reached within each ring, EPSG:4326.

    Areas hold one another: the second ring's contains the first's.
    """
    areas = []
    for ring in range(RING_COUNT):
        parts = []
        for kind, rule in rules.kinds.items():
            places = [s.place for s in sources if s.kind == kind and s.counts and s.place]
            if not places or rule.mode not in travels:
                continue
            travel = travels[rule.mode]
            start = travel.snap([p.longitude for p in places], [p.latitude for p in places])
            parts.append(reach_polygon(travel, start, limit_s=rule.rings_s[ring]))
        whole = shapely.union_all(parts) if parts else shapely.MultiPolygon()
        pieces: Any = [whole]
        areas.append(
            whole if isinstance(whole, shapely.MultiPolygon) else shapely.MultiPolygon(pieces)
        )
    return areas


def _reach(
    demand: Demand,
    sources: tuple[Source, ...],
    rules: ReachRules,
    times: Seconds,
    off_road: Flags,
) -> ResponseReach:
    n = len(demand)
    ring = np.full(n, RING_COUNT, np.int8)
    time = np.full(n, np.inf, np.float32)
    source = np.full(n, -1, np.int32)
    for k, one in enumerate(sources):
        limits = np.array(rules.kinds[one.kind].rings_s, np.float32)
        np.minimum(ring, np.searchsorted(limits, times[k], side="left"), out=ring, casting="unsafe")
        sooner = times[k] < time
        time[sooner], source[sooner] = times[k][sooner], k
    ring[off_road] = UNKNOWN
    return ResponseReach(demand, sources, rules, times, ring, time, source, off_road)
