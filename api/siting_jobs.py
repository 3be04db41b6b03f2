"""Siting questions worked on in the background: progress to look at, and to stop with the best so
far. Kept in memory for an hour: a plan is advice, and is asked for again in seconds."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

import structlog

from geo.errors import Conflict, PlatformError, SitingPlanNotFound
from geo.values import GridScope
from layers.siting import SitingPlan, SitingProblem
from layers.siting.stages import STAGES, SitingQuestion, solve_in_stages

KEPT = 50
KEPT_FOR = timedelta(hours=1)
WORKERS = 1
WAITING_MAX = 8

log = structlog.get_logger(__name__)


@dataclass
class SitingJob:
    """A question in work. `facts` is what its asker is shown besides the plan."""

    id: str
    account_id: int
    scope: GridScope
    asked_at: datetime
    question: SitingQuestion
    problem: SitingProblem
    facts: dict[str, Any]
    status: str = "waiting"  # running, done, stopped, failed
    stage: int = 0
    plan: SitingPlan | None = None
    message: str | None = None
    stop: threading.Event = field(default_factory=threading.Event)


class SitingJobs:
    """Works on one question at a time; each belongs to the account and scope that asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: OrderedDict[str, SitingJob] = OrderedDict()
        self._pool: ThreadPoolExecutor | None = None

    def ask(
        self,
        question: SitingQuestion,
        problem: SitingProblem,
        facts: dict[str, Any],
        *,
        account_id: int,
        scope: GridScope,
        now: datetime,
    ) -> SitingJob:
        """Put a question in; it is worked on as soon as the one before it ends.

        Raises
        ------
        Conflict : too many wait
        """
        job = SitingJob(token_hex(8), account_id, scope, now, question, problem, facts)
        with self._lock:
            for old in [j for j in self._jobs.values() if now - j.asked_at > KEPT_FOR]:
                old.stop.set()
                del self._jobs[old.id]
            waiting = sum(j.status in ("waiting", "running") for j in self._jobs.values())
            if waiting >= WAITING_MAX:
                raise Conflict(
                    f"{waiting} siting questions wait already. Stop one, or try again in a minute."
                )
            self._jobs[job.id] = job
            while len(self._jobs) > KEPT:
                self._jobs.popitem(last=False)[1].stop.set()
            self._pool = self._pool or ThreadPoolExecutor(WORKERS, thread_name_prefix="siting")
            self._pool.submit(self._work, job)
        return job

    def get(self, job_id: str, *, account_id: int, scope: GridScope) -> SitingJob:
        """Return a question of an account, as long as its scope is what it was.

        Raises
        ------
        SitingPlanNotFound : there is none of this number, it is another's, or its hour is over
        """
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None or job.account_id != account_id or job.scope != scope:
            raise SitingPlanNotFound("There is no such plan, or its hour is over. Ask again.")
        return job

    def stop(self, job: SitingJob) -> None:
        """Stop with the best so far; what is being tried ends by itself and changes nothing."""
        job.stop.set()
        if job.status in ("waiting", "running"):
            job.status = "stopped"

    def close(self) -> None:
        """Stop all; for the end of the program."""
        with self._lock:
            for job in self._jobs.values():
                job.stop.set()
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    def _work(self, job: SitingJob) -> None:
        if job.stop.is_set():
            return
        job.status = "running"
        try:
            for plan in solve_in_stages(job.problem, job.question):
                if job.stop.is_set():
                    return
                job.plan, job.stage = plan, job.stage + 1
            job.status = "done"
        except PlatformError as error:
            job.status, job.message = "failed", error.message
        except Exception as error:
            log.exception("siting.failed", error=type(error).__name__)
            job.status, job.message = "failed", "This question failed; ask again."


STAGE_COUNT = len(STAGES)
