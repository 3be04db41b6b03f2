"""Broken rings: each kind told, placed and measured; sound ones left as they are."""

from __future__ import annotations

import struct
import time

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.faults import FaultKind
from geo.ring_faults import SoundPolygon, examine_polygon, read_wkb_polygon
from tests.drawing import draw, square


def examine(geometry: object, *, was_open: bool = False) -> SoundPolygon:
    return examine_polygon(geometry, label="Grid “7”", codes=("7",), row=3, was_open=was_open)


def wkb_of(*points: tuple[float, float]) -> bytes:
    """One ring exactly as given, closed or not."""
    head = struct.pack("<BII", 1, 3, 1) + struct.pack("<I", len(points))
    return head + b"".join(struct.pack("<dd", *point) for point in points)


@pytest.mark.parametrize("picture", ["A", "AA\nA.", "A.A", "AAA\nA.A\nAAA"])
def test_a_sound_polygon_becomes_a_multipolygon(picture: str) -> None:
    drawn = draw(picture)["A"]
    sound = examine(drawn)
    assert sound.faults == ()
    assert sound.geometry.geom_type == "MultiPolygon"
    assert sound.geometry.equals(drawn)


@pytest.mark.parametrize(
    ("wkt", "kind"),
    [
        ("POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))", FaultKind.RING_BOW_TIE),
        ("POLYGON ((0 0, 4 0, 4 3, 1 -1, 3 -1, 0 3, 0 0))", FaultKind.RING_CROSSES_ITSELF),
        ("POLYGON ((0 0, 2 0, 2 2, 4 2, 4 4, 2 4, 2 2, 0 2, 0 0))", FaultKind.RING_TOUCHES_ITSELF),
        ("POLYGON ((0 0, 1 1, 0 0))", FaultKind.RING_TOO_FEW_POINTS),
        ("POLYGON ((0 0, 1 1, 2 2, 0 0))", FaultKind.RING_TOO_FEW_POINTS),
        ("POLYGON ((0 0, 0 0, 0 0, 0 0))", FaultKind.RING_TOO_FEW_POINTS),
        (
            "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (9 9, 9 8, 8 8, 8 9, 9 9))",
            FaultKind.RINGS_MISPLACED,
        ),
        (
            "MULTIPOLYGON (((0 0, 4 0, 4 4, 0 4, 0 0)), ((2 2, 6 2, 6 6, 2 6, 2 2)))",
            FaultKind.RINGS_MISPLACED,
        ),
        ("POINT (1 1)", FaultKind.GEOMETRY_NOT_POLYGON),
        ("LINESTRING (0 0, 1 1)", FaultKind.GEOMETRY_NOT_POLYGON),
        (
            "GEOMETRYCOLLECTION (POINT (0 0), POLYGON ((0 0, 1 0, 1 1, 0 0)))",
            FaultKind.GEOMETRY_NOT_POLYGON,
        ),
        ("POLYGON EMPTY", FaultKind.GEOMETRY_MISSING),
        ("GEOMETRYCOLLECTION EMPTY", FaultKind.GEOMETRY_MISSING),
    ],
)
def test_each_broken_polygon_is_told(wkt: str, kind: FaultKind) -> None:
    found = examine(shapely.from_wkt(wkt))
    assert found.geometry is None
    fault = found.faults[-1]
    assert fault.kind is kind, fault.text
    assert fault.is_error
    assert fault.text.startswith("Grid “7”")
    assert (fault.grid_codes, fault.rows) == (("7",), (3,))


def test_a_missing_geometry_is_told() -> None:
    (fault,) = examine(None).faults
    assert fault.kind is FaultKind.GEOMETRY_MISSING


def test_the_crossing_of_a_bow_tie_is_placed() -> None:
    (fault,) = examine(shapely.from_wkt("POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))")).faults
    assert fault.geometry.equals(shapely.Point(1, 1))


def test_crossings_are_counted() -> None:
    # A pentagram: each of its 5 edges crosses two others, 5 crossings in all.
    angles = np.arange(5) * 4 * np.pi / 5
    star = shapely.polygons(np.column_stack([np.cos(angles), np.sin(angles)]))
    (fault,) = examine(star).faults
    assert "crosses itself 5 times" in fault.text


def test_repeated_points_are_left_out_and_said() -> None:
    found = examine(shapely.from_wkt("POLYGON ((0 0, 4 0, 4 0, 4 0, 4 4, 0 4, 0 0))"))
    (fault,) = found.faults
    assert (fault.kind, fault.is_error) == (FaultKind.RING_DUPLICATE_POINTS, False)
    assert "repeats 2 of its points" in fault.text
    assert shapely.get_num_coordinates(found.geometry) == 5
    assert found.geometry.area == 16


def test_heights_are_left_out_and_collections_of_polygons_taken() -> None:
    flat = examine(shapely.from_wkt("POLYGON Z ((0 0 7, 1 0 7, 1 1 7, 0 0 7))"))
    assert flat.faults == ()
    assert not flat.geometry.has_z
    nested = shapely.geometrycollections(
        [shapely.geometrycollections([square(0, 0)]), square(5, 5)]
    )
    assert examine(nested).geometry.area == pytest.approx(2 * square(0, 0).area)


def test_an_open_ring_is_told_and_measured() -> None:
    geometry, was_open = read_wkb_polygon(wkb_of((0, 0), (0, 0.001), (0.001, 0.001), (0.001, 0)))
    assert was_open
    found = examine(geometry, was_open=was_open)
    assert found.geometry is None
    (fault,) = found.faults
    assert fault.kind is FaultKind.RING_UNCLOSED
    assert fault.width_m == pytest.approx(111.3, abs=0.1)  # 0.001 degrees of the equator
    closed = read_wkb_polygon(wkb_of((0, 0), (0, 1), (1, 1), (0, 0)))
    assert closed[1] is False


@pytest.mark.parametrize(
    "wkb", [b"", b"\x01", b"\x01\x03\x00", wkb_of((0, 0)), b"rubbish" * 9, None]
)
def test_wkb_that_is_none_is_missing(wkb: bytes | None) -> None:
    assert read_wkb_polygon(wkb) == (None, False)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12))
def test_whatever_ring_comes_either_is_valid_or_has_an_error(
    points: list[tuple[int, int]],
) -> None:
    geometry, was_open = read_wkb_polygon(wkb_of(*[(float(x), float(y)) for x, y in points]))
    found = examine(geometry, was_open=was_open)
    assert (found.geometry is None) == any(fault.is_error for fault in found.faults)
    if found.geometry is not None:
        assert found.geometry.is_valid
        assert found.geometry.area > 0


def test_a_million_vertices_take_seconds() -> None:
    count = 1_000_000
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    radius = 0.01 * (1 + 0.3 * np.sin(50 * angle))
    xy = np.column_stack([112 + radius * np.cos(angle), 37 + radius * np.sin(angle)])
    started = time.monotonic()
    assert examine(shapely.polygons(xy)).faults == ()
    # Two points in the wrong order.
    xy[[1000, 1010]] = xy[[1010, 1000]]
    (fault,) = examine(shapely.polygons(xy)).faults
    assert fault.kind is FaultKind.RING_CROSSES_ITSELF
    assert time.monotonic() - started < 30
