"""A grid as a file describes it, before anything is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class GridDraft:
    """One row of a grid file, its texts trimmed, its geometry WGS 84.

    row : as the file's reader counts it
    community_code : stated, or taken from the code; None where neither says it
    household_count : [households], None where not stated
    geometry : valid multipolygon, EPSG:4326; None where it is broken or missing
    """

    row: int
    grid_code: str
    name: str
    kind: str
    community_code: str | None
    person_in_charge: str | None
    contact: str | None
    household_count: int | None
    geometry: Any | None

    @property
    def label(self) -> str:
        """How a sentence names it: by its code, or by its row where it has none."""
        return f"Grid “{self.grid_code}”" if self.grid_code else f"The grid in row {self.row}"
