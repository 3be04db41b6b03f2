"""Importing grids: formats, datums, whole or not at all, versions, what follows from them."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import shapely
from shapely.affinity import translate
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo.codes import CodeStandard
from geo.crosswalk import CROSSWALK_RESOLUTIONS, grid_to_h3_cells, h3_cell_to_grids
from geo.crs import BD09, CGCS2000, GCJ02, WGS84, parse_datum
from geo.errors import (
    GridImportRejected,
    GridNotFound,
    InvalidDatum,
    InvalidInput,
    JobRunning,
)
from geo.faults import FaultKind
from geo.geodesy import geodesic_area_m2
from geo.grid_versions import lock_grid_writes
from geo.grids import (
    count_grids,
    get_grid,
    grid_neighbours,
    list_grid_versions,
    list_grids,
    load_grids,
    summarise_communities,
)
from geo.importers.grids import (
    GridImportOptions,
    GridImportResult,
    check_grid_table,
    import_grid_table,
    import_grids,
)
from geo.importers.polygons import PolygonTable
from geo.importers.upload_safety import UploadLimits
from geo.locating import locate
from geo.store.database import Database
from geo.tables import Grid, GridVersion, StandardAddress
from geo.values import GridScope, LonLat
from tests.drawing import STEP_DEG, corner, draw, square
from tests.geo.grid_drafts import COMMUNITY, code
from tests.geo.grid_files import grid_frame, table_of, write_grids

MONDAY, TUESDAY, WEDNESDAY = date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25)
ALL = GridScope.everything()
OPTIONS = GridImportOptions(datum=WGS84, valid_from=MONDAY)
PICTURE = """
    AABB
    AABB
    CCCC
"""


def land(
    session: Session,
    given: Path | PolygonTable,
    *,
    today: date | None = None,
    results_folder: Path | None = None,
    progress: Any = None,
    **options: Any,
) -> GridImportResult:
    """Import a file, or a table where it isn't the reading that is tested: that takes a second."""
    chosen = dataclasses.replace(OPTIONS, **options)
    common: dict[str, Any] = {
        "today": today or chosen.valid_from,
        "source": "test",
        "results_folder": results_folder,
        "progress": progress,
    }
    if isinstance(given, Path):
        return import_grids(session, given, chosen, upload_limits=UploadLimits(), **common)
    return import_grid_table(session, given, "grids.geojson", chosen, **common)


@pytest.fixture
def three_grids() -> PolygonTable:
    return table_of(grid_frame(draw(PICTURE)))


def address_at(session: Session, column: float, row: float, name: str = "1号") -> StandardAddress:
    lon, lat = corner(column, row)
    address = StandardAddress(
        road="桥东街", door=name, canonical_text=f"桥东街{name}", search_key=f"桥东街{name}",
        level="door", geom=f"SRID=4326;POINT({lon} {lat})", point_method="surveyed",
        accuracy_m=1.0, source="test",
    )  # fmt: skip
    session.add(address)
    session.flush()
    return address


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".shp", ".zip", ".kml"])
def test_each_format_lands(session: Session, tmp_path: Path, suffix: str) -> None:
    drawing = draw(PICTURE)
    frame = grid_frame(drawing)
    if suffix in (".shp", ".zip", ".kml"):  # names of ten bytes in a shapefile; KML knows `name`
        frame = frame.rename(columns={"网格编码": "WGBM", "网格名称": "name", "户数": "HS"})
    result = land(session, write_grids(tmp_path / f"grids{suffix}", frame))
    assert result.check.faults == ()
    stored = load_grids(session, on=MONDAY, scope=ALL)
    assert list(stored.index) == [code(1), code(2), code(3)]
    assert list(stored["name"]) == ["第1网格", "第2网格", "第3网格"]
    assert list(stored["household_count"]) == [400] * 3
    assert list(stored["community_code"]) == [COMMUNITY] * 3
    for letter, polygon in zip("ABC", stored.geometry, strict=True):
        assert polygon.symmetric_difference(drawing[letter]).area < 1e-13
    assert list(stored["area_m2"]) == pytest.approx(list(geodesic_area_m2(stored.geometry)))


@pytest.mark.parametrize("datum", [CGCS2000, GCJ02, BD09, parse_datum("EPSG:4547")])
def test_each_datum_comes_to_wgs84(session: Session, tmp_path: Path, datum: Any) -> None:
    drawing = draw(PICTURE)
    path = write_grids(tmp_path / "grids.gpkg", grid_frame(drawing), datum=datum)
    land(session, path, datum=datum)
    stored = load_grids(session, on=MONDAY, scope=ALL)
    for letter, polygon in zip("ABC", stored.geometry, strict=True):
        assert polygon.hausdorff_distance(drawing[letter]) < 1e-8  # 1 mm


def test_a_declaration_that_the_file_contradicts_is_refused(
    session: Session, tmp_path: Path
) -> None:
    projected = parse_datum("EPSG:4547")
    path = write_grids(tmp_path / "grids.gpkg", grid_frame(draw(PICTURE)), datum=projected)
    with pytest.raises(InvalidDatum, match=r"EPSG:4547.*declared is WGS84"):
        land(session, path)
    with pytest.raises(InvalidDatum, match=r"EPSG:4547.*declared is EPSG:4546"):
        land(session, path, datum=parse_datum("EPSG:4546"))
    path = write_grids(tmp_path / "degrees.gpkg", grid_frame(draw(PICTURE)))
    with pytest.raises(InvalidDatum, match="declared is EPSG:4547"):
        land(session, path, datum=projected)
    xian = grid_frame(draw(PICTURE)).set_crs("EPSG:4610", allow_override=True)
    with pytest.raises(InvalidDatum, match="Xian 1980"):
        land(session, write_grids(tmp_path / "xian.gpkg", xian))


def test_the_mapping_is_guessed_and_can_be_overridden(session: Session, tmp_path: Path) -> None:
    frame = grid_frame(
        draw("AB"), 网格长=["甲", "乙"], 联系电话=["1", "2"], 备注=["东风", "西风"],
        网格类型=["基础网格", "专属网格"],
    )  # fmt: skip
    path = write_grids(tmp_path / "grids.geojson", frame)
    result = land(session, path, mapping={"name": "备注", "household_count": ""})
    assert result.check.mapping.get("grid_code") == "网格编码"
    stored = load_grids(session, on=MONDAY, scope=ALL)
    assert list(stored["name"]) == ["东风", "西风"]
    assert list(stored["person_in_charge"]) == ["甲", "乙"]
    assert list(stored["contact"]) == ["1", "2"]
    assert list(stored["kind"]) == ["base", "dedicated"]
    assert stored["household_count"].isna().all()


def test_own_codes_and_communities(session: Session, tmp_path: Path) -> None:
    frame = grid_frame(draw("AB")).assign(beat=["0111", "0112"], district=["1", "1"])
    path = table_of(frame[["beat", "district", "geometry"]])
    land(session, path, standard=CodeStandard.OWN, mapping={"community_code": "district"})
    assert get_grid(session, "0112", on=MONDAY, scope=ALL).community_code == "1"


def test_errors_store_nothing_and_leave_a_picture(session: Session, tmp_path: Path) -> None:
    drawing = draw(PICTURE)
    drawing["B"] = translate(drawing["B"], xoff=-STEP_DEG)
    path = table_of(grid_frame(drawing))
    with pytest.raises(GridImportRejected, match=r"overlap by .* Mend the errors") as caught:
        land(session, path, results_folder=tmp_path / "results", accept_warnings=True)
    assert {fault.kind for fault in caught.value.faults} == {FaultKind.OVERLAP}
    assert caught.value.fault_file.name == "grid_faults_grids_2026-11-23.geojson"
    assert caught.value.fault_file.is_file()
    assert count_grids(session, on=MONDAY, scope=ALL) == 0
    assert session.scalar(select(func.count()).select_from(GridVersion)) == 0


def test_warnings_land_only_when_accepted(session: Session, tmp_path: Path) -> None:
    path = table_of(grid_frame(draw("AB"), 户数=[20, 400]))
    with pytest.raises(GridImportRejected, match=r"0 errors and 1 warnings.*Accept the warnings"):
        land(session, path)
    result = land(session, path, accept_warnings=True)
    assert [fault.kind for fault in result.check.faults] == [FaultKind.HOUSEHOLDS_UNUSUAL]
    assert count_grids(session, on=MONDAY, scope=ALL) == 2


def test_a_check_stores_nothing(session: Session, three_grids: PolygonTable) -> None:
    check = check_grid_table(session, three_grids, "grids.geojson", OPTIONS)
    assert (check.faults, len(check.drafts)) == ((), 3)
    assert count_grids(session, on=MONDAY, scope=ALL) == 0


def test_a_new_version_ends_the_old_one_and_addresses_follow(
    session: Session, tmp_path: Path, three_grids: PolygonTable
) -> None:
    first = land(session, three_grids)
    house = address_at(session, 2.5, 0.5, "1号")  # in B
    other = address_at(session, 0.5, 2.5, "2号")  # in C
    outside = address_at(session, 9, 9, "3号")
    # The border between A and B moves one step east; C is cut down to its western half.
    new = draw("""
        AAAB
        AAAB
        CC..
    """)
    lost = address_at(session, 3.5, 2.5, "4号")  # in C at first, then in none
    second = land(
        session,
        table_of(grid_frame(new)),
        valid_from=WEDNESDAY,
        today=WEDNESDAY,
    )
    assert (second.stored.grid_count, second.stored.ended_count) == (3, 3)
    session.expire_all()
    assert [a.grid_code for a in (house, other, outside, lost)] == [code(1), code(3), None, None]
    # Those never assigned before count as moved, too, apart from the one that stays outside.
    assert (second.stored.moved, second.stored.left_without) == (2, 0)
    point = LonLat(*corner(2.5, 0.5))
    assert locate(session, point, on=TUESDAY, scope=ALL).grid.grid_code == code(2)
    assert locate(session, point, on=WEDNESDAY, scope=ALL).grid.grid_code == code(1)
    assert get_grid(session, code(1), on=TUESDAY, scope=ALL).version_id == first.stored.version_id
    with pytest.raises(GridNotFound, match="2026-11-22"):
        get_grid(session, code(1), on=date(2026, 11, 22), scope=ALL)
    versions = list_grid_versions(session, on=WEDNESDAY)
    assert [(v.version_id, v.in_force_count) for v in versions] == [
        (second.stored.version_id, 3),
        (first.stored.version_id, 0),
    ]


def test_a_version_that_begins_later_moves_nothing_yet(
    session: Session, tmp_path: Path, three_grids: PolygonTable
) -> None:
    land(session, three_grids)
    house = address_at(session, 2.5, 0.5)
    path = table_of(grid_frame(draw("AAAB\nAAAB\nCCCC")))
    land(session, path, valid_from=WEDNESDAY, today=MONDAY)
    session.expire_all()
    assert house.grid_code == code(2)


def test_the_same_again_makes_no_version(
    session: Session, tmp_path: Path, three_grids: PolygonTable
) -> None:
    land(session, three_grids)
    for day in (MONDAY, WEDNESDAY):
        again = land(session, three_grids, valid_from=day)
        assert (again.stored.version_id, again.unchanged_since) == (None, MONDAY)
    as_gpkg = table_of(grid_frame(draw(PICTURE)).iloc[::-1])
    assert land(session, as_gpkg, valid_from=TUESDAY).unchanged_since == MONDAY
    assert session.scalar(select(func.count()).select_from(GridVersion)) == 1


def test_a_day_has_one_version(session: Session, tmp_path: Path, three_grids: PolygonTable) -> None:
    land(session, three_grids)
    path = table_of(grid_frame(draw("AAAB\nAAAB\nCCCC")))
    for day in (MONDAY, date(2026, 1, 1)):
        with pytest.raises(GridImportRejected, match="begin on 2026-11-23 already") as caught:
            land(session, path, valid_from=day)
        assert {f.kind for f in caught.value.faults} == {FaultKind.DATE_TAKEN}
    assert land(session, path, valid_from=TUESDAY).stored.grid_count == 3


def test_other_communities_stay_unless_all_are_replaced(
    session: Session, tmp_path: Path, three_grids: PolygonTable
) -> None:
    land(session, three_grids)
    east = "140106001006"
    drawing = {key: translate(p, xoff=4 * STEP_DEG) for key, p in draw("AB\nAB\nAB").items()}
    path = table_of(grid_frame(drawing, community_code=east))
    land(session, path, valid_from=TUESDAY)
    assert count_grids(session, on=TUESDAY, scope=ALL) == 5
    assert [s.grid_count for s in summarise_communities(session, on=TUESDAY, scope=ALL)] == [3, 2]
    both = table_of(grid_frame(draw("A"), community_code=east))
    result = land(session, both, valid_from=WEDNESDAY, replace_all=True)
    assert result.stored.ended_count == 5
    assert count_grids(session, on=WEDNESDAY, scope=ALL) == 1


def test_only_the_communities_asked_for_are_taken(session: Session, tmp_path: Path) -> None:
    import pandas as pd

    west = grid_frame(draw("A"))
    east = grid_frame(draw(".A"), community_code="140106001006")
    path = table_of(pd.concat([west, east], ignore_index=True))
    land(session, path, communities=("140106001006",))
    assert list(load_grids(session, on=MONDAY, scope=ALL).index) == ["140106001006001"]
    with pytest.raises(InvalidInput, match="no grid of 999"):
        land(session, path, communities=("999",))


def test_a_wrong_datum_is_pointed_out(session: Session, tmp_path: Path) -> None:
    """The same grids as before, but the file's numbers are GCJ-02, 540 m off."""
    drawing = draw("\n".join("ABCDEFGHIJ"[row] * 10 for row in range(10)))
    land(session, table_of(grid_frame(drawing)))
    frame = grid_frame(drawing, 网格名称=["新"] * 10)
    path = table_of(frame, datum=GCJ02)
    with pytest.raises(GridImportRejected) as caught:
        land(session, path, valid_from=TUESDAY)
    (fault,) = caught.value.faults
    assert fault.kind is FaultKind.DATUM_SUSPECT
    assert "fit better as GCJ02" in fault.text
    assert fault.width_m == pytest.approx(555, abs=30)
    assert land(session, path, valid_from=TUESDAY, datum=GCJ02).check.faults == ()


def test_the_crosswalk_is_stored_with_the_grids(
    session: Session, three_grids: PolygonTable
) -> None:
    land(session, three_grids)
    for resolution in CROSSWALK_RESOLUTIONS:
        for number in (1, 2, 3):
            shares = grid_to_h3_cells(session, code(number), resolution, on=MONDAY, scope=ALL)
            assert sum(share.share_of_grid for share in shares) == pytest.approx(1, abs=1e-9)
    cell = max(
        grid_to_h3_cells(session, code(1), 10, on=MONDAY, scope=ALL),
        key=lambda share: share.share_of_grid,
    )
    back = h3_cell_to_grids(session, cell.h3_cell, on=MONDAY, scope=ALL)
    assert (cell.share_of_grid, cell.share_of_h3_cell) in [
        (share.share_of_grid, share.share_of_h3_cell)
        for share in back
        if share.grid_code == code(1)
    ]
    assert h3_cell_to_grids(session, cell.h3_cell, on=date(2020, 1, 1), scope=ALL) == []
    assert h3_cell_to_grids(session, cell.h3_cell, on=MONDAY, scope=GridScope.of([])) == []


def test_scope_hides_what_lies_outside(session: Session, three_grids: PolygonTable) -> None:
    land(session, three_grids)
    only_b = GridScope.of([code(2)])
    assert list(load_grids(session, on=MONDAY, scope=only_b).index) == [code(2)]
    assert [row.grid_code for row in list_grids(session, on=MONDAY, scope=only_b)] == [code(2)]
    assert count_grids(session, on=MONDAY, scope=GridScope.of([])) == 0
    assert grid_neighbours(session, code(2), on=MONDAY, scope=only_b) == []
    with pytest.raises(GridNotFound):
        get_grid(session, code(1), on=MONDAY, scope=only_b)


def test_neighbours_share_border(session: Session, three_grids: PolygonTable) -> None:
    land(session, three_grids)
    found = grid_neighbours(session, code(1), on=MONDAY, scope=ALL)
    # B along two steps north-south (222 m), C along two steps west-east (176 m); each end reaches
    # 1 m around the corner.
    assert [neighbour.grid_code for neighbour in found] == [code(2), code(3)]
    assert [neighbour.border_m for neighbour in found] == pytest.approx([222, 176], abs=3)


def test_lists_count_addresses(session: Session, three_grids: PolygonTable) -> None:
    land(session, three_grids)
    from geo.locating import reassign_grids

    for number, (column, row) in enumerate([(0.5, 0.5), (1.5, 0.5), (2.5, 0.5)]):
        address_at(session, column, row, f"{number}号")
    reassign_grids(session, on=MONDAY)
    rows = list_grids(session, on=MONDAY, scope=ALL)
    assert [(row.grid_code, row.address_count) for row in rows] == [
        (code(1), 2),
        (code(2), 1),
        (code(3), 0),
    ]
    page = list_grids(session, on=MONDAY, scope=ALL, after=code(1), limit=1)
    assert [row.grid_code for row in page] == [code(2)]
    (summary,) = summarise_communities(session, on=MONDAY, scope=ALL)
    assert (summary.grid_count, summary.address_count, summary.household_count) == (3, 3, 1200)


def test_two_imports_at_a_time_don_t_mix(database: Database, three_grids: PolygonTable) -> None:
    with database.session() as one:
        lock_grid_writes(one)
        with pytest.raises(JobRunning, match="Another import of grids"), database.session() as two:
            land(two, three_grids)
    with database.session() as three:
        assert land(three, three_grids).stored.grid_count == 3


def test_a_database_that_goes_away_leaves_nothing(
    database: Database, three_grids: PolygonTable, tmp_path: Path
) -> None:
    from sqlalchemy import text

    from geo.errors import DatabaseUnavailable

    with database.session() as session:
        land(session, three_grids)
    path = table_of(grid_frame(draw("AAAB\nAAAB\nCCCC")))

    def break_down(done: int, total: int | None) -> None:
        if total == 3:  # while storing: the checks are more steps
            with database.session() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})

    with pytest.raises(DatabaseUnavailable), database.session() as session:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
        land(session, path, valid_from=WEDNESDAY, progress=break_down)
    with database.session() as session:
        stored = load_grids(session, on=WEDNESDAY, scope=ALL)
        assert list(stored["valid_to"]) == [None] * 3
        assert session.scalar(select(func.count()).select_from(GridVersion)) == 1
        assert session.scalar(select(func.count()).select_from(Grid)) == 3
        assert shapely.area(stored.geometry).sum() == pytest.approx(
            square(0, 0).area * 12, rel=1e-9
        )
