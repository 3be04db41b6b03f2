"""Importing addresses: every row accounted for, again and again the same, nothing half done."""

from __future__ import annotations

import csv
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import psycopg
import pytest
import shapely
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import text

from geo.crs import BD09, GCJ02, from_wgs84
from geo.errors import (
    DatabaseUnavailable,
    DiskFull,
    InvalidCoordinate,
    InvalidDatum,
    InvalidFile,
    InvalidInput,
    InvalidMapping,
    JobRunning,
)
from geo.importers import address_run as importer
from geo.importers.addresses import (
    AddressImportOptions,
    ImportReport,
    import_addresses,
    prepare_address_job,
    preview_addresses,
    run_address_job,
)
from geo.importers.jobs import get_job, request_stop, running_job, status_seen
from geo.register import find_by_text, merge_address, point_of, undo_merge
from geo.settings import Settings
from geo.store.database import Database
from geo.tables import StandardAddress
from geo.values import GridScope

DAY = "2026-06-01"
DATE = date(2026, 6, 1)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
ALL = GridScope.everything()


@pytest.fixture
def config(tmp_path: Path) -> Settings:
    return Settings(data_folder=tmp_path / "data")


def _csv(path: Path, rows: Sequence[Sequence[object]], header: str = "编号,地址,经度,纬度") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(header + "\n")
        csv.writer(file).writerows(rows)
    return path


def _options(source: str = "测试", datum: str = "WGS84", **more: Any) -> AddressImportOptions:
    return AddressImportOptions(source=source, datum=datum, day=DAY, **more)


def _import(database: Database, path: Path, config: Settings, **more: Any) -> ImportReport:
    report = import_addresses(database, path, _options(**more), settings=config)
    ends = (report.inserted, report.updated, report.unchanged, report.merged_as_alias)
    assert report.rows_in == sum(ends) + report.failed
    assert report.failed == sum(report.failures_by_reason.values())
    return report


def _failures(report: ImportReport) -> list[dict[str, str]]:
    if "failures" not in report.files:
        return []
    with Path(report.files["failures"]).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _count(database: Database, table: str = "standard_address") -> int:
    with database.session() as session:
        return int(session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


def _rows(count: int, start: int = 0) -> list[list[object]]:
    return [
        [f"R{n}", f"北京市东城区测试路{n}号", 116.4 + n / 1e4, 39.9]
        for n in range(start + 1, start + count + 1)
    ]


def test_a_file_lands_and_again_changes_nothing(
    database: Database, tmp_path: Path, config: Settings
) -> None:
    path = _csv(tmp_path / "a.csv", _rows(50))
    first = _import(database, path, config)
    assert (first.inserted, first.levels, first.in_no_grid) == (50, {"door": 50}, 50)
    changes = _count(database, "register_change")
    again = _import(database, path, config, chunk_rows=7)
    assert (again.unchanged, again.inserted) == (50, 0)
    assert _count(database) == 50
    assert _count(database, "standard_address_history") == 0
    assert _count(database, "register_change") == changes


def test_changed_rows_are_updated_and_what_they_were_is_kept(
    database: Database, tmp_path: Path, config: Settings
) -> None:
    rows = _rows(10)
    _import(database, _csv(tmp_path / "a.csv", rows), config)
    rows[3][1], rows[4][2] = "北京市东城区改名路4号", 116.5
    report = _import(database, _csv(tmp_path / "b.csv", rows), config)
    assert (report.updated, report.unchanged) == (2, 8)
    assert _count(database, "standard_address_history") == 2
    with database.session() as session:
        moved = find_by_text(session, "北京市东城区测试路5号", scope=ALL)[0]
        assert (moved.version, point_of(moved).longitude) == (2, 116.5)  # type: ignore[union-attr]


def test_other_writings_of_one_address_become_aliases(
    database: Database, tmp_path: Path, config: Settings
) -> None:
    rows = [
        ["1", "北京市东城区测试路1号", "甲店", 116.4, 39.9],
        ["2", "北京市东城区测试路１号（近某路）", "乙店", 116.4, 39.9],
        ["3", "北京市东城区测试路1号", "甲 店", 116.4, 39.9],
    ]
    path = _csv(tmp_path / "a.csv", rows, "编号,地址,名称,经度,纬度")
    report = _import(database, path, config)
    assert (report.inserted, report.merged_as_alias, report.unchanged) == (1, 1, 1)
    with database.session() as session:
        for writing in ("乙店", "北京市东城区测试路1号(近某路)", "测试路1号 北京市东城区"):
            assert len(find_by_text(session, writing, scope=ALL)) == 1
        assert not find_by_text(session, "北京市东城区测试路2号", scope=ALL)
    again = _import(database, path, config)
    assert again.unchanged == 3


def test_an_import_follows_a_merge_and_brings_no_duplicate_back(
    database: Database, tmp_path: Path, config: Settings
) -> None:
    rows = [*_rows(2), ["n9", "山西省太原市小店区侧试路9号", 112.55, 37.87]]
    file = _csv(tmp_path / "a.csv", rows)
    _import(database, file, config)
    with database.session() as session:
        (wrong,) = find_by_text(session, "山西省太原市小店区侧试路9号", scope=ALL)
        right = session.get_one(StandardAddress, wrong.id - 1)
        merge = merge_address(
            session, wrong.id, right.id, merged_version=1, kept_version=1, merged_by="示例·甲",
            now=NOW, scope=ALL,
        )  # fmt: skip
        merge_id, wrong_id, right_id = merge.id, wrong.id, right.id
    assert _import(database, file, config).unchanged == 3
    with_name = _csv(
        tmp_path / "b.csv",
        [["n9", "山西省太原市小店区侧试路9号", 112.55, 37.87, "老邮局"]],
        "编号,地址,经度,纬度,名称",
    )
    assert _import(database, with_name, config).merged_as_alias == 1
    with database.session() as session:
        found = find_by_text(session, "老邮局", scope=ALL)
        assert [address.id for address in found] == [right_id]
        undo_merge(session, merge_id, undone_by="示例·甲", now=NOW, day=DATE, scope=ALL)
    assert _import(database, file, config).unchanged == 3
    with database.session() as session:
        assert session.get_one(StandardAddress, wrong_id).status == "current"
    assert _count(database) == 3


def test_rows_without_reference_are_known_by_their_address(
    database: Database, tmp_path: Path, config: Settings
) -> None:
    rows = [["", f"北京市东城区测试路{n % 20}号", 116.4 + n / 1e5, 39.9] for n in range(1, 31)]
    path = _csv(tmp_path / "a.csv", rows)
    first = _import(database, path, config, chunk_rows=4)
    again = _import(database, path, config, chunk_rows=9)
    assert first.inserted == _count(database) == 20
    assert again.unchanged == 30


def test_another_source_overwrites_nothing_but_fills_what_is_missing(
    database: Database, tmp_path: Path, config: Settings
) -> None:
    _import(database, _csv(tmp_path / "a.csv", [["1", "测试路1号", "", ""]]), config, source="甲")
    rows = [["9", "测试路1号", 116.4, 39.9], ["10", "测试路1号", 116.4, 39.9]]
    report = _import(database, _csv(tmp_path / "b.csv", rows), config, source="乙")
    # The first row of the second source gives the point; the second row has no better one.
    assert (report.updated, report.unchanged) == (1, 1)
    with database.session() as session:
        (kept,) = session.query(StandardAddress).all()
        assert (kept.source, kept.source_ref) == ("甲", "1")
        assert point_of(kept).longitude == 116.4  # type: ignore[union-attr]
    far = _csv(tmp_path / "c.csv", [["9", "测试路1号", 116.5, 39.9]])
    assert _import(database, far, config, source="丙").failures_by_reason == {"points_apart": 1}


def test_a_reference_cannot_take_the_address_of_another(
    database: Database, tmp_path: Path, config: Settings
) -> None:
    _import(database, _csv(tmp_path / "a.csv", _rows(2)), config)
    swapped = _rows(2)
    swapped[0][1], swapped[1][1] = swapped[1][1], swapped[0][1]
    report = _import(database, _csv(tmp_path / "b.csv", swapped), config)
    assert report.failures_by_reason == {"address_taken": 2}
    assert _count(database, "standard_address_history") == 0


BAD_ROWS: list[tuple[list[object], str, str]] = [
    (["", 116.4, 39.9], "empty_address", "地址"),
    (["北京市东城区", 116.4, 39.9], "area_only", "地址"),
    (["测" * 600, 116.4, 39.9], "text_too_long", "地址"),
    (["测试路\x071号", 116.4, 39.9], "control_character", "地址"),
    (["测试路1号", "abc", 39.9], "coordinate_not_a_number", "经度"),
    (["测试路1号", "NaN", 39.9], "coordinate_not_a_number", "经度"),
    (["测试路1号", "inf", 39.9], "coordinate_not_finite", "经度"),
    (["测试路1号", 0, 0], "coordinate_zero", "经度"),
    (["测试路1号", 39.9, 116.4], "axes_swapped", "经度"),
    (["测试路1号", 999, 39.9], "coordinate_out_of_range", "经度"),
    (["测试路1号", 116.4, ""], "coordinate_missing", "经度"),
]


def test_each_bad_row_fails_alone_with_its_reason_and_column(
    database: Database, tmp_path: Path, config: Settings
) -> None:
    good = _rows(20)
    bad = [[f"B{n}", *row] for n, (row, _, _) in enumerate(BAD_ROWS)]
    report = _import(database, _csv(tmp_path / "a.csv", [*good, *bad, ["short"]]), config)
    assert report.inserted == 20
    told = [(row["reason"], row["column"]) for row in _failures(report)]
    assert told == [*((why, column) for _, why, column in BAD_ROWS), ("unreadable_row", "")]
    assert [int(row["row_number"]) for row in _failures(report)] == list(range(22, 34))
    assert _failures(report)[4]["编号"] == "B4"


def test_a_nul_that_only_json_can_carry_fails_its_row(
    database: Database, tmp_path: Path, config: Settings
) -> None:
    lines = [
        '{"编号": "a\\u0000b", "地址": "测试路1号", "区县": "东城区"}',
        '{"编号": "2", "地址": "测试路2号\\u0000", "区县": "东城区"}',
        '{"编号": "3", "地址": "测试路3号", "区县": "东\\u0000城区"}',
        '{"编号": "4", "地址": "测试路4号", "区县": "东城区"}',
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    report = _import(database, tmp_path / "a.jsonl", config)
    assert (report.inserted, report.failures_by_reason) == (1, {"control_character": 3})
    assert [row["column"] for row in _failures(report)] == ["编号", "地址", "区县"]


def test_a_row_of_another_datum_fails(database: Database, tmp_path: Path, config: Settings) -> None:
    datums = ("bd-09", "GCJ02", "Mars", "")
    rows = [[n, f"测试路{n}号", 116.4, 39.9, datum] for n, datum in enumerate(datums, 1)]
    path = _csv(tmp_path / "a.csv", rows, "编号,地址,经度,纬度,坐标系")
    report = _import(database, path, config, datum="BD09")
    assert report.inserted == 2
    assert report.failures_by_reason == {"mixed_datum": 1, "unknown_datum": 1}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"datum": ""}, InvalidDatum),
        ({"datum": "火星"}, InvalidDatum),
        ({"source": " "}, InvalidInput),
        ({"source": "a\x00b"}, InvalidInput),
        ({"accuracy_m": 0.0}, InvalidInput),
        ({"mapping": {"address_text": "没有"}}, InvalidMapping),
        ({"mapping": {"address_text": "", "lon": "", "lat": ""}}, InvalidMapping),
        ({"encoding": "klingon"}, InvalidFile),
    ],
)
def test_what_can_t_be_done_is_refused_before_a_job_is_made(
    database: Database, tmp_path: Path, config: Settings, change: Any, error: type[Exception]
) -> None:
    path = _csv(tmp_path / "a.csv", [["1", "x", 116.4, 39.9]])
    with pytest.raises(error):
        _import(database, path, config, **change)
    assert _count(database, "import_job") == 0


def test_exchanged_columns_are_refused_whole(
    database: Database, tmp_path: Path, config: Settings
) -> None:
    rows = [[n, f"测试路{n}号", 39.9, 116.4] for n in range(1, 9)]
    with pytest.raises(InvalidCoordinate, match="exchanged in 8 of the first 8"):
        _import(database, _csv(tmp_path / "a.csv", rows), config)
    assert _count(database) == 0


def test_a_file_that_says_another_projection_is_refused(
    database: Database, tmp_path: Path, config: Settings
) -> None:

    frame = gpd.GeoDataFrame(
        {"地址": ["北京市东城区测试路1号"]}, geometry=[shapely.Point(5e5, 4.4e6)]
    )
    frame.set_crs(4548).to_file(tmp_path / "a.gpkg")
    with pytest.raises(InvalidDatum, match="EPSG:4548"):
        _import(database, tmp_path / "a.gpkg", config, datum="WGS84")
    report = _import(database, tmp_path / "a.gpkg", config, datum="EPSG:4548")
    assert report.inserted == 1
    with database.session() as session:
        (stored,) = session.query(StandardAddress).all()
        # The middle meridian of zone 4548 is 117 E; 500 km is its false easting.
        assert abs(point_of(stored).longitude - 117) < 1e-6  # type: ignore[union-attr]
        assert stored.origin_datum == "EPSG:4548"


def test_components_in_columns_make_the_same_address_as_text(
    database: Database, tmp_path: Path, config: Settings
) -> None:
    header = "区县,路名,门牌号,楼栋,单元,房号"
    rows = [["东城区", "测试路", "1号", "3号楼", "2单元", "301室"]]
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(header.split(","))
    sheet.append(rows[0])
    book.save(tmp_path / "a.xlsx")
    _import(database, tmp_path / "a.xlsx", config)
    whole = _csv(tmp_path / "b.csv", [["1", "东城区测试路1号3幢二单元301", "", ""]])
    report = _import(database, whole, config, source="乙")
    assert report.inserted == 0
    assert _count(database) == 1


def test_the_preview_shows_and_stores_nothing(tmp_path: Path, config: Settings) -> None:
    path = _csv(tmp_path / "a.csv", _rows(9))
    preview = preview_addresses(path, _options(), settings=config)
    assert dict(preview.mapping.columns)["address_text"] == "地址"
    assert preview.first_rows[0]["canonical_text"] == "北京市东城区测试路1号"
    assert len(preview.first_rows) == 5


@pytest.mark.parametrize(("declared", "verdict"), [("BD09", "agrees"), ("WGS84", "shifted")])
def test_a_wrong_datum_is_measured_and_never_mended(
    database: Database, tmp_path: Path, config: Settings, declared: str, verdict: str
) -> None:
    known = [[n, f"测试路{n}号", 116.4 + n / 500, 39.9 + n % 7 / 300] for n in range(1, 41)]
    _import(database, _csv(tmp_path / "a.csv", known), config, source="测绘")
    moved = [[n, place, *from_wgs84(x, y, BD09)] for n, place, x, y in known]  # type: ignore[call-overload]
    report = _import(
        database, _csv(tmp_path / "b.csv", moved), config, source="网图", datum=declared
    )
    assert report.datum_check["verdict"] == verdict
    if verdict == "shifted":
        # Beijing: WGS 84 to BD-09 is 1.2 to 1.4 km to the north-east.
        assert 1000 < report.datum_check["shift_m"] < 1500
        assert report.datum_check["better_datum"] == "BD09"
        assert report.failures_by_reason == {"points_apart": 40}


def test_too_few_known_points_leave_the_datum_undecided(
    database: Database, tmp_path: Path, config: Settings
) -> None:
    report = _import(database, _csv(tmp_path / "a.csv", _rows(3)), config, datum="GCJ02")
    assert report.datum_check["verdict"] == "undecided"
    with database.session() as session:
        (stored, *_) = session.query(StandardAddress).order_by(StandardAddress.id).all()
        point = point_of(stored)
        assert point is not None
        back = from_wgs84(point.longitude, point.latitude, GCJ02)
        assert back == pytest.approx((116.4001, 39.9), abs=1e-7)
        assert (stored.accuracy_m, stored.origin_datum) == (20, "GCJ02")


class _Stopper:
    """Stops, kills or breaks an import when it has stored so many rows."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def __call__(self, done: int, _: int | None) -> None:
        if done >= self.rows:
            raise KeyboardInterrupt


def test_an_import_goes_on_where_it_was_stopped(
    database: Database, tmp_path: Path, config: Settings
) -> None:
    rows = [*_rows(15), ["bad", "", 1, 1], *_rows(15, start=15)]
    path = _csv(tmp_path / "a.csv", rows)
    options = _options(chunk_rows=4)
    with pytest.raises(KeyboardInterrupt):
        import_addresses(database, path, options, settings=config, progress=_Stopper(18))
    assert _count(database) == 19  # five chunks of four rows, one row of them bad
    with database.session() as session:
        assert get_job(session, 1).status == "stopped"
    report = _import(database, path, config, chunk_rows=4)
    assert (report.job_id, report.rows_in, report.inserted) == (1, 31, 30)
    assert len(_failures(report)) == 1
    assert _count(database) == 30


def test_a_stop_asked_for_is_heeded_after_the_rows_in_hand(
    database: Database, tmp_path: Path, config: Settings
) -> None:
    path = _csv(tmp_path / "a.csv", _rows(20))
    job_id = prepare_address_job(database, path, _options(chunk_rows=5), settings=config)

    def ask(done: int, _: int | None) -> None:
        if done == 5:
            with database.session() as session:
                request_stop(session, job_id)

    report = run_address_job(database, job_id, settings=config, progress=ask)
    assert (report.status, report.rows_in) == ("stopped", 10)
    done = run_address_job(database, job_id, settings=config)
    assert (done.status, done.inserted) == ("done", 20)


def test_a_database_that_goes_away_leaves_whole_chunks_and_a_job_to_resume(
    database: Database, tmp_path: Path, config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _csv(tmp_path / "a.csv", _rows(20))
    true_merge, calls = importer.merge_addresses, []

    def cut_off(session: Any, rows: Any, **words: Any) -> Any:
        calls.append(len(rows))
        merged = true_merge(session, rows, **words)
        if len(calls) == 3:
            backend = session.scalar(text("SELECT pg_backend_pid()"))
            with database.engine.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": backend})
        return merged

    monkeypatch.setattr(importer, "merge_addresses", cut_off)
    with pytest.raises(DatabaseUnavailable):
        _import(database, path, config, chunk_rows=5)
    assert _count(database) == 10
    with database.session() as session:
        job = get_job(session, 1)
        assert (job.status, job.rows_done) == ("failed", 10)
        assert "went away" in (job.message or "")
    report = _import(database, path, config, chunk_rows=5)
    assert (report.job_id, report.inserted, _count(database)) == (1, 20, 20)


def test_a_full_disk_stores_nothing_of_the_rows_in_hand(
    database: Database, tmp_path: Path, config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _csv(tmp_path / "a.csv", _rows(10))

    def full(*_: object) -> Iterator[None]:
        raise psycopg.errors.DiskFull("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(psycopg.Cursor, "copy", full)
        with pytest.raises(DiskFull, match="no space"):
            _import(database, path, config, chunk_rows=5)
    assert _count(database) == 0
    assert _import(database, path, config, chunk_rows=5).inserted == 10


def test_a_job_is_worked_on_once_and_a_dead_one_shows(
    database: Database, tmp_path: Path, config: Settings
) -> None:
    path = _csv(tmp_path / "a.csv", _rows(3))
    job_id = prepare_address_job(database, path, _options(), settings=config)
    with running_job(database, job_id):
        with database.session() as session:
            assert status_seen(session, get_job(session, job_id)) == "running"
        with pytest.raises(JobRunning):
            run_address_job(database, job_id, settings=config)
        with pytest.raises(JobRunning):
            prepare_address_job(database, path, _options(), settings=config)
    with database.session() as session:
        session.execute(text("UPDATE import_job SET status = 'running'"))
        assert status_seen(session, get_job(session, job_id)) == "failed"
    assert _import(database, path, config).job_id == job_id


def test_a_file_changed_since_is_not_resumed(
    database: Database, tmp_path: Path, config: Settings
) -> None:
    path = _csv(tmp_path / "a.csv", _rows(3))
    job_id = prepare_address_job(database, path, _options(), settings=config)
    _csv(path, _rows(4))
    with pytest.raises(InvalidFile, match="was changed"):
        run_address_job(database, job_id, settings=config)
    assert _import(database, path, config).job_id != job_id


def test_two_imports_at_a_time_make_no_duplicate(
    database: Database, tmp_path: Path, config: Settings
) -> None:
    paths = [_csv(tmp_path / f"{n}.csv", _rows(40, start=n)) for n in range(2)]
    reports: list[ImportReport] = []

    def work(n: int) -> None:
        reports.append(_import(database, paths[n], config, source=f"来源{n}", chunk_rows=3))

    threads = [threading.Thread(target=work, args=[n]) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reports) == 2
    assert sum(report.inserted for report in reports) == _count(database) == 41


@pytest.mark.parametrize("chunk_rows", [1, 2, 5])
@pytest.mark.parametrize(
    ("texts", "failed"),
    [
        (["测试路1号", "测试路1号"], 0),
        (["测试路1号", "测试路2号"], 1),
        (["测试路2号", "测试路1号", "测试路2号"], 1),
    ],
)
def test_a_repeated_reference_counts_alike_in_one_chunk_in_two_and_in_a_second_import(
    database: Database,
    tmp_path: Path,
    config: Settings,
    texts: list[str],
    failed: int,
    chunk_rows: int,
) -> None:
    path = _csv(tmp_path / "a.csv", [("A", each, "", "") for each in texts])
    columns = {"source_ref": "编号", "address_text": "地址", "lon": "经度", "lat": "纬度"}
    for _ in range(2):
        report = _import(database, path, config, chunk_rows=chunk_rows, mapping=columns)
        assert (report.failed, _count(database)) == (failed, 1)


row = st.tuples(
    st.sampled_from(["", "A", "B", "C"]),
    st.sampled_from(["测试路1号", "测试路１号", "测试路2号", "测试路2号（旁）", "", "东城区"]),
    st.sampled_from(["", "116.4", "116.5", "39.9", "x", "0"]),
    st.sampled_from(["", "39.9", "116.4", "0"]),
)


@hypothesis_settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=st.lists(row, max_size=12), chunk_rows=st.integers(1, 5))
def test_every_row_is_accounted_for_and_a_second_import_stores_nothing(
    database: Database, tmp_path: Path, config: Settings, rows: list[Any], chunk_rows: int
) -> None:
    with database.session() as session:
        session.execute(text("DELETE FROM address_alias"))
        session.execute(text("DELETE FROM standard_address"))
        session.execute(text("DELETE FROM import_job"))
    path = _csv(tmp_path / "a.csv", rows)
    columns = {"source_ref": "编号", "address_text": "地址", "lon": "经度", "lat": "纬度"}
    try:
        first = _import(database, path, config, chunk_rows=chunk_rows, mapping=columns)
    except InvalidCoordinate:
        return
    assert first.rows_in == len([row for row in rows if any(row)])
    assert len(_failures(first)) == first.failed
    again = _import(database, path, config, chunk_rows=chunk_rows, mapping=columns)
    assert (again.inserted, again.updated, again.merged_as_alias) == (0, 0, 0)
    assert again.failed == first.failed
