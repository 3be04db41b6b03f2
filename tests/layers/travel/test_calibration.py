"""`gridbeat roads calibrate` over positions of the store."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from typer.testing import CliRunner

from bench.road_networks import generated_lines
from geo.positions.fix import Fix, Source
from geo.positions.storing import PlacedFix, store_fixes
from geo.roads.build import build_road_network
from geo.roads.modes import TravelMode
from geo.roads.spread import NOTE_NAME, VERSIONS, load_spreads
from geo.roads.store import store_road_network
from geo.simulator.devices import Device
from geo.simulator.patrol_walk import Movement
from geo.simulator.road_plan import RoadPlan
from geo.simulator.shift import simulate_shift
from geo.store.database import Database
from geo.tables import StoreNote
from geo.units.units import create_unit, plan_shift, set_status
from geo.values import GridScope, LonLat, Period
from layers.commands import roads as commands
from tests.drawing import draw
from tests.factories import add_grid, add_grid_version

ALL = GridScope.everything()
SECONDS = 4 * 3600
GRID = "14010500100100001"


@pytest.fixture
def database_with_tracks(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Two cars that were on the way to calls for four hours, and a motorcycle on patrol."""

    @contextlib.contextmanager
    def opened(*_: object) -> Iterator[Database]:
        yield database

    monkeypatch.setattr(commands, "open_store", opened)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=SECONDS + 600)
    lines = generated_lines(15)
    network = build_road_network(dataclasses.replace(lines, backward_modes=lines.forward_modes))
    first = network.line_first_point
    plan = RoadPlan.of(
        [
            shapely.LineString(network.points[first[k] : first[k + 1]])
            for k in range(network.line_count)
        ]
    )
    shift = simulate_shift(
        plan, units=3, seconds=SECONDS, start_ms=0, device=Device(interval_s=15.0, noise_m=4.0),
        movement=Movement(6.0, stop_share=0.01, stop_s=(300.0, 400.0)), seed=3,
    )  # fmt: skip
    with database.session() as session:
        store_road_network(
            session, network, name="streets", valid_from=(start - timedelta(days=2)).date()
        )
        add_grid(session, GRID, draw("A")["A"], version=add_grid_version(session))
        for number, kind in enumerate(("car", "car", "motorcycle")):
            unit = create_unit(session, f"U{number}", "甲", scope=ALL, kind=kind, grid_codes=[GRID])
            plan_shift(
                session, unit, Period(start, start + timedelta(seconds=SECONDS)), planned_by="test"
            )
            if kind == "car":
                set_status(session, unit, "en_route", now=start, told_by="test")
            reports = shift.reports[number]
            lon, lat = plan.plane.metres_to_points(np.ascontiguousarray(reports.xy))
            fixes = []
            for second, x, y in zip(reports.fixed_s, lon, lat, strict=True):
                at = start + timedelta(seconds=float(second))
                seen = Fix("phone", at, LonLat(float(x), float(y)), Source.OSMAND, accuracy_m=4.0)
                fixes.append(PlacedFix(seen, unit.id, number + 1, at))
            store_fixes(session, fixes)
    return database


def said(*words: str) -> str:
    done = CliRunner(env={"COLUMNS": "160"}).invoke(
        commands.app, ["calibrate", *words], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_spreads_are_shown_stored_as_versions_and_taken_back(
    database_with_tracks: Database,
) -> None:
    assert "Nothing was stored" in said("--dry-run", "--days", "1")
    with database_with_tracks.session() as session:
        assert session.get(StoreNote, NOTE_NAME) is None
    told = said("--days", "1")
    assert "Stored as version 1" in told
    assert "car │ call │ all" in told
    assert "motorcycle │ patrol │ all" in told
    with database_with_tracks.session() as session:
        found = load_spreads(session)
        car = found[TravelMode.CAR]
        assert car.basis == "own_tracks"
        assert car.trip_count >= 30
        assert car.p50_low is not None
        assert car.p50_low <= car.p50_factor <= car.p90_factor
        # How a patrol rides says nothing of how fast it comes.
        assert found[TravelMode.MOTORCYCLE].basis == "assumed"
        (version,) = session.get_one(StoreNote, NOTE_NAME).value[VERSIONS]
        assert version["source"]["network"] == "streets"
        assert set(version["spreads"]) == {"car"}
    assert "Version 2" in said("--reset")
    with database_with_tracks.session() as session:
        assert load_spreads(session)[TravelMode.CAR].basis == "assumed"
        versions = session.get_one(StoreNote, NOTE_NAME).value[VERSIONS]
        assert [each["number"] for each in versions] == [1, 2]
