"""Imports of incidents: every row counted, faults told, the same file twice changes nothing."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import geopandas
import pandas as pd
import pytest
import shapely
from sqlalchemy import func, select

from geo.errors import InvalidInput, InvalidMapping
from geo.incidents.categories import CategoryRow, load_categories
from geo.incidents.importing import (
    IncidentImportOptions,
    prepare_incident_job,
    run_incident_job,
)
from geo.incidents.profiles import BUILT_IN, IncidentProfile, get_profile, save_profile
from geo.settings import Settings
from geo.store.database import Database
from geo.tables import Incident, IncidentHistory
from tests.drawing import draw
from tests.factories import add_grid, add_standard_address

HEADER = "警情编号,警情类别,发生时间,发生时间止,报警时间,案发地址,经度,纬度"
CHICAGO_COLUMNS = "ID,Date,Block,Primary Type,Description,Latitude,Longitude"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_folder=tmp_path / "data")


@pytest.fixture
def ready(database: Database) -> Database:
    """Two categories, and grid A around the middle of the drawing."""
    with database.session() as session:
        load_categories(session, [CategoryRow("theft", "盗窃"), CategoryRow("dispute", "纠纷")])
        add_grid(session, "14010500100100001", draw("A")["A"])
    return database


def middle() -> tuple[float, float]:
    point = draw("A")["A"].centroid
    return point.x, point.y


def imported(database: Database, file: Path, settings: Settings, **options: Any) -> dict[str, Any]:
    given = {"dataset": "test", "day": "2025-01-01"} | options
    profile = given.pop("profile", IncidentProfile(datum="WGS84"))
    job = prepare_incident_job(
        database, file, IncidentImportOptions(profile=profile, **given), settings=settings
    )
    return run_incident_job(database, job, settings=settings)


def written(folder: Path, *rows: str, header: str = HEADER, name: str = "a.csv") -> Path:
    file = folder / name
    file.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return file


def test_rows_are_read_placed_and_counted(
    ready: Database, tmp_path: Path, settings: Settings
) -> None:
    lon, lat = middle()
    file = written(
        tmp_path,
        f"J1,盗窃,2024-05-01 08:00,2024-05-01 19:30,2024-05-01 19:40,,{lon},{lat}",
        f"J2,THEFT,2024-05-02 10:00,,,某路,{lon},{lat}",
        f"J3,纠纷,,,2024-05-03 10:00,某路,{lon + 1},{lat}",
    )
    report = imported(ready, file, settings)
    counts = {name: report[name] for name in ("rows_in", "inserted", "failed", "in_no_grid")}
    assert counts == {"rows_in": 3, "inserted": 3, "failed": 0, "in_no_grid": 1}
    assert report["located"] == {"given": 3}
    with ready.session() as session:
        first, second, third = session.scalars(select(Incident).order_by(Incident.source_ref))
    assert first.grid_code == "14010500100100001"
    assert first.category_code == second.category_code == "theft"
    assert first.occurred_from.isoformat() == "2024-05-01T00:00:00+00:00"  # 08:00 in Shanghai
    assert first.occurred_to > first.occurred_from
    assert second.occurred_to == second.occurred_from == second.reported_at
    assert third.occurred_from == third.reported_at
    assert third.grid_code is None
    assert third.source == "resident_reported"


def test_what_cannot_be_is_told_by_its_reason(
    ready: Database, tmp_path: Path, settings: Settings
) -> None:
    lon, lat = middle()
    file = written(
        tmp_path,
        f"J1,盗窃,2999-05-01 08:00,,,,{lon},{lat}",
        f"J2,盗窃,2024-05-02 08:00,2024-05-01 08:00,,,{lon},{lat}",
        f"J3,飞碟,2024-05-02 08:00,,,,{lon},{lat}",
        f"J4,盗窃,不详,,,,{lon},{lat}",
        f"J5,盗窃,,,,,{lon},{lat}",
        "J6,盗窃,2024-05-02 08:00,,,,0,0",
        f"J7,盗窃,2024-05-02 08:00,,,,{lat},{lon}",
        "J8,盗窃,2024-05-02 08:00,,,,,",
        f"J9,盗窃,2024-05-02 08:00,,,,{lon},{lat}",
        f"J9,盗窃,2024-05-03 08:00,,,,{lon},{lat}",
        f",,2024-05-03 08:00,,,,{lon},{lat}",
    )
    report = imported(ready, file, settings)
    assert report["failures_by_reason"] == {
        "in_the_future": 1, "ends_before_start": 1, "unknown_category": 1, "time_unreadable": 1,
        "time_missing": 1, "coordinate_zero": 1, "axes_swapped": 1, "no_place": 1,
        "repeated_reference": 1, "category_missing": 1,
    }  # fmt: skip
    assert (report["inserted"], report["failed"], report["rows_in"]) == (1, 10, 11)
    with Path(report["files"]["failures"]).open(encoding="utf-8-sig", newline="") as lines:
        told = list(csv.DictReader(lines))
    assert [row["row_number"] for row in told] == [str(n) for n in (2, 3, 4, 5, 6, 7, 8, 9, 11, 12)]
    assert told[2]["column"] == "警情类别"


def test_the_same_file_again_changes_nothing_and_a_mended_one_keeps_history(
    ready: Database, tmp_path: Path, settings: Settings
) -> None:
    lon, lat = middle()
    rows = [f"J{n},盗窃,2024-05-0{n} 08:00,,,,{lon},{lat}" for n in (1, 2, 3)]
    imported(ready, written(tmp_path, *rows), settings)
    again = imported(ready, written(tmp_path, *rows, name="b.csv"), settings)
    assert (again["inserted"], again["updated"], again["unchanged"]) == (0, 0, 3)
    rows[1] = f"J2,纠纷,2024-05-02 08:00,,,,{lon},{lat}"
    mended = imported(ready, written(tmp_path, *rows, name="c.csv"), settings)
    assert (mended["inserted"], mended["updated"], mended["unchanged"]) == (0, 1, 2)
    with ready.session() as session:
        row = session.scalars(select(Incident).where(Incident.source_ref == "J2")).one()
        was = session.scalars(select(IncidentHistory)).one()
    assert (row.category_code, row.version) == ("dispute", 2)
    assert (was.incident_id, was.was["category_code"]) == (row.id, "theft")


def test_an_address_is_geocoded_and_a_doubtful_one_gets_no_point(
    ready: Database, tmp_path: Path, settings: Settings
) -> None:
    with ready.session() as session:
        address = add_standard_address(
            session, middle(), road="文一路", door="269号", canonical_text="文一路269号",
            search_key="文一路269号", level="door",
        )  # fmt: skip
        number = address.id
    file = written(
        tmp_path,
        "J1,盗窃,2024-05-01 08:00,,,文一路269号,,",
        "J2,盗窃,2024-05-01 08:00,,,天边那朵云,,",
    )
    report = imported(ready, file, settings)
    assert report["located"] == {"geocoded": 1, "nowhere": 1}
    with ready.session() as session:
        found, lost = session.scalars(select(Incident).order_by(Incident.source_ref))
    assert (found.standard_address_id, found.point_method) == (number, "geocoded")
    assert found.match_confidence > 0.8
    assert (lost.geom, lost.grid_code, lost.h3_cell) == (None, None, None)


def test_chicagos_profile_reads_its_columns(
    ready: Database, tmp_path: Path, settings: Settings
) -> None:
    file = written(
        tmp_path,
        "1,11/06/2016 01:30:00 AM,001XX W MAIN ST,THEFT,POCKET-PICKING,41.88,-87.63",
        "2,03/13/2016 02:30:00 AM,001XX W MAIN ST,THEFT,POCKET-PICKING,41.88,-87.63",
        "3,07/04/2016 11:00:00 PM,002XX W MAIN ST,Arson,BY FIRE,41.89,-87.63",
        header=CHICAGO_COLUMNS,
    )
    report = imported(ready, file, settings, profile=BUILT_IN["chicago"], may_add_categories=True)
    assert report["new_categories"] == ["Arson"]
    assert report["failures_by_reason"] == {"time_does_not_exist": 1}
    assert report["ambiguous_hours"] == 1
    assert report["in_no_grid"] == 2


def test_other_kinds_of_files(ready: Database, tmp_path: Path, settings: Settings) -> None:
    lon, lat = middle()
    frame = pd.DataFrame(
        {
            "警情编号": ["P1"], "警情类别": ["盗窃"], "发生时间": ["2024-05-01 08:00"],
            "经度": [lon], "纬度": [lat],
        }
    )  # fmt: skip
    frame.to_parquet(tmp_path / "a.parquet")
    frame.assign(警情编号="X1").to_excel(tmp_path / "a.xlsx", index=False)
    geopandas.GeoDataFrame(
        frame.assign(警情编号="G1").drop(columns=["经度", "纬度"]),
        geometry=shapely.points([lon], [lat]), crs=4326,
    ).to_file(tmp_path / "a.geojson")  # fmt: skip
    for name in ("a.parquet", "a.xlsx", "a.geojson"):
        assert imported(ready, tmp_path / name, settings)["inserted"] == 1, name
    with ready.session() as session:
        assert session.scalar(select(func.count(Incident.grid_code))) == 3


def test_a_cell_with_half_of_all_is_pointed_out(
    ready: Database, tmp_path: Path, settings: Settings
) -> None:
    lon, lat = middle()
    station = [f"S{n},盗窃,2024-05-01 08:00,,,,{lon},{lat}" for n in range(50)]
    elsewhere = [f"E{n},盗窃,2024-05-01 08:00,,,,{lon + n / 1000},{lat + 0.01}" for n in range(50)]
    report = imported(ready, written(tmp_path, *station, *elsewhere), settings)
    assert report["crowded_cell"]["share"] == 0.5


def test_rows_without_reference_are_known_again_by_file_and_row(
    ready: Database, tmp_path: Path, settings: Settings
) -> None:
    lon, lat = middle()
    header = "警情类别,发生时间,经度,纬度"
    rows = [f"盗窃,2024-05-01 08:00,{lon},{lat}"] * 2
    file = written(tmp_path, *rows, header=header)
    assert imported(ready, file, settings)["inserted"] == 2
    assert imported(ready, file, settings, chunk_rows=1)["unchanged"] == 2


def test_a_profile_is_kept_by_its_name(ready: Database) -> None:
    profile = IncidentProfile(columns={"category": "种类"}, zone="Asia/Urumqi", datum="GCJ02")
    with ready.session() as session:
        save_profile(session, "本市", profile)
    with ready.session() as session:
        assert get_profile(session, "本市") == profile
        with pytest.raises(InvalidInput, match="comes with the program"):
            save_profile(session, "chicago", profile)
    with pytest.raises(InvalidInput, match="no source of incidents"):
        IncidentProfile(source="overheard")
    assert json.loads(json.dumps(profile.as_json()))["zone"] == "Asia/Urumqi"


def test_files_that_say_too_little_are_refused(
    ready: Database, tmp_path: Path, settings: Settings
) -> None:
    with pytest.raises(InvalidMapping, match="when it happened"):
        imported(ready, written(tmp_path, "盗窃,1,2", header="警情类别,经度,纬度"), settings)
    with pytest.raises(InvalidInput, match="nothing says their datum"):
        imported(
            ready, written(tmp_path, "盗窃,2024-05-01,1,2", header="警情类别,发生时间,经度,纬度"),
            settings, profile=IncidentProfile(),
        )  # fmt: skip
