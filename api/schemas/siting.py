"""Siting questions and plans, as they are sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import Code
from api.schemas.geometry import Polygon
from geo.roads.modes import TravelMode
from layers.siting.stages import Question


class SitingAsked(BaseModel):
    """A question about where sites should be."""

    model_config = ConfigDict(extra="forbid")

    question: Question = Field(
        default=Question.MOST,
        description="how_many bring all; which bring most; the same with busy units; which are "
        "nearest in the mean.",
    )
    wanted: int = Field(default=5, ge=1, le=500, description="Sites, or units, in all.")
    limit_s: float = Field(default=180.0, gt=0, le=1_800)
    share: float = Field(default=1.0, gt=0, le=1, description="Of the demand, for how_many.")
    busy_share: float = Field(default=0.3, ge=0, lt=1)
    units_at_site_max: int = Field(default=1, ge=1, le=20)
    mode: TravelMode = TravelMode.EMERGENCY_CAR
    demand: Literal["households", "addresses", "key_places"] = "households"
    keep: bool = Field(default=True, description="Whether all sites that are, stay.")
    fixed: list[Code] = Field(default_factory=list, max_length=500)
    forbidden: list[Code] = Field(
        default_factory=list, max_length=500, description="Never opened; one that is, closes."
    )
    grid_centres: bool = Field(
        default=False, description="Whether the middle of each grid is a candidate, too."
    )
    resolution: int = Field(default=10, ge=8, le=11)


class SitedPlace(BaseModel):
    """An open site of a plan."""

    code: str
    name: str
    kind: str
    lon: float
    lat: float
    is_new: bool
    unit_count: int


class SitingAnswer(BaseModel):
    """A question, how far it is, and the best plan so far."""

    plan_id: str
    status: Literal["waiting", "running", "done", "stopped", "failed"]
    stage: int
    stage_count: int
    message: str | None
    question: Question
    limit_s: float
    sites: list[SitedPlace]
    closed: list[SitedPlace]
    objective: float | None = Field(description="Demand covered, mean seconds, or sites.")
    bound: float | None = Field(description="No plan does better than this.")
    gap: float | None
    is_proven: bool
    found_by: str | None
    whole: float = Field(description="All demand.")
    covered_before: float | None
    covered: float | None = Field(description="Demand within the limit.")
    mean_s_before: float | None
    mean_s: float | None
    demand: str
    candidate_count: int
    cell_count: int
    network: str
    asked_at: datetime
    method: str


class ComparedCell(BaseModel):
    """A hexagon that one of two plans reaches in time and the other doesn't."""

    type: Literal["Feature"]
    id: int
    geometry: Polygon
    properties: dict[str, Any]


class SitingComparison(BaseModel):
    """What changes from one plan to another, as GeoJSON: `state` gained, lost, both, neither."""

    type: Literal["FeatureCollection"]
    features: list[ComparedCell]
    opened: list[SitedPlace]
    closed: list[SitedPlace]
    covered_before: float
    covered_after: float
    gained: float
    lost: float
    mean_s_before: float | None
    mean_s_after: float | None
    limit_s: float
