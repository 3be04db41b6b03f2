"""A thread that looks at open musters once a second: who has arrived, and what changed.

Who watches is told by `MusterBoard` which musters to ask for anew. While no muster is open the
thread looks four times a minute, or when it is woken.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from datetime import timedelta

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo.errors import PlatformError
from geo.musters.arrivals import ArrivalWatch
from geo.store.database import Database
from geo.tables import Muster, MusterCall, MusterEvent

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
IDLE_EVERY_S = 15.0
ENDED_TOLD = timedelta(minutes=2)  # so long an ended one is still told as changed


class MusterBoard:
    """Which musters changed since a viewer last looked, by units; in memory, one a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 1
        self._musters: dict[int, tuple[int, bool, frozenset[int]]] = {}

    @property
    def number(self) -> int:
        """The number of the last change."""
        return self._number

    def tell(self, muster_id: int, units: Collection[int], *, is_open: bool) -> None:
        """Take in that a muster changed."""
        with self._lock:
            self._number += 1
            self._musters[muster_id] = (self._number, is_open, frozenset(units))

    def keep(self, muster_ids: Collection[int]) -> None:
        """Forget all others."""
        with self._lock:
            for muster_id in set(self._musters) - set(muster_ids):
                del self._musters[muster_id]

    def changes(self, after: int, units: Collection[int]) -> tuple[int, list[int]]:
        """Return the number of the last change, and the musters that changed since, of those that
        one of some units is called to; `after` 0: those that are open."""
        with self._lock:
            found = [
                muster_id
                for muster_id, (number, is_open, called) in self._musters.items()
                if (number > after if after else is_open) and not called.isdisjoint(units)
            ]
            return self._number, sorted(found)


class MusterFollower:
    """One a process; `start` and `stop` it around its use."""

    def __init__(self, database: Database) -> None:
        self.board = MusterBoard()
        self._database = database
        self._watch = ArrivalWatch()
        self._counts: dict[int, int] = {}
        self._looking = threading.Lock()
        self._woken = threading.Event()
        self._leaving = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look."""
        self._leaving.clear()
        self._thread = threading.Thread(target=self._follow, name="musters", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the look that is made."""
        self._leaving.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def wake(self) -> None:
        """Look at once: something was committed."""
        self._woken.set()

    def look(self) -> bool:
        """Note who has arrived, tell what changed; return whether a muster is open."""
        with self._looking:
            with self._database.session() as session:
                self._watch.note_arrivals(session)
            with self._database.session() as session:
                return self._tell(session)

    def _tell(self, session: Session) -> bool:
        # Counts, not the last number: of two that commit at once the lower may be seen later.
        rows = session.execute(
            select(Muster.id, Muster.ended_at.is_(None), func.count(MusterEvent.id))
            .join(MusterEvent, MusterEvent.muster_id == Muster.id)
            .where(Muster.ended_at.is_(None) | (Muster.ended_at > func.now() - ENDED_TOLD))
            .group_by(Muster.id)
        ).all()  # fmt: skip
        for muster_id, is_open, count in rows:
            if self._counts.get(muster_id) != count:
                units = session.scalars(
                    select(MusterCall.unit_id).where(MusterCall.muster_id == muster_id)
                ).all()
                self.board.tell(muster_id, units, is_open=is_open)
        self._counts = {muster_id: count for muster_id, _, count in rows}
        self.board.keep(self._counts)
        return any(is_open for _, is_open, _ in rows)

    def _follow(self) -> None:
        wait_s = 0.0
        while not self._leaving.is_set():
            self._woken.wait(wait_s)
            self._woken.clear()
            if self._leaving.is_set():
                return
            try:
                wait_s = LOOK_EVERY_S if self.look() else IDLE_EVERY_S
            except PlatformError as error:
                log.warning("musters.not_looked", error=type(error).__name__)
                wait_s = IDLE_EVERY_S
