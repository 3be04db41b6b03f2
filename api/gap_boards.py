"""Gap boards kept in memory, one for each set of grids that somebody watches."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from threading import Lock

from sqlalchemy.orm import Session

from geo.response_sites import load_sites
from geo.tables.response_site import SITE_KINDS
from geo.values import GridScope, LonLat
from layers.demand.stored import StoredDemand
from layers.response.gap_board import GapBoard, Post
from layers.response.units import ResponseUnit
from layers.response.who_reaches import ReachRules
from layers.travel.stored import StoredTravel

KEPT = 16
GAPS_AS_POSTS = 10
_BOARD_KEY = tuple[GridScope, int]


class Watched:
    """A board with its lock: readers of one scope share it, one at a time."""

    def __init__(self, board: GapBoard) -> None:
        self.board = board
        self.lock = Lock()


class GapBoards:
    """Boards by scope and resolution.

    A board knows the units that its scope's leader sees and no others, so that what lies outside
    the scope changes nothing on it.
    """

    def __init__(self, roads: StoredTravel, demand: StoredDemand, rules: ReachRules) -> None:
        self._roads, self._demand, self._rules = roads, demand, rules
        self._lock = Lock()
        self._kept: OrderedDict[_BOARD_KEY, Watched] = OrderedDict()

    def updated(
        self,
        session: Session,
        units: Sequence[ResponseUnit],
        *,
        scope: GridScope,
        resolution: int,
        now: datetime,
    ) -> Watched:
        """Return the board of a scope after it has taken in what units do now.

        Raises
        ------
        RoadNetworkNotFound : there are no roads
        """
        demand = self._demand.of(session, scope=scope, resolution=resolution, now=now)
        with self._lock:
            key = (scope, resolution)
            watched = self._kept.get(key)
            if watched is None or watched.board.demand is not demand:
                fresh = Watched(GapBoard(demand, self._rules))
                if watched is not None:
                    fresh.board.follow(watched.board)
                watched = self._kept[key] = fresh
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._roads.roads(session, at=now)  # says so where there are none
        modes = {self._rules.kinds[unit.kind].mode for unit in units}
        travels = {
            mode: self._roads.travel(session, mode, at=now)
            for mode in sorted(modes, key=lambda each: each.value)
        }
        with watched.lock:
            watched.board.update(units, travels, now=now)
        return watched


def posts_of(session: Session, board: GapBoard, on: date, names: Mapping[str, str]) -> list[Post]:
    """Return where a unit could wait: sites that are or might be, and the middles of the largest
    gaps.

    Parameters
    ----------
    names : of grids, by code
    """
    posts = [
        Post(site.code, site.name, site.place)
        for site in load_sites(session, on=on, kinds=SITE_KINDS)
    ]
    for gap in board.gaps()[:GAPS_AS_POSTS]:
        code = gap.grid_code or "-"
        posts.append(Post(code, names.get(code, code), LonLat(gap.lon, gap.lat)))
    return posts
