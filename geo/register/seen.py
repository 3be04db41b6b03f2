"""What an import has met before, as hashes: eight bytes a row, on disk as well, for a resume."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.errors import InvalidFile

HASH_KEY = "gridbeat-seen-01"  # 16 characters, as the hash wants; a change ends old resumes
HashArray = NDArray[np.uint64]


def hashed(values: Sequence[str]) -> HashArray:
    """Return the 64-bit hash of each text, the same in every process."""
    array = np.array(values, dtype=object)
    return np.asarray(
        pd.util.hash_array(array, hash_key=HASH_KEY, categorize=False), dtype=np.uint64
    )


class SeenTexts:
    """A set of texts that only grows.

    Two texts share a hash once in some 10^7 imports of a million rows; then the second is taken
    for met before, and becomes an alias or a failure that is reported.
    """

    def __init__(self, path: Path | None = None, *, keep_count: int = 0) -> None:
        """Keep it in `path` too, beginning with the first `keep_count` of an earlier run.

        Raises
        ------
        InvalidFile : fewer are there than should be kept
        """
        self._path = path
        self._held: HashArray = np.empty(0, np.uint64)
        if path is None:
            return
        stored = np.fromfile(path, np.uint64) if path.exists() else np.empty(0, np.uint64)
        if len(stored) < keep_count:
            raise InvalidFile(
                f"{path.name} of the earlier run is gone or cut short. Start the import anew.",
                file=path.name,
            )
        self._held = np.unique(stored[:keep_count])
        stored[:keep_count].tofile(path)

    def __len__(self) -> int:
        return len(self._held)

    def holds(self, values: Sequence[str]) -> NDArray[np.bool_]:
        """Whether each text was added before."""
        return np.isin(hashed(values), self._held, assume_unique=False, kind="sort")

    def add(self, values: Sequence[str]) -> None:
        """Add texts."""
        fresh = np.setdiff1d(hashed(values), self._held)
        self._held = np.union1d(self._held, fresh)
        if self._path is not None:
            with self._path.open("ab") as file:
                fresh.tofile(file)
