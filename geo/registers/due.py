"""What is due: places where a record is to be looked at, for the one who goes there.

The list names no person and says neither how many of them a place has nor of what kind they are:
that somebody there is to be visited, and since when. Who they are is read at the place, with a
purpose and a case (`geo.registers.persons`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from geoalchemy2 import Geography
from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Select,
    Text,
    case,
    cast,
    func,
    literal,
    null,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from geo.errors import InvalidInput
from geo.registers.cycles import Cycles, dwelling_cycle, establishment_cycle
from geo.registers.finding import record_in_scope, was_there
from geo.tables import (
    DWELLING_USES,
    ESTABLISHMENT_CLASSES,
    RESIDENCE_KINDS,
    Dwelling,
    Establishment,
    Grid,
    Residence,
    StandardAddress,
)
from geo.values import GridScope, LonLat

PAGE_MAX = 10_000
NAMES_MAX = 3  # of establishments, at one place
DUE_KINDS = ("dwelling", "residence", "establishment")
DUE_ORDERS = ("since", "street", "near")
DueOrder = Literal["since", "street", "near"]

_TABLES: dict[str, type[Dwelling | Residence | Establishment]] = {
    "dwelling": Dwelling,
    "residence": Residence,
    "establishment": Establishment,
}


@dataclass(frozen=True, slots=True)
class DueFilter:
    """What is asked for; what is None doesn't narrow.

    due_by : due on this day or before
    kinds : of `DUE_KINDS`
    """

    due_by: date
    kinds: Collection[str] = DUE_KINDS
    grid_code: str | None = None


@dataclass(frozen=True, slots=True)
class DuePlace:
    """A standard address at which something is due.

    street : the road, else the estate or village, that the list can be walked along
    due_on : the earliest day, `due_of` by kind of record
    establishment_names : of those that are due, by name, `NAMES_MAX` at most
    distance_m : from the point that was asked from
    """

    address_id: int
    address_text: str
    street: str
    grid_code: str | None
    lon: float | None
    lat: float | None
    due_on: date
    due_of: dict[str, date]
    establishment_names: tuple[str, ...]
    distance_m: float | None = None

    @property
    def cursor(self) -> str:
        """What `find_due` takes as `after` to go on behind this place."""
        return f"{self.due_on.isoformat()}.{self.address_id}"


@dataclass(frozen=True, slots=True)
class DueGrid:
    """How many places of a grid are due, and how many of them were so before today."""

    grid_code: str
    name: str | None
    place_count: int
    overdue_count: int
    due_on: date


def find_due(
    session: Session,
    filters: DueFilter,
    *,
    order: DueOrder = "since",
    near: LonLat | None = None,
    after: str | None = None,
    limit: int = 100,
    today: date,
    scope: GridScope,
) -> Sequence[DuePlace]:
    """Return places where something is due, at most `limit` of them, those behind `after`.

    Parameters
    ----------
    order : `since`: longest due first; `street`: along the streets, by number; `near`: nearest
        first, and places whose point isn't known last
    near : from where; `distance_m` is told of each place
    after : the cursor of the last place had so far, in the same order

    Raises
    ------
    InvalidInput : no such kind or order, no point for `near`, a cursor that is none, or a limit out
        of 1 to `PAGE_MAX`
    """
    _check(filters, order, near, limit)
    places = _due_places(filters, today, scope)
    distance = _distance(near)
    keys = _order_keys(order, places, distance)
    query = _place_query(places, distance).order_by(*keys, StandardAddress.id).limit(limit)
    if after is not None:
        query = query.where(
            tuple_(*keys, StandardAddress.id) > _position(session, after, order, near, scope)
        )
    return [_place(row) for row in session.execute(query)]


def count_due_by_grid(
    session: Session, filters: DueFilter, *, today: date, scope: GridScope
) -> Sequence[DueGrid]:
    """Return how many places are due in each grid that has some, by code of the grid.

    Raises
    ------
    InvalidInput : no such kind
    """
    _check(filters, "since", None, 1)
    places = _due_places(filters, today, scope)
    grid_code = StandardAddress.grid_code
    is_today = (Grid.valid_from <= today) & (Grid.valid_to.is_(None) | (Grid.valid_to > today))
    rows = session.execute(
        select(
            grid_code,
            func.max(Grid.name),
            func.count(),
            func.count().filter(places.c.due_on < today),
            func.min(places.c.due_on),
        )
        .join(places, places.c.address_id == StandardAddress.id)
        .outerjoin(Grid, (Grid.grid_code == grid_code) & is_today)
        .where(grid_code.is_not(None))
        .group_by(grid_code)
        .order_by(grid_code)
    )
    return [DueGrid(*row) for row in rows]


def follow_cycles(session: Session, cycles: Cycles) -> int:
    """Set anew when records are due, after the months of `cycles` have changed; return how many.

    What was never looked at is due since the day it was written, whatever the months are.
    """
    count = 0
    for table, kind, months in (
        (Dwelling, Dwelling.use, {use: dwelling_cycle(use) for use in DWELLING_USES}),
        (Residence, Residence.kind, {kind: kind for kind in RESIDENCE_KINDS}),
        (
            Establishment,
            Establishment.establishment_class,
            {each: establishment_cycle(each) for each in ESTABLISHMENT_CLASSES},
        ),
    ):
        lasts = case({value: cycles.months[name] for value, name in months.items()}, value=kind)
        wanted = cast(
            table.verified_on + func.make_interval(0, lasts), table.due_on.type
        )  # as `add_months`: the last of a shorter month
        changed = session.execute(
            update(table)
            .where(table.verified_on.is_not(None), table.due_on != wanted)
            .values(due_on=wanted)
            .execution_options(synchronize_session=False)
        )
        count += changed.rowcount  # type: ignore[attr-defined]
    return count


def _check(filters: DueFilter, order: str, near: LonLat | None, limit: int) -> None:
    unknown = sorted(set(filters.kinds) - set(DUE_KINDS))
    if unknown or not filters.kinds:
        said = f"{unknown[0][:20]!r}" if unknown else "none"
        raise InvalidInput(
            f"The kinds are {said}, wanted some of {', '.join(DUE_KINDS)}.", field="record_kind"
        )
    if order not in DUE_ORDERS:
        raise InvalidInput(
            f"The order is {order[:20]!r}, wanted one of {', '.join(DUE_ORDERS)}.", field="order"
        )
    if order == "near" and near is None:
        raise InvalidInput(
            "The order is by distance, and no point is given. Give lon and lat.", field="lon"
        )
    if not 1 <= limit <= PAGE_MAX:
        raise InvalidInput(f"The limit is {limit}, wanted 1 to {PAGE_MAX}.", field="limit")


def _due_places(filters: DueFilter, today: date, scope: GridScope) -> CTE:
    """Addresses with something due: when by kind, and the names of establishments."""
    parts = [_due_records(kind, filters, today, scope) for kind in sorted(set(filters.kinds))]
    due = union_all(*parts).cte("due")
    names = func.array_agg(due.c.name).filter(due.c.name.is_not(None))
    return (
        select(
            due.c.address_id,
            func.min(due.c.due_on).label("due_on"),
            *(
                func.min(due.c.due_on).filter(due.c.kind == kind).label(f"{kind}_due_on")
                for kind in DUE_KINDS
            ),
            names.label("names"),
        )
        .group_by(due.c.address_id)
        .cte("due_place")
    )


def _due_records(
    kind: str, filters: DueFilter, today: date, scope: GridScope
) -> Select[*tuple[Any, ...]]:
    table = _TABLES[kind]
    name = Establishment.name if table is Establishment else null()
    query = select(
        table.standard_address_id.label("address_id"),
        literal(kind).label("kind"),
        table.due_on.label("due_on"),
        cast(name, Text).label("name"),
    ).where(table.due_on <= filters.due_by, was_there(table, today), record_in_scope(table, scope))
    if filters.grid_code is not None:
        query = query.where(table.grid_code == filters.grid_code)
    return query


def _place_query(places: CTE, distance: ColumnElement[Any]) -> Select[Any]:
    address = StandardAddress
    return select(
        address.id,
        address.canonical_text,
        _STREET.label("street"),
        address.grid_code,
        func.ST_X(address.geom).label("lon"),
        func.ST_Y(address.geom).label("lat"),
        places.c.due_on,
        *(places.c[f"{kind}_due_on"] for kind in DUE_KINDS),
        places.c.names,
        distance.label("distance_m"),
    ).join(places, places.c.address_id == address.id)


def _place(row: Any) -> DuePlace:
    by_kind = {kind: getattr(row, f"{kind}_due_on") for kind in DUE_KINDS}
    return DuePlace(
        address_id=row.id,
        address_text=row.canonical_text,
        street=row.street,
        grid_code=row.grid_code,
        lon=row.lon,
        lat=row.lat,
        due_on=row.due_on,
        due_of={kind: day for kind, day in by_kind.items() if day is not None},
        establishment_names=tuple(sorted(row.names or ())[:NAMES_MAX]),
        distance_m=row.distance_m,
    )


def _distance(near: LonLat | None) -> ColumnElement[Any]:
    """Metres on the spheroid from a point to the address; missing where either is."""
    if near is None:
        return cast(null(), StandardAddress.accuracy_m.type)
    here = func.ST_SetSRID(func.ST_MakePoint(near.longitude, near.latitude), 4326)
    return func.ST_Distance(cast(StandardAddress.geom, Geography), cast(here, Geography))


def _number_of(component: Any) -> ColumnElement[Any]:
    """The number in a part of an address, so that 2号 comes before 10号; 0 where there is none."""
    return func.coalesce(cast(func.substring(component, r"\d{1,9}"), BigInteger), 0)


_STREET = func.coalesce(
    StandardAddress.road, StandardAddress.estate, StandardAddress.village_group,
    StandardAddress.community, StandardAddress.township, "",
)  # fmt: skip
_FAR_M = 1e9  # farther than any place on Earth: where the point of an address isn't known


def _order_keys(
    order: DueOrder, places: CTE, distance: ColumnElement[Any]
) -> tuple[ColumnElement[Any], ...]:
    address = StandardAddress
    match order:
        case "since":
            return (places.c.due_on,)
        case "near":
            return (func.coalesce(distance, _FAR_M),)
        case "street":
            return _street_keys(address)


def _street_keys(address: type[StandardAddress]) -> tuple[ColumnElement[Any], ...]:
    return (
        _STREET,
        *(
            _number_of(each)
            for each in (
                address.door, address.building, address.entrance, address.floor, address.room,
            )
        ),
        cast(address.canonical_text, Text),
    )  # fmt: skip


def _position(
    session: Session, after: str, order: DueOrder, near: LonLat | None, scope: GridScope
) -> ColumnElement[Any]:
    """Where a list goes on: the keys of the last place had, as values.

    The day is in the cursor: the place may have been looked at since.
    """
    day_text, _, id_text = after.partition(".")
    try:
        day, address_id = date.fromisoformat(day_text), int(id_text)
        if not 0 < address_id < 2**63:
            raise ValueError
    except ValueError:
        raise InvalidInput(
            f"after is {after[:40]!r}, wanted one that a page of this list gave.", field="after"
        ) from None
    if order == "since":
        return tuple_(literal(day), literal(address_id, BigInteger))
    keys = (
        (func.coalesce(_distance(near), _FAR_M),)
        if order == "near"
        else _street_keys(StandardAddress)
    )
    row = session.execute(
        select(*keys, StandardAddress.grid_code).where(StandardAddress.id == address_id)
    ).first()
    if row is None or not scope.covers(row.grid_code):
        raise InvalidInput(
            f"after is {after[:40]!r}, wanted one that a page of this list gave.", field="after"
        )
    return tuple_(*(literal(value) for value in row[:-1]), literal(address_id, BigInteger))
