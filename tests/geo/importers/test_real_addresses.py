"""Real files of two cities and two datums go through the whole import, twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.importers.addresses import AddressImportOptions, ImportReport, import_addresses
from geo.settings import Settings
from geo.store.database import Database


@pytest.mark.parametrize(
    ("name", "datum", "rows", "failed_share_max"),
    [
        ("shanghai_stations/shanghai_stations_bd09.tsv", "BD09", 1601, 0.01),
        ("shenzhen_poi/shenzhen_poi_gcj02.tsv", "GCJ02", 534, 0.02),
    ],
)
def test_a_real_file_is_taken_and_taken_again(
    database: Database,
    shared_data: Path,
    tmp_path: Path,
    name: str,
    datum: str,
    rows: int,
    failed_share_max: float,
) -> None:
    options = AddressImportOptions(source="真实数据", datum=datum, day="2026-06-01")

    def run() -> ImportReport:
        return import_addresses(
            database,
            shared_data / "addr" / name,
            options,
            settings=Settings(data_folder=tmp_path),
        )

    first, again = run(), run()
    assert first.rows_in == rows
    assert first.without_point == 0
    assert first.failed <= failed_share_max * rows
    assert first.inserted > 0.85 * rows
    assert (again.inserted, again.updated, again.merged_as_alias) == (0, 0, 0)
    assert (again.unchanged, again.failed) == (rows - first.failed, first.failed)
