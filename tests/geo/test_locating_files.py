"""A file of points comes back whole, each row with its grid and cell or the reason why not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from shapely import box
from sqlalchemy.orm import Session

from geo.crs import parse_datum, wgs84_to_gcj02
from geo.errors import InvalidFile, InvalidMapping
from geo.importers.upload_safety import UploadLimits
from geo.locating_files import AssignedFile, assign_file
from tests.factories import add_grid

GRID = "990101001001001"
DAY = date(2026, 6, 1)
READERS = {
    ".csv": lambda path: pd.read_csv(path, dtype={"gb_grid_code": str}),
    ".parquet": pd.read_parquet,
    ".xlsx": lambda path: pd.read_excel(path, engine="calamine", dtype={"gb_grid_code": str}),
}


@pytest.fixture
def points(session: Session, tmp_path: Path) -> Path:
    """Five rows around one grid from (112, 37) to (112.01, 37.01), in GCJ-02."""
    add_grid(session, GRID, box(112.0, 37.0, 112.01, 37.01))
    inside, outside = wgs84_to_gcj02(112.005, 37.005), wgs84_to_gcj02(112.5, 37.005)
    rows = ["编号,经度,纬度"]
    rows += [f"a,{inside[0]:.8f},{inside[1]:.8f}", f"b,{outside[0]:.8f},{outside[1]:.8f}"]
    rows += ["c,0,0", "d,,37.005", "=e(),112.005,137.005"]
    file = tmp_path / "points.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return file


def run(session: Session, file: Path, out: Path, **options: object) -> AssignedFile:
    wanted = {"datum": parse_datum("GCJ02"), "on": DAY, "limits": UploadLimits(), **options}
    return assign_file(session, file, out, **wanted)


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".xlsx"])
def test_each_row_comes_back(session: Session, points: Path, ending: str) -> None:
    out = points.with_name(f"out{ending}")
    done = run(session, points, out)
    assert (done.rows, done.in_grid, done.in_no_grid) == (5, 1, 1)
    assert done.faults == {
        "coordinate_zero": 1, "coordinate_missing": 1, "coordinate_out_of_range": 1,
    }  # fmt: skip
    found = READERS[ending](out)
    assert [code if isinstance(code, str) else None for code in found["gb_grid_code"]] == [
        GRID, None, None, None, None,
    ]  # fmt: skip
    assert found["gb_h3_cell"].notna().tolist() == [True, True, False, False, False]
    assert float(found["gb_x"][0]) == pytest.approx(112.005, abs=2e-7)
    assert list(points.parent.glob(".out*")) == []


def test_day_before_the_grid_finds_none(session: Session, points: Path) -> None:
    done = run(session, points, points.with_name("out.csv"), on=date(2019, 12, 31))
    assert (done.in_grid, done.in_no_grid) == (0, 2)


def test_unknown_endings_columns_and_own_source_are_refused(session: Session, points: Path) -> None:
    with pytest.raises(InvalidFile, match=r"ends in \.doc"):
        run(session, points, points.with_name("out.doc"))
    with pytest.raises(InvalidFile, match="overwrite its own source"):
        run(session, points, points)
    with pytest.raises(InvalidFile, match="no folder"):
        run(session, points, points.parent / "nowhere" / "out.csv")
    points.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(InvalidMapping, match="--map lon=COLUMN"):
        run(session, points, points.with_name("out.csv"))
    assert not points.with_name("out.csv").exists()
