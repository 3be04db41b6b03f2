"""Who is nearest to each cell right now, kept up as units move, leave and come free.

Times from each unit to each cell come from `layers.travel.times`; here only their minimum is kept:
all anew in a millisecond or two, or one unit's change in a fraction of that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geo.compiling import compiled
from geo.errors import InvalidInput
from layers.travel.times import Seconds

Ints = NDArray[np.int32]

NOBODY = -1


class ReachBoard:
    """Nearest free unit by cell.

    times_s : (n_units, n_cells) float32 [s], infinite for a unit that isn't free
    nearest_s : (n_cells,) float32 [s], infinite where nobody comes
    nearest_unit : (n_cells,) int32, `NOBODY` there; of equal times the lower number
    """

    def __init__(self, times_s: Seconds) -> None:
        """Take the times; they are copied.

        Raises
        ------
        InvalidInput : no matrix of times from 0
        """
        times = np.array(times_s, np.float32, order="C")
        if times.ndim != 2 or np.isnan(times).any() or (times < 0).any():
            raise InvalidInput(
                f"Times of shape {times.shape} were given; wanted (units, cells), from 0 s, "
                "infinite for no way."
            )
        self.times_s = times
        self.nearest_s = np.empty(times.shape[1], np.float32)
        self.nearest_unit = np.empty(times.shape[1], np.int32)
        self.count_anew()

    def count_anew(self) -> None:
        """Find each cell's nearest unit among all."""
        find_nearest(self.times_s, self.nearest_s, self.nearest_unit)

    def change_unit(self, unit: int, times_s: Seconds) -> Ints:
        """Put a unit's new times in; return the cells whose nearest unit or time changed,
        ascending.

        Parameters
        ----------
        times_s : (n_cells,) [s]; all infinite: the unit is busy, off duty or gone
        """
        row = np.ascontiguousarray(times_s, np.float32)
        if not 0 <= unit < len(self.times_s) or row.shape != self.nearest_s.shape:
            raise InvalidInput(
                f"Unit {unit} with {row.shape} times; the board has {self.times_s.shape}."
            )
        if np.isnan(row).any() or (row < 0).any():
            raise InvalidInput(f"A time of unit {unit} is negative or no number.")
        changed = np.empty(len(row), np.int32)
        count = put_unit(self.times_s, unit, row, self.nearest_s, self.nearest_unit, changed)
        return changed[:count]

    def take_unit(self, unit: int) -> Ints:
        """Take a unit off the board; return the cells for which that changes something."""
        return self.change_unit(unit, np.full(self.times_s.shape[1], np.inf, np.float32))

    def without(self, unit: int) -> Seconds:
        """Return each cell's time if a unit left, (n_cells,) [s]; the board stays as it is."""
        if not 0 <= unit < len(self.times_s):
            raise InvalidInput(f"There is no unit {unit} on a board of {len(self.times_s)}.")
        left = self.nearest_s.copy()
        cells = np.flatnonzero(self.nearest_unit == unit)
        others = np.delete(self.times_s[:, cells], unit, axis=0)
        left[cells] = others.min(axis=0, initial=np.inf)
        return left


@compiled(nogil=True)
def find_nearest(times: Seconds, nearest: Seconds, unit: Ints) -> None:
    """Fill in each cell's least time and its unit."""
    nearest[:] = np.inf
    unit[:] = NOBODY
    for row in range(times.shape[0]):
        for cell in range(times.shape[1]):
            # Written without a branch, so that the compiler takes eight cells at once.
            is_less = times[row, cell] < nearest[cell]
            nearest[cell] = times[row, cell] if is_less else nearest[cell]
            unit[cell] = row if is_less else unit[cell]


@compiled(nogil=True)
def put_unit(
    times: Seconds, moved: int, row: Seconds, nearest: Seconds, unit: Ints, changed: Ints
) -> int:
    """Put one unit's times in, mend what hung on them, list the cells changed; return how many."""
    count = 0
    times[moved, :] = row
    for cell in range(len(row)):
        time = row[cell]
        if unit[cell] == moved:
            if time == nearest[cell]:
                continue
            if time > nearest[cell]:
                # Somebody else may be nearer now.
                least, who = np.float32(np.inf), NOBODY
                for other in range(times.shape[0]):
                    if times[other, cell] < least:
                        least, who = times[other, cell], other
                nearest[cell], unit[cell] = least, who
            else:
                nearest[cell] = time
        elif time < nearest[cell] or (time == nearest[cell] and moved < unit[cell]):
            nearest[cell], unit[cell] = time, moved
        else:
            continue
        changed[count] = cell
        count += 1
    return count
