"""By which roads units went between two fixes: those of the day, for the way the unit moves.

Source: docs/coverage.md, "By road".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from itertools import product

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.coverage.records import HOUR_MS, moment_of
from geo.coverage.road_days import road_days
from geo.errors import NotEnoughData
from geo.local_plane import LocalPlane
from geo.roads.modes import TravelMode
from geo.roads.network import RoadNetwork
from geo.tables import PatrolUnit, RoadNetworkVersion
from layers.presence.ways import FloatArray, IntArray, RoadWays
from layers.travel.stored import StoredTravel

_Bends = tuple[IntArray, FloatArray, FloatArray]


class CoverageRoads:
    """Fills the gaps of units by the roads of their days; `follow` before it is asked.

    Closed roads and rush hours don't count: of a way that is found later nobody knows what was
    closed. One thread at a time.

    Parameters
    ----------
    travel : networks, kept in memory
    plane : in whose metres fixes are
    """

    def __init__(self, travel: StoredTravel, plane: LocalPlane) -> None:
        self._travel = travel
        self.plane = plane
        self.days: dict[date, int | None] = {}
        self._modes: dict[int, TravelMode] = {}
        self._networks: dict[int, RoadNetwork] = {}
        self._ways: dict[tuple[int, TravelMode], RoadWays | None] = {}

    def follow(
        self, session: Session, units: Iterable[int], spans: Iterable[tuple[int, int]]
    ) -> None:
        """Learn how units move, and load the networks of the days of some spans of time [ms].

        `days` are those days then.
        """
        zone = self._travel.zone
        days = {
            moment_of(ms).astimezone(zone).date()
            for first, last in spans
            for ms in (*range(first, last, 12 * HOUR_MS), last)
        }
        self.days = road_days(session, days)
        kinds = session.execute(
            select(PatrolUnit.id, PatrolUnit.kind).where(PatrolUnit.id.in_(list(units)))
        )
        self._modes |= {int(unit): self._travel.mode_of_kind(kind) for unit, kind in kinds}
        versions = {version for version in self.days.values() if version is not None}
        self._networks = {
            version: self._networks.get(version) or self._load(session, version)
            for version in sorted(versions)
        }
        self._ways = {key: ways for key, ways in self._ways.items() if key[0] in versions}

    def bends(
        self, unit: IntArray, time_ms: IntArray, x: FloatArray, y: FloatArray, *, silence_ms: int
    ) -> _Bends:
        """Return where the ways between fixes bend, as `RoadWays.bends`; a gap is of the day on
        which it begins."""
        version = self._versions(time_ms)
        found: list[_Bends] = []
        here: dict[TravelMode, list[int]] = {mode: [] for mode in TravelMode}
        for each in np.unique(unit):
            if int(each) in self._modes:
                here[self._modes[int(each)]].append(int(each))
        for number, (mode, units) in product(self._networks, here.items()):
            only = (version == number) & np.isin(unit, units)
            ways = self._ways_of(number, mode) if only.any() else None
            if ways is not None:
                found.append(ways.bends(unit, time_ms, x, y, silence_ms=silence_ms, only=only))
        if not found:
            return np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 2))
        rows, shares, places = (np.concatenate(each) for each in zip(*found, strict=True))
        order = np.argsort(rows, kind="stable")
        return rows[order], shares[order], places[order]

    def _versions(self, time_ms: IntArray) -> NDArray[np.int64]:
        """The network of each moment's day, -1 where there is none."""
        hours, row = np.unique(time_ms // (HOUR_MS // 4), return_inverse=True)
        days = [
            datetime.fromtimestamp(int(each) * HOUR_MS / 4000, UTC).astimezone(self._travel.zone)
            for each in hours
        ]
        version = [self.days.get(day.date()) for day in days]
        return np.array([-1 if each is None else each for each in version], np.int64)[row]

    def _load(self, session: Session, version: int) -> RoadNetwork:
        """The roads of a version that is there."""
        begins = session.execute(
            select(RoadNetworkVersion.valid_from).where(RoadNetworkVersion.id == version)
        ).scalar_one()
        noon = datetime(begins.year, begins.month, begins.day, 12, tzinfo=self._travel.zone)
        return self._travel.roads(session, at=noon).network

    def _ways_of(self, version: int, mode: TravelMode) -> RoadWays | None:
        """The roads of a version for a mode, made at first use; None where none is open to it."""
        if (version, mode) not in self._ways:
            network = self._networks[version]
            try:
                made = RoadWays(network, network.travel_graph(mode), self.plane)
            except NotEnoughData:
                made = None
            self._ways[version, mode] = made
        return self._ways[version, mode]
