"""Reading the register: one address, pages of them, their aliases and their history.

Whatever lies outside the caller's scope looks absent. An address in no grid is seen only by who
may see everything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import shapely
from sqlalchemy import ColumnElement, Select, func, or_, select, union
from sqlalchemy.orm import Session

from geo.addresses import LEVELS, ParseContext, parse, search_key
from geo.errors import AddressNotFound, InvalidInput
from geo.register.identity import text_key
from geo.scope_conditions import in_scope
from geo.tables import (
    ADDRESS_COMPONENTS,
    ADDRESS_STATUSES,
    AddressAlias,
    Grid,
    StandardAddress,
    StandardAddressHistory,
)
from geo.values import GridScope, LonLat

PAGE_MAX = 10_000
TEXT_CHARS_MAX = 500


@dataclass(frozen=True, slots=True)
class AddressFilter:
    """Which addresses; what is None doesn't narrow.

    bbox : west, south, east, north [degrees, WGS 84], borders included
    text : a part of the canonical text, of the name of a place or of an alias
    level : finest level written
    """

    bbox: tuple[float, float, float, float] | None = None
    grid_code: str | None = None
    community_code: str | None = None
    text: str | None = None
    level: str | None = None
    source: str | None = None
    status: str = "current"


def get_standard_address(session: Session, address_id: int, *, scope: GridScope) -> StandardAddress:
    """Return an address, whatever its status.

    Raises
    ------
    AddressNotFound : there is none in the scope
    """
    query = select(StandardAddress).where(
        StandardAddress.id == address_id, in_scope(StandardAddress.grid_code, scope)
    )
    found = session.scalars(query.execution_options(populate_existing=True)).first()
    if found is None:
        raise AddressNotFound(f"There is no standard address {address_id}.", address_id=address_id)
    return found


def find_standard_addresses(
    session: Session,
    filters: AddressFilter = AddressFilter(),
    *,
    scope: GridScope,
    after_id: int = 0,
    limit: int = 100,
) -> Sequence[StandardAddress]:
    """Return addresses by id, those after `after_id`, at most `limit`.

    Raises
    ------
    InvalidInput : a filter that can't be, or a limit out of 1 to `PAGE_MAX`
    """
    if not 1 <= limit <= PAGE_MAX:
        raise InvalidInput(f"The limit is {limit}, wanted 1 to {PAGE_MAX}.", field="limit")
    query = _filtered(select(StandardAddress), filters, scope)
    query = query.where(StandardAddress.id > after_id).order_by(StandardAddress.id).limit(limit)
    return session.scalars(query).all()


def count_standard_addresses(
    session: Session, filters: AddressFilter = AddressFilter(), *, scope: GridScope
) -> int:
    """Return how many addresses `find_standard_addresses` would go through."""
    query = _filtered(select(func.count()).select_from(StandardAddress), filters, scope)
    return session.scalar(query) or 0


def find_by_text(
    session: Session, text: str, *, scope: GridScope, context: ParseContext | None = None
) -> Sequence[StandardAddress]:
    """Return the current addresses that are exactly this text, by their key or by an alias.

    For what is typed, clipped or wrong, ask the geocoder. The context is that of the deployment.
    """
    if not text.strip() or len(text) > TEXT_CHARS_MAX:
        raise InvalidInput(
            f"The text has {len(text)} characters, wanted 1 to {TEXT_CHARS_MAX}.", field="text"
        )
    aliased = select(AddressAlias.standard_address_id).where(
        AddressAlias.alias_key == text_key(text), AddressAlias.ended_at.is_(None)
    )
    wanted = [aliased]
    parsed = parse(text, context=context)
    if parsed.parts:
        keyed = StandardAddress.search_key == search_key(parsed, context=context)
        wanted.append(select(StandardAddress.id).where(keyed, StandardAddress.status == "current"))
    query = (
        select(StandardAddress)
        # The ids first, each by its index; joined by OR, the conditions took a look at every row.
        .where(
            StandardAddress.id.in_(union(*wanted)),
            StandardAddress.status == "current",
            in_scope(StandardAddress.grid_code, scope),
        )
        .order_by(StandardAddress.id)
    )
    return session.scalars(query).all()


def find_by_texts(
    session: Session,
    texts: Collection[str],
    *,
    scope: GridScope,
    context: ParseContext | None = None,
) -> dict[str, list[int]]:
    """Return of each text the numbers of the addresses that `find_by_text` finds, in order.

    A text that is empty or too long finds none.
    """
    of_key: dict[str, list[str]] = defaultdict(list)
    of_alias: dict[str, list[str]] = defaultdict(list)
    found: dict[str, set[int]] = {each: set() for each in texts}
    for each in found:
        if not each.strip() or len(each) > TEXT_CHARS_MAX:
            continue
        of_alias[text_key(each)].append(each)
        parsed = parse(each, context=context)
        if parsed.parts:
            of_key[search_key(parsed, context=context)].append(each)
    current = (StandardAddress.status == "current") & in_scope(StandardAddress.grid_code, scope)
    by_key = select(StandardAddress.search_key, StandardAddress.id).where(
        StandardAddress.search_key.in_(of_key), current
    )
    by_alias = (
        select(AddressAlias.alias_key, StandardAddress.id)
        .join(StandardAddress, StandardAddress.id == AddressAlias.standard_address_id)
        .where(AddressAlias.alias_key.in_(of_alias), AddressAlias.ended_at.is_(None), current)
    )
    for query, of in ((by_key, of_key), (by_alias, of_alias)):
        for key, address_id in session.execute(query):
            for each in of[key]:
                found[each].add(address_id)
    return {each: sorted(ids) for each, ids in found.items()}


def address_history(
    session: Session, address_id: int, *, scope: GridScope
) -> Sequence[StandardAddressHistory]:
    """Return what an address was, oldest first; empty where it never changed.

    Raises
    ------
    AddressNotFound : there is none in the scope
    """
    get_standard_address(session, address_id, scope=scope)
    return session.scalars(
        select(StandardAddressHistory)
        .where(StandardAddressHistory.standard_address_id == address_id)
        .order_by(StandardAddressHistory.version)
    ).all()


def address_aliases(
    session: Session, address_id: int, *, scope: GridScope, with_ended: bool = False
) -> Sequence[AddressAlias]:
    """Return the aliases of an address, oldest first.

    Raises
    ------
    AddressNotFound : there is none in the scope
    """
    get_standard_address(session, address_id, scope=scope)
    query = select(AddressAlias).where(AddressAlias.standard_address_id == address_id)
    if not with_ended:
        query = query.where(AddressAlias.ended_at.is_(None))
    return session.scalars(query.order_by(AddressAlias.id)).all()


def components_of(address: StandardAddress) -> dict[str, str]:
    """Return level → value of an address, coarse to fine, only what is written."""
    values = {name: getattr(address, name) for name in ADDRESS_COMPONENTS}
    return {name: value for name, value in values.items() if value}


def point_of(address: StandardAddress) -> LonLat | None:
    """Return the point of an address, None where it has none."""
    if address.geom is None:
        return None
    data: Any = address.geom.data
    point = shapely.from_wkb(data if isinstance(data, str) else bytes(data))
    return LonLat(float(shapely.get_x(point)), float(shapely.get_y(point)))


def _filtered(query: Select[Any], filters: AddressFilter, scope: GridScope) -> Select[Any]:
    for condition in _conditions(filters):
        query = query.where(condition)
    return query.where(in_scope(StandardAddress.grid_code, scope))


def _conditions(filters: AddressFilter) -> Iterable[ColumnElement[bool]]:
    if filters.status not in ADDRESS_STATUSES:
        raise InvalidInput(
            f"The status is “{filters.status[:20]}”, wanted {', '.join(ADDRESS_STATUSES)}.",
            field="status",
        )
    yield StandardAddress.status == filters.status
    if filters.bbox is not None:
        west, south, east, north = filters.bbox
        if not (west <= east and south <= north):
            raise InvalidInput(
                f"The box is {filters.bbox}, wanted west, south, east, north in degrees.",
                field="bbox",
            )
        yield StandardAddress.geom.op("&&")(func.ST_MakeEnvelope(west, south, east, north, 4326))
    if filters.grid_code is not None:
        yield StandardAddress.grid_code == filters.grid_code
    if filters.community_code is not None:
        yield StandardAddress.grid_id.in_(
            select(Grid.id).where(Grid.community_code == filters.community_code)
        )
    if filters.level is not None:
        if filters.level not in LEVELS:
            raise InvalidInput(
                f"The level is “{filters.level[:20]}”, wanted one of {', '.join(LEVELS)}.",
                field="level",
            )
        yield StandardAddress.level == filters.level
    if filters.source is not None:
        yield StandardAddress.source == filters.source
    if filters.text is not None:
        yield _text_condition(filters.text)


def _text_condition(text: str) -> ColumnElement[bool]:
    part = text.strip()
    if not part or len(part) > TEXT_CHARS_MAX:
        raise InvalidInput(
            f"The text has {len(part)} characters, wanted 1 to {TEXT_CHARS_MAX}.", field="text"
        )
    aliased = select(AddressAlias.standard_address_id).where(
        AddressAlias.alias_text.contains(part, autoescape=True), AddressAlias.ended_at.is_(None)
    )
    return or_(
        StandardAddress.canonical_text.contains(part, autoescape=True),
        StandardAddress.point_of_interest.contains(part, autoescape=True),
        StandardAddress.id.in_(aliased),
    )
