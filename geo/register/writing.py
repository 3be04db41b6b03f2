"""Writing single addresses and aliases. Nothing is deleted: addresses and aliases are ended.

Who changes an address says which version it has seen; a stale one is a Conflict, so that nobody
overwrites what they have not read. A trigger keeps what each address was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from geoalchemy2.shape import from_shape
from shapely import Point
from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.addresses import LEVELS, ParseContext, ParsedAddress, WrittenForm, parse
from geo.errors import Conflict, GridNotFound, InvalidInput
from geo.register.changes import lock_for_single_write, mark_register_change
from geo.register.identity import StandardForm, standard_form, text_key
from geo.register.merging import find_kept_address
from geo.register.placing import GridPlacer
from geo.register.reading import get_standard_address
from geo.store.scope import seeing_everything
from geo.tables import ADDRESS_COMPONENTS, POINT_METHODS, AddressAlias, StandardAddress
from geo.values import GridScope, LonLat

TEXT_CHARS_MAX = 500


@dataclass(frozen=True, slots=True)
class AddressPoint:
    """Where an address is, how that is known, and how well [m]; `lonlat` in WGS 84."""

    lonlat: LonLat
    method: str
    accuracy_m: float
    origin_datum: str = "WGS84"

    def __post_init__(self) -> None:
        if self.method not in POINT_METHODS:
            raise InvalidInput(
                f"The method is “{self.method[:20]}”, wanted one of {', '.join(POINT_METHODS)}.",
                field="point_method",
            )
        if not 0 < self.accuracy_m <= 100_000:
            raise InvalidInput(
                f"The accuracy is {self.accuracy_m} m, wanted more than 0 and at most 100,000.",
                field="accuracy_m",
            )


@dataclass(frozen=True, slots=True)
class WrittenAddress:
    """What a person says of an address: its text or its components, its place's name, its point."""

    address: str | Mapping[str, str]
    point_of_interest: str | None = None
    point: AddressPoint | None = None


def create_standard_address(
    session: Session,
    written: WrittenAddress,
    *,
    source: str,
    source_ref: str | None = None,
    form: WrittenForm,
    context: ParseContext | None = None,
    day: date,
    scope: GridScope,
) -> StandardAddress:
    """Return a new address.

    Raises
    ------
    InvalidInput : no address can be read, or an area only
    GridNotFound : its point lies outside the scope
    Conflict : the address, or the source's reference, exists (`address_id`, within the scope)
    """
    found = _standard(written, form, context)
    lock_for_single_write(session)
    _refuse_taken(session, found.search_key, scope, source=source, source_ref=source_ref)
    address = StandardAddress(source=source, source_ref=source_ref)
    _put_form(address, found)
    _put_point(session, address, written.point, day, scope)
    session.add(address)
    return _stored(session, address)


def update_standard_address(
    session: Session,
    address_id: int,
    written: WrittenAddress,
    *,
    expected_version: int,
    form: WrittenForm,
    context: ParseContext | None = None,
    day: date,
    scope: GridScope,
) -> StandardAddress:
    """Return the address as it is after the change. Its former text becomes an alias.

    Raises
    ------
    AddressNotFound : there is none in the scope
    Conflict : it was changed since (`version`), it has ended, or another address is that already
    InvalidInput, GridNotFound : as `create_standard_address`
    """
    found = _standard(written, form, context)
    lock_for_single_write(session)
    address = _held(session, address_id, expected_version, scope)
    _refuse_taken(session, found.search_key, scope, but_id=address_id)
    former_text, former_key = address.canonical_text, address.search_key
    _put_point(session, address, written.point, day, scope)
    _put_form(address, found)
    stored = _stored(session, address)
    if former_key != stored.search_key:
        _open_alias(session, stored.id, former_text, stored.source)
    return stored


def end_address(
    session: Session, address_id: int, *, expected_version: int, scope: GridScope
) -> StandardAddress:
    """End an address. One that turned out to be another is merged: `geo.register.merging`.

    Raises
    ------
    AddressNotFound : there is none in the scope
    Conflict : it was changed since, or has ended
    """
    lock_for_single_write(session)
    address = _held(session, address_id, expected_version, scope)
    address.status = "ended"
    return _stored(session, address)


def add_alias(
    session: Session, address_id: int, alias_text: str, *, source: str, scope: GridScope
) -> AddressAlias:
    """Return the alias of an address, made unless it is there.

    Raises
    ------
    AddressNotFound : there is none in the scope
    Conflict : the address has ended
    InvalidInput : the text is empty or too long
    """
    lock_for_single_write(session)
    address = get_standard_address(session, address_id, scope=scope)
    if address.status != "current":
        raise Conflict(f"Address {address_id} is {address.status}; it takes no alias.")
    alias = _open_alias(session, address_id, alias_text, source)
    mark_register_change(session, [address_id])
    return alias


def end_alias(
    session: Session, address_id: int, alias_id: int, *, now: datetime, scope: GridScope
) -> AddressAlias:
    """End an alias; imports don't bring it back.

    Raises
    ------
    AddressNotFound : there is no such address in the scope
    Conflict : it has no such alias, or that has ended
    """
    lock_for_single_write(session)
    get_standard_address(session, address_id, scope=scope)
    alias = session.scalars(
        select(AddressAlias).where(
            AddressAlias.id == alias_id,
            AddressAlias.standard_address_id == address_id,
            AddressAlias.ended_at.is_(None),
        )
    ).first()
    if alias is None:
        raise Conflict(f"Address {address_id} has no open alias {alias_id}.", alias_id=alias_id)
    alias.ended_at = now
    mark_register_change(session, [address_id])
    session.flush()
    return alias


def _standard(
    written: WrittenAddress, form: WrittenForm, context: ParseContext | None
) -> StandardForm:
    if not isinstance(written.address, str):
        unknown = [name for name in written.address if name not in LEVELS]
        if unknown:
            raise InvalidInput(
                f"{unknown[0]!r} is no level of an address. Wanted: {', '.join(LEVELS)}.",
                field="components",
            )
    elif not written.address.strip() or len(written.address) > TEXT_CHARS_MAX:
        raise InvalidInput(
            f"The address has {len(written.address)} characters, wanted 1 to {TEXT_CHARS_MAX}.",
            field="address_text",
        )
    address: ParsedAddress | Mapping[str, str] = (
        parse(written.address, context=context)
        if isinstance(written.address, str)
        else written.address
    )
    return standard_form(address, written.point_of_interest, form=form, context=context)


def _held(
    session: Session, address_id: int, expected_version: int, scope: GridScope
) -> StandardAddress:
    """The address, held against other writers, if it is what the caller has seen."""
    get_standard_address(session, address_id, scope=scope)
    address = session.get_one(
        StandardAddress, address_id, with_for_update=True, populate_existing=True
    )
    if address.version != expected_version:
        raise Conflict(
            f"Address {address_id} is at version {address.version}, you have seen "
            f"{expected_version}. Read it again and repeat your change.",
            address_id=address_id,
            version=address.version,
        )
    if address.status != "current":
        raise Conflict(f"Address {address_id} is {address.status}; it can't be changed.")
    return address


def _put_form(address: StandardAddress, found: StandardForm) -> None:
    for name in ADDRESS_COMPONENTS:
        setattr(address, name, found.components.get(name))
    address.point_of_interest = found.point_of_interest
    address.canonical_text = found.canonical_text
    address.search_key = found.search_key
    address.level = found.level


def _put_point(
    session: Session,
    address: StandardAddress,
    point: AddressPoint | None,
    day: date,
    scope: GridScope,
) -> None:
    """Set the point and what follows from it; the point that is known stays where none is said."""
    if point is None:
        if address.geom is None and not scope.is_everything:
            raise GridNotFound(
                "An address without a point lies in no grid of yours. Add its point."
            )
        return
    lon, lat = point.lonlat.longitude, point.lonlat.latitude
    placed = GridPlacer(day).place(session, [lon], [lat])
    if not scope.covers(placed.grid_code[0]):
        raise GridNotFound("The point lies in no grid of yours.")
    address.geom = from_shape(Point(lon, lat), srid=4326)
    address.point_method, address.accuracy_m = point.method, point.accuracy_m
    address.origin_datum = point.origin_datum
    address.grid_id, address.grid_code = placed.grid_id[0], placed.grid_code[0]
    address.h3_cell = int(placed.h3_cell[0])


def _refuse_taken(
    session: Session,
    key: str,
    scope: GridScope,
    *,
    source: str | None = None,
    source_ref: str | None = None,
    but_id: int = 0,
) -> None:
    same = StandardAddress.search_key == key
    if source_ref is not None:
        same |= (StandardAddress.source == source) & (StandardAddress.source_ref == source_ref)
    query = select(StandardAddress.id, StandardAddress.grid_code).where(
        same, StandardAddress.status == "current", StandardAddress.id != but_id
    )
    with seeing_everything(session):  # else storing it would fail where nothing can be told
        taken = session.execute(query).all()
    for other_id, grid_code in taken:
        # Outside the caller's scope nothing is told but that it can't be stored twice.
        known = {"address_id": other_id} if scope.covers(grid_code) else {}
        which = f" as address {other_id}" if known else ""
        raise Conflict(
            f"This address (or the source's reference) is in the register already{which}.", **known
        )
    kept = find_kept_address(session, key)
    if kept is not None and kept.id != but_id:
        known = {"address_id": kept.id} if scope.covers(kept.grid_code) else {}
        which = f" into address {kept.id}" if known else ""
        raise Conflict(
            f"This address was merged{which}. Undo that merge if it is a place of its own.", **known
        )


def _stored(session: Session, address: StandardAddress) -> StandardAddress:
    session.flush()
    session.refresh(address)
    mark_register_change(session, [address.id])
    return address


def _open_alias(session: Session, address_id: int, alias_text: str, source: str) -> AddressAlias:
    text = alias_text.strip()
    key = text_key(text) if len(text) <= TEXT_CHARS_MAX else ""
    if not key:
        raise InvalidInput(
            f"The alias has {len(text)} characters, wanted 1 to {TEXT_CHARS_MAX} with letters or "
            "numbers among them.",
            field="alias_text",
        )
    alias = session.scalars(
        select(AddressAlias).where(
            AddressAlias.standard_address_id == address_id,
            AddressAlias.alias_key == key,
            AddressAlias.ended_at.is_(None),
        )
    ).first()
    if alias is None:
        alias = AddressAlias(
            standard_address_id=address_id, alias_text=text, alias_key=key, source=source
        )
        session.add(alias)
        session.flush()
    return alias
