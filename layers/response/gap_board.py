"""The gap board: where demand is uncovered now, why, since when, and what would close it.

A gap is a grid some of whose households nobody who counts reaches within the last ring of their
kind. The board knows the units it was given and no others; a person decides what is done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from geo.roads.modes import TravelMode
from geo.roads.snapping import SnappedPlaces
from geo.values import LonLat
from layers.demand.cells import Demand
from layers.response.reach_board import NOBODY, ReachBoard
from layers.response.units import ResponseUnit
from layers.response.who_reaches import RING_COUNT, ReachRules, times_from
from layers.travel.times import Seconds, TravelTimes

# Shares of a grid's households outside from which a gap is severe, or middling. A choice, so that
# a leader sees first where most of a grid is open.
SEVERE_SHARE, MIDDLING_SHARE = 0.5, 0.2
GAIN_MIN_HOUSEHOLDS = 10.0  # below, moving somebody isn't worth a line
SUGGESTIONS_MAX = 5
CAUSES_MAX = 3

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Cause:
    """A unit that would hold part of a gap if it counted: who, why it doesn't, since when."""

    unit_id: int
    code: str
    name: str
    why_not: str
    since: datetime | None
    households: float


@dataclass(frozen=True, slots=True)
class Gap:
    """One grid's open demand.

    severity : `severe`, `middling` or `light`, by the share of its households outside
    since : when the first of its open cells was first seen open by this board; `since_start`: the
        board has watched no longer than that, so it may be older
    nearest : code of the unit that would arrive first at most of it, and when [s]; None: nobody
    causes : who would hold it if they counted, most first; none: nobody is that near
    """

    grid_code: str | None
    severity: str
    households: float
    households_open: float
    key_places_open: float
    cell_count: int
    off_road: float
    since: datetime
    since_start: bool
    nearest: str | None
    nearest_s: float | None
    causes: tuple[Cause, ...]
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class MoveUp:
    """A unit that would do more from a post: what is reached in addition, what no more, and how
    long the way to the post takes [s]."""

    unit_id: int
    code: str
    name: str
    post: str
    lon: float
    lat: float
    gain: float
    cost: float
    way_s: float | None


@dataclass(frozen=True, slots=True)
class Post:
    """A place where a unit could wait."""

    code: str
    name: str
    place: LonLat


@dataclass(frozen=True, slots=True)
class BoardState:
    """The board at a moment: arrays by row of the demand.

    slack_s : time left to the limit of who arrives in the best time for their kind, negative
        outside; time_s of the first to arrive; unit : position of that unit, `NOBODY`
    """

    at: datetime
    number: int
    time_s: Seconds
    unit: NDArray[np.int32]
    is_open: Flags
    units: tuple[ResponseUnit, ...]


class GapBoard:
    """Keeps who reaches each row of a demand first, as units move, leave and come free."""

    def __init__(self, demand: Demand, rules: ReachRules) -> None:
        self.demand = demand
        self.rules = rules
        self.number = 0
        self.units: tuple[ResponseUnit, ...] = ()
        self._travels: dict[TravelMode, TravelTimes] = {}
        self._cells: dict[TravelMode, SnappedPlaces] = {}
        self._rows: dict[int, tuple[LonLat | None, Seconds]] = {}
        self._board: ReachBoard | None = None
        self._ids: tuple[int, ...] = ()
        self._counted: dict[int, bool] = {}
        self._open_since = np.full(len(demand), np.nan)
        self._began: datetime | None = None
        self.off_road = np.zeros(len(demand), bool)

    def update(
        self,
        units: Sequence[ResponseUnit],
        travels: Mapping[TravelMode, TravelTimes],
        *,
        now: datetime,
    ) -> bool:
        """Take in what units do now; return whether anything on the board changed.

        Only units that moved, came free or left are timed anew, unless the roads changed.

        Parameters
        ----------
        travels : of each mode that a unit moves by
        """
        changed = self._take_roads(travels)
        ids = tuple(unit.id for unit in units)
        moved = set()
        for unit in units:
            known = self._rows.get(unit.id)
            if known is None or known[0] != unit.place:
                self._rows[unit.id] = (unit.place, self._times_of(unit))
                moved.add(unit.id)
        counted = {unit.id: unit.counts for unit in units}
        if self._board is None or ids != self._ids or changed:
            rows = [self._shown_row(unit) for unit in units]
            times = np.stack(rows) if rows else np.empty((0, len(self.demand)), np.float32)
            self._board = ReachBoard(times)
            self._ids, changed = ids, True
        else:
            for k, unit in enumerate(units):
                if unit.id in moved or counted[unit.id] != self._counted.get(unit.id):
                    cells = self._board.change_unit(k, self._shown_row(unit))
                    changed |= bool(len(cells))
        # Where a unit is stands on the board too, also where it is nearest to the same cells.
        changed |= bool(moved) or [u.why_not for u in units] != [u.why_not for u in self.units]
        self.units, self._counted = tuple(units), counted
        self._note_since(now)
        if changed:
            self.number += 1
        return changed

    def state(self, now: datetime) -> BoardState:
        """Return the board as it stands."""
        assert self._board is not None, "update the board first"
        return BoardState(
            at=now,
            number=self.number,
            # The board keeps times over each kind's limit; the seconds are in the rows.
            time_s=self._first_times(),
            unit=self._board.nearest_unit.copy(),
            is_open=self.is_open,
            units=self.units,
        )

    def follow(self, former: GapBoard) -> None:
        """Take over since when cells are open from a board of the same grids over older demand."""
        since = {
            (code, cell): at
            for code, cell, at in zip(
                former.demand.grid_code.tolist(), former.demand.h3_cell.tolist(),
                former._open_since.tolist(), strict=True,
            )
        }  # fmt: skip
        keys = zip(self.demand.grid_code.tolist(), self.demand.h3_cell.tolist(), strict=True)
        self._open_since = np.array([since.get(key, np.nan) for key in keys], float)
        self._began, self.number = former._began, former.number + 1

    @property
    def is_open(self) -> Flags:
        """Which rows nobody who counts reaches within the last ring of their kind."""
        assert self._board is not None, "update the board first"
        return np.asarray(~(self._board.nearest_s <= 1.0))

    def gaps(self) -> list[Gap]:
        """Return the grids with open demand, most open households first."""
        demand, is_open = self.demand, self.is_open
        households, keys = demand.weights["households"], demand.weights["key_places"]
        holds = self._would_hold()
        found = []
        for code in dict.fromkeys(demand.grid_code.tolist()):
            own = demand.grid_code == code
            rows = np.flatnonzero(own & is_open)
            open_households = float(households[rows].sum())
            if not len(rows) or (open_households == 0 and not keys[rows].any()):
                continue
            whole = float(households[own].sum())
            weight = households[rows] + keys[rows] + 1e-9
            nearest, nearest_s = self._nearest(rows, weight)
            since = float(np.nanmin(self._open_since[rows]))
            found.append(
                Gap(
                    grid_code=code,
                    severity=_severity(open_households / whole if whole else 1.0),
                    households=whole,
                    households_open=open_households,
                    key_places_open=float(keys[rows].sum()),
                    cell_count=len(rows),
                    off_road=float(households[rows][self.off_road[rows]].sum()),
                    since=datetime.fromtimestamp(since, tz=UTC),
                    since_start=self._began is None or since <= self._began.timestamp(),
                    nearest=nearest,
                    nearest_s=nearest_s,
                    causes=self._causes(rows, holds),
                    lon=float(np.average(demand.lon[rows], weights=weight)),
                    lat=float(np.average(demand.lat[rows], weights=weight)),
                )
            )
        return sorted(found, key=lambda gap: (-gap.households_open, gap.grid_code or ""))

    def move_ups(self, posts: Sequence[Post]) -> list[MoveUp]:
        """Return who would do more from where, the most gained first, one suggestion a unit.

        Gain and cost are households within the last ring; the cost is what is open instead while
        the unit stands there.
        """
        board = self._board
        if board is None or not posts or not any(unit.counts for unit in self.units):
            return []
        households = self.demand.weights["households"]
        covered = ~self.is_open
        holds_now = np.stack([self._shown_row(unit) for unit in self.units]) <= 1.0
        alone = holds_now.sum(axis=0) == 1
        found: list[MoveUp] = []
        for mode, travel in self._travels.items():
            own = [
                k
                for k, unit in enumerate(self.units)
                if unit.counts and self.rules.kinds[unit.kind].mode is mode
            ]
            if not own:
                continue
            times = times_from(travel, [post.place for post in posts], self._cells[mode])
            starts = travel.snap(
                [_lon(self.units[k].place) for k in own], [_lat(self.units[k].place) for k in own]
            )
            ends = travel.snap(
                [post.place.longitude for post in posts], [post.place.latitude for post in posts]
            )
            ways = travel.matrix(starts, ends)
            for row, k in enumerate(own):
                unit = self.units[k]
                limit = self.rules.kinds[unit.kind].rings_s[RING_COUNT - 1]
                reached = times <= limit
                only = holds_now[k] & alone
                gains = (reached & ~covered) @ households
                costs = households[only].sum() - (reached[:, only] @ households[only])
                best = int(np.argmax(gains - costs))
                if gains[best] - costs[best] < GAIN_MIN_HOUSEHOLDS:
                    continue
                way = float(ways[row, best])
                found.append(
                    MoveUp(
                        unit.id, unit.code, unit.name, posts[best].name,
                        posts[best].place.longitude, posts[best].place.latitude,
                        float(gains[best]), float(costs[best]), way if np.isfinite(way) else None,
                    )
                )  # fmt: skip
        found.sort(key=lambda move: (move.cost - move.gain, move.way_s or np.inf, move.code))
        return found[:SUGGESTIONS_MAX]

    # -- rows

    def _take_roads(self, travels: Mapping[TravelMode, TravelTimes]) -> bool:
        if all(self._travels.get(mode) is travel for mode, travel in travels.items()) and (
            self._travels.keys() == travels.keys()
        ):
            return False
        self._travels = dict(travels)
        self._cells = {
            mode: travel.snap(self.demand.lon, self.demand.lat) for mode, travel in travels.items()
        }
        self._rows.clear()
        on_road = [cells.is_on_road for cells in self._cells.values()]
        self.off_road = ~np.any(on_road, axis=0) if on_road else self.off_road
        return True

    def _times_of(self, unit: ResponseUnit) -> Seconds:
        mode = self.rules.kinds[unit.kind].mode
        if unit.place is None or mode not in self._travels:
            return np.full(len(self.demand), np.inf, np.float32)
        times = times_from(self._travels[mode], [unit.place], self._cells[mode])
        return np.asarray(times[0], np.float32)

    def _shown_row(self, unit: ResponseUnit) -> Seconds:
        """A unit's times as shares of its kind's last limit: 1 and below is within the ring, so
        that units of different limits can be compared; infinite where it doesn't count."""
        if not unit.counts:
            return np.full(len(self.demand), np.inf, np.float32)
        limit = np.float32(self.rules.kinds[unit.kind].rings_s[RING_COUNT - 1])
        return np.asarray(self._rows[unit.id][1] / limit, np.float32)

    def _first_times(self) -> Seconds:
        counted = [self._rows[u.id][1] for u in self.units if u.counts]
        if not counted:
            return np.full(len(self.demand), np.inf, np.float32)
        return np.asarray(np.min(counted, axis=0), np.float32)

    def _note_since(self, now: datetime) -> None:
        self._began = self._began or now
        is_open = self.is_open
        self._open_since[~is_open] = np.nan
        newly = is_open & np.isnan(self._open_since)
        self._open_since[newly] = now.timestamp()

    def _would_hold(self) -> list[tuple[ResponseUnit, Flags]]:
        """Units that don't count, and the rows they would hold if they did."""
        found = []
        for unit in self.units:
            if not unit.counts and unit.place is not None:
                limit = self.rules.kinds[unit.kind].rings_s[RING_COUNT - 1]
                found.append((unit, np.asarray(self._rows[unit.id][1] <= limit)))
        return found

    def _causes(
        self, rows: NDArray[np.int64], holds: list[tuple[ResponseUnit, Flags]]
    ) -> tuple[Cause, ...]:
        households = self.demand.weights["households"]
        causes = [
            Cause(
                unit.id, unit.code, unit.name, str(unit.why_not), unit.since,
                float(households[rows[held[rows]]].sum()),
            )
            for unit, held in holds
            if held[rows].any()
        ]  # fmt: skip
        causes.sort(key=lambda cause: (-cause.households, cause.code))
        return tuple(causes[:CAUSES_MAX])

    def _nearest(self, rows: NDArray[np.int64], weight: Floats) -> tuple[str | None, float | None]:
        """Who arrives first at the row with the most in it, and when."""
        row = rows[int(np.argmax(weight))]
        best: tuple[float, str] | None = None
        for unit in self.units:
            if unit.counts:
                time = float(self._rows[unit.id][1][row])
                if np.isfinite(time) and (best is None or time < best[0]):
                    best = time, unit.code
        return (best[1], best[0]) if best else (None, None)


def _severity(share: float) -> str:
    if share >= SEVERE_SHARE:
        return "severe"
    return "middling" if share >= MIDDLING_SHARE else "light"


def _lon(place: LonLat | None) -> float:
    assert place is not None
    return place.longitude


def _lat(place: LonLat | None) -> float:
    assert place is not None
    return place.latitude


__all__ = ["NOBODY", "BoardState", "Cause", "Gap", "GapBoard", "MoveUp", "Post"]
