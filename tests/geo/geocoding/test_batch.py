"""Geocoding a file: kinds of output, resuming after a kill, review, bad rows, formulas."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pyogrio
import pytest

from geo.errors import InvalidDatum, InvalidFile, InvalidMapping
from geo.geocoding import GeocodeAnswer, LocalGeocoder, batch, geocode_file
from geo.values import GridScope
from tests.geo.addresses.small_register import POINTS, TEXTS, small_index

EVERYTHING = GridScope.everything()
INDEX = small_index()
ROWS = [
    ("1", "翠苑一区3-2-101", "张"),
    ("2", "文二路29号", '=HYPERLINK("http://x","y")'),
    ("3", "翠苑一区9幢2单元101室", "+1+2"),
    ("4", "没有这样的地址", ""),
    ("5", "", "空"),
    ("6", "湖墅南路5号", "两处"),
]


@pytest.fixture
def geocoder() -> LocalGeocoder:
    return LocalGeocoder(lambda: INDEX)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("编号", "地址", "备注"), *ROWS])
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_csv_with_review_and_counts(
    source: Path, tmp_path: Path, geocoder: LocalGeocoder
) -> None:
    out = tmp_path / "out.csv"
    told: list[int] = []
    summary = geocode_file(
        source, out, geocoder=geocoder, scope=EVERYTHING, progress=lambda d, _: told.append(d)
    )
    assert summary.rows == 6
    assert summary.by_status == {"matched": 2, "review": 2, "not_found": 1, "error": 1}
    assert summary.by_level == {"room": 1, "door": 1}
    assert summary.column == "地址"
    assert told == [6]
    rows = read_csv(out)
    assert [row["编号"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert rows[0]["gb_standard_address"] == TEXTS[12]
    assert rows[0]["gb_row"] == "2"  # the line of the file
    assert float(rows[0]["gb_x"]) == POINTS[12][0]
    assert rows[3]["gb_x"] == ""
    review = read_csv(summary.review)
    assert [row["row"] for row in review] == ["4", "5", "6", "7"]
    assert review[3]["candidate_1"].endswith("湖墅南路5号")
    assert review[3]["candidate_2"].endswith("湖墅南路5号")
    assert "楼号不同" in review[0]["reasons"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "in.csv",
        "out.csv",
        "out.review.csv",
    ]


def test_formulas_are_disarmed(source: Path, tmp_path: Path, geocoder: LocalGeocoder) -> None:
    out = tmp_path / "out.csv"
    geocode_file(source, out, geocoder=geocoder, scope=EVERYTHING)
    assert read_csv(out)[1]["备注"] == '\'=HYPERLINK("http://x","y")'
    sheet_file = tmp_path / "out.xlsx"
    geocode_file(source, sheet_file, geocoder=geocoder, scope=EVERYTHING)
    sheet = openpyxl.load_workbook(sheet_file).active
    assert sheet is not None
    assert sheet["C3"].data_type == "s"
    assert sheet["A1"].value == "编号"


def test_parquet_and_geopackage(source: Path, tmp_path: Path, geocoder: LocalGeocoder) -> None:
    geocode_file(source, tmp_path / "o.parquet", geocoder=geocoder, scope=EVERYTHING)
    table = pq.read_table(tmp_path / "o.parquet")
    assert table["gb_standard_address_id"].to_pylist()[:2] == [12, 16]
    geocode_file(source, tmp_path / "o.gpkg", geocoder=geocoder, scope=EVERYTHING)
    frame = pyogrio.read_dataframe(tmp_path / "o.gpkg")
    assert frame.crs.to_epsg() == 4326
    assert (frame.geometry.iloc[0].x, frame.geometry.iloc[0].y) == POINTS[12]
    assert frame.geometry.iloc[3] is None


def test_another_datum_is_written_on_demand(
    source: Path, tmp_path: Path, geocoder: LocalGeocoder
) -> None:
    out = tmp_path / "out.csv"
    geocode_file(source, out, geocoder=geocoder, scope=EVERYTHING, datum_out="GCJ02")
    assert 0.003 < float(read_csv(out)[0]["gb_x"]) - POINTS[12][0] < 0.006


def test_the_column_is_guessed_by_content_or_named(tmp_path: Path, geocoder: LocalGeocoder) -> None:
    path = tmp_path / "in.csv"
    path.write_text("a,b\n1,翠苑一区3幢2单元101室\n2,西湖区文二路29号\n", encoding="utf-8")
    summary = geocode_file(path, tmp_path / "o.csv", geocoder=geocoder, scope=EVERYTHING)
    assert summary.column == "b"
    with pytest.raises(InvalidMapping, match="no column"):
        geocode_file(path, tmp_path / "o.csv", geocoder=geocoder, scope=EVERYTHING, column="住址")
    path.write_text("a,b\n1,x\n2,y\n", encoding="utf-8")
    with pytest.raises(InvalidMapping, match="--column"):
        geocode_file(path, tmp_path / "o.csv", geocoder=geocoder, scope=EVERYTHING)


def test_bad_files_and_names_are_refused(
    source: Path, tmp_path: Path, geocoder: LocalGeocoder
) -> None:
    with pytest.raises(InvalidFile, match="ends in"):
        geocode_file(source, tmp_path / "o.docx", geocoder=geocoder, scope=EVERYTHING)
    with pytest.raises(InvalidFile, match="overwrite"):
        geocode_file(source, source, geocoder=geocoder, scope=EVERYTHING)
    with pytest.raises(InvalidFile, match="WGS84"):
        geocode_file(
            source, tmp_path / "o.gpkg", geocoder=geocoder, scope=EVERYTHING, datum_out="GCJ02"
        )
    with pytest.raises(InvalidDatum):
        geocode_file(
            source, tmp_path / "o.csv", geocoder=geocoder, scope=EVERYTHING, datum_out="MARS"
        )
    with pytest.raises(InvalidFile):
        geocode_file(tmp_path / "none.csv", tmp_path / "o.csv", geocoder=geocoder, scope=EVERYTHING)
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    with pytest.raises(InvalidFile, match="empty"):
        geocode_file(empty, tmp_path / "o.csv", geocoder=geocoder, scope=EVERYTHING)
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv", "empty.csv"}


class CountingGeocoder:
    """A geocoder that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self._inner = LocalGeocoder(lambda: INDEX)

    def geocode(self, address_text: str, *, scope: GridScope) -> GeocodeAnswer:
        return self._inner.geocode(address_text, scope=scope)

    def geocode_many(
        self, address_texts: Sequence[str | None], *, scope: GridScope
    ) -> list[GeocodeAnswer]:
        self.asked += address_texts
        return self._inner.geocode_many(address_texts, scope=scope)

    def prepare(self, *, scope: GridScope) -> None:
        self._inner.prepare(scope=scope)


class StoppedError(Exception):
    pass


def test_a_stopped_run_goes_on(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "CHUNK_ROWS", 2)
    whole, out = tmp_path / "whole.csv", tmp_path / "out.csv"
    geocode_file(source, whole, geocoder=CountingGeocoder(), scope=EVERYTHING)

    def stop(done: int, _: int | None) -> None:
        if done == 4:
            raise StoppedError

    first = CountingGeocoder()
    with pytest.raises(StoppedError):
        geocode_file(source, out, geocoder=first, scope=EVERYTHING, progress=stop)
    assert not out.exists()
    second = CountingGeocoder()
    summary = geocode_file(source, out, geocoder=second, scope=EVERYTHING)
    assert summary.resumed_rows == 4
    assert first.asked + second.asked == [row[1] or None for row in ROWS]
    assert out.read_bytes() == whole.read_bytes()
    assert summary.review.read_bytes() == (tmp_path / "whole.review.csv").read_bytes()


def test_several_processes_write_the_same_bytes_and_queue_the_same(
    source: Path, tmp_path: Path, geocoder: LocalGeocoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "CHUNK_ROWS", 2)
    written, queued = [], []
    for workers in (1, 3):
        out = tmp_path / f"out{workers}.csv"
        unsure: list[GeocodeAnswer] = []
        told: list[int] = []
        geocode_file(
            source, out, geocoder=geocoder, scope=EVERYTHING, workers=workers,
            queue=unsure.extend, progress=lambda done, _, told=told: told.append(done),
        )  # fmt: skip
        assert told == [2, 4, 6]
        written.append((out.read_bytes(), out.with_suffix(".review.csv").read_bytes()))
        queued.append(unsure)
    assert written[0] == written[1]
    assert queued[0] == queued[1]
    assert [answer.text for answer in queued[0]] == [ROWS[i][1] for i in (2, 3, 5)]


def test_a_chunk_counts_only_once_its_rows_are_queued(
    source: Path, tmp_path: Path, geocoder: LocalGeocoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "CHUNK_ROWS", 2)
    out = tmp_path / "out.csv"

    def fail(answers: Sequence[GeocodeAnswer]) -> None:
        if any(answer.text == ROWS[2][1] for answer in answers):
            raise StoppedError

    with pytest.raises(StoppedError):
        geocode_file(source, out, geocoder=geocoder, scope=EVERYTHING, workers=2, queue=fail)
    unsure: list[GeocodeAnswer] = []
    summary = geocode_file(
        source, out, geocoder=geocoder, scope=EVERYTHING, workers=2, queue=unsure.extend
    )
    assert summary.resumed_rows == 2
    assert [answer.text for answer in unsure] == [ROWS[i][1] for i in (2, 3, 5)]


def test_another_register_or_source_starts_anew(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "CHUNK_ROWS", 2)

    def stop(done: int, _: int | None) -> None:
        raise StoppedError

    out = tmp_path / "out.csv"
    with pytest.raises(StoppedError):
        geocode_file(
            source, out, geocoder=CountingGeocoder(), scope=EVERYTHING, register_mark="1",
            progress=stop,
        )  # fmt: skip
    summary = geocode_file(
        source, out, geocoder=CountingGeocoder(), scope=EVERYTHING, register_mark="2"
    )
    assert summary.resumed_rows == 0
    assert summary.rows == 6


RUN = """
import sys, time
from pathlib import Path
from geo.geocoding import batch, LocalGeocoder
from geo.values import GridScope
from tests.geo.addresses.small_register import small_index
batch.CHUNK_ROWS = 20
index = small_index()
def wait(done, total):
    print(done, flush=True)
    time.sleep(float(sys.argv[3]))
batch.geocode_file(Path(sys.argv[1]), Path(sys.argv[2]), geocoder=LocalGeocoder(lambda: index),
                   scope=GridScope.everything(), workers=int(sys.argv[4]), progress=wait)
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_killed_run_ends_with_the_same_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    source = tmp_path / "in.csv"
    texts = [TEXTS[12 + i % 5].replace("101", str(100 + i % 7)) for i in range(200)]
    source.write_text("地址\n" + "\n".join(texts) + "\n", encoding="utf-8")
    whole, out = tmp_path / "whole.csv", tmp_path / "out.csv"
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}

    def start(target: Path, wait_s: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", RUN, str(source), str(target), wait_s, workers]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    killed = start(out, "0.2")
    assert killed.stdout is not None
    while killed.stdout.readline().strip() != "60":
        assert killed.poll() is None
    time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not out.exists()
    done_before = len(list((tmp_path / "out.csv.part").glob("*.parquet")))
    assert 3 <= done_before < 10
    again = start(out, "0")
    assert again.communicate()[0].split()[-1] == "200"
    assert again.returncode == 0
    monkeypatch.setattr(batch, "CHUNK_ROWS", 20)
    geocode_file(source, whole, geocoder=LocalGeocoder(lambda: INDEX), scope=EVERYTHING)
    assert out.read_bytes() == whole.read_bytes()
    assert (tmp_path / "out.review.csv").read_bytes() == (
        tmp_path / "whole.review.csv"
    ).read_bytes()
    assert not (tmp_path / "out.csv.part").exists()
