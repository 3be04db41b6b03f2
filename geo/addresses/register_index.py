"""The register in memory, searched by `match` and `suggest`. Unchangeable; changes make a new one.

A large segment holds the register as it was read, a small one what changed since; rows that were
ended or replaced are dead in the large one. Scope is applied before anything is looked up: a name
that stands only outside the caller's grids doesn't exist for the caller.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from geo.addresses.name_table import NameTable
from geo.addresses.register_rows import rows_from_texts
from geo.addresses.register_segment import Int32, NumberKeys, Segment, build_segment
from geo.addresses.standardise import DEFAULT_WRITTEN_FORM, WrittenForm
from geo.values import GridScope

SCOPES_KEPT = 16  # masks of scopes kept in memory, a byte a row each
MAX_CHANGED_ROWS = 20_000  # in the small segment; beyond it the register is read again


@dataclass(frozen=True)
class VisiblePart:
    """A segment as one scope sees it. A mask of None: everything is visible."""

    segment: Segment
    row_mask: NDArray[np.bool_] | None
    site_mask: NDArray[np.bool_] | None

    def visible_sites(self, sites: Int32) -> Int32:
        return sites if self.site_mask is None else sites[self.site_mask[sites]]

    def visible_rows(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return rows if self.row_mask is None else rows[self.row_mask[rows]]


class RegisterView:
    """The register as one scope sees it.

    alive_names : (n_names,) whether a visible address has the name
    """

    def __init__(
        self,
        index: RegisterIndex,
        parts: tuple[VisiblePart, ...],
        alive_names: NDArray[np.bool_] | None,
    ) -> None:
        self.index = index
        self.parts = parts
        if alive_names is None:
            alive_names = np.ones(index.n_names, np.bool_)
            alive_names[list(index.dead_names)] = False
        self.alive_names = alive_names
        self.kept: dict[str, object] = {}  # what other modules make of the view on first use

    @property
    def names(self) -> NameTable:
        return self.index.names


class RegisterIndex:
    """The searchable register. Make one with `from_rows`, `from_table` or a `RegisterFollower`."""

    def __init__(
        self,
        names: NameTable,
        numbers: NumberKeys,
        segments: tuple[Segment, ...],
        dead_rows: tuple[NDArray[np.bool_] | None, ...],
        dead_names: frozenset[int],
        changed: pa.Table | None,
        *,
        written_form: WrittenForm = DEFAULT_WRITTEN_FORM,
    ) -> None:
        self.names = names
        self.numbers = numbers
        self.segments = segments
        self.dead_rows = dead_rows
        self.dead_names = dead_names
        self._changed = changed
        self.written_form = written_form
        self.n_names = len(names)
        self._views: OrderedDict[GridScope, RegisterView] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def from_table(
        cls, table: pa.Table, *, written_form: WrittenForm = DEFAULT_WRITTEN_FORM
    ) -> RegisterIndex:
        """Return the index of register rows (see `register_rows`).

        written_form : how the texts of groups of addresses are written
        """
        names, numbers = NameTable(), NumberKeys()
        segment = build_segment(table, names, numbers)
        return cls(
            names, numbers, (segment,), (None,), frozenset(), None, written_form=written_form
        )

    @classmethod
    def from_rows(
        cls, rows: Iterable[tuple[int, str, float | None, float | None]]
    ) -> RegisterIndex:
        """Return the index of (id, text, longitude, latitude) rows; texts are parsed.

        Raises
        ------
        InvalidInput : an id stands twice
        """
        return cls.from_table(rows_from_texts(rows))

    def __len__(self) -> int:
        """The number of rows, aliases included."""
        return sum(
            segment.n_rows - (int(dead.sum()) if dead is not None else 0)
            for segment, dead in zip(self.segments, self.dead_rows, strict=True)
        )

    def with_changes(self, ids: Sequence[int], table: pa.Table) -> RegisterIndex | None:
        """Return the index after a change, or None where too much changed and a new one is due.

        ids : standard addresses that changed, began or ended
        table : register rows of those of them that are current
        """
        main = self.segments[0]
        changed_ids = np.array(sorted(set(ids)), np.int64)
        wanted = pa.array(changed_ids)
        kept = self._changed
        if kept is not None:
            kept = kept.filter(pc.invert(pc.is_in(kept["id"], value_set=wanted)))
            table = pa.concat_tables([kept, table]).unify_dictionaries().combine_chunks()
        if table.num_rows > MAX_CHANGED_ROWS:
            return None
        gone = np.isin(main.row_id, changed_ids)
        dead = gone if self.dead_rows[0] is None else self.dead_rows[0] | gone
        small = build_segment(table, self.names, self.numbers)
        return RegisterIndex(
            self.names,
            self.numbers,
            (main, small),
            (dead, None),
            _dead_names(main, dead, small, self.names),
            table,
            written_form=self.written_form,
        )

    def view(self, scope: GridScope) -> RegisterView:
        """Return the register as `scope` sees it; kept for the next query of the same scope."""
        with self._lock:
            found = self._views.get(scope)
            if found is not None:
                self._views.move_to_end(scope)
                return found
        made = self._make_view(scope)
        with self._lock:
            self._views[scope] = made
            while len(self._views) > SCOPES_KEPT:
                self._views.popitem(last=False)
        return made

    def _make_view(self, scope: GridScope) -> RegisterView:
        parts = []
        for segment, dead in zip(self.segments, self.dead_rows, strict=True):
            mask = None if dead is None else ~dead
            if scope.grid_codes is not None:
                inside = np.array(
                    [*(code in scope.grid_codes for code in segment.grid_codes), False]
                )
                scoped = inside[segment.row_grid]
                mask = scoped if mask is None else mask & scoped
            parts.append(VisiblePart(segment, mask, _sites_of(segment, mask)))
        alive = None
        if scope.grid_codes is not None:
            alive = np.zeros(self.n_names, bool)
            for part in parts:
                names = part.segment.site_names
                alive[names if part.site_mask is None else names[part.site_mask]] = True
        return RegisterView(self, tuple(parts), alive)


def _sites_of(segment: Segment, row_mask: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    if row_mask is None:
        return None
    mask = np.zeros(segment.n_sites, bool)
    mask[segment.row_site[row_mask]] = True
    return mask


def _dead_names(
    main: Segment, dead: NDArray[np.bool_], small: Segment, names: NameTable
) -> frozenset[int]:
    """Names that no living row has any more."""
    site_mask = _sites_of(main, ~dead)
    assert site_mask is not None
    dead_sites = np.flatnonzero(~site_mask)
    suspects = np.unique(main.site_names[dead_sites])
    return frozenset(
        int(name)
        for name in suspects
        if name > 0
        and not site_mask[main.sites_of_name(int(name))].any()
        and not len(small.sites_of_name(int(name)))
    )
