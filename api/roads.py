"""What endpoints by road share: the moment, the datum, the units a caller may time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from api.dependencies import lonlat_of
from api.schemas.roads import Place, TravelBasis
from api.services import Services
from geo.accounts import Caller, Permission
from geo.errors import InvalidPeriod
from geo.roads.modes import TravelMode
from geo.tables import PatrolUnit
from geo.units.units import find_units, units_of_account
from geo.values import GridScope, LonLat
from layers.response.units import ResponseUnit, load_response_units

METHOD = (
    "Quickest way on the road network in force at that time, without its closed roads: length over "
    "speed by class and hour, with the leg from the road to the place on foot. Turn restrictions "
    "and lights are not in it, barriers only where the file has them."
)


def moment_of(told: datetime | None, now: datetime) -> datetime:
    """Return the moment asked for.

    Raises
    ------
    InvalidPeriod : it has no zone
    """
    if told is None:
        return now
    if told.tzinfo is None:
        raise InvalidPeriod(f"at is {told.isoformat()} without a zone. Add one, such as +08:00.")
    return told


def places_of(given: list[Place], datum: str) -> tuple[list[float], list[float]]:
    """Return longitudes and latitudes in WGS 84.

    Raises
    ------
    InvalidDatum, InvalidCoordinate
    """
    points: list[LonLat] = [lonlat_of(place.lon, place.lat, datum) for place in given]
    return [p.longitude for p in points], [p.latitude for p in points]


def basis_of(services: Services, session: Session, mode: TravelMode, at: datetime) -> TravelBasis:
    """Return what an answer rests on."""
    roads = services.roads.roads(session, at=at)
    return TravelBasis(
        mode=mode,
        network=roads.name,
        network_id=roads.id,
        at=at,
        speed_source=services.roads.speeds[mode].source,
        method=METHOD,
    )


def visible_units(session: Session, caller: Caller, scope: GridScope) -> list[PatrolUnit]:
    """Return the units whose places the caller may know: those they lead, or belong to."""
    if caller.may(Permission.LEAD):
        return find_units(session, scope=scope)
    return units_of_account(session, caller.account_id, scope=scope)


def response_units(
    services: Services, session: Session, units: list[PatrolUnit], now: datetime
) -> list[ResponseUnit]:
    """Return units as they can respond now."""
    return load_response_units(
        session,
        units,
        now=now,
        on=services.settings.local_day(now),
        rules=services.readiness_rules,
    )
