"""The demo city's patrol plan of yesterday: planned as a leader would, and driven by its units.

So that the page of routes shows, on the first day, what a plan comes to. It is made once, beside
the server's start, in a store of the demo city that holds no plan.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from api.plan_drafts import drafted
from api.schemas.patrol_plans import NewPlan
from api.services import Services
from geo.accounts.callers import assigned_scope
from geo.audit import Access, record
from geo.demo.patrol import PLANNED_BY
from geo.errors import PlatformError
from geo.routes.plans import assign_plan, create_plan, routes_of_plan
from geo.settings import Settings
from geo.tables import Account, PatrolPlan, PatrolUnit, StoreNote
from geo.values import GridScope, Period
from layers.routes.candidates import units_on_duty
from layers.routes.kept import kept_to_json
from layers.routes.matrix import road_times
from layers.routes.near_equal import near_equal_plans
from layers.routes.planning import assigned_routes

SHIFT = time(8), time(16)  # local, yesterday
LEADER = "leader"
UNITS_A_KIND = {"car": 1, "motorcycle": 1, "foot": 1}
HOT_CELLS = 16
STEPS = 1_500  # of the search: the same plan on any machine
ASSIGNED_BEFORE = timedelta(minutes=20)

log = structlog.get_logger(__name__)


def plan_yesterday(
    services: Services, *, now: datetime, should_stop: Callable[[], bool] = lambda: False
) -> int | None:
    """Make, solve and assign a plan for yesterday's day shift; return its number, None where the
    store is no demo city's, holds a plan already, or has nobody on duty then, or it was stopped.

    Its places lie in the grids of the demo's patrol leader. The routes count as assigned before the
    shift, since its units follow them from then on.
    """
    today = services.settings.local_day(now)
    period = yesterday(services.settings, now)
    with services.database.session() as session:
        leader = session.scalar(select(Account.id).where(Account.name == LEADER, Account.is_demo))
        is_demo = session.get(StoreNote, "demo_city") is not None
        is_planned = session.scalar(select(exists().select_from(PatrolPlan)))
        if leader is None or not is_demo or is_planned:
            return None
        scope = assigned_scope(session, leader, today)
    with services.database.session_of(scope) as session:
        units = _crew(session, period, scope)
        if not units:
            return None
        given = NewPlan(
            starts_at=period.start, ends_at=period.end, unit_ids=[unit.id for unit in units],
            hot_cells=HOT_CELLS,
        )  # fmt: skip
        kept, codes = drafted(session, services, period, scope, now, given)
        travel = {
            mode: services.roads.travel(session, mode, at=period.start) for mode in kept.modes
        }
        problem = kept.problem(road_times(travel, kept.points).travel_s)
        plans = near_equal_plans(
            problem, steps=STEPS, seed=today.toordinal(), should_stop=should_stop
        )
        if should_stop():
            return None
        kept = kept.solved(problem, plans)
        plan = create_plan(
            session, period, scope=scope, grid_codes=codes, content=kept_to_json(kept),
            created_by=PLANNED_BY,
        )  # fmt: skip
        assigned_at = period.start - ASSIGNED_BEFORE
        assign_plan(
            session, plan, assigned_routes(kept, travel, start=period.start),
            version=plan.version, decided_by=PLANNED_BY, now=assigned_at,
        )  # fmt: skip
        plan.created_at = assigned_at
        for route in routes_of_plan(session, plan.id):
            route.assigned_at = assigned_at
        record(session, Access(PLANNED_BY), "plan.assign", object_kind="patrol_plan",
               object_ref=str(plan.id))  # fmt: skip
        return plan.id


def yesterday(settings: Settings, now: datetime) -> Period:
    """Return the shift that is planned."""
    day = settings.local_day(now) - timedelta(days=1)
    zone = ZoneInfo(settings.time_zone)
    start, end = (datetime.combine(day, at, tzinfo=zone).astimezone(UTC) for at in SHIFT)
    return Period(start, end)


def _crew(session: Session, period: Period, scope: GridScope) -> list[PatrolUnit]:
    """Units that are on duty for most of the shift, one of each kind."""
    found: list[PatrolUnit] = []
    left = dict(UNITS_A_KIND)
    for unit, duty in units_on_duty(session, period, scope=scope):
        whole = duty.end - duty.start >= 0.75 * (period.end - period.start)
        if unit.home is not None and whole and left.get(unit.kind, 0):
            left[unit.kind] -= 1
            found.append(unit)
    return found


@contextmanager
def planning_yesterday(
    services: Services, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Iterator[Callable[[float], bool]]:
    """Make the plan in a thread while the context is open.

    What is yielded says whether a shift that began then [Unix time] may be driven: those that may
    hold a part of yesterday's not before it is planned, or nothing is to be planned.
    """
    done, leaving = threading.Event(), threading.Event()
    held_until_s = yesterday(services.settings, now()).end.timestamp()

    def make() -> None:
        try:
            if plan_yesterday(services, now=now(), should_stop=leaving.is_set) is not None:
                log.info("demo.shift_planned")
        except PlatformError as error:  # the store is away, or there are no roads
            log.warning("demo.not_planned", error=type(error).__name__)
        finally:
            done.set()

    thread = threading.Thread(target=make, name="demo-plan", daemon=True)
    thread.start()
    try:
        yield lambda start_s: done.is_set() or start_s >= held_until_s
    finally:
        leaving.set()
        thread.join(timeout=10)
