"""Solves patrol plans beside the requests: with progress, and stopped with the best so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event, Lock, Thread

import structlog

from geo.errors import Conflict, PlatformError
from geo.routes.plans import change_plan, get_plan
from geo.store.database import Database
from geo.values import GridScope
from layers.routes.kept import kept_of_json, kept_to_json
from layers.routes.matrix import road_times
from layers.routes.near_equal import near_equal_plans
from layers.routes.problem import RouteProblem
from layers.routes.solving import Progress
from layers.travel.stored import StoredTravel

JOBS_MAX = 4  # at once; each takes a core
JOIN_S = 5.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class SolveJob:
    """One search. `error` says why it failed, None while it runs and when it is done."""

    plan_id: int
    share: float = 0.0
    prize: float = 0.0
    unmet: int = 0
    is_running: bool = True
    error: str | None = None
    stopped: Event = field(default_factory=Event)
    thread: Thread | None = None


class RouteSolver:
    """At most one search a plan. What it finds is written into the plan, unless the plan was
    changed meanwhile."""

    def __init__(self, database: Database, roads: StoredTravel) -> None:
        self._database = database
        self._roads = roads
        self._jobs: dict[int, SolveJob] = {}
        self._lock = Lock()

    def start(
        self, plan_id: int, *, version: int, scope: GridScope, seconds: float, seed: int
    ) -> SolveJob:
        """Begin to solve a plan.

        Raises
        ------
        Conflict : it is being solved, or too many others are
        """
        with self._lock:
            known = self._jobs.get(plan_id)
            running = sum(job.is_running for job in self._jobs.values())
            if (known is not None and known.is_running) or running >= JOBS_MAX:
                raise Conflict(
                    "This plan is being solved, or too many others are. Wait for the end, or stop "
                    "one.",
                    plan_id=plan_id,
                )
            job = SolveJob(plan_id)
            self._jobs = {key: old for key, old in self._jobs.items() if old.is_running}
            self._jobs[plan_id] = job
        job.thread = Thread(
            target=self._run, args=(job, version, scope, seconds, seed), daemon=True,
            name=f"solve-routes-{plan_id}",
        )  # fmt: skip
        job.thread.start()
        return job

    def job(self, plan_id: int) -> SolveJob | None:
        """Return the search of a plan that runs or ran last; None: none in this process."""
        return self._jobs.get(plan_id)

    def stop(self, plan_id: int) -> bool:
        """End a search with the best so far; whether one was running."""
        job = self._jobs.get(plan_id)
        if job is None or not job.is_running:
            return False
        job.stopped.set()
        return True

    def close(self) -> None:
        """End all searches, when the program ends."""
        for job in list(self._jobs.values()):
            job.stopped.set()
        for job in list(self._jobs.values()):
            if job.thread is not None:
                job.thread.join(JOIN_S)

    def _run(
        self, job: SolveJob, version: int, scope: GridScope, seconds: float, seed: int
    ) -> None:
        def told(progress: Progress) -> None:
            job.share, job.prize, job.unmet = progress.share, progress.prize, progress.unmet

        try:
            problem = self.problem(job.plan_id, scope)
            found = near_equal_plans(
                problem, seconds=seconds, seed=seed, on_progress=told,
                should_stop=job.stopped.is_set,
            )  # fmt: skip
            with self._database.session_of(scope) as session:
                plan = get_plan(session, job.plan_id, scope=scope)
                kept = kept_of_json(plan.content).solved(problem, found)
                change_plan(session, plan, kept_to_json(kept), version=version)
            job.share = 1.0
        except PlatformError as error:
            job.error = error.message
        except Exception as error:  # a thread's end must be told, not lost
            log.exception("routes.failed", plan_id=job.plan_id)
            job.error = type(error).__name__
        finally:
            job.is_running = False

    def problem(self, plan_id: int, scope: GridScope) -> RouteProblem:
        """Return what a plan asks, with the times of its roads at its start."""
        with self._database.read_session_of(scope) as session:
            plan = get_plan(session, plan_id, scope=scope)
            kept = kept_of_json(plan.content)
            travel = {
                mode: self._roads.travel(session, mode, at=plan.starts_at) for mode in kept.modes
            }
        return kept.problem(road_times(travel, kept.points).travel_s)
