"""Siting: how many sites, where; solved in the background, two plans side by side."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy.orm import Session

from api.callers import SignedInCaller
from api.dependencies import ReadSession, Scope, ServicesDep, SettingsDep, now
from api.geojson import GeoJSONResponse, feature, feature_collection, geometry_of, rounded
from api.roads import METHOD
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.siting import SitedPlace, SitingAnswer, SitingAsked, SitingComparison
from api.siting_jobs import STAGE_COUNT, SitingJob
from geo.errors import InvalidInput
from geo.grids import load_grids
from geo.h3_cells import h3_cell_polygons
from geo.response_sites import Site, load_sites
from geo.tables.response_site import SITE_KINDS
from geo.values import GridScope, LonLat
from layers.demand.cells import Demand
from layers.response.who_reaches import times_from
from layers.siting import SitingProblem, compare_plans
from layers.siting.problem import PlanDifference
from layers.siting.stages import SitingQuestion

router = APIRouter(prefix="/siting", tags=["layers"])

Now = Annotated[datetime, Depends(now)]
PlanId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="Number of the plan.")]
ENTRIES_MAX = 40_000_000  # sites x cells: what fits into memory beside the rest
SITING_METHOD = (
    METHOD + " Speeds without rush hours. A cell is entered at the middle of its addresses; it is "
    "covered where a site's time is at most the limit. Advice for a person who decides."
)


@router.post(
    "/plans",
    operation_id="ask_siting",
    summary="Ask where sites should be",
    status_code=202,
    responses=write_error_responses(404, 409),
)
def ask_siting(
    session: ReadSession,
    services: ServicesDep,
    settings: SettingsDep,
    scope: Scope,
    caller: SignedInCaller,
    moment: Now,
    asked: SitingAsked,
) -> SitingAnswer:
    """Among the sites that are and the candidates, for the demand of the caller's grids. Answers
    at once with a number; ask for the plan until its status is done, or stop it."""
    found = _candidates(session, scope, asked, settings.local_day(moment))
    demand = services.demand.of(session, scope=scope, resolution=asked.resolution, now=moment)
    if len(found) * max(len(demand), 1) > ENTRIES_MAX:
        raise InvalidInput(
            f"{len(found):,} sites and {len(demand):,} hexagons are too many. Ask for a coarser "
            "resolution.",
            field="resolution",
        )
    travel = services.roads.travel(session, asked.mode, at=moment, hourly=False)
    travel.prepare()
    times = times_from(travel, [site.place for site in found], travel.snap(demand.lon, demand.lat))
    standing, fixed, closed = _settled(found, asked)
    problem = SitingProblem(times, demand.weights[asked.demand], fixed, closed)
    question = SitingQuestion(
        asked.question, asked.limit_s, asked.wanted, asked.share, asked.busy_share,
        asked.units_at_site_max,
    )  # fmt: skip
    _check(problem, question)
    job = services.siting.ask(
        question,
        problem,
        {
            "sites": found,
            "standing": standing,
            "demand": demand,
            "demand_name": asked.demand,
            "network": services.roads.roads(session, at=moment).name,
        },
        account_id=caller.account_id,
        scope=scope,
        now=moment,
    )
    return shown(job)


@router.get(
    "/plans/{plan_id}",
    operation_id="get_siting",
    summary="A siting question, and the best plan so far",
    responses=error_responses(404),
)
def get_siting(
    services: ServicesDep, scope: Scope, caller: SignedInCaller, plan_id: PlanId
) -> SitingAnswer:
    """One's own, for an hour. The bound is always told: no plan does better than it."""
    return shown(services.siting.get(plan_id, account_id=caller.account_id, scope=scope))


@router.post(
    "/plans/{plan_id}/stop",
    operation_id="stop_siting",
    summary="Stop a siting question with the best so far",
    responses=write_error_responses(404),
)
def stop_siting(
    services: ServicesDep, scope: Scope, caller: SignedInCaller, plan_id: PlanId
) -> SitingAnswer:
    """The plan stays; it is no better than its bound says."""
    job = services.siting.get(plan_id, account_id=caller.account_id, scope=scope)
    services.siting.stop(job)
    return shown(job)


@router.get(
    "/plans/{plan_id}/comparison",
    operation_id="compare_siting",
    summary="What changes from one plan to another",
    response_class=GeoJSONResponse,
    response_model=SitingComparison,
    responses=error_responses(404),
)
def compare_siting(
    services: ServicesDep,
    scope: Scope,
    caller: SignedInCaller,
    plan_id: PlanId,
    before: Annotated[
        str | None,
        Query(
            pattern="^[0-9a-f]{16}$",
            description="Number of the plan to compare with; else the sites that are.",
        ),
    ] = None,
) -> GeoJSONResponse:
    """Hexagons gained and lost within the later plan's limit."""
    job = services.siting.get(plan_id, account_id=caller.account_id, scope=scope)
    first = None
    if before is not None:
        first = services.siting.get(before, account_id=caller.account_id, scope=scope)
        if _codes(first) != _codes(job) or len(first.facts["demand"]) != len(job.facts["demand"]):
            raise InvalidInput(
                "These two plans choose among other sites, or over other demand. Ask both again.",
                field="before",
            )
    old = job.facts["standing"] if first is None else list(first.plan.sites if first.plan else ())
    new = list(job.plan.sites) if job.plan else []
    change = compare_plans(job.problem, old, new, limit_s=job.question.limit_s)
    demand: Demand = job.facts["demand"]
    reaches = job.problem.reaches(job.question.limit_s)
    covered = reaches[new].any(axis=0) if new else np.zeros(len(demand), bool)
    outlines = h3_cell_polygons(demand.h3_cell)
    weight = job.problem.demand
    return GeoJSONResponse(
        feature_collection(
            (
                feature(
                    k,
                    geometry_of(outlines[k]),
                    {
                        "state": _state(change, covered, k),
                        "demand": float(weight[k]),
                        "grid_code": demand.grid_code[k],
                    },
                )
                for k in range(len(demand))
            ),
            opened=[_place(job, k).model_dump() for k in change.opened],
            closed=[_place(job, k).model_dump() for k in change.closed],
            covered_before=change.covered_before,
            covered_after=change.covered_after,
            gained=float(weight[change.gained].sum()),
            lost=float(weight[change.lost].sum()),
            mean_s_before=_finite(change.mean_s_before),
            mean_s_after=_finite(change.mean_s_after),
            limit_s=job.question.limit_s,
        )
    )


def shown(job: SitingJob) -> SitingAnswer:
    """A question as it is sent."""
    plan, standing = job.plan, job.facts["standing"]
    change = None
    if plan is not None:
        change = compare_plans(job.problem, standing, plan.sites, limit_s=job.question.limit_s)
    return SitingAnswer(
        plan_id=job.id,
        status=job.status,
        stage=job.stage,
        stage_count=STAGE_COUNT,
        message=job.message,
        question=job.question.question,
        limit_s=job.question.limit_s,
        sites=[_place(job, k) for k in sorted(set(plan.sites))] if plan else [],
        closed=[_place(job, k) for k in change.closed] if change else [],
        objective=plan.objective if plan else None,
        bound=plan.bound if plan else None,
        gap=plan.gap if plan else None,
        is_proven=bool(plan and plan.is_proven),
        found_by=plan.method if plan else None,
        whole=float(job.problem.demand.sum()),
        covered_before=change.covered_before if change else None,
        covered=change.covered_after if change else None,
        mean_s_before=_finite(change.mean_s_before) if change else None,
        mean_s=_finite(change.mean_s_after) if change else None,
        demand=job.facts["demand_name"],
        candidate_count=job.problem.site_count,
        cell_count=job.problem.cell_count,
        network=job.facts["network"],
        asked_at=job.asked_at,
        method=SITING_METHOD,
    )


def _candidates(session: Session, scope: GridScope, asked: SitingAsked, day: Any) -> list[Site]:
    found = load_sites(session, on=day, kinds=SITE_KINDS)
    if asked.grid_centres:
        grids = load_grids(session, on=day, scope=scope)
        for code, row in grids.iterrows():
            middle = row.geometry.representative_point()
            found.append(Site(str(code), str(row["name"]), "candidate", LonLat(middle.x, middle.y)))
    if not found:
        raise InvalidInput(
            "There is no site and no candidate to choose from. Import some (gridbeat siting "
            "import), or take the middles of grids (grid_centres).",
            field="grid_centres",
        )
    return found


def _settled(
    found: list[Site], asked: SitingAsked
) -> tuple[list[int], frozenset[int], frozenset[int]]:
    """Sites that are, those that stay, those that are never opened."""
    codes = {site.code: k for k, site in enumerate(found)}
    for field in ("fixed", "forbidden"):
        for code in getattr(asked, field):
            if code not in codes:
                raise InvalidInput(f"There is no site {code}.", field=field)
    standing = [k for k, site in enumerate(found) if site.kind != "candidate"]
    closed = frozenset(codes[code] for code in asked.forbidden)
    fixed = frozenset(codes[code] for code in asked.fixed)
    if asked.keep:
        fixed |= frozenset(standing) - closed
    return standing, fixed, closed


def _check(problem: SitingProblem, question: SitingQuestion) -> None:
    """Say at once what can't be solved, rather than in a job that fails."""
    if question.question.value in ("most", "nearest"):
        problem.check_count(question.wanted)


def _codes(job: SitingJob) -> list[str]:
    return [site.code for site in job.facts["sites"]]


def _place(job: SitingJob, k: int) -> SitedPlace:
    site: Site = job.facts["sites"][k]
    return SitedPlace(
        code=site.code,
        name=site.name,
        kind=site.kind,
        lon=rounded(site.place.longitude),
        lat=rounded(site.place.latitude),
        is_new=k not in job.facts["standing"],
        unit_count=job.plan.sites.count(k) if job.plan else 0,
    )


def _state(change: PlanDifference, covered: Any, k: int) -> str:
    if change.gained[k]:
        return "gained"
    if change.lost[k]:
        return "lost"
    return "both" if covered[k] else "neither"


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
