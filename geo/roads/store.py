"""The road network of the store: in versions by day, and roads closed for a time.

`load_road_network(session, on=day)` gives the network in force. For travel times, paths and the
nearest units ask `layers.travel.stored.StoredTravel`, which keeps networks and searches in memory;
in the API it is `services.roads`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from geo.crs import WGS84, Datum
from geo.errors import InvalidInput, InvalidPeriod, RoadClosureNotFound, RoadNetworkNotFound
from geo.roads.modes import TravelMode
from geo.roads.network import Closure, RoadNetwork
from geo.roads.report import road_report
from geo.roads.stored_lines import digest_network, read_lines, write_lines
from geo.store.bulk import analyze_tables
from geo.tables import RoadClosure, RoadLine, RoadNetworkVersion
from geo.values import Period

REASON_MAX = 500
ROADS_A_CLOSURE_MAX = 1_000
_FOR_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LoadedRoads:
    """A network with what the store knows of it.

    id : its number in the store; what is kept in memory is kept by it
    valid_from, valid_to : the days it is in force, [valid_from, valid_to); None: until another is
    """

    id: int
    name: str
    is_generated: bool
    valid_from: date
    valid_to: date | None
    network: RoadNetwork


@dataclass(frozen=True, slots=True)
class StoredRoads:
    """What `store_road_network` did.

    was_there : the network in force on that day holds the same roads, and nothing was done
    replaced : name of the network that was in force from the same day on, and is gone
    ended : name of the network that is in force until this one begins
    """

    version: RoadNetworkVersion
    was_there: bool = False
    replaced: str | None = None
    ended: str | None = None


def find_road_version(session: Session, *, on: date) -> RoadNetworkVersion | None:
    """Return what the store knows of the network in force on a day, None where there is none."""
    return session.scalar(
        select(RoadNetworkVersion).where(
            RoadNetworkVersion.valid_from <= on,
            or_(RoadNetworkVersion.valid_to.is_(None), RoadNetworkVersion.valid_to > on),
        )
    )


def get_road_version(session: Session, *, on: date) -> RoadNetworkVersion:
    """Return what the store knows of the network in force on a day.

    Raises
    ------
    RoadNetworkNotFound
    """
    version = find_road_version(session, on=on)
    if version is None:
        raise RoadNetworkNotFound(
            f"There is no road network on {on}. Import one: gridbeat roads import FILE.",
            on=on.isoformat(),
        )
    return version


def load_road_versions(session: Session) -> list[RoadNetworkVersion]:
    """Return all versions, the newest first."""
    found = select(RoadNetworkVersion).order_by(RoadNetworkVersion.valid_from.desc())
    return list(session.scalars(found))


def load_road_network(session: Session, *, on: date) -> LoadedRoads:
    """Return the road network in force on a day; about a second a hundred thousand lines.

    A mode's graph is `loaded.network.travel_graph(mode)`. Programs that answer again and again ask
    `layers.travel.stored.StoredTravel`, which loads a version once.

    Raises
    ------
    RoadNetworkNotFound : none is in force on that day
    """
    version = get_road_version(session, on=on)
    dropped = {str(k): int(v) for k, v in version.report.get("dropped", {}).items()}
    return LoadedRoads(
        id=version.id,
        name=version.name,
        is_generated=version.is_generated,
        valid_from=version.valid_from,
        valid_to=version.valid_to,
        network=read_lines(session, version.id, dropped),
    )


def store_road_network(
    session: Session,
    network: RoadNetwork,
    *,
    name: str,
    valid_from: date,
    datum: Datum = WGS84,
    file_name: str | None = None,
    attribution: str | None = None,
    is_generated: bool = False,
    has_own_numbers: bool = True,
    notes: Iterable[str] = (),
) -> StoredRoads:
    """Put a network into the store; it is in force from a day on, until the next one is.

    The network before it ends on that day. One that began on the very day is replaced. Where the
    network in force then holds the same roads, nothing is done: an import can be run again.

    Parameters
    ----------
    has_own_numbers : whether the roads' numbers are the file's (`number_lines`)
    notes : what a person should know, kept with the report
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('road_network'))"))
    digest = digest_network(network)
    before = find_road_version(session, on=valid_from)
    if before is not None and before.content_digest == digest:
        return StoredRoads(before, was_there=True)
    replaced = ended = None
    valid_to = session.scalar(
        select(func.min(RoadNetworkVersion.valid_from)).where(
            RoadNetworkVersion.valid_from > valid_from
        )
    )
    if before is not None and before.valid_from == valid_from:
        replaced = before.name
        session.delete(before)
    elif before is not None:
        ended = before.name
        before.valid_to = valid_from
    session.flush()
    report = road_report(network)
    version = RoadNetworkVersion(
        name=name,
        file_name=file_name,
        origin_datum=datum.name,
        attribution=attribution,
        is_generated=is_generated,
        has_own_numbers=has_own_numbers,
        content_digest=digest,
        node_count=network.node_count,
        edge_count=network.edge_count,
        line_count=network.line_count,
        report={
            "modes": _plain(report.modes.to_dict("records")),
            "dropped": report.dropped,
            "notes": list(notes),
        },
        valid_from=valid_from,
        valid_to=valid_to,
    )
    session.add(version)
    session.flush()
    write_lines(session, version.id, network)
    analyze_tables(session, RoadLine)
    return StoredRoads(version, replaced=replaced, ended=ended)


def close_roads(
    session: Session,
    road_ids: Collection[int],
    *,
    starts_at: datetime,
    ends_at: datetime | None,
    reason: str,
    recorded_by: str,
    on: date,
    modes: Collection[TravelMode] = tuple(TravelMode),
) -> RoadClosure:
    """Close roads for a time.

    Parameters
    ----------
    road_ids : numbers of roads of the network in force `on` that day; every piece is closed
    ends_at : None: until somebody reopens them
    modes : who is kept out

    Raises
    ------
    RoadNetworkNotFound
    InvalidInput : no road, an unknown one, no mode, no reason
    InvalidPeriod : no zone, or an end not after the start
    """
    version = get_road_version(session, on=on)
    wanted = sorted(set(road_ids))
    if not 0 < len(wanted) <= ROADS_A_CLOSURE_MAX:
        raise InvalidInput(
            f"{len(wanted)} roads are to be closed. Name 1 to {ROADS_A_CLOSURE_MAX:,}.",
            field="road_ids",
        )
    found = set(
        session.scalars(
            select(RoadLine.source_id)
            .where(RoadLine.network_id == version.id, RoadLine.source_id.in_(wanted))
            .distinct()
        )
    )
    if missing := [number for number in wanted if number not in found]:
        raise InvalidInput(
            f"The network “{version.name}” has no road {missing[0]}. Give the number that its file "
            "has for it; a click on the road at the map tells it.",
            field="road_ids",
        )
    if not modes or not reason.strip() or len(reason) > REASON_MAX:
        raise InvalidInput(
            f"A closure wants one mode at least and a reason of 1 to {REASON_MAX} characters.",
            field="reason",
        )
    if starts_at.tzinfo is None:
        raise InvalidPeriod(f"starts_at is {starts_at.isoformat()} without a zone. Add one.")
    if ends_at is not None:
        Period(starts_at, ends_at)
    closure = RoadClosure(
        road_ids=wanted,
        modes=[mode.value for mode in TravelMode if mode in modes],
        starts_at=starts_at,
        ends_at=ends_at,
        reason=reason.strip(),
        recorded_by=recorded_by,
    )
    session.add(closure)
    session.flush()
    return closure


def reopen_roads(session: Session, closure_id: int, *, at: datetime) -> RoadClosure:
    """End a closure early, or take back one that has not begun.

    Raises
    ------
    RoadClosureNotFound : there is none of this number, or it is over
    """
    closure = session.get(RoadClosure, closure_id)
    if closure is None or (closure.ends_at is not None and closure.ends_at <= at):
        raise RoadClosureNotFound(
            f"There is no closure {closure_id} that could end. List them: gridbeat roads closures."
        )
    closure.ends_at = max(at, closure.starts_at)
    session.flush()
    return closure


def load_closures(session: Session, *, at: datetime) -> list[RoadClosure]:
    """Return the closures that hold at a time or will, the earliest first."""
    found = select(RoadClosure).where(or_(RoadClosure.ends_at.is_(None), RoadClosure.ends_at > at))
    return list(session.scalars(found.order_by(RoadClosure.starts_at, RoadClosure.id)))


def closures_of(
    network: RoadNetwork, rows: Iterable[RoadClosure], *, at: datetime
) -> list[Closure]:
    """Return the closures that hold at a time, as a network takes them.

    Roads that this version of the network doesn't know are left out: its file may have dropped
    them.
    """
    known: set[int] | None = None
    found = []
    for row in rows:
        ends_at = row.ends_at or _FOR_EVER
        if not row.starts_at <= at < ends_at:
            continue
        if known is None:
            known = set(np.unique(network.line_source_id).tolist())
        roads = frozenset(row.road_ids) & known
        if roads:
            found.append(
                Closure(
                    period=Period(row.starts_at, ends_at),
                    source_ids=roads,
                    modes=frozenset(TravelMode(mode) for mode in row.modes),
                    reason=row.reason,
                )
            )
    return found


def _plain(rows: list[dict[Any, Any]]) -> list[dict[str, Any]]:
    """Rows as JSON takes them: no NaN."""
    return [
        {str(k): None if isinstance(v, float) and not np.isfinite(v) else v for k, v in row.items()}
        for row in rows
    ]
