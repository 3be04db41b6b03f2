"""Key places (重点部位): places that patrols must be seen at, and when how long."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from sqlalchemy.orm import Session

from api.callers import CallerAccess, SignedInCaller
from api.dependencies import ReadSession, RowId, Scope, ServicesDep, WriteSession, now
from api.endpoints.units import require_lead
from api.schemas import coverage as schemas
from api.schemas.errors import error_responses, write_error_responses
from geo.audit import record
from geo.coverage.key_places import (
    Dose,
    PlacedKeyPlace,
    create_key_place,
    end_key_place,
    find_key_places,
    get_key_place,
    set_doses,
)
from geo.values import GridScope, LonLat

router = APIRouter(prefix="/key-places", tags=["coverage"])

Now = Annotated[datetime, Depends(now)]
KeyPlaceId = Annotated[RowId, Path(description="Number of the key place.")]


@router.get("", operation_id="list_key_places", summary="Key places", responses=error_responses())
def list_key_places(session: ReadSession, scope: Scope) -> schemas.KeyPlaceList:
    """Those in the caller's grids, by code, with the doses they want."""
    return schemas.KeyPlaceList(
        key_places=[_shown(each) for each in find_key_places(session, scope=scope)]
    )


@router.post(
    "",
    operation_id="create_key_place",
    summary="Make a place a key place",
    status_code=201,
    responses=write_error_responses(404, 409),
)
def make_key_place(
    session: WriteSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    access: CallerAccess, moment: Now, given: schemas.NewKeyPlace,
) -> schemas.KeyPlace:  # fmt: skip
    """In a grid of the caller. For who leads units. The last week is computed from the
    positions."""
    made = create_key_place(
        session, given.code, given.name, LonLat(given.lon, given.lat), scope=scope,
        doses=_doses(given.doses), reach_m=given.reach_m, created_by=caller.name,
        on=services.settings.local_day(moment),
    )  # fmt: skip
    require_lead(caller)  # after it, so that a place outside is as if it weren't there
    record(session, access, "key_place.create", object_kind="key_place", object_ref=str(made.id))
    return _one(session, made.id, scope)


@router.put(
    "/{key_place_id}/doses",
    operation_id="set_key_place_doses",
    summary="Say what a key place wants",
    responses=write_error_responses(404),
)
def set_key_place_doses(
    session: WriteSession, scope: Scope, caller: SignedInCaller, access: CallerAccess,
    key_place_id: KeyPlaceId,
    given: schemas.NewDoses,
) -> schemas.KeyPlace:  # fmt: skip
    """Instead of what it wanted. For who leads units."""
    place = get_key_place(session, key_place_id, scope=scope)
    require_lead(caller)
    set_doses(session, place, _doses(given.doses))
    record(session, access, "key_place.set_doses", object_kind="key_place",
           object_ref=str(place.id))  # fmt: skip
    return _one(session, place.id, scope)


@router.delete(
    "/{key_place_id}",
    operation_id="end_key_place",
    summary="Let a place be a key place no longer",
    status_code=204,
    responses=write_error_responses(404),
)
def end_one_key_place(
    session: WriteSession, scope: Scope, caller: SignedInCaller, access: CallerAccess,
    moment: Now,
    key_place_id: KeyPlaceId,
) -> None:  # fmt: skip
    """What was covered of it stays. For who leads units."""
    place = get_key_place(session, key_place_id, scope=scope)
    require_lead(caller)
    end_key_place(place, now=moment)
    record(session, access, "key_place.end", object_kind="key_place", object_ref=str(place.id))


def _one(session: Session, key_place_id: int, scope: GridScope) -> schemas.KeyPlace:
    return next(
        _shown(each)
        for each in find_key_places(session, scope=scope)
        if each.key_place_id == key_place_id
    )


def _shown(place: PlacedKeyPlace) -> schemas.KeyPlace:
    return schemas.KeyPlace(
        **_place_of(place),
        reach_m=place.reach_m,
        doses=[
            schemas.DoseWanted(
                first_hour=each.first_hour, end_hour=each.end_hour, weekdays=list(each.weekdays),
                dose_min=each.dose_s / 60,
            )
            for each in place.doses
        ],
    )  # fmt: skip


def _place_of(place: PlacedKeyPlace) -> dict[str, object]:
    return {
        "key_place_id": place.key_place_id, "code": place.code, "name": place.name,
        "grid_code": place.grid_code, "lon": round(place.position.longitude, 7),
        "lat": round(place.position.latitude, 7),
    }  # fmt: skip


def _doses(given: list[schemas.DoseWanted]) -> list[Dose]:
    return [
        Dose(each.first_hour, each.end_hour, tuple(each.weekdays), round(each.dose_min * 60))
        for each in given
    ]
