"""The queue of pairs that are probably one place: listed with both sides, decided once by a person.

Same: one is kept, the other merged into it (`geo.register.merging`). Not the same: never suggested
again. Later: put aside. Each decision can be taken back.

A pair lies where both its addresses lie: who may not see one of them sees no pair. One whose
addresses are no longer both current waits for nobody and is not shown among the open ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import REAL, Select, and_, cast, func, or_, select
from sqlalchemy.orm import Session, aliased

from geo.addresses.register_keys import component_key
from geo.decisions import checked_note, require_version
from geo.errors import Conflict, DuplicateNotFound, InvalidInput
from geo.register.merging import merge_address, undo_merge
from geo.register.reading import components_of
from geo.register.references import count_references
from geo.tables import (
    ADDRESS_COMPONENTS,
    DUPLICATE_STATUSES,
    AddressAlias,
    AddressMerge,
    DuplicatePair,
    StandardAddress,
)
from geo.values import GridScope

UNDECIDED = ("open", "later")
_LEVELS = (*ADDRESS_COMPONENTS, "point_of_interest")


@dataclass(frozen=True, slots=True)
class LevelDifference:
    """What two addresses write at one level; `same_value`: two writings of one thing."""

    level: str
    first: str | None
    second: str | None
    same_value: bool


@dataclass(frozen=True, slots=True)
class PairSide:
    """One address of a pair: its row, open aliases, and how many rows of each table name it."""

    address: StandardAddress
    aliases: Sequence[str]
    references: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DuplicateView:
    """A pair as a person sees it.

    suggested_keep : id of the address that is likely the better one to keep
    merge : of a merged pair
    """

    pair: DuplicatePair
    first: PairSide
    second: PairSide
    differences: Sequence[LevelDifference]
    suggested_keep: int
    merge: AddressMerge | None


def find_pairs(
    session: Session,
    *,
    scope: GridScope,
    status: str = "open",
    after: tuple[float, int] | None = None,
    limit: int = 100,
) -> Sequence[DuplicatePair]:
    """Return pairs of one status, the likeliest first, those after (score, id) `after`.

    Raises
    ------
    InvalidInput : no such status
    """
    _check_status(status)
    query = _visible(select(DuplicatePair), scope, status)
    if after is not None:
        score, pair_id = cast(after[0], REAL), after[1]  # as the column rounds it
        query = query.where(
            or_(
                DuplicatePair.score < score,
                and_(DuplicatePair.score == score, DuplicatePair.id > pair_id),
            )
        )
    query = query.order_by(DuplicatePair.score.desc(), DuplicatePair.id).limit(limit)
    return session.scalars(query).all()


def count_pairs(session: Session, *, scope: GridScope) -> dict[str, int]:
    """Return how many pairs there are of each status."""
    return {
        status: session.scalar(_visible(select(func.count(DuplicatePair.id)), scope, status)) or 0
        for status in DUPLICATE_STATUSES
    }


def get_pair(session: Session, pair_id: int, *, scope: GridScope) -> DuplicatePair:
    """Return one pair, whatever its status.

    Raises
    ------
    DuplicateNotFound : there is none in the scope
    """
    pair: DuplicatePair | None = session.scalars(
        _visible(select(DuplicatePair), scope, None).where(DuplicatePair.id == pair_id)
    ).first()
    if pair is None:
        raise DuplicateNotFound(f"There is no pair {pair_id}.", pair_id=pair_id)
    return pair


def view_pairs(session: Session, pairs: Sequence[DuplicatePair]) -> list[DuplicateView]:
    """Return pairs, which the caller may see, with all that a decision needs, in their order."""
    ids = sorted({each for pair in pairs for each in (pair.first_id, pair.second_id)})
    addresses = {
        address.id: address
        for address in session.scalars(select(StandardAddress).where(StandardAddress.id.in_(ids)))
    }
    aliases: dict[int, list[str]] = {address_id: [] for address_id in ids}
    for address_id, text in session.execute(
        select(AddressAlias.standard_address_id, AddressAlias.alias_text)
        .where(AddressAlias.standard_address_id.in_(ids), AddressAlias.ended_at.is_(None))
        .order_by(AddressAlias.id)
    ):
        aliases[address_id].append(text)
    references = count_references(session, ids)
    merge_ids = [pair.merge_id for pair in pairs if pair.merge_id is not None]
    merges = {
        merge.id: merge
        for merge in session.scalars(select(AddressMerge).where(AddressMerge.id.in_(merge_ids)))
    }
    views = []
    for pair in pairs:
        first, second = (
            PairSide(addresses[i], aliases[i], references.get(i, {}))
            for i in (pair.first_id, pair.second_id)
        )
        views.append(
            DuplicateView(
                pair,
                first,
                second,
                level_differences(first.address, second.address),
                _better(first, second).address.id,
                merges.get(pair.merge_id) if pair.merge_id is not None else None,
            )
        )
    return views


def merge_pair(
    session: Session,
    pair_id: int,
    keep_id: int,
    *,
    version: int,
    first_version: int | None,
    second_version: int | None,
    decided_by: str,
    now: datetime,
    scope: GridScope,
    note: str | None = None,
) -> DuplicatePair:
    """Decide that both are one place, and keep the address `keep_id`.

    Parameters
    ----------
    first_version, second_version : of the addresses, as they were seen; None: not looked at

    Raises
    ------
    DuplicateNotFound : there is none in the scope
    Conflict : decided meanwhile, or pair or an address was changed since it was seen (`sides`)
    InvalidInput : `keep_id` is neither of the two
    """
    pair = _undecided(session, pair_id, version, scope)
    if keep_id not in (pair.first_id, pair.second_id):
        raise InvalidInput(
            f"Address {keep_id} is not of pair {pair_id}. Wanted {pair.first_id} or "
            f"{pair.second_id}.",
            field="keep_id",
        )
    versions = {pair.first_id: first_version, pair.second_id: second_version}
    other_id = pair.second_id if keep_id == pair.first_id else pair.first_id
    merge_address(
        session,
        other_id,
        keep_id,
        merged_version=versions[other_id],
        kept_version=versions[keep_id],
        merged_by=decided_by,
        now=now,
        scope=scope,
        note=note,
    )
    session.refresh(pair)
    return pair


def decide_apart(
    session: Session,
    pair_id: int,
    *,
    version: int,
    decided_by: str,
    now: datetime,
    scope: GridScope,
    note: str | None = None,
) -> DuplicatePair:
    """Decide that the two are not one place; the pair is never suggested again.

    Raises
    ------
    DuplicateNotFound : there is none in the scope
    Conflict : decided meanwhile, or changed since it was seen
    """
    return _decided(session, pair_id, "apart", version, decided_by, now, scope, note)


def put_aside(
    session: Session,
    pair_id: int,
    *,
    version: int,
    decided_by: str,
    now: datetime,
    scope: GridScope,
    note: str | None = None,
) -> DuplicatePair:
    """Leave a pair for later.

    Raises
    ------
    as `decide_apart`
    """
    return _decided(session, pair_id, "later", version, decided_by, now, scope, note)


def reopen_pair(
    session: Session,
    pair_id: int,
    *,
    version: int,
    undone_by: str | None,
    now: datetime,
    day: date,
    scope: GridScope,
) -> DuplicatePair:
    """Take a decision back: a merge is undone, and the pair is open again.

    Raises
    ------
    DuplicateNotFound : there is none in the scope
    Conflict : it is open, was changed since it was seen, or something depends on its merge
    """
    pair = _held(session, pair_id, scope)
    require_version(f"Pair {pair_id}", pair.version, version)
    if pair.status == "open":
        raise Conflict(f"Pair {pair_id} is open; there is nothing to take back.")
    if pair.merge_id is not None:
        undo_merge(session, pair.merge_id, undone_by=undone_by, now=now, day=day, scope=scope)
        session.refresh(pair)
        return pair
    pair.status = "open"
    pair.decided_by = pair.decided_at = pair.note = None
    pair.version += 1
    session.flush()
    return pair


def level_differences(first: StandardAddress, second: StandardAddress) -> list[LevelDifference]:
    """Return what two addresses write at each level that one of them writes, coarse to fine."""
    ours = components_of(first) | {"point_of_interest": first.point_of_interest or ""}
    theirs = components_of(second) | {"point_of_interest": second.point_of_interest or ""}
    found = []
    for level in _LEVELS:
        a, b = ours.get(level) or None, theirs.get(level) or None
        if a is None and b is None:
            continue
        keys = [None if value is None else component_key(level, value) for value in (a, b)]
        found.append(LevelDifference(level, a, b, keys[0] == keys[1]))
    return found


def _better(first: PairSide, second: PairSide) -> PairSide:
    """The side to keep by default: with a point, writing more, with more hanging on it, older."""

    def rank(side: PairSide) -> tuple[bool, int, int, int]:
        address = side.address
        return (
            address.geom is not None,
            len(components_of(address)),
            sum(side.references.values()),
            -address.id,
        )

    return max(first, second, key=rank)


def _check_status(status: str) -> None:
    if status not in DUPLICATE_STATUSES:
        raise InvalidInput(
            f"The status is “{status[:20]}”, wanted one of {', '.join(DUPLICATE_STATUSES)}.",
            field="status",
        )


def _visible(query: Select[Any], scope: GridScope, status: str | None) -> Select[Any]:
    """Narrow a query of pairs to those in the scope and of a status (None: of any)."""
    first, second = aliased(StandardAddress), aliased(StandardAddress)
    query = query.join(first, first.id == DuplicatePair.first_id)
    query = query.join(second, second.id == DuplicatePair.second_id)
    if scope.grid_codes is not None:
        codes = sorted(scope.grid_codes)
        query = query.where(first.grid_code.in_(codes), second.grid_code.in_(codes))
    if status is not None:
        query = query.where(DuplicatePair.status == status)
    if status in UNDECIDED:
        query = query.where(first.status == "current", second.status == "current")
    return query


def _decided(
    session: Session,
    pair_id: int,
    status: str,
    version: int,
    decided_by: str,
    now: datetime,
    scope: GridScope,
    note: str | None,
) -> DuplicatePair:
    pair = _undecided(session, pair_id, version, scope)
    pair.note = checked_note(note)
    pair.status, pair.decided_by, pair.decided_at = status, decided_by, now
    pair.version += 1
    session.flush()
    return pair


def _held(session: Session, pair_id: int, scope: GridScope) -> DuplicatePair:
    """A pair as it is now; nobody else decides it until this transaction ends."""
    pair = get_pair(session, pair_id, scope=scope)
    session.refresh(pair, with_for_update=True)
    return pair


def _undecided(session: Session, pair_id: int, version: int, scope: GridScope) -> DuplicatePair:
    pair = _held(session, pair_id, scope)
    if pair.status not in UNDECIDED:
        raise Conflict(
            f"Pair {pair_id} was decided already ({pair.status}). Take that back to decide anew.",
            status=pair.status,
        )
    require_version(f"Pair {pair_id}", pair.version, version)
    return pair
