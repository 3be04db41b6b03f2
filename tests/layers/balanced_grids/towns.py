"""Invented towns to split: streets in a net, houses along them."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from layers.balanced_grids.kept import blocks_to_bytes, suggestion_to_json
from layers.balanced_grids.solving import Stage
from layers.balanced_grids.suggestion import BalanceQuestion, Suggestion, prepare_suggestion
from tests.drawing import NORTH, STEP_DEG, WEST

EAST, SOUTH = WEST + 10 * STEP_DEG, NORTH - 10 * STEP_DEG
AREA = shapely.box(WEST, SOUTH, EAST, NORTH)
COLUMNS = ("households", "addresses")


def streets(columns: int = 5, rows: int = 5, big_column: int | None = None) -> gpd.GeoDataFrame:
    """Streets that cut the area into columns x rows blocks and reach a little beyond it."""
    lines: list[Any] = []
    classes = []
    for k in range(1, columns):
        x = WEST + (EAST - WEST) * k / columns
        lines.append(shapely.linestrings([(x, SOUTH - 0.001), (x, NORTH + 0.001)]))
        classes.append("primary" if k == big_column else "residential")
    for k in range(1, rows):
        y = SOUTH + (NORTH - SOUTH) * k / rows
        lines.append(shapely.linestrings([(WEST - 0.001, y), (EAST + 0.001, y)]))
        classes.append("residential")
    return gpd.GeoDataFrame({"road_class": classes}, geometry=lines, crs="EPSG:4326")


def houses(count: int = 400, *, seed: int = 1, area: Any = AREA) -> pd.DataFrame:
    """Houses at random places of an area, 1 to 3 households each, in two grids of now."""
    rng = np.random.default_rng(seed)
    west, south, east, north = area.bounds
    lon, lat = rng.uniform(west, east, count * 4), rng.uniform(south, north, count * 4)
    inside = np.flatnonzero(shapely.contains_xy(area, lon, lat))[:count]
    return pd.DataFrame(
        {
            "lon": lon[inside],
            "lat": lat[inside],
            "building": [f"b{k}" for k in range(len(inside))],
            "households": rng.integers(1, 4, len(inside)),
            "addresses": 1,
            "grid_code": np.where(lon[inside] < (west + east) / 2, "A", "B"),
        }
    )


def prepared(
    area: Any = AREA,
    roads: gpd.GeoDataFrame | None = None,
    points: pd.DataFrame | None = None,
    **asked: Any,
) -> Suggestion:
    """A suggestion before it is solved."""
    return prepare_suggestion(
        area,
        streets() if roads is None else roads,
        houses() if points is None else points,
        BalanceQuestion(**{"grid_count": 4, **asked}),
        columns=COLUMNS,
    )


def kept_draft(area: Any, grid_code: str) -> dict[str, Any]:
    """`content` and `blocks` of a solved draft of two grids, over one grid of now."""
    columns = ("households", "addresses", "key_places", "workload")
    points = houses(60, area=area).assign(grid_code=grid_code, key_places=0, workload=1.0)
    prepared_ = prepare_suggestion(
        area, None, points, BalanceQuestion(grid_count=2), columns=columns
    )
    solved = next(prepared_.solved(stages=(Stage(4, 1, 50),)))
    content = {
        **suggestion_to_json(solved),
        "household_source": "dwellings",
        "has_roads": False,
        "now_grids": [
            {"grid_code": grid_code, "name": "甲", "kind": "base", "person_in_charge": None,
             "contact": None}
        ],
        "before": None,
    }  # fmt: skip
    return {"content": content, "blocks": blocks_to_bytes(solved)}
