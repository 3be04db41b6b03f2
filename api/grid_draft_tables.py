"""Drafts of grids as they are sent: tables before and after, outlines, codes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from api.schemas.grid_drafts import DraftGrid, DraftTable
from geo.tables import GridSetDraft
from layers.balanced_grids.dividers import BIG_CLASSES, BLOCK_CLASSES, base_class
from layers.balanced_grids.drawn_grids import (
    GOES_ON_SHARE,
    draw_grids,
    match_to_now,
    number_grids,
)
from layers.balanced_grids.kept import suggestion_of
from layers.balanced_grids.measures import (
    borders_of_polygons,
    evenness,
    measure_borders,
    shapes_of_plan,
    shapes_of_polygons,
)
from layers.balanced_grids.stored_blocks import COLUMNS, StoredArea
from layers.balanced_grids.suggestion import AREA, Suggestion

GRID_KEPT = ("name", "kind", "person_in_charge", "contact")


@dataclass(frozen=True)
class DraftView:
    """A draft as it is looked at.

    polygons : (K,) of its grids; None before the first stage
    codes, names : of its grids; goes_on_from : (K,) index of the grid of now, -1: none
    """

    draft: GridSetDraft
    suggestion: Suggestion
    polygons: NDArray[np.object_] | None
    codes: list[str]
    names: list[str]
    goes_on_from: NDArray[np.int64]

    @property
    def label(self) -> NDArray[np.int64]:
        assert self.suggestion.plan is not None
        return self.suggestion.plan.label

    def after(self) -> DraftTable | None:
        """The grids of the draft side by side."""
        if self.polygons is None:
            return None
        suggestion = self.suggestion
        count = suggestion.grid_count
        area_m2, compact = shapes_of_plan(suggestion.blocks, self.label, count)
        held = {name: suggestion.loads(name) for name in COLUMNS}
        loads = area_m2 if suggestion.balanced == AREA else held[suggestion.balanced]
        even, border = evenness(loads), measure_borders(suggestion.blocks, self.label)
        order = np.argsort(np.array(self.codes), kind="stable")
        return DraftTable(
            grids=[
                DraftGrid(
                    grid=int(k),
                    grid_code=self.codes[k],
                    name=self.names[k],
                    goes_on_from=self._origin(int(k)),
                    is_locked=int(k) in suggestion.locked,
                    area_m2=float(area_m2[k]),
                    compactness=float(compact[k]),
                    deviation=float(even.deviation[k]),
                    **{name: float(held[name][k]) for name in COLUMNS},
                )
                for k in order
            ],
            mean=even.mean,
            most=even.most,
            cv=even.cv,
            border_m=border.length_m,
            road_share=border.road_share,
            big_share=border.big_share,
        )

    def _origin(self, grid: int) -> str | None:
        at = int(self.goes_on_from[grid])
        return None if at < 0 else self.suggestion.now_codes[at]

    def moved(self, column: str) -> float:
        """How much of a column changes grid: what isn't in the grid that its own goes on as."""
        overlap = self.suggestion.overlap(column)
        goes_on = self.goes_on_from >= 0
        stays = overlap[np.flatnonzero(goes_on), self.goes_on_from[goes_on]].sum()
        return float(overlap.sum() - stays)

    def features(self) -> list[dict[str, Any]]:
        """The grids of the draft as a grid file has them; every digit of a border is kept, or
        neighbours would have gaps."""
        table = self.after()
        if table is None or self.polygons is None:
            return []
        was = {row["grid_code"]: row for row in self.draft.content["now_grids"]}
        found = []
        for row in table.grids:
            assert row.grid is not None
            before = was.get(row.grid_code, {})
            is_community = self.draft.area_level == "community"
            found.append(
                {
                    "type": "Feature",
                    "geometry": json.loads(shapely.to_geojson(self.polygons[row.grid])),
                    "properties": {
                        "grid_code": row.grid_code,
                        "name": row.name,
                        "kind": before.get("kind") or "base",
                        "community_code": self.draft.area_code if is_community else None,
                        "person_in_charge": before.get("person_in_charge"),
                        "contact": before.get("contact"),
                        "household_count": round(row.households),
                        "deviation": round(row.deviation, 4),
                    },
                }
            )
        return found


def view_of(draft: GridSetDraft) -> DraftView:
    """Return a draft as it is looked at."""
    suggestion = suggestion_of(draft.content, draft.blocks)
    if suggestion.plan is None:
        return DraftView(draft, suggestion, None, [], [], np.zeros(0, np.int64))
    polygons = draw_grids(suggestion.blocks, suggestion.plan.label, suggestion.grid_count)
    column = suggestion.balanced if suggestion.balanced in suggestion.now else "addresses"
    overlap = suggestion.overlap(column)
    goes_on = match_to_now(overlap)
    now = {row["grid_code"]: row for row in draft.content["now_grids"]}
    held = suggestion.now[column].sum(axis=0)
    kept: list[str | None] = []
    for k, at in enumerate(goes_on):
        is_same = at >= 0 and overlap[k, at] >= GOES_ON_SHARE * held[at]
        kept.append(suggestion.now_codes[at] if is_same else None)
    first_part, digits = _numbering(draft, list(now))
    codes = number_grids(polygons, first_part=first_part, digits=digits, kept=kept)
    names = [
        now[code]["name"] if code in now and kept[k] == code else f"{draft.area_name}{code[-3:]}"
        for k, code in enumerate(codes)
    ]
    return DraftView(draft, suggestion, polygons, codes, names, goes_on)


def _numbering(draft: GridSetDraft, now_codes: list[str]) -> tuple[str, int]:
    """What codes of new grids begin with, and the digits of their numbers: as the grids of now
    are coded, DB11/T 2157 where there are none."""
    if draft.area_level != "community":
        return f"{draft.area_code}-", 3
    code = now_codes[0] if now_codes else ""
    at = code.find(draft.area_code)
    digits = len(code) - at - len(draft.area_code) if at >= 0 else 0
    if at >= 0 and 1 <= digits <= 6:
        return code[: at + len(draft.area_code)], digits
    return draft.area_code, 3


def table_of_now(stored: StoredArea, suggestion: Suggestion) -> DraftTable | None:
    """The grids of now side by side; None where there are none."""
    grids = stored.grids
    if grids.empty:
        return None
    polygons = grids.geometry.to_numpy()
    area_m2, compact = shapes_of_polygons(polygons)
    at = {code: k for k, code in enumerate(suggestion.now_codes)}
    held = {
        name: np.array(
            [suggestion.now[name][:, at[c]].sum() if c in at else 0.0 for c in grids.index]
        )
        for name in COLUMNS
    }
    loads = area_m2 if suggestion.balanced == AREA else held[suggestion.balanced]
    even = evenness(loads)
    lines, is_big = np.zeros(0, object), np.zeros(0, bool)
    if stored.roads is not None:
        classes = [base_class(name) for name in stored.roads["road_class"]]
        chosen = np.array([name in BLOCK_CLASSES for name in classes], bool)
        lines = stored.roads.geometry.to_numpy()[chosen]
        is_big = np.array([name in BIG_CLASSES for name in classes], bool)[chosen]
    border = borders_of_polygons(polygons, stored.shape, lines, is_big)
    return DraftTable(
        grids=[
            DraftGrid(
                grid=None,
                grid_code=str(code),
                name=str(grids["name"].iloc[k]),
                goes_on_from=None,
                is_locked=False,
                area_m2=float(area_m2[k]),
                compactness=float(compact[k]),
                deviation=float(even.deviation[k]),
                **{name: float(held[name][k]) for name in COLUMNS},
            )
            for k, code in enumerate(grids.index)
        ],
        mean=even.mean,
        most=even.most,
        cv=even.cv,
        border_m=border.length_m,
        road_share=border.road_share,
        big_share=border.big_share,
    )


def grids_of_now(stored: StoredArea) -> list[dict[str, Any]]:
    """The grids of now as a draft keeps them, so that it can be laid beside them later."""
    facts = stored.grids[list(GRID_KEPT)].astype(object)
    rows = facts.where(facts.notna(), None).to_dict("records")
    codes = stored.grids.index
    return [{"grid_code": str(code), **row} for code, row in zip(codes, rows, strict=True)]
