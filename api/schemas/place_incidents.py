"""Incidents at a standard address."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from api.schemas.incidents import IncidentSource, IncidentStatus


class PlacedIncident(BaseModel):
    """An incident at the address, or near by."""

    id: int
    category_code: str
    source: IncidentSource
    status: IncidentStatus
    reported_at: datetime
    occurred_from: datetime
    occurred_to: datetime
    dispatched_at: datetime | None
    arrived_at: datetime | None
    cleared_at: datetime | None
    duplicate_of: int | None = Field(description="Somebody decided that it is the same as this.")
    is_here: bool = Field(description="At this very address, not only near by.")
    distance_m: float | None = Field(description="From the address's point.")
    version: int


class RepeatedIncidents(BaseModel):
    """Kinds that are pointed out where they repeat, such as disputes, at this very address."""

    count: int
    open_count: int
    first_at: datetime
    last_at: datetime


class AddressIncidents(BaseModel):
    """Incidents at a standard address or within 50 m, the latest first."""

    address_id: int
    count: int = Field(description="How many there are in all; at most 100 are told.")
    repeated: RepeatedIncidents | None = Field(description="Until all of them are closed.")
    incidents: list[PlacedIncident]
