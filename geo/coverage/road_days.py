"""By which road network each day's coverage is computed: the one that was in force when the day
was computed first. A network that comes later changes no day that has begun."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from geo.roads.store import find_road_version
from geo.tables import CoverageRoads, RoadNetworkVersion


def road_days(session: Session, days: Iterable[date]) -> dict[date, int | None]:
    """Return the number of each day's network, None where its ways go straight.

    Of a day that wasn't computed yet it is the one in force then. So it is where the network by
    which a day was computed has been replaced by another from the same day on.
    """
    wanted = sorted(set(days))
    asked = (
        select(CoverageRoads)
        .where(CoverageRoads.day.in_(wanted))
        .execution_options(populate_existing=True)
    )
    noted = {row.day: row.road_version_id for row in session.scalars(asked)}
    there = set(session.scalars(select(RoadNetworkVersion.id)))
    found: dict[date, int | None] = {}
    for day in wanted:
        if day in noted and (noted[day] is None or noted[day] in there):
            found[day] = noted[day]
        else:
            version = find_road_version(session, on=day)
            found[day] = None if version is None else version.id
    return found


def note_road_days(session: Session, days: Mapping[date, int | None]) -> None:
    """Note by which networks days were computed."""
    if days:
        put = insert(CoverageRoads).values(
            [{"day": day, "road_version_id": version} for day, version in days.items()]
        )
        session.execute(
            put.on_conflict_do_update(
                index_elements=["day"], set_={"road_version_id": put.excluded.road_version_id}
            )
        )


def forget_road_days(session: Session, *, since: date) -> None:
    """Let the days from one on be computed by the networks in force on them."""
    session.execute(delete(CoverageRoads).where(CoverageRoads.day >= since))


def names_of_roads(session: Session, days: Collection[date]) -> list[str]:
    """Return the names of the networks by which coverage of some days was computed."""
    asked = (
        select(RoadNetworkVersion.name)
        .join(CoverageRoads, CoverageRoads.road_version_id == RoadNetworkVersion.id)
        .where(CoverageRoads.day.in_(sorted(set(days))))
        .distinct()
        .order_by(RoadNetworkVersion.name)
    )
    return list(session.scalars(asked))
