"""Whether anything changed by which it is decided who sees what.

Whoever holds a stream open asks this often, which is one small question for all, and asks anew who
they are only where it changed, or after a while.
"""

from __future__ import annotations

import threading
import time

from sqlalchemy import text

from geo.store.database import Database
from geo.values import GridScope

LASTS_S = 5.0  # a text so old is still given
_MARK = text(
    """
    SELECT concat_ws(' ',
        (SELECT sum(hashtext(concat_ws(',', id, role, ended_at, must_change_password))::bigint)
         FROM account),
        (SELECT sum(hashtext(concat_ws(',', id, area_code, valid_from, valid_to))::bigint)
         FROM account_assignment),
        (SELECT count(ended_at) FROM account_session), (SELECT count(ended_at) FROM api_token),
        (SELECT concat_ws(',', count(*), count(valid_to), max(id)) FROM area),
        (SELECT concat_ws(',', count(*), count(valid_to), max(id)) FROM grid),
        (SELECT sum(hashtext(concat_ws(',', id, grid_codes, ended_at))::bigint) FROM patrol_unit),
        (SELECT concat_ws(',', count(*), count(left_at)) FROM patrol_unit_member)
    )
    """
)


class AccessMark:
    """A text that changes whenever accounts, sign-ins that ended, assignments, areas, grids, units
    or their members do. One a process; safe among threads.

    What ends by time alone (a sign-in that lasts too long, a day's assignment) doesn't change it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._text, self._read_at = "", -float("inf")

    def now(self) -> str:
        """Return the text; from the store where the one that is known is old.

        Raises
        ------
        DatabaseUnavailable
        """
        with self._lock:
            if time.monotonic() - self._read_at > LASTS_S:
                with self._database.read_session_of(GridScope.everything()) as session:
                    self._text = str(session.scalar(_MARK))
                self._read_at = time.monotonic()
            return self._text
