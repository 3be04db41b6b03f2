"""Settings, read once at the entrance (`load_settings`) and handed down.

Each is an environment variable with the prefix `GRIDBEAT_`, for example `GRIDBEAT_PORT=8080`.
`docs/settings.md` lists them all; a test holds the two together.
"""

from __future__ import annotations

import os
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from geo.errors import InvalidInput


def default_data_folder() -> Path:
    """Where the embedded store lives: the user's data folder, or the system's for root.

    Root can't use its own home: PostgreSQL runs as another user, who may not enter it.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/gridbeat")
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "gridbeat"


class Settings(BaseSettings):
    """All settings of one deployment."""

    model_config = SettingsConfigDict(env_prefix="GRIDBEAT_", extra="ignore", frozen=True)

    database_url: str | None = Field(
        default=None,
        description="PostgreSQL with PostGIS to use instead of the embedded one, as "
        "postgresql://user:password@host/database. The user must own the database.",
    )
    data_folder: Path = Field(
        default_factory=default_data_folder,
        description="Folder of the embedded store, uploaded files and results.",
    )
    keys_file: Path | None = Field(
        default=None,
        description="File of the keys that seal identity numbers, phones and secrets; else "
        "keys.json in the data folder. Made on the first start.",
    )
    host: str = Field(default="127.0.0.1", description="Address the server listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port the server listens on.")
    time_zone: str = Field(
        default="Asia/Shanghai",
        description="Where a day begins and ends here: grids and areas are valid by days.",
    )
    pool_size: int = Field(default=8, ge=1, le=200, description="Database connections kept.")
    demo: bool = Field(default=True, description="Generate the demo city when the store is empty.")
    demo_moves: bool = Field(
        default=True,
        description="Let the demo city's units on duty move while the server runs. Other stores "
        "have none.",
    )
    upload_max_mb: int = Field(
        default=512, ge=1, description="Largest file taken by upload or import [MB]."
    )
    unpacked_max_mb: int = Field(
        default=2048, ge=1, description="Largest sum of unpacked sizes inside one file [MB]."
    )
    address_text_max: int = Field(
        default=500, ge=20, description="Longest address text read [characters]."
    )
    building_form: Literal["号楼", "幢", "栋", "座"] = Field(
        default="号楼",
        description="Written form of a building in standard addresses. Cities differ.",
    )
    lettered_building_form: Literal["座", "号楼", "幢", "栋"] = Field(
        default="座", description="Written form of a building with a letter (A座)."
    )
    entrance_form: Literal["单元", "梯", "门"] = Field(
        default="单元", description="Written form of an entrance."
    )
    floor_form: Literal["层", "楼"] = Field(default="层", description="Written form of a floor.")
    room_form: Literal["室", "号", "房", "户", ""] = Field(
        default="室", description="Written form of a room; empty writes the bare number."
    )
    group_form: Literal["组", "小组", "村民小组", "队"] = Field(
        default="组", description="Written form of a villagers' group."
    )
    area_codes: str | None = Field(
        default=None,
        description="Codes of the deployment's own area, separated by commas. Between divisions "
        "of one name the one in this area is meant.",
    )
    area_prior: bool = Field(
        default=True, description="Whether the own area decides between divisions of one name."
    )
    tagger: Path | None = Field(
        default=None, description="A tagger that `gridbeat address train` wrote."
    )
    match_threshold: float = Field(
        default=0.8,
        ge=0,
        le=1,
        description="Confidence below which a geocoded address goes to review.",
    )
    door_sides: Literal["auto", "parity", "none"] = Field(
        default="auto",
        description="Whether even and odd door numbers stand on two sides of a road.",
    )
    geocode_workers: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="Processes that geocode a file at most; as many as there are cores by default.",
    )
    second_factor: Literal["administrators", "all", "off"] = Field(
        default="administrators",
        description="Who needs a second factor to sign in.",
    )
    session_idle_minutes: int = Field(
        default=60, ge=1, description="A sign-in that isn't used ends after this [min]."
    )
    session_hours: int = Field(
        default=12, ge=1, description="A sign-in ends after this in any case [h]."
    )
    oidc_issuer: str | None = Field(
        default=None,
        description="OpenID Connect provider at which people may sign in, as its issuer address. "
        "Not set, none is contacted.",
    )
    oidc_client_id: str | None = Field(
        default=None, description="What this deployment is called at the provider."
    )
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="Secret of this deployment at the provider."
    )
    oidc_client_secret_file: Path | None = Field(
        default=None, description="File with that secret, instead of the secret itself."
    )
    oidc_account_claim: str = Field(
        default="preferred_username",
        min_length=1,
        description="The claim that says the name of the account.",
    )
    oidc_name: str | None = Field(
        default=None, max_length=40, description="What the sign-in page calls the provider."
    )
    oidc_clock_skew_s: int = Field(
        default=60,
        ge=0,
        le=600,
        description="How far the provider's clock may be from this machine's [s].",
    )
    small_number_k: int = Field(
        default=5,
        ge=1,
        le=100,
        description="The smallest count of persons that is shown; 1 shows all.",
    )
    verify_months: dict[str, int] = Field(
        default={},
        description="Months until a record is to be looked at again, by kind, as JSON.",
    )
    rights_due_days: int = Field(
        default=30,
        ge=1,
        description="Until when a person's request about their data is to be answered [days] "
        "(GB/T 35273-2020, 8.7: thirty days).",
    )
    retention_days: dict[str, int] = Field(
        default={},
        description="Days that what is over is kept, by rule, as JSON.",
    )
    export_rows_max: int = Field(
        default=10_000,
        ge=0,
        description="Rows that one account may export in 24 hours without a second person [rows].",
    )
    export_person_rows_max: int = Field(
        default=0,
        ge=0,
        description="The same for rows about persons [rows]; 0: each takes a second person.",
    )
    export_keep_days: int = Field(
        default=7, ge=1, description="How long the file of an export can be fetched [days]."
    )
    audit_unusual_ratio: float = Field(
        default=5.0,
        gt=1,
        description="A day stands out where more than this many times an actor's usual rows were "
        "read.",
    )
    audit_unusual_rows: int = Field(
        default=100, ge=1, description="A day with fewer rows read never stands out [rows]."
    )
    task_hours: int = Field(
        default=4,
        ge=1,
        le=12,
        description="A task for which somebody reads about persons ends after this [h].",
    )
    purposes_file: Path | None = Field(
        default=None, description="List of purposes with their legal grounds; CSV."
    )
    cot_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port for Cursor on Target over TCP, both ways, on the server's host; 0 takes "
        "a free one, none by default. It has no encryption: put a proxy with TLS before it.",
    )
    positions_kept_days: int = Field(
        default=60,
        ge=2,
        le=3650,
        description="Positions of patrol units older than this are purged [days].",
    )
    coverage_certain_s: float = Field(
        default=90.0,
        ge=10,
        le=300,
        description="Between two fixes up to this far apart a unit's place is certain [s].",
    )
    coverage_accuracy_max_m: float = Field(
        default=50.0,
        ge=5,
        le=1000,
        description="Fixes less accurate than this are left out of coverage [m].",
    )
    coverage_by_road: bool = Field(
        default=True,
        description="Between two fixes 20 s apart and more a unit went by road, where a network "
        "is there ([coverage.md](coverage.md)); false: straight.",
    )
    coverage_visit_min_s: float = Field(
        default=120.0,
        ge=10,
        le=3600,
        description="Time inside a place that makes a visit [s].",
    )
    coverage_visit_gap_s: float = Field(
        default=90.0,
        ge=0,
        le=600,
        description="A unit that is back within this goes on with its visit [s].",
    )
    road_speeds_file: Path | None = Field(
        default=None, description="Speeds by mode, class of road and hour with their source; JSON."
    )
    reach_kinds: dict[str, dict[str, object]] = Field(
        default={},
        description="How each kind of unit moves (mode) and its rings (rings_s) [s], as JSON.",
    )
    emergency_unit_staff_min: int = Field(
        default=3, ge=1, description="Members a minimum emergency unit needs to count."
    )
    emergency_unit_kit: tuple[str, ...] = Field(
        default=("盾牌", "钢叉", "对讲机", "头盔"),
        description="What a minimum emergency unit carries to count, as a JSON list.",
    )
    emergency_unit_drill_days: int = Field(
        default=365, ge=1, description="A minimum emergency unit drilled longer ago doesn't count."
    )
    coverage_community_targets: dict[str, float] = Field(
        default_factory=lambda: {"foot": 0.8, "volunteer": 0.4},
        description="Share of the duty time that units of a kind should be in their communities, "
        "as JSON.",
    )
    coverage_swath_m: float = Field(
        default=50.0,
        ge=5,
        le=500,
        description="Full width of the strip that a way covers, for areas in km2 [m].",
    )
    grid_households_min: int = Field(
        default=300,
        ge=0,
        description="A grid with fewer households is pointed out at import (practice: 300-500 "
        "households a city grid; GB/T 34300-2017 was not available).",
    )
    grid_households_max: int = Field(
        default=500, ge=1, description="A grid with more households is pointed out at import."
    )

    @field_validator("area_codes")
    @classmethod
    def _are_codes(cls, codes: str | None) -> str | None:
        for code in (codes or "").split(",") if codes and codes.strip() else ():
            if not (
                code.strip().isascii()
                and code.strip().isdigit()
                and len(code.strip()) in (6, 9, 12)
            ):
                raise ValueError(
                    f"{code.strip()!r} is no division code; wanted 6, 9 or 12 digits each, "
                    "separated by commas, such as 330110,330106"
                )
        return codes

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError("no such time zone; wanted a name such as Asia/Shanghai")
        return name

    @property
    def key_file_path(self) -> Path:
        """Where the keys are."""
        return self.keys_file or self.data_folder / "keys.json"

    def local_day(self, moment: datetime) -> date:
        """Return the day it is here at a moment, which has a zone of its own."""
        return moment.astimezone(ZoneInfo(self.time_zone)).date()


def load_settings() -> Settings:
    """Return the settings of this process, from its environment.

    Raises
    ------
    InvalidInput : a variable has a value of the wrong kind
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"GRIDBEAT_{'.'.join(str(part) for part in fault['loc']).upper()}="
            f"{_shown(fault)}: {fault['msg']}"
            for fault in error.errors()
        )
        raise InvalidInput(f"Settings can't be read: {wrong}. Mend the environment.") from None


def _shown(fault: Any) -> str:
    """What was given; of what may hold a secret only that it was."""
    of_secret = any("secret" in str(part) or "url" in str(part) for part in fault["loc"])
    return "…" if of_secret else repr(fault["input"])
