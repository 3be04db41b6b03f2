"""What is recorded at a standard address."""

from __future__ import annotations

from pydantic import BaseModel, Field

from api.schemas.dwellings import Dwelling
from api.schemas.establishments import Establishment
from api.schemas.geometry import Link
from api.schemas.registers import Report
from api.schemas.residents import Resident


class AddressRecords(BaseModel):
    """The records at a standard address on a day."""

    address_id: int
    canonical_text: str
    grid_code: str | None
    dwellings: list[Dwelling]
    establishments: list[Establishment]
    residents: list[Resident] | None = Field(
        description="Missing where no purpose and case are given, or the role sees no persons."
    )
    reports: list[Report] = Field(
        description="Open reports that one of these is wrong; of persons only where those are."
    )
    links: list[Link]
