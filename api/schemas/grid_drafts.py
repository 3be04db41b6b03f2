"""Drafts of sets of grids, as they are asked for and sent."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.dependencies import ID_MAX, Code
from api.schemas.geometry import MultiPolygon, Polygon
from api.schemas.registers import Strict

Hours = Annotated[float, Field(ge=0, le=100)]
Version = Annotated[int, Field(ge=1, le=ID_MAX, description="The version that was looked at.")]
GridIndex = Annotated[int, Field(ge=0, lt=500)]


class NewGridDraft(Strict):
    """How an area is to be split."""

    area_code: Code = Field(description="A community, or an area above some: a station's.")
    weight: Literal["households", "addresses", "key_places", "workload"] = "households"
    grid_count: int | None = Field(
        default=None, ge=1, le=500, description="Grids wanted; else by what a grid is to hold."
    )
    a_grid: float = Field(
        default=400, gt=0, le=1_000_000, description="What a grid is to hold, of the weight."
    )
    tolerance: float = Field(
        default=0.1, ge=0.001, le=1, description="Largest deviation from the mean, a fraction."
    )
    stay: float = Field(
        default=0.0, ge=0, le=100,
        description="0: the grids of now don't count; 1: moving all costs as much as all borders.",
    )  # fmt: skip
    hours_a_visit: Hours = 0.5
    hours_an_incident: Hours = 1.0
    hours_a_key_place: Hours = 2.0
    seed: int = Field(default=1, ge=0, le=1_000_000)


class GridDraftEdit(Strict):
    """A change: a block to another grid, or which grids are locked."""

    version: Version
    block: int | None = Field(default=None, ge=0, le=1_000_000)
    grid: GridIndex | None = None
    locked: list[GridIndex] | None = Field(default=None, max_length=500)


class GridDraftOrder(Strict):
    """Something to do with a draft as it was looked at."""

    version: Version


class GridDraftDecision(Strict):
    """What a draft becomes: proposed, a draft again, or ended."""

    version: Version
    status: Literal["draft", "proposed", "ended"]


class GridDraftAcceptance(Strict):
    """From when the grids of a proposed draft are to hold."""

    version: Version
    valid_from: date
    accept_warnings: bool = False


class DraftGrid(BaseModel):
    """One grid, of now or of the draft. `deviation` from the mean, a fraction."""

    grid: int | None = Field(description="Its number in the draft; none of those of now.")
    grid_code: str
    name: str
    goes_on_from: str | None = Field(description="Code of the grid of now it goes on from.")
    is_locked: bool
    households: float
    addresses: float
    key_places: float
    workload: float = Field(description="Hours.")
    area_m2: float
    compactness: float = Field(description="Polsby and Popper; a circle has 1.")
    deviation: float


class DraftTable(BaseModel):
    """Grids side by side, of now or of the draft."""

    grids: list[DraftGrid]
    mean: float
    most: float = Field(description="Largest deviation from the mean, a fraction.")
    cv: float = Field(description="Standard deviation over mean.")
    border_m: float = Field(description="Borders between grids.")
    road_share: float = Field(description="Of it along roads.")
    big_share: float = Field(description="Of it along big roads.")


class DraftSolving(BaseModel):
    """How far the search is."""

    is_running: bool
    stage: int
    stage_count: int
    message: str | None


class GridDraftSummary(BaseModel):
    """A draft in a list."""

    draft_id: int
    version: int
    status: Literal["draft", "proposed", "accepted", "ended"]
    area_code: str
    area_name: str
    area_level: str
    created_at: datetime
    created_by: str
    decided_at: datetime | None
    decided_by: str | None


class GridDraftList(BaseModel):
    """Drafts, the newest first."""

    drafts: list[GridDraftSummary]


class GridDraftAnswer(GridDraftSummary):
    """A draft with what it comes to, before and after.

    `balanced` is `area_m2` where nothing weighs. `bound`: no plan has a lower largest deviation.
    """

    weight: str
    balanced: str
    tolerance: float
    stay: float
    grid_count: int
    block_count: int
    parted_count: int
    part_count: int
    is_by_cells: bool
    has_roads: bool
    outside: int
    household_source: str
    solving: DraftSolving
    before: DraftTable | None
    after: DraftTable | None
    is_balanced: bool | None
    bound: float | None
    households_moved: float | None
    addresses_moved: float | None
    method: str


class DraftPiece(BaseModel):
    """A block or grid of the draft, or a grid of now."""

    kind: Literal["block", "grid", "now"]
    block: int | None = None
    grid: int | None = None
    weight: float | None = None
    grid_code: str | None = None
    name: str | None = None


class DraftPieceFeature(BaseModel):
    """One of them with its outline."""

    type: Literal["Feature"]
    id: str
    geometry: Polygon | MultiPolygon
    properties: DraftPiece


class GridDraftMap(BaseModel):
    """A draft as a map shows it."""

    type: Literal["FeatureCollection"]
    features: list[DraftPieceFeature]
    version: int


class FileGrid(BaseModel):
    """A grid as a file of grids has it."""

    grid_code: str
    name: str
    kind: str
    community_code: str | None
    person_in_charge: str | None
    contact: str | None
    household_count: int
    deviation: float


class FileGridFeature(BaseModel):
    """One of them with its border, every digit kept."""

    type: Literal["Feature"]
    geometry: MultiPolygon
    properties: FileGrid


class GridDraftFile(BaseModel):
    """The grids of a draft as a file."""

    type: Literal["FeatureCollection"]
    features: list[FileGridFeature]


class AcceptedDraft(BaseModel):
    """The import that makes grids of a draft; `GET /v1/imports/{job_id}` tells how it ended."""

    job_id: int
    draft: GridDraftSummary
