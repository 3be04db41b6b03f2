"""The gap board: where nobody comes in time now, why, since when, and what would close it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from api.callers import CallerAccess, SignedInCaller, current_caller
from api.dependencies import Scope, ServicesDep, SettingsDep, WriteSession, now
from api.endpoints.positions import SCOPE_EVERY_S, WATCH_MAX_S, EventStream
from api.endpoints.reach import CELLS_MAX, travels_of
from api.endpoints.units import require_lead
from api.gap_boards import Watched, posts_of
from api.geojson import GeoJSONResponse, feature, feature_collection, geometry_of, rounded
from api.roads import METHOD, response_units
from api.schemas.errors import error_responses
from api.schemas.gaps import (
    Board,
    BoardChange,
    BoardUnit,
    GapCause,
    GapSlots,
    InspectionGapShown,
    MoveUps,
    MoveUpShown,
    ReachGap,
    SlotShare,
)
from api.services import Services
from geo.accounts import Caller, Permission
from geo.audit import record
from geo.errors import NotEnoughData
from geo.grids import load_grids
from geo.h3_cells import h3_cell_polygons
from geo.tables import DutyShift
from geo.units.homes import homes_of
from geo.units.units import find_units
from geo.values import GridScope, Period
from layers.demand.cells import RESOLUTION, RESOLUTIONS
from layers.response.inspection_gaps import load_inspection_gaps
from layers.response.planned_gaps import planned_gaps, slots_ahead
from layers.response.who_reaches import RING_COUNT, Source, reach_response

router = APIRouter(prefix="/gaps", tags=["layers"])

Now = Annotated[datetime, Depends(now)]
Resolution = Annotated[int, Query(ge=RESOLUTIONS[0], le=RESOLUTIONS[1], description="Of hexagons.")]
TICK_S = 0.5  # so that a move is on the board within a second of being on disk
FULL_EVERY_S = 5.0  # what changes without a move: a status, the roster, a closed road
SLOT_HOURS, SLOTS = 2, 12
BOARD_METHOD = (
    METHOD + " A cell is open where no unit that counts arrives within the last ring of its kind. "
    "Units: those of the caller's grids that are on duty, free, heard of within five minutes and, "
    "for a 最小应急单元, ready. Severe: half of a grid's households open; middling: a fifth."
)
SLOT_METHOD = (
    METHOD + " Each unit on duty for the whole slot is taken to stand at its home, free; a "
    "最小应急单元 only where it is ready now."
)


@router.get(
    "",
    operation_id="get_gaps",
    summary="The gap board now",
    response_class=GeoJSONResponse,
    response_model=Board,
    responses=error_responses(404),
)
def get_gaps(
    session: WriteSession,
    services: ServicesDep,
    settings: SettingsDep,
    scope: Scope,
    caller: SignedInCaller,
    access: CallerAccess,
    moment: Now,
    resolution: Resolution = RESOLUTION,
) -> GeoJSONResponse:
    """All cells of the caller's grids with the time of the first to arrive, and the gaps by grid.
    For who leads units; each look is audited."""
    require_lead(caller)
    watched = _updated(services, session, scope, resolution, moment)
    board = watched.board
    record(session, access, "positions.gaps", object_kind="patrol_unit", row_count=len(board.units))
    demand = board.demand
    if len(demand) > CELLS_MAX:
        raise NotEnoughData(
            f"That are {len(demand):,} hexagons, wanted {CELLS_MAX:,} at most. Ask for a coarser "
            "resolution.",
            found=len(demand),
            needed=CELLS_MAX,
        )
    day = settings.local_day(moment)
    names = _names(session, scope, day)
    with watched.lock:
        change = _change(watched, moment, names, None)
    outlines = h3_cell_polygons(demand.h3_cell)
    households, keys = demand.weights["households"], demand.weights["key_places"]
    return GeoJSONResponse(
        feature_collection(
            (
                feature(
                    k,
                    geometry_of(outlines[k]),
                    {
                        "grid_code": demand.grid_code[k],
                        "households": float(households[k]),
                        "key_places": float(keys[k]),
                        "off_road": bool(board.off_road[k]),
                    },
                )
                for k in range(len(demand))
            ),
            board=change.model_dump(mode="json"),
            inspections=[
                InspectionGapShown(
                    grid_code=gap.grid_code,
                    grid_name=names.get(gap.grid_code),
                    record_count=gap.record_count,
                    due_count=gap.due_count,
                    since=gap.since,
                ).model_dump(mode="json")
                for gap in load_inspection_gaps(session, on=day, scope=scope)
            ],
            resolution=resolution,
            household_source=demand.household_source,
            limits_s={
                kind: rule.rings_s[RING_COUNT - 1]
                for kind, rule in services.reach_rules.kinds.items()
            },
            network=services.roads.roads(session, at=moment).name,
            method=BOARD_METHOD,
        )
    )


@router.get(
    "/live",
    operation_id="watch_gaps",
    summary="The gap board as it changes, by server-sent events",
    response_class=EventStream,
    responses={**error_responses(404), 200: {"model": BoardChange}},
)
def watch_gaps(
    request: Request,
    session: WriteSession,
    services: ServicesDep,
    scope: Scope,
    caller: SignedInCaller,
    access: CallerAccess,
    moment: Now,
    resolution: Resolution = RESOLUTION,
    for_s: Annotated[
        int, Query(ge=0, le=WATCH_MAX_S, description="End after this [s]; the browser returns.")
    ] = WATCH_MAX_S,
) -> EventStream:
    """First the whole board, then within a second of each move what it changes: events `gaps`.
    For who leads units; each opening is audited."""
    require_lead(caller)
    watched = _updated(services, session, scope, resolution, moment)
    record(
        session, access, "positions.watch_gaps", object_kind="patrol_unit",
        row_count=len(watched.board.units),
    )  # fmt: skip
    return EventStream(
        _events(request, caller, resolution, for_s=for_s),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.get(
    "/move-ups",
    operation_id="suggest_move_ups",
    summary="Who would reach more from where",
    responses=error_responses(404),
)
def suggest_move_ups(
    session: WriteSession,
    services: ServicesDep,
    settings: SettingsDep,
    scope: Scope,
    caller: SignedInCaller,
    access: CallerAccess,
    moment: Now,
    resolution: Resolution = RESOLUTION,
) -> MoveUps:
    """Free units at sites, candidates and the middles of gaps: what is gained, what it costs
    elsewhere meanwhile. A suggestion; a person decides. For who leads units."""
    require_lead(caller)
    watched = _updated(services, session, scope, resolution, moment)
    board = watched.board
    record(
        session, access, "positions.move_ups", object_kind="patrol_unit",
        row_count=len(board.units),
    )  # fmt: skip
    names = _names(session, scope, settings.local_day(moment))
    with watched.lock:
        posts = posts_of(session, board, settings.local_day(moment), names)
        moves = board.move_ups(posts)
    return MoveUps(
        move_ups=[
            MoveUpShown(
                unit_id=move.unit_id, code=move.code, name=move.name, post=move.post,
                lon=rounded(move.lon), lat=rounded(move.lat), gain=move.gain, cost=move.cost,
                way_s=move.way_s,
            )
            for move in moves
        ],
        at=moment,
        method=BOARD_METHOD,
    )  # fmt: skip


@router.get(
    "/slots",
    operation_id="list_gap_slots",
    summary="Open demand by grid and slot, as the roster has it",
    responses=error_responses(404),
)
def list_gap_slots(
    session: WriteSession,
    services: ServicesDep,
    settings: SettingsDep,
    scope: Scope,
    caller: SignedInCaller,
    moment: Now,
    resolution: Resolution = RESOLUTION,
) -> GapSlots:
    """The next 24 hours in slots of two, each unit on duty at its home. For who leads units."""
    require_lead(caller)
    units = response_units(services, session, find_units(session, scope=scope), moment)
    homes = homes_of(session, [unit.id for unit in units])
    sources = [
        Source(
            unit.kind,
            homes.get(unit.id),
            unit.readiness is None or unit.readiness.is_ready,
        )
        for unit in units
    ]
    demand = services.demand.of(session, scope=scope, resolution=resolution, now=moment)
    services.roads.roads(session, at=moment)
    reach = reach_response(
        demand, sources, travels_of(services, session, sources, moment), services.reach_rules
    )
    local = moment.astimezone(services.roads.zone)
    slots = slots_ahead(local, hours=SLOT_HOURS, count=SLOTS)
    found = planned_gaps(reach, _shifts(session, [u.id for u in units], slots), slots)
    names = _names(session, scope, settings.local_day(moment))
    return GapSlots(
        slots=[slot.start for slot in slots],
        slot_hours=SLOT_HOURS,
        on_duty=list(found.on_duty),
        grids=[
            SlotShare(
                grid_code=str(code),
                grid_name=names.get(str(code)),
                open_share=[None if np.isnan(v) else round(float(v), 4) for v in row],
            )
            for code, row in zip(
                found.open_share.index, found.open_share.to_numpy(float), strict=True
            )
        ],
        method=SLOT_METHOD,
    )


def _updated(
    services: Services, session: Session, scope: GridScope, resolution: int, moment: datetime
) -> Watched:
    units = response_units(services, session, find_units(session, scope=scope), moment)
    return services.gaps.updated(session, units, scope=scope, resolution=resolution, now=moment)


def _names(session: Session, scope: GridScope, day: Any) -> dict[str, str]:
    grids = load_grids(session, on=day, scope=scope)
    return dict(zip(grids.index.astype(str), grids["name"], strict=True))


def _change(watched: Watched, moment: datetime, names: dict[str, str], before: Any) -> BoardChange:
    """The board as it stands; cells: those that differ from `before` (times, open), or all."""
    board = watched.board
    state = board.state(moment)
    times = np.where(np.isfinite(state.time_s), np.round(state.time_s), -1).astype(np.int32)
    changed = np.arange(len(times))
    if before is not None:
        changed = np.flatnonzero((before[0] != times) | (before[1] != state.is_open))
    households = board.demand.weights["households"]
    return BoardChange(
        number=state.number,
        at=moment,
        cells=[
            [int(k), None if times[k] < 0 else int(times[k]), int(state.is_open[k])]
            for k in changed
        ],
        households=float(households.sum()),
        households_open=float(households[state.is_open].sum()),
        gaps=[
            ReachGap(
                grid_code=gap.grid_code,
                grid_name=names.get(gap.grid_code or ""),
                severity=gap.severity,
                households=gap.households,
                households_open=gap.households_open,
                key_places_open=gap.key_places_open,
                cell_count=gap.cell_count,
                off_road=gap.off_road,
                since=gap.since,
                since_start=gap.since_start,
                nearest=gap.nearest,
                nearest_s=gap.nearest_s,
                causes=[
                    GapCause(
                        unit_id=cause.unit_id, code=cause.code, name=cause.name,
                        why_not=cause.why_not, since=cause.since, households=cause.households,
                    )
                    for cause in gap.causes
                ],
                lon=rounded(gap.lon),
                lat=rounded(gap.lat),
            )
            for gap in board.gaps()
        ],
        units=[
            BoardUnit(
                unit_id=unit.id, code=unit.code, name=unit.name, kind=unit.kind,
                counts=unit.counts, why_not=unit.why_not.value if unit.why_not else None,
                since=unit.since,
                lon=rounded(unit.place.longitude) if unit.place else None,
                lat=rounded(unit.place.latitude) if unit.place else None,
                place_source=unit.place_source,
            )
            for unit in board.units
        ],
    )  # fmt: skip


async def _events(
    request: Request, caller: Caller, resolution: int, *, for_s: int
) -> AsyncIterator[str]:
    services: Services = request.app.state.services
    clock = asyncio.get_running_loop().time
    started = known_at = clock()
    looked_at, seen, number = -FULL_EVERY_S, -1, -1
    before: Any = None
    while True:
        if clock() - known_at > SCOPE_EVERY_S:
            known = await run_in_threadpool(current_caller, request)
            if known is None or not known.may(Permission.LEAD):
                return
            caller, known_at = known, clock()
        if services.board.number != seen or clock() - looked_at > FULL_EVERY_S:
            seen, looked_at = services.board.number, clock()
            number, told, before = await run_in_threadpool(
                _look, services, caller.scope, resolution, number, before
            )
            yield f"id: {number}\nevent: gaps\ndata: {told}\n\n" if told else ": still here\n\n"
        if clock() - started + TICK_S > for_s:
            return
        await asyncio.sleep(TICK_S)


def _look(
    services: Services, scope: GridScope, resolution: int, number: int, before: Any
) -> tuple[int, str | None, Any]:
    """The board of a scope by now: its number, what is sent (None: nothing changed), and what the
    next look is compared with."""
    moment = datetime.now(UTC)
    with services.database.read_session_of(scope) as session:
        watched = _updated(services, session, scope, resolution, moment)
        names = _names(session, scope, services.settings.local_day(moment))
    with watched.lock:
        board = watched.board
        is_other = before is not None and before[2] is not board.demand
        if before is not None and board.number == number and not is_other:
            return number, None, before
        change = _change(watched, moment, names, None if is_other else before)
        state = board.state(moment)
    times = np.where(np.isfinite(state.time_s), np.round(state.time_s), -1).astype(np.int32)
    return change.number, change.model_dump_json(), (times, state.is_open, board.demand)


def _shifts(session: Session, unit_ids: list[int], slots: list[Period]) -> list[list[Period]]:
    """The shifts of each unit that touch the slots, those that follow on each other as one."""
    own: dict[int, list[Period]] = {unit_id: [] for unit_id in unit_ids}
    rows = session.scalars(
        select(DutyShift)
        .where(
            DutyShift.unit_id.in_(unit_ids),
            DutyShift.starts_at < slots[-1].end,
            DutyShift.ends_at > slots[0].start,
        )
        .order_by(DutyShift.starts_at)
    )
    for row in rows:
        shifts = own[row.unit_id]
        if shifts and shifts[-1].end == row.starts_at:
            shifts[-1] = Period(shifts[-1].start, row.ends_at)
        else:
            shifts.append(Period(row.starts_at, row.ends_at))
    return [own[unit_id] for unit_id in unit_ids]
