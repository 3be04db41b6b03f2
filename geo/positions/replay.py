"""Where many units were in a past period, thinned to what a replay shows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.errors import InvalidInput
from geo.values import Period

REPLAY_MAX = timedelta(days=1)
REPLAY_FIXES_MAX = 200_000
# Days are kept by the device's own clock; the skew is added to what is found.
_REPLAY = text(
    """
    SELECT DISTINCT ON (unit_id, step) unit_id,
        extract(epoch FROM at - :start)::float8 AS seconds, lon, lat
    FROM (
        SELECT unit_id, device_id, lon, lat, fixed_at + make_interval(secs => skew_s) AS at,
            floor(extract(epoch FROM fixed_at + make_interval(secs => skew_s)) / :every_s) AS step
        FROM patrol_position
        WHERE unit_id = ANY(:units) AND fixed_at >= :start - interval '1 hour'
            AND fixed_at < :end + interval '1 hour'
    ) AS fixes
    WHERE at >= :start AND at < :end
    ORDER BY unit_id, step, at, device_id
    LIMIT :most
    """
)


@dataclass(slots=True)
class ReplayTrack:
    """A unit's way: seconds from the start of the period, longitude, latitude [degrees]."""

    unit_id: int
    seconds: list[float]
    lon: list[float]
    lat: list[float]


def replay_of(
    session: Session, units: Collection[int], period: Period, *, every_s: float
) -> list[ReplayTrack]:
    """Return where units were, at most one fix in each `every_s` seconds, by unit and time.

    Raises
    ------
    InvalidInput : the period is longer than a day, or holds more than is shown at once
    """
    if period.end - period.start > REPLAY_MAX:
        raise InvalidInput("A replay is of a day at most. Ask for less.", field="end")
    rows = session.execute(
        _REPLAY,
        {
            "units": sorted(units),
            "start": period.start,
            "end": period.end,
            "every_s": every_s,
            "most": REPLAY_FIXES_MAX + 1,
        },
    ).all()
    if len(rows) > REPLAY_FIXES_MAX:
        raise InvalidInput(
            f"The period holds more than {REPLAY_FIXES_MAX:,} positions. Ask for less of it, or "
            "for larger steps.",
            field="every_s",
        )
    tracks: dict[int, ReplayTrack] = {}
    for unit_id, seconds, lon, lat in rows:
        track = tracks.setdefault(unit_id, ReplayTrack(unit_id, [], [], []))
        track.seconds.append(round(seconds, 1))
        track.lon.append(round(lon, 6))
        track.lat.append(round(lat, 6))
    return list(tracks.values())
