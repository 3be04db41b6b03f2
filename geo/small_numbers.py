"""Small numbers: counts of persons so small that they point at somebody are not shown.

A count from 1 to k - 1 is hidden. Hiding it alone is not enough: whoever knows a total and the
other parts subtracts. So further counts are hidden with it, as few as may be, until what is shown
leaves every small number open from 1 to k.

Who reads is taken to know: every count that is shown, zeros among them; that each hidden one is 1
or more, since zeros are shown; which counts are sums of which; and this rule. Counts that are
published beside each other, or that can be asked for one after the other by a filter, go into one
call: what is safe in one table can be worked out from two. docs/privacy.md says what this doesn't
guard.

Source: Hundepool et al., Statistical Disclosure Control, Wiley 2012, chapter 4 (primary and
secondary suppression; the feasible interval of a hidden cell). Which further counts are hidden is
found by programs in whole numbers, one for each count that still stands open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, eye_array, hstack, vstack

from geo.errors import InvalidInput

TOTAL: tuple[str, ...] = ()
PLACE_ATOMS_MIN = 8  # a smaller place seldom has room, and looking there is lost time


@dataclass(frozen=True, slots=True)
class ShownCounts:
    """Counts as they may be shown.

    `tables` : one for each list of columns that was asked for, in that order; its columns and
        `count`, Int64, missing where it is hidden; in the order of the labels
    `small_count` : how many counts are small themselves
    `covering_count` : how many more are hidden to cover them
    """

    k: int
    tables: tuple[pd.DataFrame, ...]
    small_count: int
    covering_count: int


def hide_small_numbers(
    counts: pd.DataFrame, published: Sequence[Sequence[str]], *, k: int
) -> ShownCounts:
    """Return the sums that are published of a table of counts, without the small ones.

    For nested areas give a column for each level; for kinds that can be filtered by, a column, and
    the sums with it and without; for two periods, a column that says in which of them somebody is
    counted. Persons in no area have a label of their own there, not none.

    Parameters
    ----------
    counts : (n,) a column `count` [persons], whole, 0 or more, and the columns named in
        `published`; rows of the same labels are added up
    published : which sums are shown, each by its columns; `TOTAL` is the sum of all
    k : the smallest count that is shown, 1 or more; 1 hides nothing

    Returns
    -------
    ShownCounts. Of each small number among the sums, and of each small row of `counts` whether it
    is published or not, what is shown allows both 1 and k. Zeros are shown, and cover nothing: that
    nobody lives in a lake is known to everybody. The same table gives the same answer.

    Raises
    ------
    InvalidInput : a count is negative or no whole number, a column is missing, a label is missing,
        or k is less than 1
    """
    wanted = [tuple(columns) for columns in published]
    atoms = _atoms(counts, wanted, k)
    tables, rows = _sums(atoms, wanted)
    problem = _Problem(rows, atoms["count"].to_numpy("int64"), k)
    hidden = problem.hidden_rows()
    small = problem.is_small[: len(hidden)]
    shown = []
    start = 0
    for table in tables:
        end = start + len(table)
        count = table["count"].astype("Int64").mask(hidden[start:end])
        shown.append(table.assign(count=count))
        start = end
    return ShownCounts(
        k=k,
        tables=tuple(shown),
        small_count=int(small.sum()),
        covering_count=int((hidden & ~small).sum()),
    )


class _Problem:
    """The rows that are published, the atoms they are sums of, and what is hidden so far."""

    def __init__(self, rows: csr_array, counts: NDArray[np.int64], k: int) -> None:
        self.k = k
        sums = rows @ counts
        # An atom that lies in a sum of zero is known to be zero, and stays out of everything.
        is_open = ~np.asarray(rows[sums == 0].sum(axis=0) > 0).ravel()
        self.rows = csr_array(rows[:, is_open])
        self.sums = sums
        # Those who are counted together in every sum are small together, published or not.
        own = eye_array(int(is_open.sum()), dtype="int64", format="csr")
        self.targets = csr_array(vstack([self.rows, own], format="csr"))
        self.counts = counts[is_open]
        self.values = np.concatenate([sums, self.counts])
        self.is_small = (self.values >= 1) & (self.values < k)
        self.is_hidden = self.is_small[: len(sums)].copy()
        # Where another table is looked for: in rows that hold many atoms, the smallest first.
        sizes = np.diff(self.rows.indptr)
        order = np.argsort(sizes, kind="stable")
        self._places = [int(row) for row in order if sizes[row] >= PLACE_ATOMS_MIN]

    def hidden_rows(self) -> NDArray[np.bool_]:
        """Return which published rows are hidden at last."""
        for up in (True, False):
            bound = self.k if up else 1
            reached = self.values >= bound if up else self.values <= bound
            # The smallest first: what makes room for them makes room for others as well.
            for target in np.argsort(self.values, kind="stable"):
                if not self.is_small[target] or reached[target]:
                    continue
                other = self._another_table(int(target), up=up, reached=reached)
                moved = self.targets @ other
                reached |= moved >= bound if up else moved <= bound
                reached[target] = True
                self.is_hidden |= moved[: len(self.sums)] != self.sums
        return self.is_hidden

    def _another_table(
        self, target: int, *, up: bool, reached: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Return other counts of the atoms under which the target is k or more (`up`), or 1 or as
        near to it as zeros allow, and as little changes of what is shown as may be.

        It is looked for in the smallest place that has room: most often one community holds it, and
        what lies outside needn't be looked at.
        """
        touched = self.targets[[target]].indices
        lies_in = np.diff(self.rows[:, touched].indptr) == len(touched)
        everywhere = np.arange(len(self.counts))
        for place in self._places:
            if not lies_in[place]:
                continue
            atoms = self.rows[[place]].indices
            found = self._in_place(target, np.sort(atoms), up=up, reached=reached)
            reaches_out = np.diff(self.rows.indptr) > np.diff(self.rows[:, atoms].indptr)
            reaches_out[place] = True
            changed = self.rows @ found != self.sums
            if not (changed & reaches_out & ~self.is_hidden).any():
                return found
        return self._in_place(target, everywhere, up=up, reached=reached)

    def _in_place(
        self, target: int, atoms: NDArray[np.int64], *, up: bool, reached: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """As `_another_table`, changing these atoms only.

        Variables: the atoms' counts; for each row that is shown, how much it changes; for the other
        small targets that are still open, how far they come along, which is rewarded a little.
        """
        k = self.k
        touches = np.diff(self.rows[:, atoms].indptr) > 0
        fixed = self.sums - self.rows[:, atoms] @ self.counts[atoms]
        shown = np.flatnonzero(touches & ~self.is_hidden)
        along = self.is_small & ~reached
        along[target] = False
        others = self.targets[along][:, atoms]
        others = csr_array(others[np.diff(others.indptr) > 0])
        start = others @ self.counts[atoms]
        rows = self.rows[shown][:, atoms]
        eye_shown, eye_along = eye_array(len(shown)), eye_array(len(start))
        atom_count, along_count = len(atoms), len(start)
        cost = np.concatenate(
            [
                np.zeros(atom_count),
                np.sqrt(self.sums[shown]),
                np.full(along_count, -0.5 / (1 + k * along_count)),
            ]
        )
        own = self.targets[[target]][:, atoms]
        if not up:
            # Down to 1, or as far as its own parts allow that aren't zero: worth any change.
            cost[:atom_count] += own.toarray()[0] * (1 + cost.clip(0).sum())
        sign = 1 if up else -1
        before = rows @ self.counts[atoms]
        blocks = [
            # |change| of what is shown
            ([rows, -eye_shown, None], -np.inf, before),
            ([rows, eye_shown, None], before, np.inf),
            # how far the others come along
            ([sign * others, None, -eye_along], sign * start, np.inf),
            # what isn't zero isn't taken for zero: zeros are shown
            ([self.rows[touches][:, atoms], None, None], 1 - fixed[touches], np.inf),
        ]
        if up:
            blocks.append(([own, None, None], k, np.inf))
        widths = (atom_count, len(shown), along_count)
        constraints = [
            LinearConstraint(_in_a_row(parts, widths), low, high)
            for parts, low, high in blocks
            if next(part for part in parts if part is not None).shape[0]
        ]
        moving = atom_count + len(shown)
        least = np.concatenate([np.zeros(moving), np.full(along_count, -np.inf)])
        most = np.concatenate([np.full(moving, np.inf), np.full(along_count, k)])
        found = milp(
            cost,
            integrality=np.concatenate([np.ones(atom_count), np.zeros(len(shown) + along_count)]),
            bounds=Bounds(least, most),
            constraints=constraints,
            options={"mip_rel_gap": 0.05},  # the least is not needed; that it is allowed is
        )
        assert found.x is not None, "with everything hidden, every count is possible"
        counts: NDArray[np.int64] = self.counts.copy()
        counts[atoms] = np.rint(found.x[:atom_count]).astype("int64")
        return counts


def _in_a_row(parts: Sequence[csr_array | None], widths: Sequence[int]) -> csr_array:
    height = next(part.shape[0] for part in parts if part is not None)
    return csr_array(
        hstack(
            [
                csr_array((height, width)) if part is None else part
                for part, width in zip(parts, widths, strict=True)
            ]
        )
    )


def _atoms(counts: pd.DataFrame, published: Sequence[tuple[str, ...]], k: int) -> pd.DataFrame:
    """Return the rows added up by all their labels, checked."""
    if k < 1:
        raise InvalidInput(f"k is {k}, wanted 1 or more.", field="k")
    columns = list(dict.fromkeys(name for names in published for name in names))
    missing = sorted({*columns, "count"} - set(counts.columns))
    if missing:
        raise InvalidInput(
            f"The counts lack {', '.join(missing)}; they have {', '.join(map(str, counts))}.",
            got=list(map(str, counts)),
            wanted=[*columns, "count"],
        )
    given = counts["count"].to_numpy("float64")
    wrong = ~(np.isfinite(given) & (given >= 0) & (given == np.floor(given)))
    if wrong.any():
        raise InvalidInput(
            f"{int(wrong.sum())} counts are no whole numbers from 0 on, the first is "
            f"{given[wrong][0]:g}."
        )
    if counts[columns].isna().to_numpy().any():
        raise InvalidInput(
            "A label is missing. Give those who are in no area a label of their own, else they are "
            "the difference between a total and its parts."
        )
    labelled = counts[columns].assign(count=given.astype("int64"))
    if not columns:
        return pd.DataFrame({"count": [int(labelled["count"].sum())]})
    return labelled.groupby(columns, sort=True, observed=True)["count"].sum().reset_index()


def _sums(
    atoms: pd.DataFrame, published: Sequence[tuple[str, ...]]
) -> tuple[list[pd.DataFrame], csr_array]:
    """Return the tables that are published, and which atoms each of their rows is a sum of."""
    tables, rows = [], []
    for columns in published:
        if columns:
            grouped = atoms.groupby(list(columns), sort=True, observed=True)
            number = grouped.ngroup().to_numpy()
            table = grouped["count"].sum().reset_index()
        else:
            number = np.zeros(len(atoms), dtype="int64")
            table = pd.DataFrame({"count": [int(atoms["count"].sum())]})
        ones = np.ones(len(atoms), dtype="int64")
        tables.append(table)
        rows.append(
            csr_array((ones, (number, np.arange(len(atoms)))), shape=(len(table), len(atoms)))
        )
    if not rows:
        return [], csr_array((0, len(atoms)), dtype="int64")
    return tables, csr_array(vstack(rows))
