"""Siting in stages: each no worse than the one before, and what is proven ends it; demand from
points and roads; the commands."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from geo.errors import InvalidFile
from geo.h3_cells import lonlat_to_h3_cell
from layers.demand.points import demand_of_points, demand_of_roads, read_demand
from layers.siting import SitingProblem
from layers.siting.stages import Question, SitingQuestion, Stage, solve_in_stages
from tests.geo.roads.streets import place, streets

STAGES = (Stage(5, 0.0, 50), Stage(200, 0.0), Stage(200, 1.0))


def problem(seed: int, sites: int = 25, cells: int = 120) -> SitingProblem:
    rng = np.random.default_rng(seed)
    at, of = rng.uniform(0, 1000, (sites, 2)), rng.uniform(0, 1000, (cells, 2))
    times = np.hypot(*(at[:, None] - of[None]).transpose(2, 0, 1)).astype(np.float32)
    return SitingProblem(times, rng.integers(1, 30, cells).astype(float))


@pytest.mark.parametrize("question", list(Question))
def test_each_stage_is_no_worse_and_within_its_bound(question: Question) -> None:
    asked = SitingQuestion(question, limit_s=220.0, wanted=5, share=0.9)
    plans = list(solve_in_stages(problem(3), asked, stages=STAGES))
    assert 1 <= len(plans) <= len(STAGES)
    for before, after in pairwise(plans):
        if question in (Question.HOW_MANY, Question.NEAREST):
            assert before.bound <= after.bound <= after.objective <= before.objective
        else:
            assert before.objective <= after.objective <= after.bound <= before.bound
    assert not any(plan.is_proven for plan in plans[:-1])
    last = plans[-1]
    assert last.is_proven or last.gap > 0


def test_demand_is_summed_by_hexagon_and_entered_in_its_middle() -> None:
    found = demand_of_points([112.55, 112.5501, 112.6], [37.88] * 3, [1, 2, 4], resolution=9)
    assert sorted(found.weights["households"].tolist()) == [3, 4]
    k = int(np.argmin(found.weights["households"]))
    assert found.lon[k] == pytest.approx(112.55005)
    assert found.h3_cell[k] == lonlat_to_h3_cell(112.55, 37.88, 9)


def test_a_city_of_roads_alone_counts_each_hexagon_once() -> None:
    found = demand_of_roads(streets("A-B-C-D-E-F"), resolution=10)
    assert set(found.weights["households"].tolist()) == {1.0}
    cells = lonlat_to_h3_cell(*np.array([place(c, 0) for c in range(6)]).T, 10)
    assert set(found.h3_cell.tolist()) == set(np.asarray(cells).tolist())


def test_a_file_of_demand_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("Longitude,LATITUDE,weight\n112.55,37.88,2\n,,\n", encoding="utf-8")
    assert read_demand(path).weights["households"].tolist() == [2]
    for text in ("a,b\n1,2\n", "lon,lat\n", "lon,lat\n500,1\n", "lon,lat,weight\n1,1,-1\n"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidFile):
            read_demand(path)
    with pytest.raises(InvalidFile):
        read_demand(tmp_path / "nowhere.csv")
