"""Registers from files: rows through the same checks as by hand, in scope, resumable."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import func, select
from stdnum.cn import uscc

from geo.errors import InvalidMapping, PurposeMissing
from geo.importers import records
from geo.importers.job_kinds import run_job
from geo.importers.jobs import get_job
from geo.importers.records import RecordImportOptions, prepare_record_job, run_record_job
from geo.settings import Settings
from geo.store.database import Database
from geo.tables import Dwelling, Establishment, RecordVerification, Residence, Resident
from tests.drawing import draw
from tests.factories import add_grid, add_grid_version, add_standard_address, written_as
from tests.geo.registers.conftest import A, B, identity

OPTIONS = RecordImportOptions(
    source="测试名册", day="2026-06-01", actor="operator:test", purpose="register", case_ref="T-1"
)
ROAD = "山西省太原市小店区滨河路"


@pytest.fixture
def ids(database: Database) -> dict[str, int]:
    """An address in each of two grids, by the letter of the grid."""
    drawn = draw("AB")
    with database.session() as session:
        version = add_grid_version(session)
        return {
            letter: add_standard_address(
                session,
                grid=add_grid(session, code, drawn[letter], version=version),
                **written_as(f"{ROAD}{number}号"),
            ).id
            for number, (letter, code) in enumerate((("A", A), ("B", B)), 1)
        }


def written(path: Path, header: Sequence[str], *rows: Sequence[object]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def run(
    database: Database, path: Path, kind: str, folder: Path, **more: Any
) -> records.RecordImportReport:
    settings = Settings(data_folder=folder, demo=False)
    options = replace(OPTIONS, **more)
    job_id = prepare_record_job(database, path, kind, options, settings=settings)
    return run_record_job(database, job_id, settings=settings)


def counts(report: records.RecordImportReport) -> tuple[int, int, int, int]:
    return report.inserted, report.updated, report.unchanged, report.failed


PEOPLE = ("姓名", "身份证号", "联系电话", "人口类型", "入住日期", "户号", "地址")


def test_people_are_taken_once_and_what_is_wrong_is_told(
    database: Database, ids: dict[str, int], tmp_path: Path
) -> None:
    file = written(
        tmp_path / "people.csv", PEOPLE,
        ("测试甲子", identity(1), "154 0000 0001", "流动人口", "2025/3/1", "1", f"{ROAD}1号"),
        ("测试乙丑", identity(2), "15400000002", "户籍", "2025年3月1日", "1", f"{ROAD}2号"),
        ("测试丙寅", identity(3)[:-1] + "?", "1", "流动", "2025-03-01", "", f"{ROAD}1号"),
        ("测试丁卯", "", "", "流动", "31.2.2025", "", f"{ROAD}1号"),
        ("测试戊辰", "", "", "游客", "2025-03-01", "", f"{ROAD}1号"),
        ("测试己巳", "", "", "流动", "2025-03-01", "", f"{ROAD}99号"),
        ("测试甲子", identity(1), "", "流动", "2026-01-01", "", f"{ROAD}2号"),
    )  # fmt: skip
    report = run(database, file, "residents", tmp_path)
    assert counts(report) == (2, 0, 0, 5)
    assert report.failures_by_reason == {
        "identity_number_form": 1, "no_day": 1, "unknown_value": 1, "unknown_address": 1,
        "lives_elsewhere": 1,
    }  # fmt: skip
    assert report.failures_file is not None
    told = Path(report.failures_file).read_text("utf-8-sig")
    assert "身份证号" in told  # the column
    for value in (identity(3)[:6], "测试丙寅", "99号"):  # and nothing of the person
        assert value not in told
    again = run(database, written(tmp_path / "again.csv", PEOPLE,
        ("测试甲子", identity(1), "15400000001", "流动", "2025-03-01", "1", f"{ROAD}1号"),
        ("测试乙丑", identity(2), "15400000009", "户籍", "2025-03-01", "1", f"{ROAD}2号"),
    ), "residents", tmp_path)  # fmt: skip
    assert counts(again) == (0, 1, 1, 0)
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(Resident)) == 2
        assert session.scalar(select(func.count()).select_from(Residence)) == 2


def test_only_what_lies_in_the_scope_is_taken(
    database: Database, ids: dict[str, int], tmp_path: Path
) -> None:
    file = written(
        tmp_path / "d.csv", ("标准地址编号", "用途", "房间数", "房东姓名", "核实日期"),
        (ids["A"], "合租", "3", "测试甲某", "2026-05-01"), (ids["B"], "自住", "2", "", ""),
        (10**12, "自住", "", "", ""), ("x", "自住", "", "", ""),
    )  # fmt: skip
    report = run(database, file, "dwellings", tmp_path, grid_codes=[A])
    assert counts(report) == (1, 0, 0, 3)
    assert report.failures_by_reason == {"out_of_scope": 2, "no_address_number": 1}
    with database.session() as session:
        (row,) = session.scalars(select(Dwelling)).all()
        assert (row.grid_code, row.use, row.verified_how) == (A, "rented_shared", "import")


def test_a_workbook_of_establishments_is_brought_up_to_date(
    database: Database, ids: dict[str, int], tmp_path: Path
) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["单位名称", "统一社会信用代码", "单位类别", "开业日期", "行业", "地址"])
    sheet.append(["示例店", "91350100M000100Y43", "九小场所", "2024-01-01", "餐饮", f"{ROAD}1号"])
    sheet.append(["示例厂", "", "重点", "2024-01-01", "", f"{ROAD}2号"])
    book.save(tmp_path / "e.xlsx")
    assert counts(run(database, tmp_path / "e.xlsx", "establishments", tmp_path)) == (2, 0, 0, 0)
    sheet["E3"] = "食品加工"
    book.save(tmp_path / "e2.xlsx")
    assert counts(run(database, tmp_path / "e2.xlsx", "establishments", tmp_path)) == (0, 1, 1, 0)
    with database.session() as session:
        assert set(session.scalars(select(Establishment.trade))) == {"餐饮", "食品加工"}


def test_people_take_a_reason_and_records_their_columns(
    database: Database, ids: dict[str, int], tmp_path: Path
) -> None:
    file = written(tmp_path / "p.csv", PEOPLE)
    with pytest.raises(PurposeMissing):
        run(database, file, "residents", tmp_path, case_ref=None)
    let = written(tmp_path / "d.csv", ("地址", "用途", "房东电话"))
    with pytest.raises(PurposeMissing):
        run(database, let, "dwellings", tmp_path, case_ref=None)
    with pytest.raises(InvalidMapping, match="use"):
        run(database, file, "dwellings", tmp_path)


def test_an_import_that_was_stopped_goes_on_where_it_was(
    database: Database, ids: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(f"测试{n}", identity(n), "", "流动", "2025-03-01", "", f"{ROAD}1号") for n in range(6)]
    file = written(tmp_path / "p.csv", PEOPLE, *rows)
    settings = Settings(data_folder=tmp_path, demo=False)
    options = replace(OPTIONS, chunk_rows=2)
    job_id = prepare_record_job(database, file, "residents", options, settings=settings)
    taken = records._new_resident
    seen: list[str] = []

    def dies(address_id: int, given: Any) -> tuple[Any, ...]:
        seen.append(given["name"])
        if len(seen) == 4:
            raise KeyboardInterrupt
        return taken(address_id, given)

    monkeypatch.setitem(records._READERS, "residents", dies)
    with pytest.raises(KeyboardInterrupt):
        run_record_job(database, job_id, settings=settings)
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(Resident)) == 2
        assert get_job(session, job_id).status == "stopped"
    assert prepare_record_job(database, file, "residents", options, settings=settings) == job_id
    run_job(database, job_id, settings=settings)
    assert seen[4:] == ["测试2", "测试3", "测试4", "测试5"]  # from the chunk that was lost on
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(Resident)) == 6
        job = get_job(session, job_id)
        assert (job.status, job.report["inserted"], job.rows_done) == ("done", 6, 6)


@pytest.mark.parametrize("kind", ["residents", "dwellings", "establishments"])
def test_by_sets_and_row_by_row_end_alike(
    database: Database, ids: dict[str, int], tmp_path: Path, kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The same file in grid A by sets, in grid B row by row: the same outcomes, the same rows."""
    ends = []
    for number, letter in enumerate("AB", 1):
        path = written(
            tmp_path / f"{letter}.csv",
            *awkward_file(kind, f"{ROAD}{number}号", number),
        )
        if letter == "B":
            monkeypatch.setattr(records._Run, "_store_new", lambda *given: [False] * len(given[-1]))
        report = run(database, path, kind, tmp_path)
        table: Any = {"residents": Residence, "dwellings": Dwelling,
                      "establishments": Establishment}[kind]  # fmt: skip
        with database.session() as session:
            stored = session.scalars(
                select(table).where(table.standard_address_id == ids[letter]).order_by(table.id)
            ).all()
            looks = session.scalar(
                select(func.count())
                .select_from(RecordVerification)
                .where(RecordVerification.record_id.in_([row.id for row in stored]))
            )
            facts = [
                {
                    name: getattr(row, name)
                    for name in (
                        "kind",
                        "household_ref",
                        "lived_from",
                        "use",
                        "room_count",
                        "landlord_name",
                        "name",
                        "trade",
                        "missing",
                        "verified_on",
                        "verified_how",
                        "due_on",
                        "version",
                        "source",
                        "recorded_by",
                    )
                    if hasattr(row, name)
                }
                for row in stored
            ]
        ends.append((counts(report), dict(report.failures_by_reason), facts, looks))
    assert ends[0] == ends[1]
    assert ends[0][0][0] > 0 and ends[0][0][3] > 0


def awkward_file(kind: str, at: str, number: int) -> tuple[Sequence[object], ...]:
    """Rows that are new, that are like one before them, and that can't be stored."""
    day = "2025-01-01"
    if kind == "dwellings":
        return (
            ("用途", "房间数", "房东姓名", "房东电话", "地址", "核实日期"),
            ("整租", 2, "测试乙", f"1540000010{number}", at, "2026-05-01"),
            ("整租", 3, "测试乙", "", at, ""),  # the same place again: more of it
            ("别墅", 1, "", "", at, ""),
            ("自住", 1, "", "", "不存在路1号", ""),
            ("自住", 1, "", "12", at, ""),
        )
    if kind == "establishments":
        body = f"92990102MX000000{number}"
        code = body + uscc.calc_check_digit(body)
        return (
            ("单位名称", "统一社会信用代码", "单位类别", "行业", "开业日期", "地址", "核实日期"),
            ("示例店", code, "重点", "零售", day, at, "2026-05-01"),
            ("示例店", "", "重点", "餐饮", day, at, ""),  # alike by name: brought up to date
            ("示例馆", "", "九小", "", day, at, ""),
            ("示例坏", "123", "重点", "", day, at, ""),
            ("", "", "重点", "", day, at, ""),
        )
    return (
        (*PEOPLE, "核实日期"),
        ("测试甲", identity(number), f"1540000000{number}", "流动", day, "1", at, "2026-05-01"),
        ("测试甲", identity(number), f"1540000000{number}", "流动", day, "1", at, ""),  # again
        ("测试丁", "", f"1540000002{number}", "寄住", day, "2", at, ""),
        ("测试丁", "", f"1540000002{number}", "寄住", day, "2", at, ""),  # alike by name and place
        ("测试戊", identity(number) + "1", "", "寄住", day, "", at, ""),
        ("测试己", "", "", "游客", day, "", at, ""),
        ("测试庚", identity(30 + number), "", "户籍", "2027-01-01", "", at, ""),
        ("测试辛", identity(40 + number), "", "户籍", day, "", "不存在路1号", ""),
        ("测试壬", identity(50 + number), "", "户籍", day, "", at, "2027-01-01"),
    )
