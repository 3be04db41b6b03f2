"""Patrol plans: drafted, changed by one at a time, assigned to units, ended; never deleted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from geo.errors import Conflict, InvalidInput, PatrolPlanNotFound
from geo.scope_conditions import within_scope
from geo.tables import PatrolPlan, PatrolRoute, PatrolUnit
from geo.values import GridScope, Period

LIST_MAX = 100


@dataclass(frozen=True, slots=True)
class AssignedRoute:
    """What a unit is given: its stops with times and reasons, and the legs between them."""

    unit_id: int
    starts_at: datetime
    ends_at: datetime
    stops: list[dict[str, Any]]
    legs: list[dict[str, Any]]


def create_plan(
    session: Session,
    period: Period,
    *,
    scope: GridScope,
    grid_codes: Collection[str],
    content: Mapping[str, Any],
    created_by: str,
) -> PatrolPlan:
    """Return a new draft.

    Parameters
    ----------
    grid_codes : all that its places lie in; who doesn't see one of them doesn't see the plan

    Raises
    ------
    InvalidInput : a grid outside the caller's scope, or none where the scope is limited
    """
    codes = sorted(set(grid_codes))
    outside = [code for code in codes if not scope.covers(code)]
    if outside or (not codes and not scope.is_everything):
        raise InvalidInput(
            "A plan's places have to lie in your grids. Leave out those that don't.",
            field="places",
        )
    plan = PatrolPlan(
        version=1,
        status="draft",
        starts_at=period.start,
        ends_at=period.end,
        grid_codes=codes,
        content=dict(content),
        created_by=created_by,
    )
    session.add(plan)
    session.flush()
    return plan


def find_plans(session: Session, *, scope: GridScope) -> list[PatrolPlan]:
    """Return the plans of the scope, the latest shift first, at most `LIST_MAX`."""
    asked = (
        select(PatrolPlan)
        .where(within_scope(PatrolPlan.grid_codes, scope))
        .order_by(PatrolPlan.starts_at.desc(), PatrolPlan.id.desc())
        .limit(LIST_MAX)
    )
    return list(session.scalars(asked))


def get_plan(session: Session, plan_id: int, *, scope: GridScope) -> PatrolPlan:
    """Return a plan.

    Raises
    ------
    PatrolPlanNotFound : there is none of this number in the scope
    """
    plan = session.scalar(
        select(PatrolPlan).where(
            PatrolPlan.id == plan_id, within_scope(PatrolPlan.grid_codes, scope)
        )
    )
    if plan is None:
        raise PatrolPlanNotFound(f"There is no patrol plan {plan_id}.", plan_id=plan_id)
    return plan


def change_plan(
    session: Session, plan: PatrolPlan, content: Mapping[str, Any], *, version: int
) -> PatrolPlan:
    """Write what a draft holds now, if nobody else changed it since `version`.

    Raises
    ------
    Conflict : it was changed meanwhile, or is no draft any more
    """
    changed = session.execute(
        update(PatrolPlan)
        .where(
            PatrolPlan.id == plan.id, PatrolPlan.version == version, PatrolPlan.status == "draft"
        )
        .values(content=dict(content), version=version + 1)
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined] # of an UPDATE it is there
        raise Conflict(
            f"The plan {plan.id} was changed by somebody else, or is assigned already. Load it "
            "again, and make the change there.",
            plan_id=plan.id,
        )
    session.refresh(plan)
    return plan


def assign_plan(
    session: Session,
    plan: PatrolPlan,
    routes: Sequence[AssignedRoute],
    *,
    version: int,
    decided_by: str,
    now: datetime,
) -> None:
    """Give units their routes; who decided it stands in the plan.

    Raises
    ------
    Conflict : the plan was changed meanwhile, or is no draft; a unit has another route in that time
    """
    for route in routes:
        other = session.scalar(
            select(PatrolRoute.plan_id).where(
                PatrolRoute.unit_id == route.unit_id,
                ~PatrolRoute.is_ended,
                PatrolRoute.starts_at < route.ends_at,
                PatrolRoute.ends_at > route.starts_at,
            )
        )
        if other is not None:
            unit = session.get_one(PatrolUnit, route.unit_id)
            raise Conflict(
                f"{unit.name} has a route of the plan {other} in this time. End that plan first, "
                "or leave the unit out.",
                plan_id=other,
            )
    changed = session.execute(
        update(PatrolPlan)
        .where(
            PatrolPlan.id == plan.id, PatrolPlan.version == version, PatrolPlan.status == "draft"
        )
        .values(status="assigned", version=version + 1, decided_by=decided_by, decided_at=now)
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined] # of an UPDATE it is there
        raise Conflict(
            f"The plan {plan.id} was changed by somebody else, or is assigned already. Load it "
            "again.",
            plan_id=plan.id,
        )
    session.add_all(
        PatrolRoute(
            plan_id=plan.id,
            unit_id=route.unit_id,
            starts_at=route.starts_at,
            ends_at=route.ends_at,
            stops=route.stops,
            legs=route.legs,
        )
        for route in routes
    )
    session.flush()
    session.refresh(plan)


def end_plan(session: Session, plan: PatrolPlan, *, now: datetime) -> None:
    """End a plan, draft or assigned; its routes stay to be compared with what was done.

    Raises
    ------
    Conflict : it has ended
    """
    if plan.status == "ended":
        raise Conflict(f"The plan {plan.id} has ended already.", plan_id=plan.id)
    plan.status, plan.ended_at, plan.version = "ended", now, plan.version + 1
    session.execute(update(PatrolRoute).where(PatrolRoute.plan_id == plan.id).values(is_ended=True))
    session.flush()


def routes_of_plan(session: Session, plan_id: int) -> list[PatrolRoute]:
    """Return the routes of a plan whose units are seen, by unit."""
    asked = select(PatrolRoute).where(PatrolRoute.plan_id == plan_id).order_by(PatrolRoute.unit_id)
    return list(session.scalars(asked))


def routes_of_units(
    session: Session, unit_ids: Collection[int], *, since: datetime
) -> list[PatrolRoute]:
    """Return the routes of some units that aren't over since a moment, the earliest first."""
    asked = (
        select(PatrolRoute)
        .where(
            PatrolRoute.unit_id.in_(list(unit_ids)),
            ~PatrolRoute.is_ended,
            PatrolRoute.ends_at > since,
        )
        .order_by(PatrolRoute.starts_at, PatrolRoute.unit_id)
    )
    return list(session.scalars(asked))
