"""A thread that keeps coverage up with the positions while the server runs.

What is due stands in the store, so that a start goes on where the last run ended, however it ended.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.orm import Session

from geo.coverage.due import following, last_due
from geo.errors import PlatformError
from geo.positions.tracks import TrackLimits
from geo.settings import Settings
from geo.store.database import Database
from layers.coverage.keeping import KeptUp, keep_up
from layers.coverage.measures import VisitRules
from layers.coverage.places import CoveragePlaces, load_coverage_places
from layers.coverage.roads import CoverageRoads
from layers.coverage.rules import KeepingRules
from layers.presence.pieces import PresenceRules
from layers.travel.stored import StoredTravel

log = structlog.get_logger(__name__)

FOLLOW_EVERY_S = 10.0
WAIT_MAX_S = 60.0
_A_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def keeping_rules_of(settings: Settings) -> KeepingRules:
    """Return the rules of a deployment; docs/settings.md tells each one's source."""
    offset = _A_DAY.astimezone(ZoneInfo(settings.time_zone)).utcoffset() or timedelta()
    return KeepingRules(
        presence=PresenceRules(
            certain_s=settings.coverage_certain_s, tail_s=settings.coverage_certain_s
        ),
        limits=TrackLimits(accuracy_max_m=settings.coverage_accuracy_max_m),
        visits=VisitRules(
            gap_max_s=settings.coverage_visit_gap_s, stay_min_s=settings.coverage_visit_min_s
        ),
        offset_ms=-round(offset.total_seconds() * 1000) % 3_600_000,
    )


class CoverageFollower:
    """One a process; `start` and `stop` it around its use.

    Parameters
    ----------
    now : the clock; places are those of its day
    travel : networks that others have in memory as well
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        every_s: float = FOLLOW_EVERY_S,
        travel: StoredTravel | None = None,
    ) -> None:
        self._database, self._settings, self._now = database, settings, now
        self._every_s = every_s
        self._rules = keeping_rules_of(settings)
        self._travel = travel or StoredTravel(zone=settings.time_zone)
        self._roads: CoverageRoads | None = None
        self._places: CoveragePlaces | None = None
        self._working, self._loading = threading.Lock(), threading.Lock()
        self._leaving = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to follow."""
        self._leaving.clear()
        self._thread = threading.Thread(target=self._follow, name="coverage", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the batch that is worked on."""
        self._leaving.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    @property
    def rules(self) -> KeepingRules:
        """By which coverage is kept."""
        return self._rules

    def places(self) -> CoveragePlaces:
        """Return the places of today. They are the program's: who answers a caller applies the
        scope."""
        with self._loading, self._database.session() as session:
            return self._current(session)

    def _current(self, session: Session) -> CoveragePlaces:
        day = self._settings.local_day(self._now())
        self._places = load_coverage_places(session, on=day, known=self._places)
        return self._places

    def _roads_on(self, places: CoveragePlaces) -> CoverageRoads | None:
        """The roads on the plane of the places; None where ways are to go straight."""
        if not self._settings.coverage_by_road or places.assigner is None:
            return None
        if self._roads is None or self._roads.plane is not places.frame.plane:
            self._roads = CoverageRoads(self._travel, places.frame.plane)
        return self._roads

    def catch_up(self, *, told: Callable[[KeptUp], None] = lambda _: None) -> KeptUp:
        """Compute all that is due at the beginning, a batch of units at a time; return the sums.

        Another process that follows the same store is left to it.

        Raises
        ------
        DatabaseUnavailable : what was written until then stays
        """
        total = KeptUp(0, 0, 0, 0)
        with self._working, following(self._database.engine) as is_mine:
            if not is_mine:
                return total
            with self._database.session() as session:
                until = last_due(session)
                places = None
                if until:
                    with self._loading:
                        places = self._current(session)
            while places is not None and not self._leaving.is_set():
                done = keep_up(
                    self._database.session, places, rules=self._rules, until=until,
                    roads=self._roads_on(places),
                )  # fmt: skip
                if done.unit_count == 0:
                    break
                total += done
                told(total)
        return total

    def _follow(self) -> None:
        while not self._leaving.is_set():
            begun = time.monotonic()
            try:
                self.catch_up()
            except PlatformError as error:
                log.warning("coverage.not_kept_up", error=type(error).__name__)
            except Exception as error:
                # A fault in one batch must not end the following of all that comes later.
                self._places = None
                log.error("coverage.failed", error=type(error).__name__)
            # Half of the time at most: what came meanwhile costs little more for having waited.
            took_s = min(time.monotonic() - begun, WAIT_MAX_S)
            self._leaving.wait(max(self._every_s, took_s))
