"""One address turns out to be another: merged by a person, with history, and undone exactly.

(Many rows of a file coming into the register are `geo.register.merge`.)

The kept address stays as it is. The other ends as `merged` and points to the kept one; what named
it (aliases, review decisions, whatever table has a foreign key) follows, and its text becomes an
alias of the kept one, so that the geocoder answers it with the kept address. Imports follow the
merge too: a row with the merged address's text is another writing of the kept one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import literal_column, or_, select
from sqlalchemy.orm import Session, aliased

from geo.decisions import checked_note
from geo.errors import Conflict, GridNotFound, InvalidInput, MergeNotFound
from geo.register.changes import lock_for_single_write, mark_register_change
from geo.register.identity import text_key
from geo.register.placing import GridPlacer
from geo.register.reading import get_standard_address, point_of
from geo.register.references import moving_references
from geo.scope_conditions import in_scope
from geo.store.scope import seeing_everything
from geo.tables import AddressAlias, AddressMerge, DuplicatePair, ReviewItem, StandardAddress
from geo.values import GridScope

ALIAS_SOURCE = "merge"  # of the aliases that merges make
_ALIASES = "address_alias.standard_address_id"
_POINT = ("geom", "point_method", "accuracy_m", "origin_datum", "grid_id", "grid_code", "h3_cell")


def merge_address(
    session: Session,
    merged_id: int,
    kept_id: int,
    *,
    merged_version: int | None,
    kept_version: int | None,
    merged_by: str | None,
    now: datetime,
    scope: GridScope,
    note: str | None = None,
) -> AddressMerge:
    """Say that `merged_id` is the same place as `kept_id`, which stays.

    Parameters
    ----------
    merged_version, kept_version : as they were seen; None where nobody looked

    Raises
    ------
    AddressNotFound : either isn't in the scope
    Conflict : either was changed since it was seen, or has ended; `sides` says what both are now
    InvalidInput : both are one, or the note is too long
    """
    note = checked_note(note)
    if merged_id == kept_id:
        raise InvalidInput(f"Address {kept_id} can't be merged into itself. Name two addresses.")
    lock_for_single_write(session)
    merged, kept = _held(session, merged_id, kept_id, scope)
    seen = {merged_id: merged_version, kept_id: kept_version}
    for address in (merged, kept):
        version = seen[address.id]
        if address.status != "current":
            raise _conflict(f"Address {address.id} is {address.status} already.", merged, kept)
        if version is not None and address.version != version:
            raise _conflict(
                f"Address {address.id} is at version {address.version}, you have seen {version}. "
                "Look again and decide then.",
                merged,
                kept,
            )
    with seeing_everything(session):  # what names it may lie in the queue of another grid
        moved = _move_references(session, merged.id, kept.id)
    alias_ids = _add_aliases(session, merged, kept)
    point_taken = kept.geom is None and merged.geom is not None
    if point_taken:
        for name in _POINT:
            setattr(kept, name, getattr(merged, name))
    merged.status, merged.merged_into = "merged", kept.id
    merge = AddressMerge(
        kept_id=kept.id,
        merged_id=merged.id,
        moved=moved,
        alias_ids=alias_ids,
        point_taken=point_taken,
        note=note,
        merged_by=merged_by,
        merged_at=now,
    )
    session.add(merge)
    _store(session, merged, kept)
    _settle_pair(session, merge)
    return merge


def undo_merge(
    session: Session, merge_id: int, *, undone_by: str | None, now: datetime, day: date,
    scope: GridScope,
) -> AddressMerge:  # fmt: skip
    """Take a merge back: both addresses are what they were before it.

    What was changed at the kept address since stays changed. Grid and cell of the other follow from
    its point, in the grids of `day`.

    Raises
    ------
    MergeNotFound : there is none with both addresses in the scope
    GridNotFound : the other's point lies by now in a grid outside the scope
    Conflict : it was undone already, or something later depends on it: the kept address was itself
        merged, the text or the source's reference belongs to another address by now, or a review
        decision rests on it
    """
    merge = get_merge(session, merge_id, scope=scope)
    lock_for_single_write(session)
    session.refresh(merge, with_for_update=True)
    if merge.undone_at is not None:
        raise Conflict(f"Merge {merge_id} was undone already.", merge_id=merge_id)
    merged, kept = _held(session, merge.merged_id, merge.kept_id, scope)
    _refuse_dependent(session, merge, merged, kept, scope)
    merged.status, merged.merged_into = "current", None
    with seeing_everything(session):
        for reference in moving_references():
            reference.move(session, kept.id, merged.id, merge.moved.get(reference.name, ()))
    for alias in session.scalars(
        select(AddressAlias).where(
            AddressAlias.id.in_(merge.alias_ids), AddressAlias.ended_at.is_(None)
        )
    ):
        alias.ended_at = now
    if merge.point_taken and _same_point(merged, kept):
        for name in _POINT:
            setattr(kept, name, None)
    _place_again(session, merged, day, scope)
    merge.undone_by, merge.undone_at = undone_by, now
    _store(session, merged, kept)
    _reopen_pair(session, merge)
    return merge


def get_merge(session: Session, merge_id: int, *, scope: GridScope) -> AddressMerge:
    """Return a merge.

    Raises
    ------
    MergeNotFound : there is none with both addresses in the scope
    """
    merge = session.get(AddressMerge, merge_id)
    if merge is not None:
        both = select(StandardAddress.id).where(
            StandardAddress.id.in_([merge.kept_id, merge.merged_id]),
            in_scope(StandardAddress.grid_code, scope),
        )
        if len(session.scalars(both).all()) == 2:
            return merge
    raise MergeNotFound(f"There is no merge {merge_id}.", merge_id=merge_id)


def find_merges(session: Session, address_id: int, *, scope: GridScope) -> Sequence[AddressMerge]:
    """Return the merges an address took part in, oldest first, with those undone.

    Raises
    ------
    AddressNotFound : there is none in the scope
    """
    get_standard_address(session, address_id, scope=scope)
    kept, merged = aliased(StandardAddress), aliased(StandardAddress)
    query = (
        select(AddressMerge)
        .join(kept, kept.id == AddressMerge.kept_id)
        .join(merged, merged.id == AddressMerge.merged_id)
        .where(or_(AddressMerge.kept_id == address_id, AddressMerge.merged_id == address_id))
        .order_by(AddressMerge.id)
    )
    if scope.grid_codes is not None:
        codes = sorted(scope.grid_codes)
        query = query.where(kept.grid_code.in_(codes), merged.grid_code.in_(codes))
    return session.scalars(query).all()


def find_merge_in_force(session: Session, merged_id: int) -> AddressMerge | None:
    """Return the merge by which an address ended, None where it has none."""
    return session.scalars(
        select(AddressMerge).where(
            AddressMerge.merged_id == merged_id, AddressMerge.undone_at.is_(None)
        )
    ).first()


def find_kept_address(session: Session, key: str) -> StandardAddress | None:
    """Return the current address that the text with this key was merged into, however far."""
    step = (
        select(StandardAddress.merged_into.label("id"))
        .where(StandardAddress.search_key == key, StandardAddress.status == "merged")
        .cte("step", recursive=True)
    )
    step = step.union(
        select(StandardAddress.merged_into).where(
            StandardAddress.id == step.c.id, StandardAddress.status == "merged"
        )
    )
    return session.scalars(
        select(StandardAddress)
        .where(
            StandardAddress.id.in_(select(literal_column("id")).select_from(step)),
            StandardAddress.status == "current",
        )
        .order_by(StandardAddress.id)
    ).first()


def _held(
    session: Session, merged_id: int, kept_id: int, scope: GridScope
) -> tuple[StandardAddress, StandardAddress]:
    """Both addresses, held against other writers in one order, so that nobody waits in a ring."""
    for address_id in (merged_id, kept_id):
        get_standard_address(session, address_id, scope=scope)
    held = {
        address_id: session.get_one(
            StandardAddress, address_id, with_for_update=True, populate_existing=True
        )
        for address_id in sorted((merged_id, kept_id))
    }
    return held[merged_id], held[kept_id]


def _move_references(session: Session, from_id: int, to_id: int) -> dict[str, list[int]]:
    moved: dict[str, list[int]] = {}
    for reference in moving_references():
        ids = reference.ids_at(session, from_id)
        if reference.name == _ALIASES:
            ids = _without_known_writings(session, from_id, to_id)
        if ids:
            reference.move(session, from_id, to_id, ids)
            moved[reference.name] = ids
    session.expire_all()
    return moved


def _without_known_writings(session: Session, from_id: int, to_id: int) -> list[int]:
    """The aliases of one address but those whose writing is open at the other already."""
    known = select(AddressAlias.alias_key).where(
        AddressAlias.standard_address_id == to_id, AddressAlias.ended_at.is_(None)
    )
    return list(
        session.scalars(
            select(AddressAlias.id)
            .where(
                AddressAlias.standard_address_id == from_id,
                or_(AddressAlias.ended_at.is_not(None), AddressAlias.alias_key.not_in(known)),
            )
            .order_by(AddressAlias.id)
        )
    )


def _add_aliases(session: Session, merged: StandardAddress, kept: StandardAddress) -> list[int]:
    """Make the other's text, and the name of its place, aliases of the kept one; return them."""
    names = [kept.canonical_text, kept.point_of_interest]
    known = {text_key(name) for name in names if name}
    known |= set(
        session.scalars(
            select(AddressAlias.alias_key).where(
                AddressAlias.standard_address_id == kept.id, AddressAlias.ended_at.is_(None)
            )
        )
    )
    made = []
    for writing in (merged.canonical_text, merged.point_of_interest):
        key = text_key(writing) if writing else ""
        if writing and key and key not in known:
            known.add(key)
            alias = AddressAlias(
                standard_address_id=kept.id, alias_text=writing, alias_key=key, source=ALIAS_SOURCE
            )
            session.add(alias)
            made.append(alias)
    session.flush()
    return [alias.id for alias in made]


def _refuse_dependent(
    session: Session,
    merge: AddressMerge,
    merged: StandardAddress,
    kept: StandardAddress,
    scope: GridScope,
) -> None:
    """Raise Conflict where something later depends on the merge."""
    if kept.status == "merged":
        later = find_merge_in_force(session, kept.id)
        by = f" by merge {later.id}. Undo that one first" if later is not None else ""
        raise _conflict(
            f"Address {kept.id} was itself merged into {kept.merged_into} since{by}.",
            merged,
            kept,
            **({"merge_id": later.id} if later is not None else {}),
        )
    same = StandardAddress.search_key == merged.search_key
    if merged.source_ref is not None:
        same |= (StandardAddress.source == merged.source) & (
            StandardAddress.source_ref == merged.source_ref
        )
    with seeing_everything(session):  # else storing it would fail where nothing can be told
        taken = session.execute(
            select(StandardAddress.id, StandardAddress.grid_code).where(
                same, StandardAddress.status == "current"
            )
        ).first()
    if taken is not None:
        seen = scope.covers(taken.grid_code)
        which = f"address {taken.id}" if seen else "another address"
        raise _conflict(
            f"The text (or the source's reference) of address {merged.id} belongs to {which} by "
            "now. Change or end that one first.",
            merged,
            kept,
            **({"address_id": taken.id} if seen else {}),
        )
    decided = session.scalar(
        select(ReviewItem.id).where(
            ReviewItem.alias_id.in_(merge.alias_ids), ReviewItem.status == "matched"
        )
    )
    if decided is not None:
        raise _conflict(
            f"Review item {decided} was decided since for address {kept.id} by a writing that this "
            "merge brought. Reopen it first.",
            merged,
            kept,
            item_id=decided,
        )


def _settle_pair(session: Session, merge: AddressMerge) -> None:
    """A suggested pair that was merged waits no longer, however the merge came about."""
    first, second = sorted((merge.kept_id, merge.merged_id))
    pair = session.scalars(
        select(DuplicatePair)
        .where(DuplicatePair.first_id == first, DuplicatePair.second_id == second)
        .with_for_update()
    ).first()
    if pair is not None:
        pair.status, pair.merge_id = "merged", merge.id
        pair.decided_by, pair.decided_at, pair.note = merge.merged_by, merge.merged_at, merge.note
        pair.version += 1
        session.flush()


def _reopen_pair(session: Session, merge: AddressMerge) -> None:
    pair = session.scalars(
        select(DuplicatePair).where(DuplicatePair.merge_id == merge.id).with_for_update()
    ).first()
    if pair is not None:
        pair.status, pair.merge_id = "open", None
        pair.decided_by = pair.decided_at = pair.note = None
        pair.version += 1
        session.flush()


def _same_point(first: StandardAddress, second: StandardAddress) -> bool:
    return point_of(first) == point_of(second) and first.point_method == second.point_method


def _place_again(session: Session, address: StandardAddress, day: date, scope: GridScope) -> None:
    """The grids may have changed while the address was merged, and merged ones don't follow."""
    point = point_of(address)
    if point is None:
        return
    placed = GridPlacer(day).place(session, [point.longitude], [point.latitude])
    if not scope.covers(placed.grid_code[0]):
        raise GridNotFound("The point of the merged address lies in no grid of yours by now.")
    if placed.grid_code[0] != address.grid_code:
        address.grid_id, address.grid_code = placed.grid_id[0], placed.grid_code[0]


def _store(session: Session, merged: StandardAddress, kept: StandardAddress) -> None:
    session.flush()
    for address in (merged, kept):
        session.refresh(address)
    mark_register_change(session, [merged.id, kept.id])


def _conflict(
    message: str, merged: StandardAddress, kept: StandardAddress, **facts: Any
) -> Conflict:
    sides = [
        {
            "address_id": address.id,
            "canonical_text": address.canonical_text,
            "status": address.status,
            "version": address.version,
        }
        for address in (merged, kept)
    ]
    return Conflict(message, sides=sides, **facts)
