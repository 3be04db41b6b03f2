"""Searches worked on beside the requests: one a thing, some at once, stopped with the best so far.

Kept in memory: what a search finds goes into the store, by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Generic, TypeVar

import structlog

from geo.errors import Conflict, PlatformError

SEARCHES_MAX = 4  # of a kind at once; each takes a core
JOIN_S = 10.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Search:
    """One search. `error` says why it failed, None while it runs and when it is done."""

    of_id: int
    is_running: bool = True
    error: str | None = None
    stopped: Event = field(default_factory=Event)
    thread: Thread | None = None


S = TypeVar("S", bound=Search)


class Searches(Generic[S]):
    """At most one search a thing, each in a thread of its own.

    Parameters
    ----------
    what : is searched for, as messages name it
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._known: dict[int, S] = {}
        self._lock = Lock()

    def begin(self, search: S, work: Callable[[S], None]) -> S:
        """Begin to work.

        Raises
        ------
        Conflict : the thing is being worked on, or too many others are
        """
        with self._lock:
            known = self._known.get(search.of_id)
            running = sum(each.is_running for each in self._known.values())
            if (known is not None and known.is_running) or running >= SEARCHES_MAX:
                raise Conflict(
                    f"This {self._what} is being solved, or too many others are. Wait for the end, "
                    "or stop one.",
                    of_id=search.of_id,
                )
            self._known = {key: old for key, old in self._known.items() if old.is_running}
            self._known[search.of_id] = search
        search.thread = Thread(
            target=self._run, args=(search, work), daemon=True,
            name=f"{self._what}-{search.of_id}",
        )  # fmt: skip
        search.thread.start()
        return search

    def of(self, of_id: int) -> S | None:
        """Return the search of a thing that runs or ran last; None: none in this process."""
        return self._known.get(of_id)

    def close(self) -> None:
        """Stop all, and wait for their ends, when the program ends."""
        for search in list(self._known.values()):
            search.stopped.set()
        for search in list(self._known.values()):
            if search.thread is not None:
                search.thread.join(JOIN_S)

    def _run(self, search: S, work: Callable[[S], None]) -> None:
        try:
            work(search)
        except PlatformError as error:
            search.error = error.message
        except Exception as error:  # a thread's end must be told, not lost
            log.exception("search.failed", what=self._what, error=type(error).__name__)
            search.error = "This search failed. Solve again."
        finally:
            search.is_running = False
