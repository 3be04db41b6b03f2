"""Imports in the background: a worker in this process, the state in the database.

The database is the only place where a job's state is kept. A job that waits when the program ends
is taken up at the next start; one that was being worked on shows as failed and can be resumed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import structlog

from geo.errors import PlatformError
from geo.importers.jobs import find_jobs, get_job, request_stop
from geo.store.database import Database

log = structlog.get_logger(__name__)

WORKERS = 1  # imports of addresses or grids would wait for each other's rows anyway
STOP_WAIT_S = 4.0  # the server's own grace is 5 s

RunJob = Callable[[int], object]


class ImportWorkers:
    """Runs jobs one after the other; `run_job` works on one until it ends, whatever its end is."""

    def __init__(self, database: Database, run_job: RunJob) -> None:
        self._database = database
        self._run_job = run_job
        self._lock = threading.Lock()
        self._running: dict[int, Future[None]] = {}
        self._pool: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Begin to work, first on what was left waiting."""
        with self._lock:
            self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="import")
        try:
            with self._database.session() as session:
                waiting = [
                    job.id for job in find_jobs(session, limit=1000) if job.status == "waiting"
                ]
        except PlatformError as error:
            # The service starts without the database and says so by its health.
            log.warning("imports.not_taken_up", error=type(error).__name__)
            return
        for job_id in sorted(waiting):
            self.submit(job_id)

    def submit(self, job_id: int) -> None:
        """Work on a job as soon as a worker is free; one that is in hand already stays so."""
        with self._lock:
            if self._pool is None or job_id in self._running:
                return
            future = self._pool.submit(self._work, job_id)
            self._running[job_id] = future
        future.add_done_callback(lambda _: self._forget(job_id))

    def stop(self) -> None:
        """Stop what is being worked on after the rows in hand; what waits stays waiting."""
        with self._lock:
            pool, self._pool = self._pool, None
            in_hand = [job_id for job_id, future in self._running.items() if not future.cancel()]
        if pool is None:
            return
        for job_id in in_hand:
            try:
                with self._database.session() as session:
                    if get_job(session, job_id).status == "running":
                        request_stop(session, job_id)
            except PlatformError as error:
                log.warning("imports.not_stopped", job_id=job_id, error=type(error).__name__)
        waiter = threading.Thread(target=pool.shutdown, kwargs={"wait": True}, daemon=True)
        waiter.start()
        waiter.join(STOP_WAIT_S)

    def wait(self, job_id: int, timeout_s: float) -> None:
        """Return when this process is done with a job; at once where it isn't at it."""
        with self._lock:
            future = self._running.get(job_id)
        if future is not None:
            future.result(timeout_s)

    def _work(self, job_id: int) -> None:
        try:
            self._run_job(job_id)
        except PlatformError as error:
            # The job says it in its message; the log has no text, which may quote a row.
            log.info("import.failed", job_id=job_id, error=type(error).__name__)
        except Exception as error:
            # One import's own fault must not end the worker that the next ones wait for.
            log.error("import.failed", job_id=job_id, error=type(error).__name__)

    def _forget(self, job_id: int) -> None:
        with self._lock:
            self._running.pop(job_id, None)
