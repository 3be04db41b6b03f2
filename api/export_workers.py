"""Exports in the background: a worker in this process, the state in the database.

What waits, or was being written when the program ended, is taken up at the next start.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import structlog

from geo.errors import PlatformError
from geo.exports.running import find_waiting_exports, run_export
from geo.settings import Settings
from geo.store.database import Database

log = structlog.get_logger(__name__)

WORKERS = 1  # one reads the store at a time, so that the pool stays with those who ask
STOP_WAIT_S = 4.0  # the server's own grace is 5 s


class ExportWorkers:
    """Writes the files of exports one after the other."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._lock = threading.Lock()
        self._running: dict[int, Future[None]] = {}
        self._pool: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Begin to work, first on what was left."""
        with self._lock:
            self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="export")
        try:
            with self._database.session() as session:
                waiting = find_waiting_exports(session)
        except PlatformError as error:
            # The service starts without the database and says so by its health.
            log.warning("exports.not_taken_up", error=type(error).__name__)
            return
        for request_id in waiting:
            self.submit(request_id)

    def submit(self, request_id: int) -> None:
        """Write an export as soon as the worker is free."""
        with self._lock:
            if self._pool is None or request_id in self._running:
                return
            future = self._pool.submit(self._work, request_id)
            self._running[request_id] = future
        future.add_done_callback(lambda _: self._forget(request_id))

    def stop(self) -> None:
        """Give up what waits; what is being written has a moment, else it is begun anew later."""
        with self._lock:
            pool, self._pool = self._pool, None
            for future in self._running.values():
                future.cancel()
        if pool is None:
            return
        waiter = threading.Thread(target=pool.shutdown, kwargs={"wait": True}, daemon=True)
        waiter.start()
        waiter.join(STOP_WAIT_S)

    def wait(self, request_id: int, timeout_s: float) -> None:
        """Return when this process is done with an export; at once where it isn't at it."""
        with self._lock:
            future = self._running.get(request_id)
        if future is not None:
            future.result(timeout_s)

    def _work(self, request_id: int) -> None:
        try:
            run_export(self._database, request_id, settings=self._settings)
        except PlatformError as error:
            # The request says it in its message; the log has no text, which may quote a row.
            log.info("export.failed", request_id=request_id, error=type(error).__name__)
        except Exception as error:
            # One export's own fault must not end the worker that the next ones wait for.
            log.error("export.failed", request_id=request_id, error=type(error).__name__)

    def _forget(self, request_id: int) -> None:
        with self._lock:
            self._running.pop(request_id, None)
