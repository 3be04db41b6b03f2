"""The hotspot layer over made columns: scope through the caches, frames, hidden points."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.h3_cells import parse_h3_cell
from geo.incidents.columns import IncidentColumns
from geo.values import GridScope, Period
from layers.hotspot_layer import HotspotLayer, HotspotLayers
from layers.hotspot_places import h3_places
from layers.hotspot_question import HotspotQuestion
from layers.kept_answers import KeptAnswers
from tests.layers.made_columns import made_columns

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TODAY = NOW.timestamp() / 86_400
FRAME = (112.49, 37.79, 112.57, 37.87)  # small enough for the finest cells
MEASURES = ("counts", "risk", "gi", "change", "forecast")


def scattered(count: int = 400, seed: int = 1) -> IncidentColumns:
    """Incidents of a west grid A and an east grid B, and some in none."""
    random = np.random.default_rng(seed)
    lon = random.uniform(112.50, 112.56, count)
    lat = random.choice(np.linspace(37.80, 37.86, 9), count)
    grid = np.where(lon < 112.53, 0, 1)
    grid[random.random(count) < 0.1] = -1
    return made_columns(
        lon, lat, TODAY - random.uniform(0, 300, count), grid=grid,
        category=random.integers(0, 2, count),
    )  # fmt: skip


def question(**more: object) -> HotspotQuestion:
    asked = HotspotQuestion(Period(NOW - timedelta(days=100), NOW))
    return replace(asked, **more)  # type: ignore[arg-type]


def answer(
    layers: HotspotLayers, columns: IncidentColumns, asked: HotspotQuestion, *,
    scope: GridScope, bbox: tuple[float, float, float, float] = FRAME, zoom: int = 15,
) -> HotspotLayer:  # fmt: skip
    return layers.layer(columns, asked, bbox=bbox, zoom=zoom, scope=scope, now=NOW)


@pytest.mark.parametrize("measure", MEASURES)
def test_a_scope_sees_what_it_would_if_nothing_else_were_there(measure: str) -> None:
    columns = scattered()
    own_rows = np.flatnonzero(columns.grid == 0)
    alone = IncidentColumns(
        **{
            name: getattr(columns, name)[own_rows]
            for name in (
                "number", "h3_cell", "day", "stretch_d", "category", "source", "grid", "week_hour",
            )
        },
        categories=columns.categories, sources=columns.sources, grids=columns.grids, mark="2",
    )  # fmt: skip
    asked = question(measure=measure)
    layers = HotspotLayers()
    # Those who see more ask first, with the same question: nothing of theirs may come back.
    everything = answer(layers, columns, asked, scope=GridScope.everything())
    both = answer(layers, columns, asked, scope=GridScope.of(["A", "B"]))
    own = answer(layers, columns, asked, scope=GridScope.of(["A"]))
    truth = answer(HotspotLayers(), alone, asked, scope=GridScope.everything())
    assert own.cells.equals(truth.cells)
    assert own.incident_count == truth.incident_count < both.incident_count
    assert both.incident_count < everything.incident_count
    nothing = answer(layers, columns, question(), scope=GridScope.of([]))
    assert (nothing.incident_count, len(nothing.cells)) == (0, 0)


def test_a_cell_says_the_same_in_every_frame_and_a_change_of_the_store_is_seen() -> None:
    columns = scattered()
    layers, everything = HotspotLayers(), GridScope.everything()
    small = (112.52, 37.82, 112.54, 37.84)
    whole = answer(layers, columns, question(), scope=everything).cells.set_index("h3_cell")
    part = answer(layers, columns, question(), scope=everything, bbox=small).cells
    assert 0 < len(part) < len(whole)
    assert (whole.loc[part["h3_cell"], "count"].to_numpy() == part["count"].to_numpy()).all()
    more = made_columns(
        [112.53] * 500, [37.83] * 500, np.full(500, TODAY - 1), grid=np.zeros(500), mark="2"
    )
    assert answer(layers, more, question(), scope=everything).incident_count == 500


@given(
    st.tuples(st.floats(-0.05, 0.08), st.floats(-0.05, 0.08)),
    st.tuples(st.floats(0.0005, 0.05), st.floats(0.0005, 0.05)),
)
def test_what_reaches_into_a_frame_is_what_shapely_says(
    corner: tuple[float, float], size: tuple[float, float]
) -> None:
    places = h3_places(COLUMNS, 9)
    west, south = 112.50 + corner[0], 37.80 + corner[1]
    bbox = (west, south, west + size[0], south + size[1])
    told = places.reaching_into(bbox)
    assert (told == shapely.intersects(places.outlines, shapely.box(*bbox))).all()


COLUMNS = scattered(100)


def test_hidden_points_are_in_no_fine_cell_but_in_coarse_ones() -> None:
    columns = scattered()
    hidden = question(hidden=frozenset({"dispute"}))
    layers, everything = HotspotLayers(), GridScope.everything()
    fine = answer(layers, columns, hidden, scope=everything)
    coarse = answer(layers, columns, hidden, scope=everything, zoom=12)
    shown = answer(layers, columns, question(), scope=everything)
    thefts = answer(layers, columns, question(categories=frozenset({"theft"})), scope=everything)
    assert fine.resolution > 8 >= coarse.resolution
    assert fine.incident_count == thefts.incident_count < shown.incident_count
    assert coarse.incident_count == shown.incident_count
    only = question(hidden=frozenset({"dispute"}), categories=frozenset({"dispute"}))
    assert answer(layers, columns, only, scope=everything).incident_count == 0


def test_places_are_those_with_incidents_and_those_beside_them() -> None:
    columns = made_columns([112.5] * 3, [37.8] * 3, [TODAY] * 3)
    places = h3_places(columns, 9)
    assert len(places) == 7
    assert len(set(places.position.tolist())) == 1
    assert places.neighbours.counts[places.position[0]] == 6
    assert {parse_h3_cell(name) for name in places.names}
    assert len(h3_places(columns.within(GridScope.of([])), 9)) == 0


def test_kept_answers_are_made_once_even_for_many_at_once_and_end_by_weight() -> None:
    made: list[int] = []
    kept: KeptAnswers[int] = KeptAnswers(10, lambda one: one)
    start = Barrier(4)

    def make() -> int:
        made.append(6)
        return 6

    def ask() -> None:
        start.wait()
        assert kept.get("a", make) == 6

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [6]
    kept.get("b", lambda: 7)  # 13 in all: the older one goes
    kept.get("a", make)
    assert made == [6, 6]
    with pytest.raises(ZeroDivisionError):
        kept.get("c", lambda: 1 // 0)
    assert kept.get("c", lambda: 1) == 1
