"""The compiled loop behind the permutations of `layers.statistics.local`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geo.compiling import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@compiled(nogil=True)
def count_draws(
    values: Floats, sums: Floats, sizes: Ints, draws: Ints, entries: Ints, offsets: Ints
) -> tuple[Ints, Ints]:
    """Return in how many draws the sum is at least, and at most, that of each place's neighbours.

    A draw is a row of positions among the n - 1 other places; for a place with k neighbours its
    first k count. Position d means place d below the place asked about, d + 1 from it on: so going
    from place i - 1 to i changes only the entries that are i - 1, and each entry changes once. The
    sums of all draws are kept, and begun anew from the entry that changed, in the same order of
    adding as at the start: they are what a fresh sum would be, to the last bit.

    values : (n,)
    sums : (n,) of the neighbours' values
    sizes : (n,) neighbours of each, 0 to width
    draws : (n_draws, width), 0 to n - 2, no position twice in a row
    entries : (n_draws * width,) flat indices into `draws`, by the position they hold
    offsets : (n,) where the entries of each position 0 to n - 2 begin, and the end
    """
    count, (n_draws, width) = len(values), draws.shape
    drawn = np.empty((width, n_draws))
    for draw in range(n_draws):
        total = 0.0
        for k in range(width):
            total += values[draws[draw, k] + 1]  # before the first place all stand above it
            drawn[k, draw] = total
    at_least = np.zeros(count, dtype=np.int64)
    at_most = np.zeros(count, dtype=np.int64)
    for place in range(count):
        if place > 0:
            for entry in entries[offsets[place - 1] : offsets[place]]:
                draw, start = entry // width, entry % width
                total = drawn[start - 1, draw] if start > 0 else 0.0
                for k in range(start, width):
                    position = draws[draw, k]
                    total += values[position + (1 if position >= place else 0)]
                    drawn[k, draw] = total
        size = sizes[place]
        if size == 0:
            at_least[place] = n_draws
            at_most[place] = n_draws
            continue
        asked = sums[place]
        row = drawn[size - 1]
        above, below = 0, 0
        for draw in range(n_draws):
            above += row[draw] >= asked
            below += row[draw] <= asked
        at_least[place] = above
        at_most[place] = below
    return at_least, at_most
