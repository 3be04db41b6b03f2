"""Speeds as settings: defaults with a source, a file over them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from geo.errors import InvalidFile, InvalidInput
from geo.roads.access import CLASS_MODES
from geo.roads.modes import TravelMode
from geo.roads.speeds import DEFAULT_SPEEDS, SpeedProfile, read_speeds

CAR = TravelMode.CAR


def test_every_mode_has_speeds_with_a_source_that_says_they_are_assumed() -> None:
    for mode in TravelMode:
        assert "assumed" in DEFAULT_SPEEDS[mode].source
        assert set(DEFAULT_SPEEDS[mode].kmh) <= set(CLASS_MODES)


def test_posted_limits_count_where_they_are_asked_for() -> None:
    profile = SpeedProfile(CAR, {"road": 30.0}, source="test", limit_share=0.5)
    speeds = profile.speeds_kmh(("road",), np.zeros(2, int), np.array([0.0, 80.0]), None)
    assert speeds.tolist() == [30.0, 40.0]


def test_a_class_that_is_not_named_is_driven_at_the_default() -> None:
    profile = SpeedProfile(CAR, {"road": 30.0, "primary": 50.0}, source="test")
    speeds = profile.speeds_kmh(("primary", "track"), np.array([0, 1]), np.zeros(2), None)
    assert speeds.tolist() == [50.0, 30.0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kmh": {"primary": 30.0}},
        {"kmh": {"road": 0.0}},
        {"kmh": {"road": float("nan")}},
        {"kmh": {"road": 400.0}},
        {"hour_factor": (1.0,) * 23},
        {"hour_factor": (0.0,) * 24},
        {"limit_share": -1.0},
        {"access_kmh": 0.0},
        {"source": " "},
    ],
)
def test_speeds_nobody_could_drive_are_refused(wrong: dict[str, object]) -> None:
    fields: dict[str, object] = {"mode": CAR, "kmh": {"road": 30.0}, "source": "test"}
    with pytest.raises(InvalidInput):
        SpeedProfile(**(fields | wrong))  # type: ignore[arg-type]


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "speeds.json"
    path.write_text(
        json.dumps({"car": {"kmh": {"primary": 44}, "source": "own tracks, May"}}), "utf-8"
    )
    speeds = read_speeds(path)
    assert speeds[CAR].kmh["primary"] == 44
    assert speeds[CAR].kmh["tertiary"] == DEFAULT_SPEEDS[CAR].kmh["tertiary"]
    assert speeds[CAR].source == "own tracks, May"
    assert speeds[TravelMode.FOOT] == DEFAULT_SPEEDS[TravelMode.FOOT]


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        "[]",
        '{"hovercraft": {"source": "x"}}',
        '{"car": {"kmh": {"road": 30}}}',
        '{"car": {"kmh": {"boulevard": 30}, "source": "x"}}',
        '{"car": {"kmh": {"road": "fast"}, "source": "x"}}',
        '{"car": {"speed": 30, "source": "x"}}',
        '{"car": 30}',
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "speeds.json"
    path.write_text(content, "utf-8")
    with pytest.raises((InvalidFile, InvalidInput)):
        read_speeds(path)
    with pytest.raises(InvalidFile):
        read_speeds(tmp_path / "absent.json")
