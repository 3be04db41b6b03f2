"""What can be wrong with drawn grids: kinds, severities, limits, and one fault.

An error stops an import. A warning stops it, too, until a person has seen it and accepts it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any


class Severity(enum.StrEnum):
    """How much a fault weighs."""

    ERROR = "error"
    WARNING = "warning"


class FaultKind(enum.StrEnum):
    """What is wrong. The names travel: API, files and translations use them."""

    GEOMETRY_MISSING = "geometry_missing"
    GEOMETRY_NOT_POLYGON = "geometry_not_polygon"
    GEOMETRY_UNREADABLE = "geometry_unreadable"
    COORDINATE = "coordinate"
    RING_UNCLOSED = "ring_unclosed"
    RING_TOO_FEW_POINTS = "ring_too_few_points"
    RING_CROSSES_ITSELF = "ring_crosses_itself"
    RING_BOW_TIE = "ring_bow_tie"
    RING_TOUCHES_ITSELF = "ring_touches_itself"
    RING_DUPLICATE_POINTS = "ring_duplicate_points"
    RINGS_MISPLACED = "rings_misplaced"
    OVERLAP = "overlap"
    GAP = "gap"
    SLIVER = "sliver"
    LEAVES_COMMUNITY = "leaves_community"
    COMMUNITY_UNKNOWN = "community_unknown"
    CODE_WRONG = "code_wrong"
    CODE_DUPLICATE = "code_duplicate"
    ORDER_WRONG = "order_wrong"
    VALUE_WRONG = "value_wrong"
    DATUM_SUSPECT = "datum_suspect"
    HOUSEHOLDS_UNUSUAL = "households_unusual"
    DATE_TAKEN = "date_taken"
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True)
class GridFault:
    """One fault, in words and in place.

    grid_codes : the grids concerned; where a grid has no code, its row says which
    rows : the rows of the file concerned, as its reader counts them
    text : plain language, with codes and measures
    area_m2, width_m : what was measured [m2, m], None where nothing was
    column : the column of the file concerned, None for geometry
    geometry : where, EPSG:4326; None where it has no place
    """

    kind: FaultKind
    severity: Severity
    text: str
    grid_codes: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    area_m2: float | None = None
    width_m: float | None = None
    column: str | None = None
    geometry: Any | None = None

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR


@dataclass(frozen=True, slots=True)
class FaultLimits:
    """From where on a difference is a fault.

    noise_width_m : [m] narrower pieces are rounding, not drawing: straight edges of a projected
        source bend by some 2 cm on 1 km when their corners become degrees
    sliver_width_m : [m] narrower pieces are slivers, warned of; wider ones are overlaps and gaps.
        No address point is placed to better than 1 m (surveyed doors: 0.5-1 m)
    gap_width_m : [m] strips between neighbours that are open at an end are looked for up to this
        width; wider ones are taken for a street or river that was left out on purpose. Enclosed
        gaps are found at any width
    households_min, households_max : [households] a grid outside is pointed out (practice; see
        the settings of the same names)
    listed_max : [faults of one kind] more are counted, not listed
    """

    noise_width_m: float = 0.05
    sliver_width_m: float = 1.0
    gap_width_m: float = 5.0
    households_min: int = 300
    households_max: int = 500
    listed_max: int = 1000


def name_grids(codes: tuple[str, ...]) -> str:
    """Return codes for a sentence: “a”, “a” and “b”, or the first three and how many more."""
    shown = [f"“{code}”" for code in codes[:3]]
    if len(codes) > 3:
        return f"{', '.join(shown)} and {len(codes) - 3} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def text_of_area(area_m2: float) -> str:
    """Return an area for a sentence: 0.4 m², 1,234 m²."""
    return f"{area_m2:,.1f} m²" if area_m2 < 10 else f"{area_m2:,.0f} m²"
