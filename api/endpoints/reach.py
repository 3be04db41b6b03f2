"""Response reach: who is there within 1, 3 and 5 minutes, and who only one unit reaches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Depends, Query
from sqlalchemy.orm import Session

from api.callers import CallerAccess, SignedInCaller
from api.dependencies import (
    ID_MAX,
    Code,
    Scope,
    ServicesDep,
    SettingsDep,
    WriteSession,
    now,
)
from api.endpoints.units import require_lead
from api.geojson import GeoJSONResponse, feature, feature_collection, geometry_of, rounded
from api.roads import METHOD, response_units, visible_units
from api.schemas.errors import error_responses
from api.schemas.reach import Lost, ReachAnswer, ReachSource, RingTotal, SourceReadiness
from api.services import Services
from geo.audit import record
from geo.errors import NotEnoughData, PatrolUnitNotFound
from geo.grids import load_grids
from geo.h3_cells import h3_cell_polygons, h3_cell_to_text
from geo.response_sites import load_sites
from geo.roads.modes import TravelMode
from geo.values import GridScope
from layers.demand.cells import RESOLUTION, RESOLUTIONS
from layers.response.units import ResponseUnit
from layers.response.who_reaches import (
    RING_COUNT,
    SITE,
    ResponseReach,
    Source,
    reach_areas,
    reach_response,
)
from layers.travel.times import TravelTimes

router = APIRouter(prefix="/layers", tags=["layers"])

Now = Annotated[datetime, Depends(now)]


@router.get(
    "/reach",
    operation_id="get_reach",
    summary="Who is reached within 1, 3 and 5 minutes by road",
    response_class=GeoJSONResponse,
    response_model=ReachAnswer,
    responses=error_responses(404),
)
def get_reach(
    session: WriteSession,
    services: ServicesDep,
    settings: SettingsDep,
    scope: Scope,
    caller: SignedInCaller,
    access: CallerAccess,
    moment: Now,
    of: Annotated[
        Literal["sites", "units"],
        Query(description="From sites, or from units where they stand now (for who leads)."),
    ] = "sites",
    by: Annotated[Literal["cell", "grid", "area"], Query(description="What is drawn.")] = "cell",
    without: Annotated[
        int | None,
        Query(ge=1, le=ID_MAX, description="A unit that is thought away: what if it leaves?"),
    ] = None,
    without_site: Annotated[
        Code | None, Query(description="Code of a site that is thought away.")
    ] = None,
    resolution: Annotated[
        int, Query(ge=RESOLUTIONS[0], le=RESOLUTIONS[1], description="Of hexagons.")
    ] = RESOLUTION,
) -> GeoJSONResponse:
    """Households (dwellings in use), addresses and key places of the caller's grids, ring by ring.
    A 最小应急单元 that isn't known to be staffed, equipped and drilled holds no ring; it is listed,
    with what lacks. Looks at units are audited."""
    sources: list[Source]
    if of == "units":
        require_lead(caller)
        units = response_units(services, session, visible_units(session, caller, scope), moment)
        record(session, access, "positions.reach", object_kind="patrol_unit", row_count=len(units))
        sources = [Source(unit.kind, unit.place, unit.counts) for unit in units]
        shown = [shown_unit(services, unit) for unit in units]
        left = _position([unit.id for unit in units], without)
    else:
        sites = load_sites(session, on=settings.local_day(moment))
        sources = [Source(SITE, site.place) for site in sites]
        rule = services.reach_rules.kinds[SITE]
        shown = [
            ReachSource(
                code=site.code, name=site.name, kind=site.kind, mode=rule.mode.value,
                rings_s=list(rule.rings_s), lon=rounded(site.place.longitude),
                lat=rounded(site.place.latitude), place_source="site", counts=True,
            )
            for site in sites
        ]  # fmt: skip
        left = _position([site.code for site in sites], without_site)
    demand = services.demand.of(session, scope=scope, resolution=resolution, now=moment)
    travels = travels_of(services, session, sources, moment)
    reach = reach_response(demand, sources, travels, services.reach_rules)
    for k, each in enumerate(shown):
        if sources[k].counts:
            each.lost_if_leaves = Lost(**reach.lost_by(k))
    drawn = reach if left is None else reach.without(left)
    drawn_sources = [s for k, s in enumerate(sources) if k != left]
    return GeoJSONResponse(
        feature_collection(
            _features(
                by, drawn, session, scope, settings.local_day(moment), travels, drawn_sources,
                services,
            ),
            of=of,
            by=by,
            without=None if left is None else shown[left].code,
            rings_s=list(services.reach_rules.kinds[SITE if of == "sites" else "car"].rings_s),
            totals=[RingTotal(**row).model_dump() for row in drawn.totals()],
            totals_with=None
            if left is None
            else [RingTotal(**row).model_dump() for row in reach.totals()],
            sources=[each.model_dump(mode="json") for each in shown],
            resolution=resolution,
            household_source=demand.household_source,
            network=services.roads.roads(session, at=moment).name,
            speed_sources={
                mode.value: services.roads.speeds[mode].source for mode in travels
            },
            at=moment.isoformat(),
            method=METHOD,
        )
    )  # fmt: skip


def travels_of(
    services: Services, session: Session, sources: list[Source], at: datetime
) -> dict[TravelMode, TravelTimes]:
    """Return the travel times of each mode that a source moves by."""
    modes = {services.reach_rules.kinds[source.kind].mode for source in sources}
    return {
        mode: services.roads.travel(session, mode, at=at)
        for mode in sorted(modes, key=lambda m: m.value)
    }


def shown_unit(services: Services, unit: ResponseUnit) -> ReachSource:
    """A unit as it is sent."""
    rule = services.reach_rules.kinds[unit.kind]
    ready = unit.readiness
    return ReachSource(
        unit_id=unit.id,
        code=unit.code,
        name=unit.name,
        kind=unit.kind,
        mode=rule.mode.value,
        rings_s=list(rule.rings_s),
        lon=rounded(unit.place.longitude) if unit.place else None,
        lat=rounded(unit.place.latitude) if unit.place else None,
        place_source="position" if unit.place_source == "position" else "home",
        position_state=unit.state,
        counts=unit.counts,
        why_not=unit.why_not.value if unit.why_not else None,
        since=unit.since,
        readiness=None
        if ready is None
        else SourceReadiness(
            staffed=ready.staffed.value,
            kit=ready.kit.value,
            drill=ready.drill.value,
            missing_kit=list(ready.missing_kit),
            is_ready=ready.is_ready,
        ),
    )


def _position(keys: list[Any], wanted: Any) -> int | None:
    """Where a source stands among all.

    Raises
    ------
    PatrolUnitNotFound : it is none of them, or outside the scope
    """
    if wanted is None:
        return None
    if wanted not in keys:
        raise PatrolUnitNotFound(f"There is no such unit or site: {str(wanted)[:40]}.")
    return int(keys.index(wanted))


def _features(
    by: str,
    reach: ResponseReach,
    session: Session,
    scope: GridScope,
    day: Any,
    travels: dict[TravelMode, TravelTimes],
    sources: list[Source],
    services: Services,
) -> Iterator[dict[str, Any]]:
    if by == "area":
        areas = reach_areas(sources, travels, services.reach_rules)
        for ring in reversed(range(RING_COUNT)):  # the widest first, so that it lies below
            if not areas[ring].is_empty:
                yield feature(f"ring-{ring}", geometry_of(areas[ring]), {"ring": ring})
        return
    demand = reach.demand
    if by == "cell":
        if len(demand) > CELLS_MAX:
            raise NotEnoughData(
                f"That are {len(demand):,} hexagons, wanted {CELLS_MAX:,} at most. Ask for a "
                "coarser resolution.",
                found=len(demand),
                needed=CELLS_MAX,
            )
        outlines = h3_cell_polygons(demand.h3_cell)
        for k, outline in enumerate(outlines):
            yield feature(
                f"{demand.grid_code[k] or '-'}/{h3_cell_to_text(int(demand.h3_cell[k]))}",
                geometry_of(outline),
                cell_properties(reach, k),
            )
        return
    table = reach.by_grid()
    grids = load_grids(session, on=day, scope=scope)
    for code, row in grids.iterrows():
        own = table.loc[code] if code in table.index else None
        whole = 0.0 if own is None else float(own["households"])
        outside = 0.0 if own is None else float(own["households_outside"])
        yield feature(
            str(code),
            geometry_of(row.geometry),
            {
                "grid_code": str(code),
                "name": row["name"],
                "households": whole,
                "households_outside": outside,
                "outside_share": outside / whole if whole else None,
                "addresses": 0.0 if own is None else float(own["addresses"]),
                "key_places_outside": 0.0 if own is None else float(own["key_places_outside"]),
            },
        )


CELLS_MAX = 12_000  # what a browser draws on a canvas without a stutter


def cell_properties(reach: ResponseReach, k: int) -> dict[str, Any]:
    """One row of the demand, with who reaches it."""
    time = reach.time_s[k]
    ring = int(reach.ring[k])
    return {
        "grid_code": reach.demand.grid_code[k],
        "ring": None if ring < 0 else ring,
        "time_s": round(float(time), 1) if np.isfinite(time) else None,
        "source": int(reach.source[k]) if reach.source[k] >= 0 else None,
        **{name: float(weight[k]) for name, weight in reach.demand.weights.items()},
    }
