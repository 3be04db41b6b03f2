"""The road network: what it is, which road is where, which are closed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Path

from api.callers import CallerAccess, SignedInCaller
from api.dependencies import Point, ReadSession, RowId, ServicesDep, SettingsDep, WriteSession, now
from api.endpoints.units import require_lead
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.roads import (
    Closure,
    ClosureList,
    ModeReport,
    NewClosure,
    RoadAt,
    RoadNetworkInfo,
    SpeedSource,
)
from geo.audit import record
from geo.errors import RoadNetworkNotFound
from geo.roads.modes import TravelMode
from geo.roads.snapping import RoadSnapper
from geo.roads.spread import load_spreads
from geo.roads.store import close_roads, get_road_version, load_closures, reopen_roads
from geo.tables import RoadClosure

router = APIRouter(prefix="/roads", tags=["roads"])

Now = Annotated[datetime, Depends(now)]


@router.get(
    "",
    operation_id="get_road_network",
    summary="The road network in force",
    responses=error_responses(404),
)
def get_road_network(
    session: ReadSession, services: ServicesDep, settings: SettingsDep, moment: Now
) -> RoadNetworkInfo:
    """Where it is from, what is wrong with it mode by mode, and what speeds and spreads rest on."""
    version = get_road_version(session, on=settings.local_day(moment))
    spreads = load_spreads(session)
    return RoadNetworkInfo(
        network_id=version.id,
        name=version.name,
        file_name=version.file_name,
        attribution=version.attribution,
        is_generated=version.is_generated,
        has_own_numbers=version.has_own_numbers,
        origin_datum=version.origin_datum,
        valid_from=version.valid_from,
        valid_to=version.valid_to,
        imported_at=version.imported_at,
        node_count=version.node_count,
        edge_count=version.edge_count,
        line_count=version.line_count,
        modes=[ModeReport(**row) for row in version.report["modes"]],
        dropped=version.report["dropped"],
        notes=version.report["notes"],
        speeds=[
            SpeedSource(
                mode=mode,
                source=services.roads.speeds[mode].source,
                p50_factor=spreads[mode].p50_factor,
                p90_factor=spreads[mode].p90_factor,
                spread_basis=spreads[mode].basis,
                trip_count=spreads[mode].trip_count,
                measured_at=spreads[mode].measured_at,
                p50_low=spreads[mode].p50_low,
                p50_high=spreads[mode].p50_high,
                p90_low=spreads[mode].p90_low,
                p90_high=spreads[mode].p90_high,
            )
            for mode in TravelMode
        ],
        closure_count=len(load_closures(session, at=moment)),
    )


@router.get(
    "/at",
    operation_id="get_road_at",
    summary="The road nearest to a point",
    responses=error_responses(404),
)
def get_road_at(session: ReadSession, services: ServicesDep, moment: Now, place: Point) -> RoadAt:
    """At most 500 m away, whoever may use it. Its number is what a closure names."""
    roads = services.roads.roads(session, at=moment)
    network = roads.network
    found: tuple[float, int] | None = None
    for mode in (TravelMode.FOOT, TravelMode.CAR):
        if not ((network.edge_modes & mode.bit) != 0).any():
            continue
        snapper: RoadSnapper = services.roads.snapper(session, mode, at=moment)
        at = snapper.snap([place.longitude], [place.latitude])
        if at.is_on_road[0] and (found is None or at.access_m[0] < found[0]):
            found = float(at.access_m[0]), int(at.line[0])
    if found is None:
        raise RoadNetworkNotFound("There is no road within 500 m of this point.")
    distance_m, line = found
    edges = network.line_edges[line]
    mask = int(np.bitwise_or.reduce(network.edge_modes[edges[edges >= 0]]))
    name = int(network.line_name[line])
    return RoadAt(
        road_id=int(network.line_source_id[line]),
        name=None if name < 0 else network.names[name],
        road_class=network.class_names[int(network.line_class[line])],
        distance_m=round(distance_m, 1),
        modes=[mode for mode in TravelMode if mask & mode.bit],
    )


@router.get(
    "/closures",
    operation_id="list_road_closures",
    summary="Roads that are closed or will be",
    responses=error_responses(),
)
def list_road_closures(session: ReadSession, moment: Now) -> ClosureList:
    """The earliest first."""
    return ClosureList(closures=[shown(row) for row in load_closures(session, at=moment)])


@router.post(
    "/closures",
    operation_id="close_roads",
    summary="Close roads for a time",
    status_code=201,
    responses=write_error_responses(404),
)
def add_road_closure(
    session: WriteSession,
    settings: SettingsDep,
    caller: SignedInCaller,
    access: CallerAccess,
    moment: Now,
    given: NewClosure,
) -> Closure:
    """Times, paths and rings leave them out at once. For who leads units."""
    require_lead(caller)
    starts_at = given.starts_at or moment
    row = close_roads(
        session,
        given.road_ids,
        starts_at=starts_at,
        ends_at=given.ends_at,
        reason=given.reason,
        recorded_by=caller.name,
        on=settings.local_day(starts_at) if starts_at.tzinfo else settings.local_day(moment),
        modes=given.modes,
    )
    record(session, access, "roads.close", object_kind="road_closure", object_ref=str(row.id))
    return shown(row)


@router.post(
    "/closures/{closure_id}/end",
    operation_id="reopen_roads",
    summary="Open closed roads again",
    responses=write_error_responses(404),
)
def end_road_closure(
    session: WriteSession,
    caller: SignedInCaller,
    access: CallerAccess,
    moment: Now,
    closure_id: Annotated[RowId, Path(description="Number of the closure.")],
) -> Closure:
    """From now on. For who leads units."""
    require_lead(caller)
    row = reopen_roads(session, closure_id, at=moment)
    record(session, access, "roads.reopen", object_kind="road_closure", object_ref=str(row.id))
    return shown(row)


def shown(row: RoadClosure) -> Closure:
    """A closure as it is sent."""
    return Closure(
        closure_id=row.id,
        road_ids=row.road_ids,
        modes=[TravelMode(mode) for mode in row.modes],
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        reason=row.reason,
    )
