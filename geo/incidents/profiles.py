"""How the columns of a city's incident files are read, kept by a name, so that it is said once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.crs import parse_datum
from geo.errors import InvalidInput, InvalidMapping, SourceNotFound
from geo.tables import INCIDENT_SOURCES
from geo.tables import IncidentProfile as ProfileRow

NAME_CHARS_MAX = 60


@dataclass(frozen=True, slots=True)
class IncidentProfile:
    """How a file is read.

    columns : field → column, of `geo.incidents.fields.INCIDENT_FIELDS`; the rest is guessed
    zone : of times written without one
    datum : of the points
    time_format : as `strptime` writes it, where times aren't ISO 8601 or year first; without it
        03/04/2024 isn't read, since nobody knows which is the month
    source : of rows that don't say who reported
    sources : what stands in the source column → one of `INCIDENT_SOURCES`
    categories : what stands in the category column → code of a category
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    zone: str | None = None
    datum: str | None = None
    time_format: str | None = None
    source: str = "resident_reported"
    sources: Mapping[str, str] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.zone is not None and self.zone not in available_timezones():
            raise InvalidInput(
                f"The zone is “{self.zone}”, wanted a name such as Asia/Shanghai.", field="zone"
            )
        if self.datum is not None:
            parse_datum(self.datum)
        unknown = ({self.source} | set(self.sources.values())) - set(INCIDENT_SOURCES)
        if unknown:
            raise InvalidInput(
                f"“{sorted(unknown)[0]}” is no source of incidents, wanted one of "
                f"{', '.join(INCIDENT_SOURCES)}.",
                field="source",
            )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


BUILT_IN: dict[str, IncidentProfile] = {
    # The city's open data, "Crimes - 2001 to Present": one moment, the block instead of the
    # address.
    "chicago": IncidentProfile(
        columns={
            "source_ref": "ID",
            "occurred_from": "Date",
            "category": "Primary Type",
            "address_text": "Block",
            "lon": "Longitude",
            "lat": "Latitude",
            "occurred_to": "",
            "reported_at": "",
            "source": "",
        },
        zone="America/Chicago",
        datum="WGS84",
        time_format="%m/%d/%Y %I:%M:%S %p",
    ),
}


def save_profile(session: Session, name: str, profile: IncidentProfile) -> None:
    """Keep a profile by a name; one of this name is replaced.

    Raises
    ------
    InvalidInput : the name is empty, too long, or one of those that come with the program
    """
    if not name.strip() or len(name) > NAME_CHARS_MAX or not name.isprintable():
        raise InvalidInput(
            f"The name has {len(name)} characters, wanted 1 to {NAME_CHARS_MAX} printable ones."
        )
    if name in BUILT_IN:
        raise InvalidInput(f"“{name}” comes with the program. Take another name.")
    session.merge(ProfileRow(name=name, reading=profile.as_json()))
    session.flush()


def get_profile(session: Session, name: str) -> IncidentProfile:
    """Return the profile of a name.

    Raises
    ------
    SourceNotFound : there is none
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    row = session.get(ProfileRow, name)
    if row is None:
        raise SourceNotFound(
            f"There is no profile “{name[:NAME_CHARS_MAX]}”. There are "
            f"{', '.join(list_profiles(session))}."
        )
    return profile_of_json(row.reading)


def list_profiles(session: Session) -> list[str]:
    """Return the names of all profiles, those that come with the program first."""
    kept = session.scalars(select(ProfileRow.name).order_by(ProfileRow.name)).all()
    return [*BUILT_IN, *kept]


def profile_of_json(reading: Mapping[str, Any]) -> IncidentProfile:
    """Return a profile of what `as_json` wrote, or somebody by hand.

    Raises
    ------
    InvalidMapping : a name that a profile doesn't have
    InvalidInput : a value that can't be
    """
    known = IncidentProfile.__slots__
    unknown = set(reading) - set(known)
    if unknown:
        raise InvalidMapping(f"A profile has no “{sorted(unknown)[0]}”. It has {', '.join(known)}.")
    return IncidentProfile(**reading)
