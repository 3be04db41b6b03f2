"""What comes with an uploaded file. The datum is always declared, never guessed."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import UploadFile
from pydantic import BaseModel, ConfigDict, Field, Json, StringConstraints

from api.dependencies import SoundText
from api.schemas.areas import AreaLevel
from geo.codes import CodeStandard

TEXT_MAX = 200
MAPPING: Any = Field(
    default_factory=dict,
    description="Field → column as JSON, where the guess shall not be used; an empty column drops "
    "the field.",
    examples=['{"address_text": "地址", "lon": "经度", "lat": "纬度"}'],
)

Text = Annotated[SoundText, StringConstraints(min_length=1, max_length=TEXT_MAX)]
Mapping = Json[dict[Text, Annotated[SoundText, StringConstraints(max_length=TEXT_MAX)]]]


class ImportForm(BaseModel):
    """What every import takes."""

    model_config = ConfigDict(extra="forbid")

    file: UploadFile = Field(description="The file; its kind is told from its content.")
    source: Text = Field(
        description="Who or what it comes from; the same name again continues or replaces it.",
        examples=["民政局2026-05"],
    )
    dry_run: bool = Field(
        default=False, description="Only say what would come of it: 200 with a report, no job."
    )

    def options(self) -> dict[str, Any]:
        """What the job's run depends on, as JSON holds it."""
        return self.model_dump(mode="json", exclude={"file", "dry_run"})


class AddressImportForm(ImportForm):
    """Standard addresses: CSV, XLSX, GeoJSON, GeoPackage, Parquet."""

    datum: Text = Field(
        description="What the coordinates are in: WGS84, CGCS2000, GCJ02, BD09 or EPSG:nnnn.",
        examples=["GCJ02"],
    )
    mapping: Mapping = MAPPING
    encoding: Text | None = Field(
        default=None, description="Of a text file; guessed: UTF-8 or GB18030."
    )
    table_name: Text | None = Field(default=None, description="Sheet or layer of a file of many.")
    accuracy_m: float | None = Field(
        default=None, gt=0, le=100_000, description="Of all points [m]; by datum where not given."
    )


class AreaImportForm(ImportForm):
    """Areas: CSV, XLSX; with borders GeoJSON, Shapefile (zipped), GeoPackage, KML."""

    valid_from: date = Field(
        description="First day of rows that don't say one.", examples=["2026-01-01"]
    )
    datum: Text | None = Field(
        default=None, description="What the coordinates are in; needed where there are borders."
    )
    standard: CodeStandard = Field(
        default=CodeStandard.DB11T2157,
        description="own: the deployment's own codes; otherwise those of GB/T 2260 and 10114.",
    )
    level: AreaLevel | None = Field(
        default=None, description="Of all rows, where neither a column nor the codes say it."
    )
    mapping: Mapping = MAPPING
    encoding: Text | None = Field(
        default=None, description="Of a text file; guessed: UTF-8 or GB18030."
    )
    table_name: Text | None = Field(default=None, description="Sheet or layer of a file of many.")


class GridImportForm(ImportForm):
    """Grids: GeoJSON, Shapefile (zipped), GeoPackage, KML."""

    datum: Text = Field(description="What the coordinates are in.", examples=["CGCS2000"])
    valid_from: date = Field(description="First day of the grids.", examples=["2026-06-01"])
    standard: CodeStandard = Field(
        default=CodeStandard.DB11T2157, description="What the codes follow."
    )
    mapping: Mapping = MAPPING
    layer: Text | None = Field(default=None, description="Of a file with several.")
    communities: Json[list[Text]] | None = Field(
        default=None, description="Take the grids of these communities only; JSON list of codes."
    )
    replace_all: bool = Field(
        default=False,
        description="End all grids in force, not only those of the file's communities.",
    )
    accept_warnings: bool = Field(default=False, description="Land although there are warnings.")
    merge_parts: bool = Field(
        default=False, description="Rows of one code that say the same are the parts of one grid."
    )
    sliver_width_m: float | None = Field(
        default=None,
        ge=0,
        description="Overlaps narrower than this only warn [m]; without it, as the settings say.",
    )
    note: Text | None = Field(default=None, description="For the list of versions.")


class BasemapImportForm(ImportForm):
    """Base map: OSM PBF or XML, GeoPackage, GeoJSON, Shapefile."""

    datum: Text = Field(default="WGS84", description="What the coordinates are in.")
    attribution: Text | None = Field(
        default=None,
        description="What must stand at the map's edge; known for OpenStreetMap files.",
        examples=["© OpenStreetMap contributors, ODbL 1.0"],
    )
    layers: Mapping = Field(
        default_factory=dict,
        description="Layer → road, building, water, green, land, place, house_number or skip, as "
        "JSON, where the guess shall not be used.",
        examples=['{"roads": "road"}'],
    )
