"""Who reaches what within the rings, as it is sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.schemas.geometry import MultiPolygon, Polygon


class RingTotal(BaseModel):
    """What lies in a ring and in none before it; ring 3: outside all; null: on no road."""

    ring: int | None
    cell_count: int
    households: float
    households_share: float | None
    addresses: float
    addresses_share: float | None
    key_places: float
    key_places_share: float | None


class Lost(BaseModel):
    """What nobody else reaches within the last ring."""

    households: float
    addresses: float
    key_places: float


class SourceReadiness(BaseModel):
    """Of a 最小应急单元."""

    staffed: Literal["ok", "short", "unknown"]
    kit: Literal["ok", "short", "unknown"]
    drill: Literal["ok", "short", "unknown"]
    missing_kit: list[str]
    is_ready: bool


class ReachSource(BaseModel):
    """A site or a unit."""

    unit_id: int | None = None
    code: str
    name: str
    kind: str
    mode: str
    rings_s: list[float]
    lon: float | None
    lat: float | None
    place_source: Literal["site", "position", "home"]
    position_state: str | None = None
    counts: bool
    why_not: str | None = None
    since: datetime | None = None
    readiness: SourceReadiness | None = None
    lost_if_leaves: Lost | None = None


class ReachFeature(BaseModel):
    """A cell, a grid or a ring's area."""

    type: Literal["Feature"]
    id: str
    geometry: Polygon | MultiPolygon
    properties: dict[str, Any]


class ReachAnswer(BaseModel):
    """Cells, grids or areas, with who holds the rings, as GeoJSON."""

    type: Literal["FeatureCollection"]
    features: list[ReachFeature]
    of: Literal["sites", "units"]
    by: Literal["cell", "grid", "area"]
    without: str | None = Field(description="Code of who is thought away.")
    rings_s: list[float] = Field(description="Of the sites or, for units, of most kinds.")
    totals: list[RingTotal]
    totals_with: list[RingTotal] | None = Field(description="With who is thought away, to compare.")
    sources: list[ReachSource]
    resolution: int
    household_source: Literal["dwellings", "grids", "none"]
    network: str
    speed_sources: dict[str, str]
    at: datetime
    method: str
