"""Faults of grids as a set: each drawn, named, measured; and none where nothing is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.affinity import translate

from geo.codes import CodeStandard
from geo.faults import FaultKind, FaultLimits, GridFault, Severity
from geo.geodesy import geodesic_area_m2
from geo.grid_draft import GridDraft
from geo.grid_faults import check_grids, faults_to_geojson, write_faults
from tests.drawing import NORTH, STEP_DEG, WEST, draw, square
from tests.geo.grid_drafts import (
    COMMUNITY,
    code,
    community_frame,
    draft,
    drafts_of,
    standing_frame,
)

METRE_LON = STEP_DEG / 88.0  # about one metre in the drawings
LIMITS = FaultLimits()


def faults_of(
    drafts: list[GridDraft],
    *,
    standard: CodeStandard = CodeStandard.DB11T2157,
    limits: FaultLimits = LIMITS,
    standing: Any = None,
    communities: Any = None,
) -> list[GridFault]:
    return check_grids(
        drafts,
        standard=standard,
        limits=limits,
        standing=standing_frame() if standing is None else standing,
        communities=community_frame() if communities is None else communities,
    )


def test_a_sound_set_has_no_fault() -> None:
    """
    The middle one touches all others; corners of C and D lie on the side of E.
    """
    drawing = draw("""
        AAABBB
        AAABBB
        CCDDEE
        CCDDEE
    """)
    assert faults_of(drafts_of(drawing), communities=community_frame({COMMUNITY: None})) == []


def test_an_overlap_is_named_and_measured() -> None:
    drawing = draw("AABB")
    # B reaches one step into A: one square of A lies in both.
    drawing["B"] = shapely.union_all([drawing["B"], square(1, 0)])
    (found,) = faults_of(drafts_of(drawing))
    assert found.kind is FaultKind.OVERLAP
    assert found.severity is Severity.ERROR
    assert found.grid_codes == (code(1), code(2))
    assert found.rows == (1, 2)
    assert found.area_m2 == pytest.approx(geodesic_area_m2([square(1, 0)])[0], rel=1e-6)
    assert found.geometry is not None
    assert found.geometry.symmetric_difference(square(1, 0)).area < 1e-12
    assert f"“{code(1)}” and “{code(2)}” overlap by 9,7" in found.text


def test_a_grid_inside_another_is_said_so() -> None:
    drawing = {"A": square(0, 0, size=3), "B": square(1, 1)}
    (found,) = faults_of(drafts_of(drawing))
    assert found.kind is FaultKind.OVERLAP
    assert f"“{code(2)}” lies wholly inside “{code(1)}”" in found.text


def test_a_thin_overlap_is_a_sliver_and_a_hair_is_nothing() -> None:
    drawing = draw("AABB")
    half_a_metre = translate(drawing["B"], xoff=-0.5 * METRE_LON)
    (found,) = faults_of(drafts_of({"A": drawing["A"], "B": half_a_metre}))
    assert (found.kind, found.severity) == (FaultKind.SLIVER, Severity.WARNING)
    assert found.width_m == pytest.approx(0.5, rel=0.05)
    two_centimetres = translate(drawing["B"], xoff=-0.02 * METRE_LON)
    assert faults_of(drafts_of({"A": drawing["A"], "B": two_centimetres})) == []


def test_an_enclosed_gap_is_found_between_its_neighbours() -> None:
    drawing = draw("""
        AABB
        A.BB
        CCCC
    """)
    (found,) = faults_of(drafts_of(drawing))
    assert (found.kind, found.severity) == (FaultKind.GAP, Severity.WARNING)
    assert found.grid_codes == (code(1), code(2), code(3))
    assert found.area_m2 == pytest.approx(geodesic_area_m2([square(1, 1)])[0], rel=1e-6)


def test_a_strip_between_two_that_is_open_at_its_ends_is_found() -> None:
    drawing = draw("AABB\nAABB")
    apart = translate(drawing["B"], xoff=3 * METRE_LON)
    (found,) = faults_of(drafts_of({"A": drawing["A"], "B": apart}))
    assert found.kind is FaultKind.GAP
    assert found.width_m == pytest.approx(3.0, rel=0.1)
    assert found.area_m2 == pytest.approx(3 * 222, rel=0.1)  # 3 m x two steps of 111 m
    closer = translate(drawing["B"], xoff=0.5 * METRE_LON)
    (sliver,) = faults_of(drafts_of({"A": drawing["A"], "B": closer}))
    assert sliver.kind is FaultKind.SLIVER


def test_a_river_left_out_and_an_empty_corner_are_no_gaps() -> None:
    """Wider than `gap_width_m` and open: left out on purpose."""
    assert faults_of(drafts_of(draw("""
        AA.BB
        AA...
        CC.DD
    """))) == []  # fmt: skip


def test_ground_of_the_community_without_grid_is_a_gap() -> None:
    community = square(0, 0, size=2)
    drawing = draw("""
        AB
        A.
    """)
    (found,) = faults_of(drafts_of(drawing), communities=community_frame({COMMUNITY: community}))
    assert found.kind is FaultKind.GAP
    assert found.area_m2 == pytest.approx(geodesic_area_m2([square(1, 1)])[0], rel=1e-6)
    assert COMMUNITY in found.text


def test_a_grid_that_leaves_its_community_is_an_error() -> None:
    community = draw("AA\nAA")["A"]
    drawing = draw("""
        AAA
        BB.
    """)
    (found,) = faults_of(drafts_of(drawing), communities=community_frame({COMMUNITY: community}))
    assert (found.kind, found.severity) == (FaultKind.LEAVES_COMMUNITY, Severity.ERROR)
    assert found.grid_codes == (code(1),)
    assert "(33.3% of it)" in found.text
    (outside,) = faults_of(
        [draft(square(5, 5))],
        communities=community_frame({COMMUNITY: shapely.union_all([square(0, 0)])}),
    )[:1]
    assert "lies wholly outside its community" in outside.text


def test_grids_in_force_beside_count_for_overlaps_gaps_and_codes() -> None:
    drawing = draw("""
        AABB
        AABB
    """)
    standing = standing_frame({"140106001006001": translate(drawing["A"], xoff=-STEP_DEG / 2)})
    (found,) = [f for f in faults_of(drafts_of(drawing), standing=standing) if f.is_error]
    assert found.kind is FaultKind.OVERLAP
    assert "is in force and not replaced" in found.text
    taken = standing_frame({code(1): square(9, 9)})
    (found,) = faults_of(drafts_of(drawing), standing=taken)
    assert found.kind is FaultKind.CODE_DUPLICATE
    # A hole that a grid in force fills is none.
    ring = shapely.difference(square(0, 0, size=3), square(1, 1))
    assert faults_of([draft(ring)]) != []
    assert (
        faults_of([draft(ring)], standing=standing_frame({"140106001006001": square(1, 1)})) == []
    )


def test_codes_communities_and_households_are_checked() -> None:
    drafts = [
        draft(square(0, 0), row=2, grid_code="14010600100500X"),
        draft(square(1, 0), row=3, sequence=2),
        draft(square(2, 0), row=4, sequence=2),
        draft(
            square(3, 0), row=5, grid_code=code(4), community_code="140106001009",
            household_count=20,
        ),
    ]  # fmt: skip
    found = faults_of(drafts, communities=community_frame({COMMUNITY: None}))
    assert [(f.kind, f.rows) for f in found] == [
        (FaultKind.CODE_WRONG, (2,)),
        (FaultKind.CODE_WRONG, (5,)),
        (FaultKind.CODE_DUPLICATE, (3, 4)),
        (FaultKind.COMMUNITY_UNKNOWN, (5,)),
        (FaultKind.HOUSEHOLDS_UNUSUAL, (5,)),
    ]
    assert [f.is_error for f in found] == [True, True, True, False, False]
    (missing,) = faults_of(
        [draft(square(0, 0), grid_code="A1", community_code=None)], standard=CodeStandard.OWN
    )
    assert "Map a column to community_code" in missing.text


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        ("ABC\nDEF", []),
        ("AAB\nAAC\nDDC", []),
        ("BA", ["“{1}” but lies 88 m west of it, in the same row"]),
        ("BB\nAA", ["“{1}” but lies 111 m north of it"]),
        # A snake: the second row runs back.
        ("ABC\nFED", ["west of it", "west of it"]),
    ],
)
def test_numbers_run_west_to_east_then_north_to_south(picture: str, words: list[str]) -> None:
    found = faults_of(drafts_of(draw(picture)))
    assert all(fault.kind is FaultKind.ORDER_WRONG for fault in found)
    assert len(found) == len(words)
    for fault, wanted in zip(found, words, strict=True):
        assert wanted.replace("{1}", code(1)) in fault.text


def test_own_codes_have_no_order() -> None:
    drafts = [draft(square(1, 0), grid_code="1"), draft(square(0, 0), grid_code="2", row=2)]
    assert faults_of(drafts, standard=CodeStandard.OWN) == []


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 40))
def test_cutting_a_square_into_pieces_leaves_no_fault(seed: int, count: int) -> None:
    """Law: a partition has neither overlap nor gap, whatever its corners."""
    random = np.random.default_rng(seed)
    whole = square(0, 0, size=10)
    points = shapely.multipoints(
        np.column_stack([WEST + random.random(count) * 0.01, NORTH - random.random(count) * 0.01])
    )
    cells = shapely.get_parts(shapely.voronoi_polygons(points, extend_to=whole))
    pieces = shapely.intersection(cells, whole)
    drafts = [
        draft(piece, row=row, grid_code=f"G{row}")
        for row, piece in enumerate(pieces)
        if not piece.is_empty
    ]
    found = faults_of(
        drafts,
        standard=CodeStandard.OWN,
        communities=community_frame({COMMUNITY: whole}),
        limits=FaultLimits(sliver_width_m=0.0),
    )
    assert found == []


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 9), st.integers(0, 9), st.booleans())
def test_a_missing_or_doubled_square_is_always_found(column: int, row: int, missing: bool) -> None:
    """Law: take one grid out of a chessboard, or put it in twice, and just that is told."""
    whole = square(0, 0, size=10)
    drafts = [
        draft(square(x, y), row=10 * y + x, grid_code=f"G{y}{x}")
        for y in range(10)
        for x in range(10)
        if not (missing and (x, y) == (column, row))
    ]
    if not missing:
        drafts.append(draft(square(column, row), row=100, grid_code="twice"))
    (found,) = faults_of(
        drafts, standard=CodeStandard.OWN, communities=community_frame({COMMUNITY: whole})
    )
    assert found.kind is (FaultKind.GAP if missing else FaultKind.OVERLAP)
    assert found.area_m2 == pytest.approx(geodesic_area_m2([square(column, row)])[0], rel=1e-6)


def test_too_many_faults_end_the_search() -> None:
    drafts = [draft(square(0, 0), row=n, grid_code=f"G{n}") for n in range(200)]
    found = faults_of(drafts, standard=CodeStandard.OWN, limits=FaultLimits(listed_max=50))
    assert len(found) == 51
    assert found[-1].kind is FaultKind.TOO_MANY
    assert "more than 50 overlaps" in found[-1].text


def test_the_fault_file_can_be_looked_at(tmp_path: Path) -> None:
    drawing = draw("AABB")
    drawing["B"] = shapely.union_all([drawing["B"], square(1, 0)])
    drafts = [*drafts_of(drawing), draft(None, row=3, sequence=3, household_count=1)]
    found = faults_of(drafts)
    path = write_faults(tmp_path / "results" / "faults.geojson", found, drafts)
    assert [file.name for file in path.parent.iterdir()] == ["faults.geojson"]
    features = json.loads(path.read_text("utf-8"))["features"]
    assert [f["properties"]["role"] for f in features] == ["grid", "grid", "fault", "fault"]
    overlap, households = features[2:]
    assert overlap["properties"]["title"] == "1. overlap"
    assert overlap["properties"]["description"] == found[0].text
    assert overlap["properties"]["fill"] == "#c62828"
    assert shapely.geometry.shape(overlap["geometry"]).area > 0
    assert households["geometry"] is None
    assert households["properties"]["rows"] == [3]
    assert faults_to_geojson([]) == {"type": "FeatureCollection", "features": []}
