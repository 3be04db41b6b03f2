"""Areas: found by code, name and day; ended, never overwritten; imported with every row told."""

from __future__ import annotations

import csv
import dataclasses
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pytest
import shapely
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo.area_writes import AreaDraft, AreaOutcome, end_area, write_areas
from geo.areas import (
    NameMatch,
    area_path,
    find_area,
    find_successor,
    get_area,
    load_ancestors,
    load_children,
    load_communities,
    search_areas,
)
from geo.codes import CodeStandard
from geo.crs import GCJ02, WGS84
from geo.errors import AreaNotFound, InvalidDatum, InvalidFile, InvalidInput, InvalidMapping
from geo.importers.area_fields import read_date
from geo.importers.areas import AreaImportOptions, AreaImportResult, import_areas
from geo.importers.upload_safety import UploadLimits
from geo.tables import Area
from tests.drawing import draw
from tests.geo.grid_files import in_datum, write_grids

Y2020, Y2024, Y2026 = date(2020, 1, 1), date(2024, 6, 1), date(2026, 1, 1)
CITY, COUNTY, STREET, COMMUNITY = "140100", "140106", "140106001", "140106001005"


def area(code: str, name: str, **facts: Any) -> AreaDraft:
    level = {6: "county", 9: "township", 12: "community"}[len(code)]
    parent = {6: CITY, 9: code[:6], 12: code[:9]}[len(code)]
    plain: dict[str, Any] = {
        "row": 1, "level": level, "parent_code": parent, "valid_from": Y2020,
    }  # fmt: skip
    return AreaDraft(code=code, name=name, **{**plain, **facts})


def write(session: Session, *drafts: AreaDraft) -> list[AreaOutcome]:
    return [done.outcome for done in write_areas(session, drafts, source="test")]


@pytest.fixture
def yingze(session: Session) -> Session:
    """A county of one township of two communities; names are those of a real place."""
    write(
        session,
        AreaDraft(1, CITY, "city", "太原市", "140000", Y2020, aliases=("并州", "太原")),
        area(COUNTY, "迎泽区"),
        area(STREET, "桥东街道", former_names=("桥东街办",)),
        area(COMMUNITY, "双塔东街社区"),
        area("140106001006", "双塔西街社区"),
    )
    return session


def test_areas_are_found_by_code_path_and_family(yingze: Session) -> None:
    assert get_area(yingze, STREET, on=Y2020).name == "桥东街道"
    assert find_area(yingze, STREET, on=date(2019, 12, 31)) is None
    assert area_path(yingze, COMMUNITY, on=Y2026) == "太原市 / 迎泽区 / 桥东街道 / 双塔东街社区"
    assert [a.code for a in load_ancestors(yingze, COMMUNITY, on=Y2026)] == [STREET, COUNTY, CITY]
    children = load_children(yingze, STREET, on=Y2026)
    assert [a.code for a in children] == [COMMUNITY, "140106001006"]
    # The province isn't stored: the city stands at the top.
    assert [a.code for a in load_children(yingze, None, on=Y2026)] == [CITY]
    with pytest.raises(AreaNotFound, match="999999"):
        get_area(yingze, "999999", on=Y2026)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("迎泽区", [(COUNTY, NameMatch.NAME)]),
        (" 并州 ", [(CITY, NameMatch.ALIAS)]),
        ("桥东街办", [(STREET, NameMatch.FORMER_NAME)]),
        (
            "双塔",
            [(COMMUNITY, NameMatch.PART_OF_NAME), ("140106001006", NameMatch.PART_OF_NAME)],
        ),
        ("", []),
        ("100%", []),
        ("_", []),
        ("无此地", []),
    ],
)
def test_areas_are_found_by_name(yingze: Session, text: str, found: list[Any]) -> None:
    hits = search_areas(yingze, text, on=Y2026)
    assert [(hit.area.code, hit.match) for hit in hits] == found


def test_a_whole_name_comes_before_a_part_and_a_level_can_be_asked_for(yingze: Session) -> None:
    write(yingze, area("140106002", "太原市场街道"))
    assert [hit.area.code for hit in search_areas(yingze, "太原市", on=Y2026)] == [
        CITY,
        "140106002",
    ]
    only = search_areas(yingze, "太原市", on=Y2026, level="township")
    assert [hit.area.code for hit in only] == ["140106002"]
    assert len(search_areas(yingze, "太原", on=Y2026, limit=1)) == 1


def test_a_change_ends_the_old_words_and_keeps_the_former_name(yingze: Session) -> None:
    assert write(yingze, area(STREET, "桥东新街道", valid_from=Y2024)) == [AreaOutcome.CHANGED]
    yingze.expire_all()
    assert get_area(yingze, STREET, on=date(2024, 5, 31)).name == "桥东街道"
    now = get_area(yingze, STREET, on=Y2024)
    assert (now.name, now.former_names) == ("桥东新街道", ["桥东街办", "桥东街道"])
    assert search_areas(yingze, "桥东街道", on=Y2026)[0].match is NameMatch.FORMER_NAME


def test_the_same_again_changes_nothing_and_the_unknown_is_filled_in(yingze: Session) -> None:
    border = draw("A")["A"]
    same = area(COMMUNITY, "双塔东街社区", valid_from=Y2026)
    assert write(yingze, same) == [AreaOutcome.UNCHANGED]
    assert write(yingze, dataclasses.replace(same, geometry=border)) == [AreaOutcome.COMPLETED]
    assert write(yingze, dataclasses.replace(same, geometry=border)) == [AreaOutcome.UNCHANGED]
    stored = load_communities(yingze, on=Y2020)
    assert stored.geometry[COMMUNITY].equals(border)
    assert stored.geometry["140106001006"] is None
    moved = dataclasses.replace(same, geometry=draw(".A")["A"])
    assert write(yingze, moved) == [AreaOutcome.CHANGED]
    rows = select(func.count()).select_from(Area).where(Area.code == COMMUNITY)
    assert yingze.scalar(rows) == 2


def test_other_words_for_the_same_day_are_refused(yingze: Session) -> None:
    for day in (Y2020, date(2019, 1, 1)):
        (done,) = write_areas(yingze, [area(STREET, "别的街道", valid_from=day)], source="test")
        assert done.outcome is AreaOutcome.REFUSED
        assert "Give a" in (done.reason or "")
    (done,) = write_areas(yingze, [area(STREET, "桥东街道", parent_code=COMMUNITY)], source="test")
    assert "can't hold a township" in (done.reason or "")
    assert get_area(yingze, STREET, on=Y2026).name == "桥东街道"


def test_an_ended_area_names_its_successor(yingze: Session) -> None:
    write(
        yingze, area("140106001007", "双塔社区", valid_from=Y2024, former_codes=("140106001999",))
    )
    end_area(yingze, COMMUNITY, on=Y2024, successor_code="140106001007")
    assert find_area(yingze, COMMUNITY, on=Y2024) is None
    assert get_area(yingze, COMMUNITY, on=Y2020).successor_code == "140106001007"
    with pytest.raises(AreaNotFound, match=r"双塔社区 .* took its place") as caught:
        get_area(yingze, COMMUNITY, on=Y2026)
    assert caught.value.successor_code == "140106001007"
    found = find_successor(yingze, "140106001999", on=Y2026)
    assert found is not None
    assert found.code == "140106001007"
    with pytest.raises(InvalidInput, match="can't succeed itself"):
        end_area(yingze, STREET, on=Y2026, successor_code=STREET)
    with pytest.raises(InvalidInput, match="can't end on"):
        end_area(yingze, STREET, on=Y2020)


def test_a_ring_of_successors_or_parents_ends(yingze: Session) -> None:
    end_area(yingze, COMMUNITY, on=Y2024, successor_code="140106001006")
    end_area(yingze, "140106001006", on=Y2024, successor_code=COMMUNITY)
    assert find_successor(yingze, COMMUNITY, on=Y2026) is None


def bring(
    session: Session, path: Path, *, results_folder: Path | None = None, **options: Any
) -> AreaImportResult:
    chosen = AreaImportOptions(valid_from=Y2020, **options)
    return import_areas(
        session,
        path,
        chosen,
        upload_limits=UploadLimits(),
        source="test",
        results_folder=results_folder,
    )


def test_a_csv_in_gb18030_with_chinese_headers(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "areas.csv"
    path.write_text(
        "统计用区划代码,名称,别名,曾用名,启用日期\n"
        "140106001005,双塔东街社区,东街、塔东,,2021/3/1\n"
        "140106001,桥东街道,,桥东街办;桥东,\n"
        "140106,迎泽区,,,\n",
        encoding="gb18030",
    )
    result = bring(session, path)
    assert dict(result.counts) == {
        "new": 3, "changed": 0, "completed": 0, "unchanged": 0, "failed": 0,
    }  # fmt: skip
    assert result.missing_parents == ("140100",)
    stored = get_area(session, COMMUNITY, on=Y2026)
    assert (stored.aliases, stored.valid_from) == (["东街", "塔东"], date(2021, 3, 1))
    assert get_area(session, STREET, on=Y2026).former_names == ["桥东街办", "桥东"]
    assert bring(session, path).counts["unchanged"] == 3


def test_a_workbook_and_overrides(session: Session, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["编号", "叫什么", "级别"])
    sheet.append(["K1", "东风社区", "社区"])
    sheet.append(["K", "东风街道", "街道"])
    path = tmp_path / "own.xlsx"
    book.save(path)
    result = bring(
        session, path, standard=CodeStandard.OWN, mapping={"code": "编号", "name": "叫什么"}
    )
    assert result.counts["new"] == 2
    assert get_area(session, "K1", on=Y2026).level == "community"
    with pytest.raises(InvalidMapping, match="No column holds the areas' code"):
        bring(session, path)


def test_rows_that_are_wrong_are_told_with_their_column(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "areas.csv"
    path.write_text(
        "code,name,level,valid_from,valid_to\n"
        "140106001005,双塔东街社区,,,\n"
        ",无码,,,\n"
        "140106001000,坏码,,,\n"
        "140106001006,,,,\n"
        "140106001007,日子,,三月,\n"
        "140106001008,倒了,,2024-01-01,2023-01-01\n"
        "140106001009,级别,街道,,\n"
        "140106001010,=1+1,村村,,\n"
        "140106001005,同码异名,,,\n",
        encoding="utf-8",
    )
    result = bring(session, path, results_folder=tmp_path / "results")
    assert (result.counts["new"], result.counts["failed"]) == (1, 8)
    assert [(f.row_number, f.column, f.reason) for f in result.failures] == [
        (3, "code", "code_missing"),
        (4, "code", "code_wrong"),
        (5, "name", "name_wrong"),
        (6, "valid_from", "date_wrong"),
        (7, "valid_to", "date_wrong"),
        (8, "level", "level_wrong"),
        (9, "level", "level_wrong"),
        (10, None, "refused"),
    ]
    assert result.failure_file is not None
    with result.failure_file.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 9
    assert rows[7][5] == "'=1+1"  # disarmed


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".zip"])
def test_borders_come_from_polygon_files(yingze: Session, tmp_path: Path, suffix: str) -> None:
    drawing = draw("AB")
    frame = gpd.GeoDataFrame(
        {"code": [COMMUNITY, "140106001006"], "name": ["双塔东街社区", "双塔西街社区"]},
        geometry=[drawing["A"], drawing["B"]],
        crs="EPSG:4326",
    )
    path = write_grids(tmp_path / f"borders{suffix}", in_datum(frame, GCJ02))
    with pytest.raises(InvalidDatum, match="no datum is declared"):
        bring(yingze, path)
    assert bring(yingze, path, datum=GCJ02).counts["completed"] == 2
    stored = load_communities(yingze, on=Y2026)
    assert stored.geometry[COMMUNITY].hausdorff_distance(drawing["A"]) < 1e-8


def test_a_broken_border_fails_its_row_only(session: Session, tmp_path: Path) -> None:
    drawing = draw("AB")
    bow_tie = shapely.Polygon([(112, 37), (112.1, 37.1), (112.1, 37), (112, 37.1), (112, 37)])
    frame = gpd.GeoDataFrame(
        {"code": [COMMUNITY, "140106001006"], "name": ["东", "西"]},
        geometry=[drawing["A"], bow_tie],
        crs="EPSG:4326",
    )
    result = bring(session, write_grids(tmp_path / "borders.geojson", frame), datum=WGS84)
    (failure,) = result.failures
    assert (failure.row_number, failure.reason) == (2, "ring_bow_tie")
    assert result.counts["new"] == 1


def test_files_without_rows_are_refused(session: Session, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    (tmp_path / "header.csv").write_text("code,name\n", encoding="utf-8")
    with pytest.raises(InvalidFile, match="empty"):
        bring(session, tmp_path / "empty.csv")
    with pytest.raises(InvalidFile, match="no rows"):
        bring(session, tmp_path / "header.csv")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-01-31", date(2026, 1, 31)),
        ("2026/1/31", date(2026, 1, 31)),
        ("20260131", date(2026, 1, 31)),
        ("2026年1月31日", date(2026, 1, 31)),
        ("2026-01-31 00:00:00", date(2026, 1, 31)),
        ("2026-02-30", None),
        ("2026", None),
        ("31.1.2026", None),
    ],
)
def test_dates_as_people_write_them(text: str, day: date | None) -> None:
    assert read_date(text) == day


def test_the_national_list_can_be_imported(
    session: Session, tmp_path: Path, shared_data: Path
) -> None:
    lines = (shared_data / "geo/china_divisions/streets.csv").read_text("utf-8").splitlines()
    taiyuan = [line for line in lines if line.startswith("1401")]
    (tmp_path / "streets.csv").write_text("\n".join([lines[0], *taiyuan]), encoding="utf-8")
    result = bring(session, tmp_path / "streets.csv")
    assert result.counts["new"] == len(taiyuan) > 50
