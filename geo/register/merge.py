"""Many rows of one source come into the register: new, changed, the same, or other writings.

What a row is, in this order:

1. The register has its (source, source_ref): it is that address. Nothing differs: *unchanged*;
   else *updated*, unless its new key belongs to another address: *failed*, `address_taken`.
2. The register has its search key, from a row of this source without a reference, and no earlier
   row of this import had it: it is that address, as in 1.
3. The register has its search key otherwise, or an earlier row of this import had it: it is
   another writing. Its name and writings become aliases, and a point is filled in where the
   register has none (*updated*). *merged_as_alias* where an alias is new, else *unchanged*. Nothing
   the other source said is overwritten. Where its point lies too far from the register's, one of
   the two is wrong, and which is for a person to say: *failed*, `points_apart`.
4. A person merged the address with its search key into another: it is another writing of that
   one, as in 3, but its point is not looked at.
5. Otherwise it is *inserted*.

So the same file again changes nothing, and the order of sources decides nothing but who was first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from geo.crs import geodesic_distance_m
from geo.register.changes import lock_for_merge, mark_register_change
from geo.register.identity import StandardForm, text_key
from geo.register.merge_sql import (
    ANALYSE_STAGING,
    CREATE_STAGING,
    FILL_POINTS,
    FIND_BY_KEY,
    FIND_BY_REF,
    FIND_FRESH_ALIASES,
    FIND_MERGED,
    INSERT_NEW,
    STAGED,
    STAGED_ACTION,
    STAGED_ALIAS,
    UPDATE_OWN,
)
from geo.register.placing import GridPlacer
from geo.register.seen import SeenTexts
from geo.store.bulk import copy_table, points_to_ewkb
from geo.tables import ADDRESS_COMPONENTS, AddressAlias

POINTS_APART_M = 500.0
"""Two points of one address further apart than this are not one place: estates reach some 500 m."""


_Found = Mapping[int, Any]


class Outcome(StrEnum):
    """What became of a row."""

    INSERTED = "inserted"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    MERGED_AS_ALIAS = "merged_as_alias"
    FAILED = "failed"


class MergeRow(Protocol):
    """A row to merge; `lon`, `lat` [degrees, WGS 84], NaN where there is no point."""

    @property
    def row_number(self) -> int: ...
    @property
    def form(self) -> StandardForm: ...
    @property
    def source_ref(self) -> str | None: ...
    @property
    def lon(self) -> float: ...
    @property
    def lat(self) -> float: ...
    @property
    def point_method(self) -> str | None: ...
    @property
    def accuracy_m(self) -> float | None: ...
    @property
    def writings(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class MergeProblem:
    """A row that failed. `i` is its place in the rows."""

    i: int
    reason: str
    message: str


@dataclass(slots=True)
class MergeResult:
    """What became of each row, in order; which failed and why.

    in_no_grid : rows taken whose point lies in no grid
    """

    outcomes: list[Outcome]
    failures: list[MergeProblem] = field(default_factory=list)
    in_no_grid: int = 0

    def counts(self) -> Counter[str]:
        return Counter(outcome.value for outcome in self.outcomes)


@dataclass(slots=True)
class SeenRows:
    """References and keys that earlier rows of the same import had."""

    refs: SeenTexts = field(default_factory=SeenTexts)
    keys: SeenTexts = field(default_factory=SeenTexts)


def merge_addresses(
    session: Session,
    rows: Sequence[MergeRow],
    *,
    source: str,
    origin_datum: str,
    placer: GridPlacer,
    seen: SeenRows,
) -> MergeResult:
    """Bring rows of one source into the register, in one transaction that the caller ends.

    Parameters
    ----------
    source : who says so
    origin_datum : what the points were in before, by the name the store keeps
    placer : knows the grids that hold the points
    seen : of this import; grows by these rows

    Raises
    ------
    DatabaseUnavailable, DiskFull : nothing of these rows is stored
    """
    if not rows:
        return MergeResult([])
    lock_for_merge(session)
    has_no_grid = _stage(session, rows, origin_datum, placer)
    by_ref = {row.i: row for row in session.execute(FIND_BY_REF, {"source": source})}
    by_key = {row.i: row for row in session.execute(FIND_BY_KEY, {"source": source})}
    merged = {row.i: row for row in session.execute(FIND_MERGED)}
    decider = _Decider(rows, seen, by_ref, by_key, merged)
    decider.decide()
    taken = np.array([outcome is not Outcome.FAILED for outcome in decider.outcomes])
    result = MergeResult(decider.outcomes, decider.failures, int((has_no_grid & taken).sum()))
    changed = _write(session, rows, decider.plan, source, result)
    mark_register_change(session, changed)
    seen.refs.add([row.source_ref for row in rows if row.source_ref is not None])
    seen.keys.add(sorted(decider.plan.own_keys))
    return result


@dataclass(slots=True)
class _Plan:
    inserts: list[int] = field(default_factory=list)
    updates: list[tuple[int, int]] = field(default_factory=list)
    fills: list[int] = field(default_factory=list)
    aliases: list[tuple[int, str]] = field(default_factory=list)
    kept_keys: dict[int, str] = field(default_factory=dict)  # of rows whose address was merged
    own_keys: set[str] = field(default_factory=set)


def _stage(
    session: Session,
    rows: Sequence[MergeRow],
    origin_datum: str,
    placer: GridPlacer,
) -> NDArray[np.bool_]:
    """Put the rows into temporary tables; return which have a point in no grid, (n,)."""
    lon, lat = [row.lon for row in rows], [row.lat for row in rows]
    placed = placer.place(session, lon, lat)
    has_point = placed.h3_cell != 0
    forms = [row.form for row in rows]
    columns: dict[str, Any] = {"i": pa.array(range(len(rows)), pa.int32())}
    for name in ADDRESS_COMPONENTS:
        columns[name] = pa.array([form.components.get(name) for form in forms], pa.string())
    for name in ("point_of_interest", "canonical_text", "search_key", "level"):
        columns[name] = pa.array([getattr(form, name) for form in forms], pa.string())
    columns["geom"] = points_to_ewkb(lon, lat)
    columns["point_method"] = pa.array([row.point_method for row in rows], pa.string())
    columns["accuracy_m"] = pa.array([row.accuracy_m for row in rows], pa.float32())
    datums = [origin_datum if there else None for there in has_point]
    columns["origin_datum"] = pa.array(datums, pa.string())
    columns["grid_id"] = pa.array(placed.grid_id.tolist(), pa.int64())
    columns["grid_code"] = pa.array(placed.grid_code.tolist(), pa.string())
    columns["h3_cell"] = pa.array(placed.h3_cell, pa.int64(), mask=~has_point)
    columns["source_ref"] = pa.array([row.source_ref for row in rows], pa.string())
    for statement in CREATE_STAGING:
        session.execute(statement)
    copy_table(session, STAGED, pa.table(columns))
    session.execute(ANALYSE_STAGING)
    in_no_grid: NDArray[np.bool_] = has_point & pd.isna(placed.grid_id)
    return in_no_grid


class _Decider:
    """Decides row by row; rows known by their reference first, for they may free or take a key."""

    def __init__(
        self,
        rows: Sequence[MergeRow],
        seen: SeenRows,
        by_ref: _Found,
        by_key: _Found,
        merged: _Found,
    ) -> None:
        self.rows, self.by_ref, self.by_key, self.merged = rows, by_ref, by_key, merged
        self.outcomes = [Outcome.UNCHANGED] * len(rows)
        self.failures: list[MergeProblem] = []
        self.plan = _Plan()
        self._seen_keys = seen.keys.holds([row.form.search_key for row in rows])
        self._seen_refs = seen.refs.holds([row.source_ref or "" for row in rows])
        self._claimed: dict[str, int] = {}
        self._moved: set[int] = set()
        self._filled: set[str] = set()
        self._owners: set[int] = set()

    def decide(self) -> None:
        first_here: dict[str, int] = {}
        later: list[int] = []
        repeats: list[tuple[int, int]] = []
        for i, row in enumerate(self.rows):
            ref, known = row.source_ref, self.by_ref.get(i)
            if ref is not None and ref in first_here:
                repeats.append((first_here[ref], i))
                continue
            if ref is not None:
                first_here[ref] = i
            if bool(self._seen_refs[i]) and not (known is not None and known.is_same):
                self._fail_repeated(i)
            elif known is not None:
                self._known(i, row, known)
            else:
                later.append(i)
        for i in later:
            self._unknown(i, self.rows[i])
        for first, i in repeats:
            self._repeated(first, i)

    def _repeated(self, first: int, i: int) -> None:
        """Its reference stood in another of these rows: it may only say what that one said.

        The answer is that of a row whose earlier one came with an earlier chunk and is stored.
        """
        said_before = _says_the_same(self.rows[first], self.rows[i])
        is_stored = i in self.by_ref and self.by_ref[i].is_same and self.by_ref[first].is_same
        if first in self._owners and (said_before or is_stored):
            self._own(i, self.rows[i], Outcome.UNCHANGED)
        else:
            self._fail_repeated(i)

    def _fail_repeated(self, i: int) -> None:
        self._fail(i, "repeated_reference", "Its reference stood in an earlier row.")

    def _known(self, i: int, row: MergeRow, known: Any) -> None:
        """The register has its reference."""
        key, holder = row.form.search_key, self.by_key.get(i)
        if not known.is_same:
            if key in self._claimed or (holder is not None and holder.id != known.id):
                held = f"address {holder.id}" if holder is not None else "an earlier row"
                self._fail(i, "address_taken", f"Its address belongs to {held} already.")
                return
            self._claimed[key] = i
            if not known.has_same_key:
                self._moved.add(known.id)
            self._own(i, row, Outcome.UPDATED)
            self.plan.updates.append((i, known.id))
        else:
            self._own(i, row, Outcome.UNCHANGED)

    def _unknown(self, i: int, row: MergeRow) -> None:
        """The register doesn't have its reference, or it has none."""
        key, holder = row.form.search_key, self.by_key.get(i)
        if holder is not None and holder.id in self._moved:
            holder = None
        if key in self._claimed:
            first = self.rows[self._claimed[key]]
            if not self._lies_apart(i, _apart_m(first, row), f"row {first.row_number}"):
                self._other(i, row, first.form.point_of_interest, first.point_method is None)
        elif holder is None and i in self.merged:
            self.plan.kept_keys[i] = self.merged[i].search_key
            self._other(i, row, self.merged[i].point_of_interest, lacks_point=False)
        elif holder is None:
            self._claimed[key] = i
            self._own(i, row, Outcome.INSERTED)
            self.plan.inserts.append(i)
        elif self._is_ours(i, key, holder):
            self._own(i, row, Outcome.UNCHANGED if holder.is_same else Outcome.UPDATED)
            if not holder.is_same:
                self.plan.updates.append((i, holder.id))
        else:
            if not self._lies_apart(i, holder.apart_m, f"address {holder.id}"):
                self._other(i, row, holder.point_of_interest, holder.lacks_point)

    def _is_ours(self, i: int, key: str, holder: Any) -> bool:
        is_first = not self._seen_keys[i] and key not in self.plan.own_keys
        return bool(holder.is_ours and not holder.has_ref and is_first)

    def _own(self, i: int, row: MergeRow, outcome: Outcome) -> None:
        self.outcomes[i] = outcome
        self._owners.add(i)
        self.plan.own_keys.add(row.form.search_key)
        self.plan.aliases += [(i, text) for text in row.writings]

    def _other(self, i: int, row: MergeRow, known_name: str | None, lacks_point: bool) -> None:
        """Another writing of an address that somebody else's row is."""
        name, key = row.form.point_of_interest, row.form.search_key
        if name is not None and (known_name is None or text_key(name) != text_key(known_name)):
            self.plan.aliases.append((i, name))
        self.plan.aliases += [(i, text) for text in row.writings]
        if lacks_point and row.point_method is not None and key not in self._filled:
            self._filled.add(key)
            self.plan.fills.append(i)
            self.outcomes[i] = Outcome.UPDATED

    def _fail(self, i: int, reason: str, message: str) -> None:
        self.outcomes[i] = Outcome.FAILED
        self.failures.append(MergeProblem(i, reason, message))

    def _lies_apart(self, i: int, apart_m: float | None, other: str) -> bool:
        if apart_m is None or apart_m <= POINTS_APART_M:
            return False
        self._fail(
            i,
            "points_apart",
            f"Its point lies {apart_m:.0f} m from that of {other}, which has the same address. One "
            "of the two is wrong, or the address says too little.",
        )
        return True


def _says_the_same(first: MergeRow, second: MergeRow) -> bool:
    """Whether a second row adds nothing to a first one: what it leaves out is no difference."""
    name = second.form.point_of_interest
    same_text = replace(second.form, point_of_interest=None) == replace(
        first.form, point_of_interest=None
    )
    same_name = name is None or name == first.form.point_of_interest
    points = [(row.lon, row.lat, row.point_method, row.accuracy_m) for row in (first, second)]
    return same_text and same_name and (second.point_method is None or points[0] == points[1])


def _write(
    session: Session, rows: Sequence[MergeRow], plan: _Plan, source: str, result: MergeResult
) -> list[int]:
    """Carry the plan out; return the ids of the addresses that changed."""
    changed: list[int] = []
    for statement, targets in (
        (UPDATE_OWN, plan.updates),
        (INSERT_NEW, [(i, None) for i in plan.inserts]),
        (FILL_POINTS, [(i, None) for i in plan.fills]),
    ):
        if targets:
            _stage_actions(session, targets)
            changed += session.scalars(statement, {"source": source}).all()
    if plan.aliases:
        changed += _add_aliases(session, rows, plan, source, result)
    return changed


def _stage_actions(session: Session, targets: Sequence[tuple[int, int | None]]) -> None:
    session.execute(sa.text("TRUNCATE staged_action"))
    columns = {
        "i": pa.array([i for i, _ in targets], pa.int32()),
        "target_id": pa.array([target for _, target in targets], pa.int64()),
    }
    copy_table(session, STAGED_ACTION, pa.table(columns))


def _add_aliases(
    session: Session,
    rows: Sequence[MergeRow],
    plan: _Plan,
    source: str,
    result: MergeResult,
) -> list[int]:
    aliases = plan.aliases
    keys = [plan.kept_keys.get(i, rows[i].form.search_key) for i, _ in aliases]
    staged = {
        "i": pa.array([i for i, _ in aliases], pa.int32()),
        "search_key": pa.array(keys, pa.string()),
        "alias_text": pa.array([text for _, text in aliases], pa.string()),
        "alias_key": pa.array([text_key(text) for _, text in aliases], pa.string()),
    }
    copy_table(session, STAGED_ALIAS, pa.table(staged))
    fresh = session.execute(FIND_FRESH_ALIASES).all()
    if not fresh:
        return []
    added = {
        "standard_address_id": pa.array([row.id for row in fresh], pa.int64()),
        "alias_text": pa.array([row.alias_text for row in fresh], pa.string()),
        "alias_key": pa.array([row.alias_key for row in fresh], pa.string()),
        "source": pa.array([source] * len(fresh), pa.string()),
    }
    table = AddressAlias.__table__
    assert isinstance(table, sa.Table)
    copy_table(session, table, pa.table(added))
    for row in fresh:
        if result.outcomes[row.i] is Outcome.UNCHANGED:
            result.outcomes[row.i] = Outcome.MERGED_AS_ALIAS
    return [row.id for row in fresh]


def _apart_m(first: MergeRow, second: MergeRow) -> float | None:
    if first.point_method is None or second.point_method is None:
        return None
    return float(geodesic_distance_m(first.lon, first.lat, second.lon, second.lat))
