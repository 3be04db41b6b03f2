"""Tables over incidents: concentration, hours of the week, near repeats, the list for a shift."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.geometry import MultiPolygon, Polygon
from api.schemas.hotspots import HotspotBacktest, HotspotBy, HotspotReason


class CurvePoint(BaseModel):
    """The first places hold so many of the incidents."""

    place_share: float
    event_share: float


class Concentration(BaseModel):
    """How few places hold how many incidents: 80-20 and the whole curve."""

    n_places: int
    n_events: int
    gini: float = Field(
        description="0: as even as could be, near 1: all in one place. From the most even spread "
        "that was possible with so many incidents."
    )
    half_in: float = Field(description="Share of the places that hold half of the incidents.")
    eighty_in: float = Field(description="Share of the places that hold 80 %.")
    curve: list[CurvePoint]


class WeekTable(BaseModel):
    """Incidents by weekday and hour of local time; known as from-to, spread evenly over it."""

    weights: list[list[float]] = Field(description="Seven days from Monday, 24 hours each.")
    n_events: int
    n_too_vague: int = Field(description="Left out: their stretch is longer than a week.")
    zone: str


class NearRepeatRow(BaseModel):
    """Pairs of incidents up to a distance apart, beyond the row before."""

    distance_m: float = Field(description="0: in the same cell of some 300 m².")
    pairs: list[int] = Field(description="By `days`.")
    ratio: list[float | None] = Field(
        description="Against times shuffled among the incidents; null below five pairs."
    )
    p: list[float] = Field(description="Chance of as many pairs or more.")


class NearRepeats(BaseModel):
    """The Knox table: do incidents follow each other near in space and time."""

    days: list[float] = Field(description="Upper ends of the classes of time between [days].")
    rows: list[NearRepeatRow]
    n_events: int
    n_permutations: int


class ShiftPlace(BaseModel):
    """A place to be at. The four parts sum to `expected`."""

    rank: int
    h3_cell: str | None = None
    grid_code: str | None = None
    name: str | None = Field(None, description="Of the grid.")
    expected: float = Field(description="Incidents in the shift.")
    low: float = Field(description="Lower end of the 95 % interval of their number.")
    high: float
    reason: HotspotReason = Field(description="What gives most.")
    history: float
    surroundings: float
    recent_here: float
    recent_near: float


class ShiftFeature(BaseModel):
    """A place to be at, with its outline."""

    type: Literal["Feature"]
    id: str
    geometry: Polygon | MultiPolygon
    properties: ShiftPlace


class ShiftList(BaseModel):
    """Places for a shift, best first, as GeoJSON."""

    type: Literal["FeatureCollection"]
    features: list[ShiftFeature]
    by: HotspotBy
    start: datetime
    hours: float
    share_of_week: float = Field(description="Share of a week's incidents in the shift's hours.")
    area_share: float = Field(description="Share of the caller's area that is listed.")
    expected_total: float = Field(description="In all places listed.")
    expected_everywhere: float
    would_have_caught: HotspotBacktest | None = Field(
        description="The same area on the last windows; null where there is too little history."
    )
    method: str
