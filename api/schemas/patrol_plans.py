"""Patrol plans: asked for, solved, edited, assigned, compared with what was done."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from api.dependencies import ID_MAX, SoundText
from api.schemas.registers import Strict, Version

PlaceId = Annotated[SoundText, StringConstraints(min_length=1, max_length=40)]
PlaceName = Annotated[SoundText, StringConstraints(min_length=1, max_length=80)]
PlaceKind = Literal["hotspot", "key_place", "checkpoint"]
PlanStatus = Literal["draft", "assigned", "ended"]


class PlanUnit(BaseModel):
    """A unit on the roster in a period."""

    unit_id: int
    code: str
    name: str
    kind: str
    mode: str = Field(description="How it moves.")
    on_duty_from: datetime
    on_duty_until: datetime
    has_home: bool = Field(description="Without one it can't be planned.")


class PlanCandidate(BaseModel):
    """A place that a plan could hold."""

    place_id: str
    kind: PlaceKind
    name: str
    lon: float
    lat: float
    grid_code: str | None
    prize: float = Field(description="Of all its visits together.")
    visits: int = Field(description="Slots, each for one visit.")
    dwell_min: float
    expected: float | None = Field(description="Incidents expected in the shift; forecast only.")
    recent_min: float | None = Field(
        description="Minutes of patrols there in the day before, which lower the prize."
    )
    reason: str = Field(description="What gives most of it, or `key_place`.")


class CandidateList(BaseModel):
    """Who and what a plan could hold."""

    units: list[PlanUnit]
    places: list[PlanCandidate]
    too_few_incidents: bool = Field(description="There are too few to forecast from.")


class ExtraPlace(Strict):
    """A place that the leader adds."""

    name: PlaceName
    lon: Annotated[float, Field(ge=-180, le=180)]
    lat: Annotated[float, Field(ge=-90, le=90)]
    dwell_min: Annotated[int, Field(ge=1, le=480)] = 12


class NewPlan(Strict):
    """A plan to be made and solved."""

    starts_at: AwareDatetime
    ends_at: AwareDatetime
    unit_ids: Annotated[list[Annotated[int, Field(ge=1, le=ID_MAX)]], Field(max_length=60)]
    place_ids: Annotated[list[PlaceId], Field(max_length=500)] | None = Field(
        default=None, description="Of the candidates; default: all."
    )
    must_ids: Annotated[list[PlaceId], Field(max_length=500)] = Field(
        default=[], description="Places that have to be visited once in each of their slots."
    )
    extra: Annotated[list[ExtraPlace], Field(max_length=100)] = Field(default=[])
    hot_cells: Annotated[int, Field(ge=0, le=200)] = 30
    slots: Annotated[int, Field(ge=1, le=12)] = Field(
        default=3, description="Parts of the shift; a hot cell is visited once in each at most."
    )
    dwell_min: Annotated[int, Field(ge=1, le=120)] = 12
    gap_min: Annotated[int, Field(ge=0, le=480)] = Field(
        default=60, description="Between two visits of one place."
    )
    break_min: Annotated[int, Field(ge=0, le=120)] = Field(
        default=30, description="In shifts of six hours or more; 0: none."
    )
    seconds: Annotated[float, Field(gt=0, le=120)] = Field(default=8, description="To search for.")


class Solving(BaseModel):
    """How the search stands."""

    is_running: bool
    share: float = Field(description="Of its time, 0 to 1.")
    prize: float = Field(description="Of the best plan so far.")
    unmet: int = Field(description="Stops that have to be and aren't yet.")
    error: str | None


class SolveOrder(Strict):
    """How long to search."""

    seconds: Annotated[float, Field(gt=0, le=120)] = 8


class RestOrder(Strict):
    """The rest of an assigned plan, to be planned anew."""

    without_ids: Annotated[list[Annotated[int, Field(ge=1, le=ID_MAX)]], Field(max_length=60)] = (
        Field(default=[], description="Units that can't go on, beside those that are off duty.")
    )
    seconds: Annotated[float, Field(gt=0, le=120)] = Field(default=4, description="To search for.")


class PlanStop(BaseModel):
    """A stop."""

    place_id: str | None = Field(description="Null: a break.")
    slot: int
    name: str
    kind: PlaceKind | Literal["break"]
    lon: float
    lat: float
    begin_at: datetime
    leave_at: datetime
    travel_s: int
    wait_s: int
    prize: float
    lost: float = Field(description="What the plan would lose without it, at most.")
    takes_s: int = Field(description="Travel and dwell that it takes.")
    reason: str
    is_locked: bool


class PlanRoute(BaseModel):
    """What a unit does."""

    unit_id: int
    name: str
    mode: str
    on_duty_from: datetime
    on_duty_until: datetime
    back_at: datetime
    travel_s: int
    length_m: float
    line: list[list[tuple[float, float]]] = Field(description="One line a leg; lon, lat.")
    stops: list[PlanStop]


class PlanUnmet(BaseModel):
    """What has to be and isn't, and what to relax."""

    place_id: str | None
    slot: int
    name: str
    unit_id: int | None
    obstacle: str
    short_min: float | None = Field(description="Minutes that are missing.")


class PlanLeftOut(BaseModel):
    """A visit that is not made."""

    place_id: str
    slot: int
    name: str
    prize: float
    short_min: float | None = Field(description="Minutes it misses the nearest gap by.")
    is_forbidden: bool


class PlanForeseeable(BaseModel):
    """How well somebody who watches could foretell the stops; see docs/routes.md."""

    plans: int
    entropy_bits: float
    choice_bits: float
    gap_cv: float | None
    hit_rate: float
    watched: int


class PlanSummary(BaseModel):
    """A plan in a list."""

    plan_id: int
    version: int
    status: PlanStatus
    starts_at: datetime
    ends_at: datetime
    created_by: str
    decided_by: str | None
    decided_at: datetime | None


class PlanList(BaseModel):
    """Plans, the latest shift first."""

    plans: list[PlanSummary]


class Plan(PlanSummary):
    """A plan with all that a leader decides by."""

    solving: Solving | None
    replaces: int | None = Field(description="The plan whose rest this is.")
    prize: float
    prize_asked: float
    visits: int
    chosen: int
    is_drawn: bool = Field(description="The seed chose among the near-equal plans, no person.")
    seed: int
    prizes: list[float] = Field(description="Of each near-equal plan, best first.")
    foreseeable: PlanForeseeable | None
    foreseeable_before: PlanForeseeable | None = Field(
        description="Before an edit by which the plan became much more foreseeable."
    )
    routes: list[PlanRoute]
    unmet: list[PlanUnmet]
    left_out: list[PlanLeftOut]


class PlanEdit(Strict):
    """One change by a leader; the plan is solved again after it."""

    version: Version
    kind: Literal["move", "lock", "unlock", "forbid", "allow", "choose"]
    place_id: PlaceId | None = None
    slot: Annotated[int, Field(ge=0, le=100)] = 0
    unit_id: Annotated[int, Field(ge=1, le=ID_MAX)] | None = Field(
        default=None, description="Of `move`: whose route."
    )
    position: Annotated[int, Field(ge=0, le=500)] = Field(
        default=0, description="Of `move`: among the other stops of the route."
    )
    chosen: Annotated[int, Field(ge=0, le=100)] = Field(
        default=0, description="Of `choose`: which near-equal plan."
    )


class PlanDecision(Strict):
    """Which version of a plan is decided on."""

    version: Version


class StopActual(BaseModel):
    """What became of a stop."""

    number: int
    name: str
    lon: float
    lat: float
    planned_at: datetime
    state: Literal["visited", "late", "missed", "unknown", "pending"]
    began_at: datetime | None
    stayed_min: float | None
    late_min: float | None


class RouteActual(BaseModel):
    """A route against what its unit did."""

    unit_id: int
    name: str
    visited: int
    late: int
    missed: int
    unknown: int
    pending: int
    warning: Literal["off_duty", "not_on_roster", "silent"] | None = Field(
        description="Why the stops to come are in doubt: the unit is off duty, its shift was taken "
        "off the roster, or nothing was heard of it for ten minutes."
    )
    off_way_share: float | None = Field(description="Of the known time, over 150 m off the way.")
    known_min: float
    stops: list[StopActual]


class PlanActual(BaseModel):
    """A plan against what was done, as far as positions tell."""

    plan_id: int
    at: datetime
    routes: list[RouteActual]


class OwnStop(BaseModel):
    """A stop of one's own route."""

    number: int
    name: str
    kind: str
    reason: str
    lon: float
    lat: float
    begin_at: datetime
    leave_at: datetime
    instructions: list[str] = Field(description="The way to it, in the language asked for.")


class OwnRoute(BaseModel):
    """The route of a unit one belongs to."""

    plan_id: int
    unit_id: int
    unit_name: str
    starts_at: datetime
    ends_at: datetime
    line: list[list[tuple[float, float]]]
    stops: list[OwnStop]


class OwnRouteList(BaseModel):
    """One's own routes that aren't over."""

    routes: list[OwnRoute]
