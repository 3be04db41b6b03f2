"""An index of the register that follows the database.

Each transaction that writes addresses leaves a row in `register_change`. Rows become visible in
the order of commits, not of ids: an id that was skipped may still come, so skipped ids are asked
for again until they are too old to come.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy import text

from geo.addresses.register_index import MAX_CHANGED_ROWS, RegisterIndex
from geo.addresses.register_rows import load_register_rows
from geo.addresses.standardise import DEFAULT_WRITTEN_FORM, WrittenForm
from geo.store.database import Database

SKIPPED_IDS_LOOKED_BACK = 10_000  # changes before the newest whose ids may still be open
SKIPPED_KEPT_S = 24 * 3600.0  # no transaction that writes addresses lasts longer


class RegisterFollower:
    """Keeps one `RegisterIndex` in step with the database.

    Parameters
    ----------
    database : read with an operator's eyes; scope is applied at each query
    max_age_s : the index may be this old [s]; 0 asks the database before each query (0.3 ms)
    written_form : of the texts of groups of addresses
    clock : seconds that only grow
    """

    def __init__(
        self,
        database: Database,
        *,
        max_age_s: float = 0.0,
        written_form: WrittenForm = DEFAULT_WRITTEN_FORM,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._max_age_s = max_age_s
        self._written_form = written_form
        self._clock = clock
        self._lock = threading.Lock()
        self._index: RegisterIndex | None = None
        self._checked_at = 0.0
        self._newest_change = 0
        self._skipped: dict[int, float] = {}

    def current(self) -> RegisterIndex:
        """Return the index of the register as it is now.

        Raises
        ------
        DatabaseUnavailable : the database doesn't answer; an old index is not served instead
        """
        with self._lock:
            now = self._clock()
            if self._index is None:
                self._index = self._read_all(now)
                self._checked_at = now
            elif now - self._checked_at >= self._max_age_s:
                self._index = self._follow(self._index, now)
                self._checked_at = now
            return self._index

    def mark(self) -> str:
        """Return what tells one state of the register from another; "" before the first read."""
        with self._lock:
            if self._index is None:
                return ""
            return f"{self._newest_change}:{len(self._index)}"

    def _read_all(self, now: float) -> RegisterIndex:
        with self._database.session() as session:
            # The marks are read first: a change between the two is seen twice, never missed.
            ids = set(
                session.scalars(
                    text("SELECT id FROM register_change ORDER BY id DESC LIMIT :count"),
                    {"count": SKIPPED_IDS_LOOKED_BACK},
                )
            )
            self._newest_change = max(ids, default=0)
            known_from = max(1, self._newest_change - SKIPPED_IDS_LOOKED_BACK + 1)
            self._skipped = {i: now for i in range(known_from, self._newest_change) if i not in ids}
            table = load_register_rows(session)
        return RegisterIndex.from_table(table, written_form=self._written_form)

    def _follow(self, index: RegisterIndex, now: float) -> RegisterIndex:
        with self._database.session() as session:
            changes = session.execute(
                text(
                    "SELECT id, address_ids FROM register_change "
                    "WHERE id > :newest OR id = ANY(:skipped)"
                ),
                {"newest": self._newest_change, "skipped": list(self._skipped)},
            ).all()
            if not changes:
                return index
            changed: set[int] = set()
            too_many = False
            for _, address_ids in changes:
                too_many = too_many or address_ids is None
                changed.update(address_ids or ())
            followed = None
            if not too_many and len(changed) <= MAX_CHANGED_ROWS:
                table = load_register_rows(session, sorted(changed))
                followed = index.with_changes(sorted(changed), table)
        if followed is None:
            return self._read_all(now)
        self._remember([change_id for change_id, _ in changes], now)
        return followed

    def _remember(self, ids: list[int], now: float) -> None:
        newest = max(self._newest_change, *ids)
        for skipped in range(self._newest_change + 1, newest):
            self._skipped[skipped] = now
        for seen in ids:
            self._skipped.pop(seen, None)
        self._skipped = {
            i: since for i, since in self._skipped.items() if now - since < SKIPPED_KEPT_S
        }
        self._newest_change = newest
