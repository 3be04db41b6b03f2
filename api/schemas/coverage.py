"""Patrol coverage: places in a period, key places, shares of duty time, a unit's own day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from api.dependencies import SoundText
from api.schemas.registers import Strict
from api.schemas.units import UnitKind

CoveragePlaceKind = Literal["cell", "grid", "street", "key_place"]
CoverageMeasure = Literal[
    "visits", "dose", "presence", "revisit", "since", "intermittency", "mean_stay"
]
CoverageState = Literal["certain", "uncertain", "none", "unknown"]
Word = Annotated[SoundText, StringConstraints(min_length=1, max_length=80)]
Hour = Annotated[int, Field(ge=0, le=24)]


class PlaceCoverage(BaseModel):
    """One place. `value` is what it is coloured by; null where there is nothing to tell."""

    place: str = Field(description="H3 cell, grid code, number of a street or key place.")
    name: str | None = None
    grid_code: str
    state: CoverageState = Field(
        description="certain or uncertain: how most of the presence is known; none: nobody was "
        "there; unknown: nobody is known to have been, and of the grid's units less than half of "
        "the duty time is known."
    )
    value: float | None
    visit_count: int
    probable_count: int = Field(description="Visits of which less than the least stay is certain.")
    dose_s: float = Field(description="Time of all visits [s].")
    presence_s: float = Field(description="Visits and passings [s].")
    certain_s: float
    uncertain_s: float
    patrolling_s: float
    stationary_s: float
    responding_s: float
    mean_stay_s: float | None
    right_dose_share: float | None = Field(description="Visits of 10 to 15 min, of all visits.")
    gap_p50_s: float | None = Field(description="Revisit interval, median; of whole periods only.")
    gap_p90_s: float | None
    gap_max_s: float | None
    gap_cv: float | None = Field(description="Intermittency.")
    since_last_s: float | None = Field(description="From the last visit to the period's end.")


class CoverageFeature(BaseModel):
    """A place with its coverage."""

    type: Literal["Feature"]
    id: str
    geometry: dict[str, Any]
    properties: PlaceCoverage


class CoverageLayer(BaseModel):
    """Places of a frame, as GeoJSON."""

    type: Literal["FeatureCollection"]
    features: list[CoverageFeature]
    kind: CoveragePlaceKind
    measure: CoverageMeasure
    start: datetime
    end: datetime
    hour_count: int = Field(description="Hours asked for.")
    states: dict[str, int] = Field(description="How many places are in which state.")
    class_breaks: list[float] = Field(description="Lower ends of classes above the first.")
    duty_s: float = Field(description="Duty of the units seen, by the roster [s].")
    known_s: float = Field(description="Of it, where anything is known [s].")
    roads: list[str] = Field(
        description="Names of the road networks along which units went between two fixes; none: "
        "straight."
    )
    method: str


class DoseWanted(Strict):
    """Wanted in each stretch of local hours that begins on one of the weekdays (1: Monday)."""

    first_hour: Hour
    end_hour: Hour
    weekdays: Annotated[list[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1, max_length=7)]
    dose_min: Annotated[float, Field(ge=1, le=1440)]


class NewKeyPlace(Strict):
    """A place that patrols must be seen at."""

    code: Word
    name: Word
    lon: Annotated[float, Field(ge=-180, le=180)]
    lat: Annotated[float, Field(ge=-90, le=90)]
    reach_m: Annotated[float, Field(ge=5, le=500)] = 30.0
    doses: Annotated[list[DoseWanted], Field(max_length=50)] = Field(default=[])


class NewDoses(Strict):
    """What a key place wants from now on, instead of what it wanted."""

    doses: Annotated[list[DoseWanted], Field(max_length=50)]


class KeyPlace(BaseModel):
    """A key place (重点部位)."""

    key_place_id: int
    code: str
    name: str
    grid_code: str
    lon: float
    lat: float
    reach_m: float
    doses: list[DoseWanted]


class KeyPlaceList(BaseModel):
    """Key places, by code."""

    key_places: list[KeyPlace]


class UncoveredOccasion(BaseModel):
    """A stretch in which a key place got less than it wanted."""

    key_place_id: int
    code: str
    name: str
    grid_code: str
    lon: float
    lat: float
    starts_at: datetime
    ends_at: datetime
    dose_s: float
    certain_s: float
    uncertain_s: float
    missing_s: float
    state: Literal["none", "short", "unknown", "probably_covered", "covered"]


class UncoveredList(BaseModel):
    """Most lacking first."""

    occasions: list[UncoveredOccasion]
    wanted_count: int = Field(description="Stretches in the period that have ended.")
    covered_count: int
    probably_count: int
    start: datetime
    end: datetime


class MismatchCell(BaseModel):
    """A grid and part of the day. Negative difference: too little presence."""

    grid_code: str
    slot: int
    presence_share: float
    demand_share: float
    difference: float


class CoverageMismatch(BaseModel):
    """The index and the matrix behind it."""

    index: float = Field(description="0 to 1: the part of patrol time that would be elsewhere.")
    slots: list[str] = Field(description="Local hours of each slot.")
    matrix: list[MismatchCell]
    demand_count: int
    demand_start: datetime
    start: datetime
    end: datetime
    method: str


class WeeklyShare(BaseModel):
    """Units of a kind at a station: how much of their duty time was in their communities."""

    station: str
    station_name: str | None
    kind: UnitKind
    unit_count: int
    duty_s: float
    known_s: float
    community_s: float
    beat_s: float
    responding_s: float
    share: float
    share_high: float = Field(description="Were all that is unknown inside.")
    beat_share: float
    target: float | None
    verdict: Literal["met", "missed", "unknown"] | None


class WeeklyShares(BaseModel):
    """By station and kind of unit."""

    monday: date
    rows: list[WeeklyShare]


class GroundCovered(BaseModel):
    """Ground covered, with the swath it is told for."""

    swath_m: float
    length_km: float
    merged_km2: float = Field(description="Each piece of ground once.")
    unmerged_km2: float = Field(description="Length x swath: effort.")


class CheckpointVerdict(BaseModel):
    """What is known of one key place."""

    key_place_id: int
    name: str
    verdict: Literal["visited", "probable", "not_visited", "unknown"]
    at: datetime | None


class GroundAndCheckpoints(BaseModel):
    """Ground covered by the caller's units, and which key places they passed."""

    start: datetime
    end: datetime
    area: GroundCovered
    checkpoints: list[CheckpointVerdict]


class DayPoint(BaseModel):
    """Where the unit was."""

    at: datetime
    lon: float
    lat: float


class DayStop(BaseModel):
    """Where it stood for two minutes or more."""

    starts_at: datetime
    ends_at: datetime
    lon: float
    lat: float


class DutyStretch(BaseModel):
    """A shift."""

    starts_at: datetime
    ends_at: datetime


class UnitDay(BaseModel):
    """A unit's own day [s, shares of duty time]."""

    unit_id: int
    code: str
    name: str
    kind: UnitKind
    on: date
    shifts: list[DutyStretch]
    way: list[DayPoint]
    stops: list[DayStop]
    dropped: dict[str, int]
    duty_s: float
    known_s: float
    uncertain_s: float
    community_s: float
    beat_s: float
    patrolling_s: float
    stationary_s: float
    responding_s: float
    community_target: float | None
    cell_count: int
    street_count: int
    area: GroundCovered
