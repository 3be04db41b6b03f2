"""Key places and the doses they want: put in, found, ended."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from geoalchemy2 import Geometry
from geoalchemy2.shape import from_shape
from shapely.geometry import Point
from sqlalchemy import cast, delete, exists, func, select
from sqlalchemy.orm import Session

from geo.coverage.due import note_all_due
from geo.errors import DuplicateCode, GridNotFound, InvalidFile, InvalidInput, KeyPlaceNotFound
from geo.scope_conditions import in_scope
from geo.store.scope import seeing_everything
from geo.stored_grids import load_stored_grids
from geo.tables import KeyPlace, KeyPlaceDose
from geo.values import GridScope, LonLat

TEXT_MAX = 80
REACH_M = 30.0
DOSES_MAX = 50
RECOMPUTED_DAYS = 7
CSV_COLUMNS = ("code", "name", "lon", "lat", "reach_m", "weekdays", "hours", "dose_min")


@dataclass(frozen=True, slots=True)
class Dose:
    """`dose_s` wanted in each stretch from `first_hour` up to `end_hour` (local) that begins on
    one of `weekdays` (1: Monday)."""

    first_hour: int
    end_hour: int
    weekdays: tuple[int, ...]
    dose_s: int


@dataclass(frozen=True, slots=True)
class PlacedKeyPlace:
    """A key place with where it is and what it wants."""

    key_place_id: int
    code: str
    name: str
    grid_code: str
    position: LonLat
    reach_m: float
    doses: tuple[Dose, ...]


def create_key_place(
    session: Session,
    code: str,
    name: str,
    position: LonLat,
    *,
    scope: GridScope,
    doses: Sequence[Dose],
    created_by: str,
    on: date,
    reach_m: float = REACH_M,
    recompute: bool = True,
) -> KeyPlace:
    """Return a new key place; the last week's coverage of it is computed from the positions.

    Raises
    ------
    InvalidInput : a text, hour, weekday or dose can't be
    GridNotFound : it lies in no grid of the scope
    DuplicateCode : the code is taken
    """
    for field, text in (("code", code), ("name", name)):
        if not 1 <= len(text.strip()) <= TEXT_MAX:
            raise InvalidInput(
                f"{field} has {len(text.strip())} characters, wanted 1 to {TEXT_MAX}.", field=field
            )
    if not 5 <= reach_m <= 500:
        raise InvalidInput(f"reach_m is {reach_m:g}, wanted 5 to 500 m.", field="reach_m")
    grids = load_stored_grids(session, on=on)
    grid_code = grids.place([position.longitude], [position.latitude])["grid_code"][0]
    if grid_code is None or not scope.covers(grid_code):
        raise GridNotFound("The place lies in no grid of yours.", grid_code="")
    with seeing_everything(session):
        taken = session.scalar(select(exists().where(KeyPlace.code == code.strip())))
    if taken:
        raise DuplicateCode(f"A key place of the code {code.strip()} is there.",
                            codes=[code.strip()])  # fmt: skip
    place = KeyPlace(
        code=code.strip(), name=name.strip(), grid_code=grid_code, reach_m=reach_m,
        geom=from_shape(Point(position.longitude, position.latitude), srid=4326),
        created_by=created_by,
    )  # fmt: skip
    session.add(place)
    session.flush()
    set_doses(session, place, doses)
    if recompute:
        note_all_due(session, days=RECOMPUTED_DAYS)
    return place


def set_doses(session: Session, place: KeyPlace, doses: Sequence[Dose]) -> None:
    """Let a key place want these doses and no others.

    Raises
    ------
    InvalidInput : more than fifty, or one can't be
    """
    if len(doses) > DOSES_MAX:
        raise InvalidInput(f"{len(doses)} doses, wanted {DOSES_MAX} at most.", field="doses")
    for each in doses:
        _check_dose(each)
    session.execute(delete(KeyPlaceDose).where(KeyPlaceDose.key_place_id == place.id))
    session.add_all(
        KeyPlaceDose(
            key_place_id=place.id, first_hour=each.first_hour, end_hour=each.end_hour,
            weekdays=sorted(set(each.weekdays)), dose_s=each.dose_s,
        )
        for each in doses
    )  # fmt: skip
    session.flush()


def get_key_place(session: Session, key_place_id: int, *, scope: GridScope) -> KeyPlace:
    """Return a key place that hasn't ended.

    Raises
    ------
    KeyPlaceNotFound
    """
    place = session.scalar(
        select(KeyPlace).where(
            KeyPlace.id == key_place_id,
            KeyPlace.ended_at.is_(None),
            in_scope(KeyPlace.grid_code, scope),
        )
    )
    if place is None:
        raise KeyPlaceNotFound(f"There is no key place {key_place_id}.", key_place_id=key_place_id)
    return place


def find_key_places(session: Session, *, scope: GridScope) -> list[PlacedKeyPlace]:
    """Return the key places of the scope that haven't ended, by code."""
    point = cast(KeyPlace.geom, Geometry)
    places = session.execute(
        select(KeyPlace, func.ST_X(point).label("lon"), func.ST_Y(point).label("lat"))
        .where(KeyPlace.ended_at.is_(None), in_scope(KeyPlace.grid_code, scope))
        .order_by(KeyPlace.code)
    ).all()
    doses: dict[int, list[Dose]] = {}
    for row in session.scalars(
        select(KeyPlaceDose)
        .where(KeyPlaceDose.key_place_id.in_([place.id for place, _, _ in places]))
        .order_by(KeyPlaceDose.first_hour, KeyPlaceDose.id)
    ):
        doses.setdefault(row.key_place_id, []).append(
            Dose(row.first_hour, row.end_hour, tuple(row.weekdays), row.dose_s)
        )
    return [
        PlacedKeyPlace(
            place.id, place.code, place.name, place.grid_code, LonLat(lon, lat), place.reach_m,
            tuple(doses.get(place.id, ())),
        )
        for place, lon, lat in places
    ]  # fmt: skip


def end_key_place(place: KeyPlace, *, now: datetime) -> None:
    """Let a place be a key place no longer; what was covered of it stays."""
    place.ended_at = now


def import_key_places(
    session: Session, text: str, *, scope: GridScope, created_by: str, on: date
) -> int:
    """Store key places of a CSV file, whole or not at all; return how many.

    Columns `code, name, lon, lat, reach_m, weekdays, hours, dose_min`; several rows of a code are
    several doses. `weekdays` such as 1-5 or 6,7; `hours` such as 7-9 or 22-6.

    Raises
    ------
    InvalidFile : columns are missing, or a row can't be read (its number is told)
    InvalidInput, GridNotFound, DuplicateCode
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    missing = [name for name in CSV_COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise InvalidFile(f"Column {missing[0]} is missing. Wanted {', '.join(CSV_COLUMNS)}.")
    found: dict[str, tuple[str, LonLat, float, list[Dose]]] = {}
    for number, row in enumerate(reader, start=2):
        try:
            place = LonLat(float(row["lon"]), float(row["lat"]))
            reach_m = float(row["reach_m"] or REACH_M)
            first, end = (int(part) for part in row["hours"].split("-"))
            dose = Dose(first, end, tuple(_weekdays(row["weekdays"])),
                        round(float(row["dose_min"]) * 60))  # fmt: skip
            _check_dose(dose)
        except (ValueError, TypeError, AttributeError) as error:
            raise InvalidFile(f"Row {number} can't be read: {error}") from None
        known = found.setdefault(row["code"], (row["name"], place, reach_m, []))
        known[3].append(dose)
    for code, (name, place, reach_m, doses) in found.items():
        create_key_place(session, code, name, place, scope=scope, doses=doses, reach_m=reach_m,
                         created_by=created_by, on=on, recompute=False)  # fmt: skip
    note_all_due(session, days=RECOMPUTED_DAYS)
    return len(found)


def _weekdays(text: str) -> Iterable[int]:
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def _check_dose(dose: Dose) -> None:
    if not (0 <= dose.first_hour <= 23 and 1 <= dose.end_hour <= 24):
        raise InvalidInput(
            f"Hours go from {dose.first_hour} to {dose.end_hour}, wanted 0 to 24.", field="doses"
        )
    if dose.first_hour == dose.end_hour:
        raise InvalidInput("A dose needs two different hours.", field="doses")
    if not dose.weekdays or not set(dose.weekdays) <= set(range(1, 8)):
        raise InvalidInput("Weekdays go from 1 (Monday) to 7.", field="doses")
    if not 60 <= dose.dose_s <= 86_400:
        raise InvalidInput(f"A dose has {dose.dose_s} s, wanted 1 min to 24 h.", field="doses")
