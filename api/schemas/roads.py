"""The road network, travel times, paths and the nearest units, as they are sent."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import ID_MAX, SoundText
from api.schemas.geometry import Position
from geo.roads.modes import TravelMode

PLACES_MAX = 500  # of one side of a matrix
PAIRS_MAX = 40_000
LIMIT_MAX_S = 7_200.0


class Place(BaseModel):
    """A point, in the datum that the question names."""

    model_config = ConfigDict(extra="forbid")

    lon: float = Field(description="Longitude [degrees], or easting [m].", examples=[112.58])
    lat: float = Field(description="Latitude [degrees], or northing [m].", examples=[37.87])


class ModeReport(BaseModel):
    """What a mode finds."""

    mode: TravelMode
    node_count: int
    edge_count: int
    length_km: float
    main_node_share: float | None
    main_length_share: float | None = Field(
        description="Where one can drive from anywhere to anywhere, by length."
    )
    island_count: int
    island_edge_count: int
    trap_edge_count: int = Field(description="Edges one can enter and not leave, or the reverse.")
    dead_end_count: int


class SpeedSource(BaseModel):
    """What a mode's times rest on."""

    mode: TravelMode
    source: str
    p50_factor: float = Field(description="Computed time times this: half of the trips.")
    p90_factor: float = Field(description="Nine of ten trips.")
    spread_basis: Literal["assumed", "own_tracks"]
    trip_count: int
    measured_at: datetime | None = Field(description="None where assumed.")
    p50_low: float | None = Field(description="The true factor lies between, with 95 %.")
    p50_high: float | None
    p90_low: float | None
    p90_high: float | None


class RoadNetworkInfo(BaseModel):
    """The road network in force on a day."""

    network_id: int
    name: str
    file_name: str | None
    attribution: str | None
    is_generated: bool
    has_own_numbers: bool = Field(description="Whether roads have their file's numbers.")
    origin_datum: str
    valid_from: date
    valid_to: date | None
    imported_at: datetime
    node_count: int
    edge_count: int
    line_count: int
    modes: list[ModeReport]
    dropped: dict[str, int]
    notes: list[str]
    speeds: list[SpeedSource]
    closure_count: int = Field(description="Closures that hold now or will.")


class RoadAt(BaseModel):
    """The road nearest to a point."""

    road_id: int = Field(description="By which it is closed.")
    name: str | None
    road_class: str
    distance_m: float
    modes: list[TravelMode]


class Closure(BaseModel):
    """Roads closed for a time."""

    closure_id: int
    road_ids: list[int]
    modes: list[TravelMode]
    starts_at: datetime
    ends_at: datetime | None
    reason: str


class ClosureList(BaseModel):
    """Those that hold or will, the earliest first."""

    closures: list[Closure]


class NewClosure(BaseModel):
    """Roads to close."""

    model_config = ConfigDict(extra="forbid")

    road_ids: list[Annotated[int, Field(ge=1, le=ID_MAX)]] = Field(
        min_length=1, max_length=1_000, examples=[[12]]
    )
    reason: SoundText = Field(min_length=1, max_length=500)
    starts_at: datetime | None = Field(default=None, description="Default: now.")
    ends_at: datetime | None = Field(default=None, description="Default: until reopened.")
    modes: list[TravelMode] = Field(default_factory=lambda: list(TravelMode), min_length=1)


class TimesQuestion(BaseModel):
    """From where to where."""

    model_config = ConfigDict(extra="forbid")

    origins: list[Place] = Field(min_length=1, max_length=PLACES_MAX)
    destinations: list[Place] = Field(min_length=1, max_length=PLACES_MAX)
    mode: TravelMode = TravelMode.CAR
    at: datetime | None = Field(default=None, description="When; decides hour and closures.")
    limit_s: float | None = Field(default=None, gt=0, le=LIMIT_MAX_S)
    datum: str = Field(default="WGS84", max_length=60)


class TravelBasis(BaseModel):
    """What an answer by road rests on."""

    mode: TravelMode
    network: str
    network_id: int
    at: datetime
    speed_source: str
    method: str


class TravelTimesAnswer(TravelBasis):
    """Times from each origin to each destination."""

    times_s: list[list[float | None]] = Field(
        description="A row an origin [s]; null: no way, beyond the limit, or on no road."
    )
    origins_on_road: list[bool]
    destinations_on_road: list[bool]


class PathQuestion(BaseModel):
    """From a place to a place."""

    model_config = ConfigDict(extra="forbid")

    origin: Place
    destination: Place
    mode: TravelMode = TravelMode.CAR
    at: datetime | None = None
    datum: str = Field(default="WGS84", max_length=60)


class PathStep(BaseModel):
    """One instruction."""

    turn: str
    name: str | None
    length_m: float
    lon: float
    lat: float
    zh: str
    en: str


class LineString(BaseModel):
    """A line."""

    type: Literal["LineString"]
    coordinates: list[Position]


class PathAnswer(TravelBasis):
    """The quickest way."""

    time_s: float
    p50_s: float
    p90_s: float
    spread_basis: Literal["assumed", "own_tracks"]
    trip_count: int
    length_m: float
    access_m: float = Field(description="From the road to the place.")
    geometry: LineString
    steps: list[PathStep]


class NearestQuestion(BaseModel):
    """Who arrives first at a place."""

    model_config = ConfigDict(extra="forbid")

    place: Place
    wanted: int = Field(default=5, ge=1, le=50)
    kinds: list[Literal["foot", "car", "motorcycle", "volunteer", "emergency_unit"]] = Field(
        default_factory=list, max_length=5, description="Only these; none: all."
    )
    skills: list[SoundText] = Field(default_factory=list, max_length=20)
    limit_s: float = Field(default=1_800.0, gt=0, le=LIMIT_MAX_S)
    datum: str = Field(default="WGS84", max_length=60)


class NearestUnit(BaseModel):
    """One unit, and when it would arrive."""

    unit_id: int = Field(ge=1, le=ID_MAX)
    code: str
    name: str
    kind: str
    mode: TravelMode
    time_s: float
    p50_s: float
    p90_s: float
    arrives_at: datetime = Field(description="By half of the trips.")
    spread_basis: Literal["assumed", "own_tracks"]
    place_source: Literal["position", "home"]
    position_state: str | None


class NotCounted(BaseModel):
    """A unit that can't be counted on, and why."""

    unit_id: int
    code: str
    name: str
    kind: str
    why_not: str
    since: datetime | None


class NearestAnswer(BaseModel):
    """Units in the order they arrive; those that can't come, with the reason."""

    units: list[NearestUnit]
    not_counted: list[NotCounted]
    network: str
    at: datetime
    method: str


AnyJson = dict[str, Any]
