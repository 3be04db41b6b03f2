"""Places that lack patrols: since when, why, and when a stop would close it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd

from geo.coverage.key_places import PlacedKeyPlace
from geo.values import LonLat, Period
from layers.coverage.board import Occasion
from layers.response.dose_gaps import hot_cell_gaps, key_place_gaps
from layers.routes.candidates import Candidate
from layers.routes.problem import PatrolPlace, PlaceKind, Slot

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


def school(number: int) -> PlacedKeyPlace:
    return PlacedKeyPlace(number, f"S{number}", f"S{number}", "G", LonLat(112.0, 37.0), 50.0, ())


def morning(place: PlacedKeyPlace, day: int) -> Occasion:
    start = datetime(2026, 3, day, 7, tzinfo=UTC)
    return Occasion(place, start, start + timedelta(hours=2), 600)


def verdicts(*states: str) -> pd.DataFrame:
    """One of each occasion in the order given; in another order, as they come."""
    table = pd.DataFrame({"occasion": range(len(states)), "state": states, "missing_s": 90.0})
    return table.iloc[::-1]


def test_a_gap_is_as_long_as_its_stretches_were_missed_in_a_row() -> None:
    one = school(1)
    past = [morning(one, day) for day in (5, 2, 3, 4)]
    told = verdicts("short", "none", "covered", "none")  # of 5, 2, 3, 4 March
    ahead = [morning(one, 6), morning(one, 7)]
    (gap,) = key_place_gaps(past, told, ahead, now=NOW)
    assert (gap.place_id, gap.why, gap.missed, gap.missing_min) == ("key:1", "short", 2, 1.5)
    assert gap.since == past[3].starts_at and not gap.is_older
    assert gap.closed_by == Period(ahead[0].starts_at, ahead[0].ends_at)


def test_who_was_visited_the_last_time_is_no_gap_and_the_longest_comes_first() -> None:
    one, two, three, four = (school(number) for number in (1, 2, 3, 4))
    past = [
        morning(one, 5),
        morning(two, 5),
        morning(three, 4),
        morning(three, 5),
        morning(four, 5),
    ]
    told = verdicts("probably_covered", "none", "unknown", "unknown", "none")
    under_way = Occasion(two, NOW - timedelta(hours=1), NOW + timedelta(hours=1), 600)
    nearly_over = Occasion(four, NOW - timedelta(hours=2), NOW + timedelta(minutes=5), 600)
    found = key_place_gaps(past, told, [morning(one, 6), under_way, morning(three, 6), nearly_over],
                           now=NOW)  # fmt: skip
    # The fourth wants nothing any more for which there is time.
    assert [(gap.place_id, gap.why, gap.is_older) for gap in found] == [
        ("key:3", "unknown", True), ("key:2", "nobody", True),
    ]  # fmt: skip
    assert found[1].closed_by == Period(NOW, under_way.ends_at)


def test_hot_cells_where_nobody_was_for_a_day() -> None:
    def candidate(name: str, recent_min: float | None) -> Candidate:
        place = PatrolPlace(name, LonLat(112, 37), PlaceKind.HOTSPOT, 600, (Slot(0, 3600, 1.0),))
        return Candidate(place, "G", 0.2, recent_min)

    given = [candidate("a", 0.0), candidate("b", 12.0), candidate("c", 1.5), candidate("k", None)]
    found = hot_cell_gaps(given, now=NOW)
    assert [gap.place_id for gap in found] == ["a", "c"]
    assert found[0].since == NOW - timedelta(days=1) and found[0].is_older
