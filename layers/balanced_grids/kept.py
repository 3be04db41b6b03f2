"""What a draft of grids keeps in the store: question and grouping as JSON, blocks as arrays."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely

from layers.balanced_grids.blocks import BlockMap
from layers.balanced_grids.suggestion import BalanceQuestion, Suggestion

_ARRAYS = (
    "area_m2", "outer_m", "xy", "first", "second", "border_m", "price", "along_road_m",
    "along_big_m", "is_bridge",
)  # fmt: skip


def suggestion_to_json(suggestion: Suggestion) -> dict[str, Any]:
    """Return what a person may change of a suggestion, and its plan."""
    asked = suggestion.question
    return {
        "question": {
            "weight": asked.weight,
            "grid_count": asked.grid_count,
            "a_grid": asked.a_grid,
            "tolerance": asked.tolerance,
            "stay": asked.stay,
            "block_classes": list(asked.block_classes),
            "seed": asked.seed,
        },
        "balanced": suggestion.balanced,
        "grid_count": suggestion.grid_count,
        "outside": suggestion.outside,
        "now_codes": list(suggestion.now_codes),
        "label": None if suggestion.plan is None else suggestion.plan.label.tolist(),
        "locked": sorted(suggestion.locked),
    }


def blocks_to_bytes(suggestion: Suggestion) -> bytes:
    """Return the blocks of a suggestion with what they hold; no point of an address is kept."""
    blocks = suggestion.blocks
    arrays: dict[str, Any] = {name: getattr(blocks, name) for name in _ARRAYS}
    texts = [bytes(wkb) for wkb in shapely.to_wkb(np.append(blocks.polygons, blocks.area))]
    arrays["wkb"] = np.frombuffer(b"".join(texts), np.uint8)
    arrays["wkb_ends"] = np.cumsum([len(text) for text in texts])
    arrays["facts"] = np.array([blocks.part_count, blocks.parted_count, blocks.is_by_cells])
    for name, values in suggestion.sums.items():
        arrays[f"sum_{name}"] = values
    for name, values in suggestion.now.items():
        arrays[f"now_{name}"] = values
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    return packed.getvalue()


def suggestion_of(content: Mapping[str, Any], blocks: bytes) -> Suggestion:
    """Return a suggestion from what the two functions above wrote."""
    with np.load(io.BytesIO(blocks), allow_pickle=False) as arrays:
        ends = arrays["wkb_ends"].tolist()
        packed = arrays["wkb"].tobytes()
        texts = [packed[a:b] for a, b in zip([0, *ends], ends, strict=False)]
        shapes = np.asarray(shapely.from_wkb(np.array(texts, object)), object)
        facts = arrays["facts"].tolist()
        found = BlockMap(
            area=shapes[-1],
            polygons=shapes[:-1],
            point_block=np.zeros(0, np.int64),
            part_count=facts[0],
            parted_count=facts[1],
            is_by_cells=bool(facts[2]),
            **{name: arrays[name] for name in _ARRAYS},
        )
        sums = {name[4:]: arrays[name] for name in arrays.files if name.startswith("sum_")}
        now = {name[4:]: arrays[name] for name in arrays.files if name.startswith("now_")}
    suggestion = Suggestion(
        question=BalanceQuestion(**content["question"]),
        blocks=found,
        sums=sums,
        now_codes=tuple(content["now_codes"]),
        now=now,
        balanced=content["balanced"],
        grid_count=content["grid_count"],
        outside=content["outside"],
        locked=frozenset(content["locked"]),
    )
    if content["label"] is None:
        return suggestion
    return suggestion.with_label(np.array(content["label"], np.int64))
