"""What the layers of a vector file are for a base map: guessed from their content, overridable."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.basemap_classes import (
    BUILT_CLASSES,
    GREEN_CLASSES,
    PLACE_MIN_ZOOM,
    ROAD_MIN_ZOOM,
    WATER_CLASSES,
)
from geo.errors import InvalidMapping

LAYER_KINDS = ("road", "building", "water", "green", "land", "place", "house_number", "skip")
"""What a layer may be declared to be. `land` decides between water and green row by row."""

# Words in a layer's name that give its kind away; the first that fits counts.
_NAMES: tuple[tuple[str, str], ...] = (
    ("skip", r"bound|border|admin|earth|transit|neighbou?rhood|beat|grid|node|界|节点"),
    ("road", r"road|street|highway|edge|link|lines?$|roads?|道路|路网|街道线|路$"),
    ("building", r"build|house|footprint|建筑|房屋|楼"),
    ("house_number", r"address|number|门牌"),
    ("water", r"water|river|lake|hydro|水"),
    ("land", r"land|natural|green|park|vegetation|绿|公园|用地"),
    ("place", r"poi|place|amenit|兴趣|地名"),
)
_ROAD_WORDS = frozenset(ROAD_MIN_ZOOM) | {f"{word}_link" for word in ROAD_MIN_ZOOM}
_BUILDING_WORDS = frozenset(
    {"building", "apartments", "house", "residential", "commercial", "retail", "industrial",
     "building_part", "garage", "detached", "yes", "school", "office"}
)  # fmt: skip
CLASS_COLUMNS = ("highway", "fclass", "feature_class", "class", "kind_detail", "kind", "building",
                  "natural", "landuse", "waterway", "leisure", "amenity", "shop", "type",
                  "category", "类型", "类别", "等级")  # fmt: skip
_NAME_COLUMNS = ("name", "name_zh", "name:zh", "名称", "路名", "roadname", "road_name", "mc",
                 "name_chn", "fullname", "label", "title")  # fmt: skip
_NUMBER_COLUMNS = ("addr_housenumber", "addr:housenumber", "housenumber", "house_number", "number",
                   "门牌号", "mph", "num", "ref")  # fmt: skip
# Of known words in a column, for it to tell the kind; less is enough where the layer's name agrees.
_LEAST_SHARE, _LEAST_SHARE_IF_NAMED = 0.2, 0.02


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """How one layer is read. `kind` skip: it isn't; `why` says what decided."""

    layer: str
    kind: str
    why: str
    class_column: str | None = None
    name_column: str | None = None
    number_column: str | None = None


def plan_layer(
    layer: str,
    sample: pd.DataFrame,
    geometries: NDArray[np.object_] | None,
    *,
    kind: str | None = None,
    class_column: str | None = None,
    name_column: str | None = None,
    number_column: str | None = None,
) -> LayerPlan:
    """Decide what a layer is; what is declared counts before what is guessed.

    Parameters
    ----------
    sample : (n,) some of the layer's rows, text
    geometries : (n,) theirs
    kind : one of LAYER_KINDS, where it is declared

    Raises
    ------
    InvalidMapping : an unknown kind, or a declared column that the layer doesn't have
    """
    columns = list(sample.columns)
    if kind is not None and kind not in LAYER_KINDS:
        raise InvalidMapping(
            f"A layer can't be {kind!r}. Wanted one of: {', '.join(LAYER_KINDS)}.", kind=kind
        )
    for declared in (class_column, name_column, number_column):
        if declared is not None and declared not in columns and kind is not None:
            raise InvalidMapping(
                f"Layer {layer} has no column {declared!r}. It has: {', '.join(columns[:20])}.",
                column=declared,
            )
    chosen_class = _column(columns, class_column, ())
    plan = LayerPlan(
        layer,
        "skip",
        "nothing in it reads as roads, buildings, water, green or places",
        name_column=_column(columns, name_column, _NAME_COLUMNS),
        number_column=_column(columns, number_column, _NUMBER_COLUMNS),
    )
    if kind is not None:
        best = chosen_class or _best_column(sample, _words_of(kind))[0]
        return replace(plan, kind=kind, why="declared", class_column=best)
    shape = _shape(geometries)
    by_name = _kind_by_name(layer)
    for candidate in _candidates(shape, by_name):
        column, share = _best_column(sample, _words_of(candidate))
        if share >= (_LEAST_SHARE if candidate != by_name else _LEAST_SHARE_IF_NAMED):
            why = f"{share:.0%} of the values in {column!r} are kinds of {candidate}"
            return replace(plan, kind=candidate, why=why, class_column=chosen_class or column)
    if by_name is not None and by_name != "land" and by_name in _candidates(shape, by_name):
        return replace(plan, kind=by_name, why="its name", class_column=chosen_class)
    return plan


def skipped_by_name(layer: str) -> LayerPlan | None:
    """The plan of a layer whose name alone says that it isn't read; None for all others."""
    if _kind_by_name(layer) != "skip":
        return None
    return LayerPlan(layer, "skip", "its name says it is no part of a base map")


def _kind_by_name(layer: str) -> str | None:
    return next((k for k, words in _NAMES if re.search(words, layer, re.IGNORECASE)), None)


def _candidates(shape: str, by_name: str | None) -> Sequence[str]:
    fitting = {
        "line": ("road", "water"),
        "polygon": ("building", "water", "land"),
        "point": ("place", "house_number", "building"),
    }.get(shape, ())
    return sorted(fitting, key=lambda kind: kind != by_name)


def _words_of(kind: str) -> frozenset[str]:
    return {
        "road": _ROAD_WORDS,
        "building": _BUILDING_WORDS,
        "water": WATER_CLASSES,
        "green": GREEN_CLASSES,
        "land": WATER_CLASSES | GREEN_CLASSES | BUILT_CLASSES,
        "place": frozenset(PLACE_MIN_ZOOM) | {"restaurant", "cafe", "bank", "hotel", "bus_stop"},
    }.get(kind, frozenset())


def _best_column(sample: pd.DataFrame, words: frozenset[str]) -> tuple[str | None, float]:
    """The column with the largest share of known words; well-known columns win a draw."""
    best: tuple[str | None, float] = (None, 0.0)
    order = sorted(
        sample.columns,
        key=lambda c: CLASS_COLUMNS.index(c.lower()) if c.lower() in CLASS_COLUMNS else 99,
    )
    for column in order:
        values = sample[column].dropna().str.lower()
        share = float(values.isin(words).sum() / max(1, len(sample)))
        if share > best[1] + 1e-9:
            best = (column, share)
    return best


def _column(columns: list[str], declared: str | None, usual: Sequence[str]) -> str | None:
    if declared is not None:
        return declared if declared in columns else None
    folded: Mapping[str, str] = {column.lower(): column for column in columns}
    return next((folded[name] for name in usual if name in folded), None)


def _shape(geometries: NDArray[np.object_] | None) -> str:
    """line, polygon or point: what most of the geometries are."""
    if geometries is None:
        return "none"
    dimensions = shapely.get_dimensions(geometries)
    counts = {
        "point": (dimensions == 0).sum(),
        "line": (dimensions == 1).sum(),
        "polygon": (dimensions == 2).sum(),
    }
    return max(counts, key=lambda key: counts[key]) if any(counts.values()) else "none"
