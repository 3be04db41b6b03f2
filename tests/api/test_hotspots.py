"""The hotspot layer by grid and its tables over HTTP: scope, few incidents, one full cell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from geo.coverage.pieces import SUMS
from geo.incidents.categories import CategoryRow, load_categories
from geo.store.cluster import EmbeddedCluster
from geo.tables import GridCoverage
from layers.statistics.concentration import concentration_curve
from tests.api.conftest import CITY_BBOX, GRID_A, GRID_B, District, settled_district
from tests.api.test_incidents import LAYER, NOW, add_incident, asking, point_in

WHOLE = {
    "bbox": CITY_BBOX, "zoom": 16, "start": (NOW - timedelta(days=300)).isoformat(),
    "end": NOW.isoformat(),
}  # fmt: skip
SPAN = {name: WHOLE[name] for name in ("start", "end")}
KINDS = ("theft", "dispute", "rare")


@pytest.fixture(scope="module")
def place(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    """240 thefts in grid A, half of them at one address; 30 disputes in B, hidden from all but
    chiefs; five rare ones; 400 households in A."""
    random = np.random.default_rng(2)
    with settled_district(cluster, tmp_path_factory.mktemp("hotspots")) as place:
        with place.database.session() as session:
            load_categories(
                session,
                [
                    CategoryRow("theft", "盗窃"),
                    CategoryRow("dispute", "纠纷", point_roles=("chief",)),
                    CategoryRow("rare", "少见"),
                ],
            )
            session.execute(
                text("UPDATE grid SET household_count = 400 WHERE grid_code = :code"),
                {"code": GRID_A},
            )
            for number in range(275):
                letter, kind = "A", "theft"
                if number >= 240:
                    letter, kind = ("B", "dispute") if number < 270 else ("A", "rare")
                west, south, east, north = place.drawn[letter].bounds
                lonlat = (
                    (west + (east - west) * 0.3, south + (north - south) * 0.3)
                    if number < 120
                    else (float(random.uniform(west, east)), float(random.uniform(south, north)))
                )
                days_ago = float(random.uniform(0.5, 299))
                begins = NOW - timedelta(days=days_ago)
                more: dict[str, Any] = {"category_code": kind}
                if kind == "rare":  # noticed eight hours later
                    more |= {"occurred_from": begins, "occurred_to": begins + timedelta(hours=8)}
                add_incident(
                    session, lonlat, days_ago=days_ago,
                    grid_code=GRID_A if letter == "A" else GRID_B, **more,
                )  # fmt: skip
            for letter, code, ms in (("A", GRID_A, 20), ("B", GRID_B, 5)):
                for _ in range(10):
                    add_incident(
                        session, point_in(place, letter), grid_code=code, source="officer_initiated"
                    )
                hours = np.zeros(1, SUMS)
                # Patrolling, stationary, responding; certain, then uncertain.
                hours["ms"] = np.array([ms * 2, ms, 99, ms, 0, 99]) * 900_000
                session.add(
                    GridCoverage(
                        hour=NOW.replace(minute=0, second=0) - timedelta(days=3), kind="cell",
                        grid_code=code, sums=hours.tobytes(), visits=b"",
                    )
                )  # fmt: skip
        yield place


def told(client: TestClient, path: str = "", **more: Any) -> dict[str, Any]:
    given = (SPAN if path else WHOLE) | more
    answer = client.get(LAYER + path, params=given)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def by_grid(body: dict[str, Any]) -> dict[str, Any]:
    return {one["properties"]["grid_code"]: one["properties"] for one in body["features"]}


def test_grids_are_counted_and_rated_within_the_scope(place: District) -> None:
    counts = told(asking(place), by="grid")
    assert {code: one["count"] for code, one in by_grid(counts).items()} == {
        GRID_A: 245, GRID_B: 30,
    }  # fmt: skip
    assert (counts["by"], counts["resolution"]) == ("grid", None)
    assert by_grid(counts)[GRID_A]["name"]
    worker = asking(place, "grid_worker", GRID_B)
    # Grids are what a role is told of a hidden point too: all 30 count.
    assert {code: one["count"] for code, one in by_grid(told(worker, by="grid")).items()} == {
        GRID_B: 30
    }
    rates = told(asking(place), by="grid", measure="rate", per="household")
    assert by_grid(rates)[GRID_A]["rate"] == pytest.approx(245 / 0.4 * 365.25 / 300, rel=1e-3)
    assert GRID_B not in by_grid(rates)
    risk = told(asking(place), by="grid", measure="risk", per="km2")
    assert by_grid(risk)[GRID_A]["low"] < by_grid(risk)[GRID_A]["rate"]
    refused = asking(place).get(LAYER, params=WHOLE | {"measure": "rate", "per": "household"})
    assert refused.status_code == 422
    assert "by=grid" in refused.text
    nothing = asking(place).get(
        LAYER, params=WHOLE | {"measure": "rate", "per": "street_km", "by": "grid"}
    )
    assert nothing.status_code == 409  # the base map holds no road


def test_hidden_points_are_in_no_fine_cell_of_any_answer(place: District) -> None:
    """What differs between one who may see the points of disputes and one who may not."""
    leader = asking(place, "patrol_leader")
    assert told(leader)["incident_count"] == 245
    assert told(asking(place))["incident_count"] == 275
    only = leader.get(LAYER, params=WHOLE | {"category": "dispute", "measure": "density"})
    assert only.json()["features"] == []
    for path in ("/concentration", "/near-repeats"):
        refused = leader.get(LAYER + path, params=SPAN | {"category": "dispute"})
        assert refused.status_code == 409, refused.text
    assert told(leader, "/concentration", category="dispute", by="grid")["n_events"] == 30
    assert told(leader, "/week", category="dispute")["n_events"] == 30  # no place is told


def test_a_cell_with_half_of_all_is_told_and_each_measure_bears_it(place: District) -> None:
    client = asking(place)
    thefts = {"category": "theft"}
    crowded = told(client, **thefts)["crowded"]
    assert crowded["share"] >= 0.5
    full = crowded["h3_cell"]
    for measure in ("counts", "rate", "risk", "density", "forecast"):
        body = told(client, measure=measure, **thefts)
        top = max(body["features"], key=lambda one: one["properties"]["value"])
        assert top["id"] == full
        assert body["crowded"] == crowded
    # The tests of surroundings take its own number as given: a full cell alone is no cluster.
    for measure, kinds in (("gi", {"none", "cold"}), ("moran", {"none", "low among low",
                                                                "high among low"})):  # fmt: skip
        body = told(client, measure=measure, **thefts)
        (of_full,) = [one["properties"] for one in body["features"] if one["id"] == full]
        assert of_full["kind"] in kinds
    past = told(client, "/backtest", horizon_days=30, area_share=0.02, **thefts)
    assert past["sentence"]
    assert told(client, "/concentration", **thefts)["half_in"] < 0.05


def test_five_incidents_in_all_say_that_they_say_little(place: District) -> None:
    client = asking(place)
    rare = {"category": "rare"}
    for measure in ("counts", "rate", "risk", "gi", "moran", "change", "forecast", "density"):
        body = told(client, measure=measure, **rare)
        assert body["incident_count"] == 5
        assert body["crowded"] is None
        for one in body["features"]:
            assert one["properties"]["is_too_few"] or measure in ("gi", "moran")
            assert one["properties"].get("kind", "none") == "none"
            assert not one["properties"].get("is_coloured")
    past = told(client, "/backtest", horizon_days=30, **rare)
    assert past["offered_default"] == "counts"
    assert {one["judgement"] for one in past["scores"]} == {"cannot be judged"}
    assert told(client, "/concentration", **rare)["n_events"] == 5
    assert all(one is None for row in told(client, "/near-repeats", **rare)["rows"]
               for one in row["ratio"])  # fmt: skip
    few = {"start": (NOW - timedelta(hours=1)).isoformat(), "end": NOW.isoformat()}
    for path in ("/concentration", "/week", "/near-repeats"):
        answer = client.get(LAYER + path, params=few)
        assert answer.status_code == 409
        assert "Take a longer period" in answer.text


def test_what_officers_began_is_weighed_by_measured_presence(place: District) -> None:
    """20 h of patrol in A, 5 in B, none in C: 25/3 in the mean; 10 found in A and in B."""
    client = asking(place)
    found = {"by": "grid", "all_sources": True}
    plain = by_grid(told(client, **found))
    assert {code: one["value"] for code, one in plain.items()} == {GRID_A: 255, GRID_B: 40}
    body = told(client, presence_corrected=True, **found)
    weighed = by_grid(body)
    assert weighed[GRID_A]["count"] == 255  # what is counted stays told
    assert weighed[GRID_A]["value"] == pytest.approx(245 + 10 * 25 / 3 / 20, abs=1e-3)
    assert weighed[GRID_B]["value"] == pytest.approx(30 + 10 * 25 / 3 / 5, abs=1e-3)
    assert "In 1 grids nobody was" in body["method"]
    risk = by_grid(told(client, presence_corrected=True, measure="risk", **found))
    without = by_grid(told(client, measure="risk", **found))
    assert risk[GRID_B]["rate"] > without[GRID_B]["rate"]
    for more, says in (
        ({"by": "grid"}, "all_sources=true"),
        ({"all_sources": True}, "by=grid"),
        (found | {"measure": "gi"}, "counts, rate, risk"),
    ):
        refused = client.get(LAYER, params=WHOLE | {"presence_corrected": True} | more)
        assert refused.status_code == 422
        assert says in refused.text
    long_ago = {"start": (NOW - timedelta(days=500)).isoformat(), "end": WHOLE["start"]}
    unmeasured = client.get(LAYER, params=WHOLE | found | long_ago | {"presence_corrected": True})
    assert unmeasured.status_code == 409
    # Of their own grid alone, presence has nothing to be compared with: each weighs 1.
    own = told(asking(place, "patrol_leader", GRID_B), presence_corrected=True, **found)
    assert by_grid(own)[GRID_B]["value"] == 40


def test_concentration_is_that_of_the_layers_own_function(place: District) -> None:
    client = asking(place)
    by_grids = told(client, "/concentration", by="grid", category="theft")
    truth = concentration_curve([240, 0, 0])  # A, B, C
    assert by_grids["n_places"] == 3
    assert by_grids["gini"] == pytest.approx(truth.gini, abs=1e-4)
    assert by_grids["eighty_in"] == pytest.approx(1 / 3, abs=1e-4)
    assert by_grids["curve"][1] == {"place_share": 0.3333, "event_share": 1.0}
    fine = told(client, "/concentration", category="theft")
    assert fine["curve"][0] == {"place_share": 0.0, "event_share": 0.0}
    assert fine["curve"][-1] == {"place_share": 1.0, "event_share": 1.0}
    assert len(fine["curve"]) <= 102
    assert 0 < fine["half_in"] <= fine["eighty_in"]


def test_hours_of_the_week_spread_what_is_known_as_from_to(place: District) -> None:
    rare = told(asking(place), "/week", category="rare")
    weights = np.array(rare["weights"])
    assert weights.shape == (7, 24)
    assert weights.sum() == pytest.approx(5, abs=0.2)
    assert weights.max() <= 0.25  # an eighth of one an hour, two at most in the same
    assert rare["zone"] == place.settings.time_zone
    assert told(asking(place), "/week")["n_events"] == 275


def test_near_repeats_show_the_address_where_it_happens_again_and_again(place: District) -> None:
    body = told(asking(place), "/near-repeats", category="theft")
    same = body["rows"][0]
    assert same["distance_m"] == 0
    assert body["days"] == [7.0, 14.0, 28.0, 56.0]
    assert same["pairs"][0] > 100
    # Times are of chance, so nothing stands out though the place is full.
    assert min(p for row in body["rows"] for p in row["p"]) >= 0.01
    assert same["ratio"][0] == pytest.approx(1, abs=0.35)


def test_a_shift_gets_the_places_that_fit_its_area_with_reasons(place: District) -> None:
    shift = {"area_km2": 0.05, "begins": NOW.isoformat(), "shift_hours": 8, "category": "theft"}
    body = told(asking(place), "/shift", **shift)
    places = [one["properties"] for one in body["features"]]
    assert 1 <= len(places) <= 4  # of 0.015 km2
    assert [one["rank"] for one in places] == list(range(1, len(places) + 1))
    expected = [one["expected"] for one in places]
    assert expected == sorted(expected, reverse=True)
    assert body["expected_total"] == pytest.approx(sum(expected), abs=1e-3)
    assert body["expected_total"] <= body["expected_everywhere"]
    for one in places:
        parts = ("history", "surroundings", "recent_here", "recent_near")
        assert sum(one[part] for part in parts) == pytest.approx(one["expected"], abs=1e-3)
        # The interval is of a number of incidents: of a fiftieth expected, 95 % are none.
        assert one["low"] <= one["expected"]
        assert one["low"] <= one["high"]
    crowded = told(asking(place), category="theft")["crowded"]["h3_cell"]
    assert places[0]["h3_cell"] == crowded
    assert {one["method"] for one in body["would_have_caught"]["scores"]} >= {"forecast", "counts"}
    of_grids = told(asking(place, "grid_worker", GRID_A), "/shift", by="grid",
                    **shift | {"area_km2": 100})  # fmt: skip
    assert [one["id"] for one in of_grids["features"]] == [GRID_A]
    too_small = asking(place).get(LAYER + "/shift", params=shift | {"area_km2": 0.001})
    assert too_small.status_code == 422
    assert "holds not one place" in too_small.text
    far = asking(place).get(LAYER + "/shift", params=shift | {"begins": "1900-01-01T00:00:00Z"})
    assert far.status_code == 422
