"""The hotspot layer and its backtest."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.geometry import MultiPolygon, Polygon

HotspotMeasure = Literal["counts", "rate", "risk", "gi", "moran", "change", "forecast", "density"]
HotspotBy = Literal["h3", "grid"]
HotspotPer = Literal["place", "household", "km2", "street_km"]
HotspotReason = Literal["history", "surroundings", "recent here", "recent near"]


class HotspotProperties(BaseModel):
    """One place. `value` is what it is coloured by; the rest belongs to the measure."""

    h3_cell: str | None = None
    grid_code: str | None = None
    name: str | None = Field(None, description="Of the grid.")
    count: int = Field(ge=0)
    is_too_few: bool = Field(description="Hatched: fewer than five say little.")
    value: float
    rate: float | None = Field(None, description="Incidents a year, of what `per` says.")
    low: float | None = Field(None, description="Lower end of the 95 % interval.")
    high: float | None = None
    is_coloured: bool | None = Field(None, description="Surely above the mean (risk).")
    z: float | None = None
    before: int | None = Field(None, description="In the equal stretch right before (change).")
    change: float | None = None
    kind: (
        Literal[
            "hot",
            "cold",
            "more",
            "fewer",
            "none",
            "high among high",
            "low among low",
            "high among low",
            "low among high",
        ]
        | None
    ) = Field(None, description="What stands out, after the correction for many places.")
    reason: HotspotReason | None = None


class HotspotFeature(BaseModel):
    """One place with its measure."""

    type: Literal["Feature"]
    id: str
    geometry: Polygon | MultiPolygon
    properties: HotspotProperties


class CrowdedCell(BaseModel):
    """A fine cell that holds a fifth of all incidents or more: often the station, where incidents
    are put when nobody knew the place."""

    h3_cell: str
    share: float


class HotspotLayer(BaseModel):
    """Places of a frame, as GeoJSON."""

    type: Literal["FeatureCollection"]
    features: list[HotspotFeature]
    measure: HotspotMeasure
    by: HotspotBy
    resolution: int | None = Field(description="Of the H3 cells.")
    per: HotspotPer
    crowded: CrowdedCell | None
    start: datetime
    end: datetime
    incident_count: int = Field(description="In the period, in all of the caller's area.")
    class_breaks: list[int]
    method: str = Field(description="How this was computed.")


class MethodScore(BaseModel):
    """How one method did; null where nothing happened."""

    method: Literal["forecast", "counts", "random"]
    caught: float
    pai: float | None
    pai_low: float | None
    pai_high: float | None
    pei: float | None
    judgement: Literal["better", "worse", "no difference shown", "cannot be judged"]


class HotspotBacktest(BaseModel):
    """The forecast on the last third of the history, beside counts and random, at equal area."""

    scores: list[MethodScore]
    n_events: int
    n_windows: int
    horizon_days: float
    area_share: float
    offered_default: Literal["forecast", "counts"]
    sentence: str = Field(description="What can be said, or why nothing can.")
