"""Duty shares, checkpoints, area, mismatch and required doses, on places drawn by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import shapely

from geo.errors import NotEnoughData
from geo.local_plane import LocalPlane
from geo.positions.tracks import FixColumns, Tracks, clean_tracks
from geo.values import Period
from layers.coverage.area import find_covered_area
from layers.coverage.checkpoints import find_checkpoint_verdicts
from layers.coverage.duty import find_area_shares
from layers.coverage.key_places import find_uncovered
from layers.coverage.mismatch import find_mismatch
from layers.place_raster import PlaceRaster
from layers.presence.pieces import PresenceRules

PLANE = LocalPlane(112.5, 37.8, 88_000.0, 111_000.0)
FRAME = PlaceRaster(PLANE, 0.0, 0.0, 1.0, np.zeros((1, 1), np.int32), np.array(["x"]))
RAW = PresenceRules(smooth_s=1e-9, smooth_reach_s=0.0, settle_reach_s=0.0, noise_m=0.0)
START = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)


def tracks(*rows: tuple[float, float, float], unit: int = 0) -> Tracks:
    """Fixes at (second, x, y)."""
    seconds, x, y = np.array(rows, float).T
    columns = FixColumns.of(
        np.full(len(x), unit), round(START.timestamp() * 1000) + seconds * 1000, x, y
    )
    return clean_tracks(columns)


def box(west: float, south: float, east: float, north: float) -> shapely.Geometry:
    """A box given in metres of the plane."""
    return PLANE.to_degrees(shapely.box(west, south, east, north))


def test_share_is_of_the_rosters_time_and_what_is_unknown_is_said() -> None:
    # An hour on duty: 20 min in the community, 10 min outside, then silence.
    inside = [(60.0 * k, 500.0, 500.0) for k in range(21)]
    outside = [(1200 + 60.0 * k, 2000.0, 500.0) for k in range(1, 11)]
    duty = {
        0: [Period(START, START + timedelta(hours=1))],
        1: [Period(START, START + timedelta(hours=1))],
    }
    found = find_area_shares(
        tracks(*inside, *outside), {0: ("c", box(0, 0, 1000, 1000))}, duty,
        plane_of_tracks=FRAME, targets={0: 0.8, 1: 0.4}, rules=RAW,
    )  # fmt: skip
    row = found.loc[0]
    assert row.duty_s == 3600
    # It leaves by a straight way of 1,500 m in 60 s: 520 m of it, with the buffer, inside.
    assert row.inside_s == pytest.approx(1200 + 60 * 520 / 1500, abs=0.5)
    assert row.inside_s + row.outside_s + row.unknown_s == pytest.approx(3600)
    assert row.unknown_s == 1800
    assert row.share == pytest.approx(row.inside_s / 3600)
    assert row.verdict == "unknown"  # 34 % known, 84 % were all that is unknown inside
    # Of the other nothing is known at all.
    assert found.loc[1, ["share", "share_high", "verdict"]].tolist() == [0.0, 1.0, "unknown"]


@pytest.mark.parametrize(("target", "verdict"), [(0.3, "met"), (0.9, "missed")])
def test_targets(target: float, verdict: str) -> None:
    inside = [(60.0 * k, 500.0, 500.0) for k in range(31)]
    found = find_area_shares(
        tracks(*inside, *[(1860 + 60.0 * k, 3000.0, 0.0) for k in range(30)]),
        {0: ("c", box(0, 0, 1000, 1000))}, {0: [Period(START, START + timedelta(hours=1))]},
        plane_of_tracks=FRAME, targets={0: target}, rules=RAW,
    )  # fmt: skip
    assert found.loc[0, "verdict"] == verdict


def test_checkpoints_are_visited_by_a_fix_and_probable_by_a_way() -> None:
    walk = tracks((0, 0, 0), (60, 100, 0), (120, 400, 0), (1000, 900, 0))
    points = np.array(
        [PLANE.to_degrees(shapely.Point(x, y)) for x, y in
         [(100, 29), (250, 29), (250, 31), (650, 0), (900, 0)]]
    )  # fmt: skip
    found = find_checkpoint_verdicts(walk, list("abcde"), points, plane_of_tracks=FRAME)
    assert found.verdict.to_dict() == {
        "a": "visited",
        "b": "probable",  # on the way from 100 to 400
        "c": "not_visited",  # 31 m beside it
        "d": "not_visited",  # in the silence: nobody knows the way
        "e": "visited",
    }
    start_ms = round(START.timestamp() * 1000)
    assert found.at_ms.dropna().tolist() == [start_ms + 1000 * s for s in (60, 60, 1000)]
    unknown = find_checkpoint_verdicts(
        walk, ["c"], points[2:3], plane_of_tracks=FRAME, known_share=0.4
    )
    assert unknown.verdict.tolist() == ["unknown"]


def test_area_merged_and_unmerged() -> None:
    # 1,000 m there and back on one street: effort counts twice, ground once.
    there = [(100.0 * k, 250.0 * k, 0.0) for k in range(5)]
    back = [(400 + 100.0 * k, 1000 - 250.0 * k, 0.0) for k in range(1, 5)]
    found = find_covered_area(tracks(*there, *back), swath_m=50.0)
    assert (found.length_km, found.swath_m) == (2.0, 50.0)
    assert found.unmerged_km2 == pytest.approx(0.1)
    assert found.merged_km2 == pytest.approx((1000 * 50 + np.pi * 25**2) / 1e6, rel=0.01)
    silent = find_covered_area(tracks((0, 0, 0), (1000, 1000, 0)))
    assert (silent.length_km, silent.merged_km2) == (0.0, 0.0)


def slots(*rows: tuple[str, int, float, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=pd.Index(["place", "slot", "certain_s", "uncertain_s"]))
    return frame.assign(
        patrolling_s=frame.certain_s + frame.uncertain_s, stationary_s=0.0, responding_s=99.0
    )


def test_mismatch_is_the_share_of_time_that_is_elsewhere() -> None:
    presence = slots(("A", 0, 300, 0), ("B", 0, 100, 0))
    demand = pd.DataFrame({"place": ["A"] * 10 + ["B"] * 5 + ["C"] * 5, "slot": [0] * 20})
    found = find_mismatch(presence, demand)
    # Presence .75 .25 0, demand .50 .25 .25: a quarter of the time is in A and not in C.
    assert found.index == pytest.approx(0.25)
    assert found.matrix.place.tolist() == ["C", "B", "A"]
    assert found.matrix.difference.tolist() == pytest.approx([-0.25, 0.0, 0.25])
    with pytest.raises(NotEnoughData, match="19 reports, wanted 20"):
        find_mismatch(presence, demand[1:])
    with pytest.raises(NotEnoughData, match="No unit was anywhere"):
        find_mismatch(presence[:0], demand)


def test_uncovered_places_are_listed_by_what_they_lack() -> None:
    required = pd.DataFrame(
        {"place": list("ABCDE"), "slot": 3, "dose_s": [600.0, 600.0, 600.0, 600.0, 900.0]}
    )
    seen = slots(
        ("A", 3, 600, 0), ("B", 3, 500, 100), ("C", 3, 100, 0), ("D", 2, 900, 0), ("F", 3, 9, 0)
    )
    found = find_uncovered(seen, required)
    assert found[["place", "state", "missing_s"]].to_numpy().tolist() == [
        ["E", "none", 900], ["D", "none", 600], ["C", "short", 500],
    ]  # fmt: skip
    everything = find_uncovered(seen, required, only_uncovered=False)
    assert everything.set_index("place").state[["A", "B"]].tolist() == [
        "covered", "probably_covered",
    ]  # fmt: skip
