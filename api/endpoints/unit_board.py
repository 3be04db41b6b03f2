"""Where are my people: the board of units, who is nearest, and a replay of many."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy.orm import Session

from api.arrivals import approaches
from api.callers import CallerAccess, SignedInCaller
from api.dependencies import Scope, ServicesDep, SoundText, WriteSession, now
from api.schemas.errors import error_responses
from api.schemas.unit_board import (
    BoardUnit,
    NearUnit,
    NearUnits,
    Replay,
    ReplayUnit,
    UnitBoard,
    UnitMember,
)
from api.schemas.units import UnitKind, UnitStatus
from geo.accounts import Caller, Permission
from geo.audit import audited, record
from geo.positions.replay import replay_of
from geo.tables import PatrolUnit
from geo.units.board import load_board
from geo.units.units import find_units, units_of_account
from geo.values import GridScope, LonLat, Period

router = APIRouter(tags=["patrol units"])

Now = Annotated[datetime, Depends(now)]
NEAREST_DEFAULT, NEAREST_MAX = 10, 100
EVERY_DEFAULT_S, EVERY_MAX_S = 10, 600


def own_units(session: Session, caller: Caller, scope: GridScope) -> list[PatrolUnit]:
    """The units whose places the caller may see: those they lead, else those they belong to."""
    if caller.may(Permission.LEAD):
        return find_units(session, scope=scope)
    return units_of_account(session, caller.account_id, scope=scope)


@router.get(
    "/units/board",
    operation_id="get_unit_board",
    summary="Where are my people: units with members, duty and status",
    responses=error_responses(),
)
def get_unit_board(
    session: WriteSession, scope: Scope, caller: SignedInCaller, access: CallerAccess, moment: Now
) -> UnitBoard:
    """The units that the caller leads or belongs to. Each look is audited."""
    rows = load_board(session, own_units(session, caller, scope), now=moment)
    record(session, access, "unit.read_board", object_kind="patrol_unit", row_count=len(rows))
    return UnitBoard(
        at=moment,
        units=[
            BoardUnit.model_validate(
                {
                    "unit_id": each.unit.id, "code": each.unit.code, "name": each.unit.name,
                    "kind": each.unit.kind, "grid_codes": each.unit.grid_codes,
                    "skills": each.unit.skills, "kit": each.unit.kit, "status": each.unit.status,
                    "members": [UnitMember.model_validate({"name": name, "role": role})
                                for name, role in each.members],
                    "is_on_duty": each.is_on_duty(moment),
                    "starts_at": each.shift.starts_at if each.shift else None,
                    "ends_at": each.shift.ends_at if each.shift else None,
                    "status_since": each.status_since,
                }
            )
            for each in rows
        ],
    )  # fmt: skip


@router.get(
    "/positions/nearest",
    operation_id="list_nearest_units",
    summary="Suitable units nearest to a place",
    responses=error_responses(),
)
def list_nearest_units(
    session: WriteSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    access: CallerAccess, moment: Now,
    lon: Annotated[float, Query(ge=-180, le=180, description="Longitude, WGS 84.")],
    lat: Annotated[float, Query(ge=-90, le=90, description="Latitude, WGS 84.")],
    kind: Annotated[UnitKind | None, Query(description="Only of this kind.")] = None,
    status: Annotated[UnitStatus | None, Query(description="Only those that do this.")] = None,
    skill: Annotated[SoundText | None, Query(description="Only with this skill.")] = None,
    limit: Annotated[int, Query(ge=1, le=NEAREST_MAX)] = NEAREST_DEFAULT,
) -> NearUnits:  # fmt: skip
    """Of the units that the caller leads or belongs to, by when they would be there by road; by the
    straight line where there are no roads, or no way. Each look is audited."""
    suitable = [
        unit
        for unit in own_units(session, caller, scope)
        if (kind is None or unit.kind == kind)
        and (status is None or unit.status == status)
        and (skill is None or skill in unit.skills)
    ]
    found = approaches(services, session, suitable, LonLat(lon, lat), now=moment)[:limit]
    record(session, access, "positions.read_nearest", object_kind="patrol_unit",
           row_count=len(found))  # fmt: skip
    return NearUnits(
        units=[
            NearUnit.model_validate(
                {
                    "unit_id": each.unit.id, "code": each.unit.code, "name": each.unit.name,
                    "kind": each.unit.kind, "status": each.unit.status,
                    "skills": each.unit.skills, "distance_m": round(each.distance_m, 1),
                    "at": each.at, "state": each.state, "mode": each.mode,
                    "p50_s": None if each.p50_s is None else round(each.p50_s, 1),
                    "p90_s": None if each.p90_s is None else round(each.p90_s, 1),
                }
            )
            for each in found
        ]
    )  # fmt: skip


@router.get(
    "/positions/replay",
    operation_id="replay_positions",
    summary="Where units were in a past period",
    responses=error_responses(),
)
def replay_positions(
    session: WriteSession, scope: Scope, caller: SignedInCaller, access: CallerAccess, moment: Now,
    start: Annotated[
        datetime | None, Query(description="From then on, with a zone. Default: an hour ago.")
    ] = None,
    end: Annotated[datetime | None, Query(description="Until then. Default: now.")] = None,
    every_s: Annotated[
        int, Query(ge=1, le=EVERY_MAX_S, description="At most one position in so long [s].")
    ] = EVERY_DEFAULT_S,
) -> Replay:  # fmt: skip
    """A day at most. Members see their own units; who leads units gives a purpose and a case. Each
    look is audited."""
    until = end or moment
    period = Period(start or until - timedelta(hours=1), until)
    units = own_units(session, caller, scope)
    of_id = {unit.id: unit for unit in units}
    mine = {unit.id for unit in units_of_account(session, caller.account_id, scope=scope)}
    with audited(
        session, access, "positions.replay", object_kind="patrol_unit",
        about_persons=not mine.issuperset(of_id),
    ) as read:  # fmt: skip
        tracks = replay_of(session, of_id, period, every_s=every_s)
        read.row_count = sum(len(track.seconds) for track in tracks)
    tracks.sort(key=lambda track: of_id[track.unit_id].code)
    return Replay(
        start=period.start,
        end=period.end,
        every_s=every_s,
        units=[
            ReplayUnit.model_validate(
                {
                    "unit_id": track.unit_id, "code": of_id[track.unit_id].code,
                    "name": of_id[track.unit_id].name, "kind": of_id[track.unit_id].kind,
                    "seconds": track.seconds, "lon": track.lon, "lat": track.lat,
                }
            )
            for track in tracks
        ],
    )  # fmt: skip
