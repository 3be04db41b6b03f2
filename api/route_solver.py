"""Solves patrol plans beside the requests: with progress, and stopped with the best so far."""

from __future__ import annotations

from dataclasses import dataclass

from api.background import Search, Searches
from geo.routes.plans import change_plan, get_plan
from geo.store.database import Database
from geo.values import GridScope
from layers.routes.kept import kept_of_json, kept_to_json
from layers.routes.matrix import road_times
from layers.routes.near_equal import near_equal_plans
from layers.routes.problem import RouteProblem
from layers.routes.solving import Progress
from layers.travel.stored import StoredTravel


@dataclass(slots=True)
class PlanSearch(Search):
    """The search of a plan, and how far it is."""

    share: float = 0.0
    prize: float = 0.0
    unmet: int = 0


class RouteSolver:
    """At most one search a plan. What it finds is written into the plan, unless the plan was
    changed meanwhile."""

    def __init__(self, database: Database, roads: StoredTravel) -> None:
        self._database = database
        self._roads = roads
        self._searches: Searches[PlanSearch] = Searches("plan")

    def start(
        self, plan_id: int, *, version: int, scope: GridScope, seconds: float, seed: int
    ) -> PlanSearch:
        """Begin to solve a plan.

        Raises
        ------
        Conflict : it is being solved, or too many others are
        """

        def solve(search: PlanSearch) -> None:
            def told(progress: Progress) -> None:
                search.share, search.prize = progress.share, progress.prize
                search.unmet = progress.unmet

            problem = self.problem(plan_id, scope)
            found = near_equal_plans(
                problem, seconds=seconds, seed=seed, on_progress=told,
                should_stop=search.stopped.is_set,
            )  # fmt: skip
            with self._database.session_of(scope) as session:
                plan = get_plan(session, plan_id, scope=scope)
                kept = kept_of_json(plan.content).solved(problem, found)
                change_plan(session, plan, kept_to_json(kept), version=version)
            search.share = 1.0

        return self._searches.begin(PlanSearch(plan_id), solve)

    def job(self, plan_id: int) -> PlanSearch | None:
        """Return the search of a plan that runs or ran last; None: none in this process."""
        return self._searches.of(plan_id)

    def stop(self, plan_id: int) -> bool:
        """End a search with the best so far; whether one was running."""
        search = self._searches.of(plan_id)
        if search is None or not search.is_running:
            return False
        search.stopped.set()
        return True

    def close(self) -> None:
        """End all searches, when the program ends."""
        self._searches.close()

    def problem(self, plan_id: int, scope: GridScope) -> RouteProblem:
        """Return what a plan asks, with the times of its roads at its start."""
        with self._database.read_session_of(scope) as session:
            plan = get_plan(session, plan_id, scope=scope)
            kept = kept_of_json(plan.content)
            travel = {
                mode: self._roads.travel(session, mode, at=plan.starts_at) for mode in kept.modes
            }
        return kept.problem(road_times(travel, kept.points).travel_s)
