"""Travel times on the road network of the store, kept in memory: ask this for anything by road.

In the API it is `services.roads`; a command makes its own, `StoredTravel(zone=…)`. How to ask:

    travel = services.roads.travel(session, TravelMode.CAR, at=now)   # TravelTimes
    places = travel.snap(lon, lat)                                    # (n,) degrees, WGS 84
    travel.matrix(places, places)                   # (n, n) seconds, float32; inf: no way, off road
    travel.nearest(places[:1], units, wanted=5)     # who arrives first, and when
    layers.travel.path.path_between(travel, places[:1], places[1:2])  # line, length, instructions
    services.roads.mode_of_kind("foot")                               # how a kind of unit moves

Before a large matrix (over some 100 x 100) call `travel.prepare()` once: 0.1 s for a district, 4 s
for a city of 200,000 edges. All answers know the closures of their time and the hour's speeds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from threading import RLock
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from geo.roads.modes import TravelMode
from geo.roads.snapping import RoadSnapper
from geo.roads.speeds import DEFAULT_SPEEDS, SpeedProfile, read_speeds
from geo.roads.store import (
    LoadedRoads,
    closures_of,
    get_road_version,
    load_closures,
    load_road_network,
)
from layers.travel.times import TravelTimes

NETWORKS_KEPT = 2  # today's and one that somebody looks back at
GRAPHS_KEPT = 12  # modes times hour bands times sets of closures
# How a kind of patrol unit moves when nothing else is said. A 最小应急单元 comes under siren.
MODE_OF_KIND: Mapping[str, TravelMode] = {
    "foot": TravelMode.FOOT,
    "volunteer": TravelMode.FOOT,
    "motorcycle": TravelMode.MOTORCYCLE,
    "car": TravelMode.CAR,
    "emergency_unit": TravelMode.EMERGENCY_CAR,
}

_SnapperKey = tuple[int, TravelMode, tuple[frozenset[int], ...]]
_GraphKey = tuple[int, TravelMode, float, tuple[frozenset[int], ...]]


class StoredTravel:
    """Networks by version, and graphs by mode, hour's factor and closures; safe among threads."""

    def __init__(
        self, *, zone: str, speeds: Mapping[TravelMode, SpeedProfile] | None = None
    ) -> None:
        """Keep nothing yet.

        Parameters
        ----------
        zone : the deployment's time zone, in which an hour has its speeds
        speeds : by mode; by default `DEFAULT_SPEEDS`
        """
        self.zone = ZoneInfo(zone)
        self.speeds = dict(speeds or DEFAULT_SPEEDS)
        self._lock = RLock()
        self._networks: OrderedDict[int, LoadedRoads] = OrderedDict()
        self._snappers: dict[_SnapperKey, RoadSnapper] = {}
        self._graphs: OrderedDict[_GraphKey, TravelTimes] = OrderedDict()

    @classmethod
    def of_settings(cls, zone: str, speeds_file: Path | None) -> StoredTravel:
        """Return one with the speeds of a file (`read_speeds`), where there is one."""
        return cls(zone=zone, speeds=read_speeds(speeds_file) if speeds_file else None)

    @staticmethod
    def mode_of_kind(kind: str) -> TravelMode:
        """Return how a kind of patrol unit moves."""
        return MODE_OF_KIND[kind]

    def roads(self, session: Session, *, at: datetime) -> LoadedRoads:
        """Return the network in force at a time; loaded once a version.

        Raises
        ------
        RoadNetworkNotFound : none is in force on that day
        """
        version = get_road_version(session, on=at.astimezone(self.zone).date())
        if version.id not in self._networks:
            end_reading(session)
        with self._lock:
            loaded = self._networks.get(version.id)
            if loaded is None:
                loaded = load_road_network(session, on=version.valid_from)
                self._networks[version.id] = loaded
            self._networks.move_to_end(version.id)
            while len(self._networks) > NETWORKS_KEPT:
                self._forget(next(iter(self._networks)))
            return loaded

    def travel(
        self, session: Session, mode: TravelMode, *, at: datetime, hourly: bool = True
    ) -> TravelTimes:
        """Return the travel times of a mode at a time, with what is closed then.

        Parameters
        ----------
        hourly : whether the hour's factor counts; False: speeds without rush hours

        Raises
        ------
        RoadNetworkNotFound : no network is in force on that day
        NotEnoughData : no road is open to the mode
        """
        roads = self.roads(session, at=at)
        profile = self.speeds[mode]
        hour = at.astimezone(self.zone).hour if hourly else None
        closures = tuple(
            closure
            for closure in closures_of(roads.network, load_closures(session, at=at), at=at)
            if mode in closure.modes
        )
        factor = 1.0 if hour is None else profile.hour_factor[hour]
        key = (roads.id, mode, factor, tuple(closure.source_ids for closure in closures))
        if key not in self._graphs:
            end_reading(session)
        with self._lock:
            travel = self._graphs.get(key)
            if travel is None:
                travel = TravelTimes.of(
                    roads.network,
                    mode,
                    speeds=profile,
                    hour=hour,
                    closures=closures,
                    at=at,
                    snapper=self._snapper(roads, mode, key[3]),
                )
                self._graphs[key] = travel
                self._snappers[(roads.id, mode, key[3])] = travel.snapper
            self._graphs.move_to_end(key)
            while len(self._graphs) > GRAPHS_KEPT:
                self._graphs.popitem(last=False)
            return travel

    def snapper(self, session: Session, mode: TravelMode, *, at: datetime) -> RoadSnapper:
        """Return where places meet the roads of a mode, those that are closed as well.

        Raises
        ------
        RoadNetworkNotFound : none is in force on that day
        NotEnoughData : the mode may use no road
        """
        roads = self.roads(session, at=at)
        with self._lock:
            found = self._snapper(roads, mode, ())
            return found or RoadSnapper(roads.network, mode)

    def _snapper(
        self, roads: LoadedRoads, mode: TravelMode, closed: tuple[frozenset[int], ...]
    ) -> RoadSnapper | None:
        """The one of a set of closures, where it was made already and is not long out of use."""
        used = {(key[0], key[1], key[3]) for key in self._graphs}
        for key in [key for key in self._snappers if key not in used and key[2]]:
            del self._snappers[key]
        return self._snappers.get((roads.id, mode, closed))

    def _forget(self, network_id: int) -> None:
        self._networks.pop(network_id, None)
        for snapper in [key for key in self._snappers if key[0] == network_id]:
            del self._snappers[snapper]
        for graph in [key for key in self._graphs if key[0] == network_id]:
            del self._graphs[graph]


def end_reading(session: Session) -> None:
    """End the transaction of a session that only reads, before something long that asks nothing.

    A graph takes seconds to build, and who waits for another's waits as long; a transaction that is
    idle meanwhile keeps the store from tidying up. The next statement begins another, in the same
    scope. A session that writes keeps its transaction: it is one write.
    """
    if session.get_bind().get_execution_options().get("postgresql_readonly"):
        session.commit()
