"""The hotspot layer over made columns: scope through the caches, frames, hidden points."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.crs import geodesic_area_m2
from geo.errors import InvalidInput, TooFewIncidents
from geo.h3_cells import lonlat_to_h3_cell, parse_h3_cell
from geo.incidents.columns import IncidentColumns
from geo.values import GridScope, Period
from layers.hotspots.ground import HotspotGround, StreetPieces, cut_into_pieces
from layers.hotspots.layer import HotspotLayer, HotspotLayers
from layers.hotspots.places import By, h3_places, street_metres
from layers.hotspots.question import HotspotQuestion
from layers.kept_answers import KeptAnswers
from tests.layers.made_columns import made_columns

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TODAY = NOW.timestamp() / 86_400
FRAME = (112.49, 37.79, 112.57, 37.87)  # small enough for the finest cells
MEASURES = ("counts", "rate", "risk", "gi", "moran", "change", "forecast", "density")
WEST = shapely.box(112.50, 37.80, 112.53, 37.86)
EAST = shapely.box(112.53, 37.80, 112.56, 37.86)


class MadeGround(HotspotGround):
    """Grids A and B side by side, a street along the south of both; nothing is read."""

    def __init__(self, scope: GridScope) -> None:
        self.scope = scope

    def grids_mark(self) -> str:
        return "1"

    def grids(self) -> gpd.GeoDataFrame:
        drawn = gpd.GeoDataFrame(
            {"name": ["西", "东"], "household_count": pd.array([400, None], "Int64"),
             "area_m2": geodesic_area_m2([WEST, EAST])},
            index=pd.Index(["A", "B"], name="grid_code"), geometry=[WEST, EAST], crs="EPSG:4326",
        )  # fmt: skip
        return drawn[[self.scope.covers(code) for code in drawn.index]]

    def streets_mark(self) -> str:
        return "1"

    def streets(self) -> StreetPieces:
        line = shapely.LineString([(112.50, 37.801), (112.56, 37.801)])
        lon, lat, length_m = cut_into_pieces(np.array([line]))
        code = np.where(lon < 112.53, "A", "B").astype(object)
        return StreetPieces(np.asarray(lonlat_to_h3_cell(lon, lat)), code, length_m)


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
    by: By = "h3",
) -> HotspotLayer:  # fmt: skip
    ground = MadeGround(scope)
    return layers.layer(columns, asked, by=by, bbox=bbox, zoom=zoom, ground=ground, now=NOW)


ASKED = [(measure, "h3") for measure in MEASURES] + [
    # Gi* and Moran need three places, a density cells.
    (measure, "grid") for measure in ("counts", "rate", "risk", "change", "forecast")
]  # fmt: skip


@pytest.mark.parametrize(("measure", "by"), ASKED)
def test_a_scope_sees_what_it_would_if_nothing_else_were_there(measure: str, by: By) -> None:
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
    everything = answer(layers, columns, asked, scope=GridScope.everything(), by=by)
    both = answer(layers, columns, asked, scope=GridScope.of(["A", "B"]), by=by)
    own = answer(layers, columns, asked, scope=GridScope.of(["A"]), by=by)
    # With one more grid, which holds nothing of these, grids would differ: the same scope there.
    over = GridScope.everything() if by == "h3" else GridScope.of(["A"])
    truth = answer(HotspotLayers(), alone, asked, scope=over, by=by)
    assert own.cells.equals(truth.cells)
    assert own.incident_count == truth.incident_count < both.incident_count
    if by == "h3":  # by grid, those in none have no place
        assert both.incident_count < everything.incident_count
    nothing = answer(layers, columns, question(), scope=GridScope.of([]))
    assert (nothing.incident_count, len(nothing.cells)) == (0, 0)


def test_a_cell_says_the_same_in_every_frame_and_a_change_of_the_store_is_seen() -> None:
    columns = scattered()
    layers, everything = HotspotLayers(), GridScope.everything()
    small = (112.52, 37.82, 112.54, 37.84)
    whole = answer(layers, columns, question(), scope=everything).cells.set_index("place")
    part = answer(layers, columns, question(), scope=everything, bbox=small).cells
    assert 0 < len(part) < len(whole)
    assert (whole.loc[part["place"], "count"].to_numpy() == part["count"].to_numpy()).all()
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


def test_rates_by_grid_are_counts_over_what_they_are_of() -> None:
    columns = scattered()
    layers, everything = HotspotLayers(), GridScope.everything()
    whole_year = Period(NOW - timedelta(days=365.25), NOW)

    def values(**more: object) -> dict[str, float]:
        asked = question(period=whole_year, **more)
        cells = answer(layers, columns, asked, scope=everything, by="grid").cells
        return dict(zip(cells["place"], cells["value"], strict=True))

    counts = values()
    assert counts == {"A": (columns.grid == 0).sum(), "B": (columns.grid == 1).sum()}
    assert values(measure="rate") == pytest.approx(counts)
    km2 = geodesic_area_m2([WEST])[0] / 1e6
    assert values(measure="rate", per="km2")["A"] == pytest.approx(counts["A"] / km2)
    # 400 households; grid B states none, so it has no rate.
    assert values(measure="rate", per="household") == pytest.approx({"A": counts["A"] / 0.4})
    street_km = values(measure="rate", per="street_km")
    assert street_km["A"] == pytest.approx(counts["A"] / 2.642, rel=0.01)  # 0.03 degrees of 88 km
    assert values(measure="risk", per="km2").keys() == counts.keys()
    with pytest.raises(InvalidInput, match="by=grid"):
        answer(layers, columns, question(measure="rate", per="household"), scope=everything)
    with pytest.raises(InvalidInput, match="by=h3"):
        answer(layers, columns, question(measure="density"), scope=everything, by="grid")
    with pytest.raises(TooFewIncidents, match="household_count"):
        answer(
            layers, columns, question(measure="rate", per="household"),
            scope=GridScope.of(["B"]), by="grid",
        )  # fmt: skip


def test_streets_are_shared_out_to_cells_and_none_is_lost() -> None:
    columns = scattered()
    lon, _, length_m = cut_into_pieces(
        np.array([shapely.LineString([(112.50, 37.801), (112.56, 37.801)]), shapely.Point(1, 1)])
    )
    assert length_m.sum() == pytest.approx(5284, rel=0.002)  # geodesic, by pyproj
    assert (np.diff(lon) > 0).all()
    assert length_m.max() <= 20
    places = h3_places(columns, 8)
    pieces = MadeGround(GridScope.everything()).streets()
    held = street_metres(places, pieces)
    assert held.sum() == pytest.approx(pieces.length_m.sum(), rel=0.1)
    on_street = shapely.intersects(
        places.outlines, shapely.LineString([(112.5, 37.801), (112.56, 37.801)])
    )
    assert (held[~on_street] == 0).all()


def test_a_picture_is_as_wide_as_its_cells_at_least() -> None:
    columns = scattered()
    layers, everything = HotspotLayers(), GridScope.everything()
    wide = answer(layers, columns, question(measure="density", bandwidth_m=2000), scope=everything)
    assert wide.resolution == 8
    assert "bandwidth 2000 m" in wide.method
    narrow = question(measure="density", bandwidth_m=100)
    far = answer(layers, columns, narrow, scope=everything, zoom=12)
    assert far.resolution == 8
    assert "bandwidth 531 m" in far.method  # the edge of a cell of resolution 8
    with pytest.raises(InvalidInput, match="bandwidth"):
        question(bandwidth_m=1)
