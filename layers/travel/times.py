"""Travel times by road: from one to many, from many to many, the nearest units.

`TravelTimes` is one mode at one hour with its closures. Times are the sum of length over speed
along the quickest way, with the legs between places and road; what speeds assume, `docs/roads.md`
says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import InvalidInput
from geo.roads.graph import LONGEST_MS, UNREACHED, TravelGraph
from geo.roads.hierarchy import Hierarchy
from geo.roads.modes import TravelMode
from geo.roads.network import Closure, RoadNetwork
from geo.roads.places import Seeds
from geo.roads.search import ReachedNodes, nearest_units, reached_nodes
from geo.roads.snapping import RoadSnapper, SnappedPlaces, access_ms, arrivals, departures
from geo.roads.speeds import SpeedProfile

Seconds = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class NearestUnits:
    """Units in the order they arrive: (k,) positions in the list given, and times [s]."""

    units: NDArray[np.int32]
    time_s: Seconds


class TravelTimes:
    """Answers about one mode at one time.

    network, graph : the roads, and what the mode may use of them with the time each edge takes
    snapper : where places meet those roads
    """

    def __init__(self, network: RoadNetwork, graph: TravelGraph, snapper: RoadSnapper) -> None:
        self.network = network
        self.graph = graph
        self.snapper = snapper
        self._hierarchy: Hierarchy | None = None

    @classmethod
    def of(
        cls,
        network: RoadNetwork,
        mode: TravelMode,
        *,
        speeds: SpeedProfile | None = None,
        hour: int | None = None,
        closures: Iterable[Closure] = (),
        at: datetime | None = None,
        snapper: RoadSnapper | None = None,
    ) -> TravelTimes:
        """Return the travel times of a mode.

        Parameters
        ----------
        speeds : of the mode; by default those of `geo.roads.speeds.DEFAULT_SPEEDS`
        hour : of the day, local time; None: no rush hour
        closures, at : roads closed at that time, which must be told where there are closures
        snapper : of the same network and mode, where one is there already; where roads are closed
            another is made, since a place on one of them belongs to the next that is open

        Raises
        ------
        InvalidInput : closures without a time, or another mode's speeds or snapper
        NotEnoughData : no road is open to the mode
        """
        closures = tuple(closures)
        closed = None
        if closures:
            if at is None:
                raise InvalidInput("There are closures and no time. Say at which time to look.")
            closed = network.closed_edges(closures, mode=mode, at=at)
        if snapper is not None and (snapper.network is not network or snapper.mode is not mode):
            raise InvalidInput(f"The snapper is of another network or mode, wanted {mode}'s.")
        graph = network.travel_graph(mode, speeds=speeds, hour=hour, closed=closed)
        if closed is not None and closed.any():
            known = None if snapper is None else snapper.closed
            if known is None or not np.array_equal(known, closed):
                snapper = RoadSnapper(network, mode, closed=closed)
        return cls(network, graph, snapper or RoadSnapper(network, mode))

    def prepare(self) -> Hierarchy:
        """Build what makes matrices quick, once; seconds for a city. Nothing else needs it."""
        if self._hierarchy is None:
            self._hierarchy = Hierarchy.of(self.graph)
        return self._hierarchy

    def snap(self, lon: ArrayLike, lat: ArrayLike) -> SnappedPlaces:
        """Return where places [degrees, WGS 84] meet the road; see `RoadSnapper.snap`."""
        return self.snapper.snap(lon, lat)

    def reached(
        self, places: SnappedPlaces, *, limit_s: float, towards: bool = False
    ) -> ReachedNodes:
        """Return the nodes that lie within a limit of any of some places.

        Parameters
        ----------
        limit_s : [s], on the way from the places; `towards`: to them
        """
        if towards:
            seeds = arrivals(self.network, self.graph, places)
            return reached_nodes(self.graph.reversed, seeds, limit_ms=limit_ms_of(limit_s))
        seeds = departures(self.network, self.graph, places)
        return reached_nodes(self.graph, seeds, limit_ms=limit_ms_of(limit_s))

    def nearest(
        self,
        place: SnappedPlaces,
        units: SnappedPlaces,
        *,
        wanted: int,
        limit_s: float | None = None,
    ) -> NearestUnits:
        """Return the units that arrive at a place soonest, soonest first.

        Fewer than `wanted` where fewer can come, none where the place lies on no road.

        Parameters
        ----------
        place : one place
        limit_s : those that take longer are left out [s]
        """
        if len(place) != 1:
            raise InvalidInput(f"{len(place)} places were given. Ask for one at a time.")
        limit = limit_ms_of(limit_s)
        leaving = departures(self.network, self.graph, units)
        entering = arrivals(self.network, self.graph, place)
        unit, ms = nearest_units(self.graph, entering, leaving, wanted=wanted, limit_ms=limit)
        rows, _, direct = _on_one_line(self.network, self.graph, units, place)
        if len(rows):
            # Who stands in the same street may not have to leave it.
            times = dict(zip(unit.tolist(), ms.tolist(), strict=True))
            for row, time in zip(rows.tolist(), direct.tolist(), strict=True):
                if time <= limit:
                    times[row] = min(time, times.get(row, time))
            ranked = sorted(times, key=lambda row: (times[row], row))[:wanted]
            unit = np.array(ranked, np.int32)
            ms = np.array([times[row] for row in ranked], np.int64)
        return NearestUnits(unit, (ms / 1000).astype(np.float32))

    def matrix(
        self,
        sources: SnappedPlaces,
        targets: SnappedPlaces,
        *,
        limit_s: float | None = None,
    ) -> Seconds:
        """Return the times from each source to each target, (n_sources, n_targets) [s].

        Infinite where there is no way, none within the limit, or a place lies on no road. After
        `prepare` it takes the hierarchy; before, a search from each place of the shorter side.
        """
        limit = limit_ms_of(limit_s)
        leaving = departures(self.network, self.graph, sources)
        entering = arrivals(self.network, self.graph, targets)
        if self._hierarchy is not None:
            ms = self._hierarchy.times_ms(leaving, entering, limit_ms=limit)
        elif len(sources) <= len(targets):
            ms = _by_search(self.graph, leaving, entering, limit)
        else:
            ms = _by_search(self.graph.reversed, entering, leaving, limit).T.copy()
        row, column, direct = _on_one_line(self.network, self.graph, sources, targets)
        direct = np.where(direct <= limit, direct, UNREACHED)
        ms[row, column] = np.minimum(ms[row, column], direct)
        return ms_to_seconds(ms)


def ms_to_seconds(ms: NDArray[np.int32]) -> Seconds:
    """Return times [ms] in seconds, infinite where unreached."""
    seconds = ms.astype(np.float32)
    seconds /= 1000
    seconds[ms == UNREACHED] = np.inf
    return seconds


def limit_ms_of(limit_s: float | None) -> int:
    """Return a limit in milliseconds; None: no limit.

    Raises
    ------
    InvalidInput : below 0, or no number
    """
    if limit_s is None:
        return LONGEST_MS
    if not limit_s >= 0:
        raise InvalidInput(f"limit_s is {limit_s}, wanted 0 or more.", field="limit_s")
    return int(min(limit_s * 1000, LONGEST_MS))


def _by_search(
    graph: TravelGraph, leaving: Seeds, entering: Seeds, limit: int
) -> NDArray[np.int32]:
    """A search from each place that is left, read at the places that are entered."""
    result = np.full((len(leaving), len(entering)), UNREACHED, np.int32)
    dense = np.full(graph.node_count + 1, UNREACHED, np.int64)  # its last entry: no node
    for k in range(len(leaving)):
        reached = reached_nodes(graph, leaving[k : k + 1], limit_ms=limit)
        dense[reached.nodes] = reached.ms
        times = (dense[entering.nodes] + entering.ms).min(axis=1)
        result[k] = np.where(times <= limit, times, UNREACHED)
        dense[reached.nodes] = UNREACHED
    return result


def _on_one_line(
    network: RoadNetwork, graph: TravelGraph, sources: SnappedPlaces, targets: SnappedPlaces
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Pairs that lie on one line, and the time straight along it [ms], `UNREACHED` against a
    one-way.

    A search only finds ways over nodes; between two doors of one street there may be none.
    """
    order = np.argsort(targets.line, kind="stable")
    lines = targets.line[order]
    low = np.searchsorted(lines, sources.line, "left")
    high = np.searchsorted(lines, sources.line, "right")
    counts = np.where(sources.is_on_road, high - low, 0)
    row = np.repeat(np.arange(len(sources)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    column = order[np.repeat(low, counts) + within]
    pair = network.line_edges[sources.line[row]]
    ms_of = graph.ms_by_edge(network.edge_count)
    ahead = targets.share[column] - sources.share[row]
    whole = np.where(ahead >= 0, ms_of[pair[:, 0]], ms_of[pair[:, 1]]).astype(np.int64)
    # A place passed at once takes no time, whichever way is open.
    is_open = (whole > 0) | ((ahead == 0) & (ms_of[pair] > 0).any(axis=1))
    legs = access_ms(graph, targets)[column]
    if graph.mode is TravelMode.FOOT:
        legs = legs + access_ms(graph, sources)[row]
    direct = np.rint(np.abs(ahead) * np.maximum(whole, 0)).astype(np.int64) + legs
    return row, column, np.where(is_open, direct, UNREACHED)
