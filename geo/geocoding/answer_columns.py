"""Answers as columns of a table, named `gb_…` so that they never hide a column of the source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from geo.geocoding.geocoder import MATCHED, GeocodeAnswer
from geo.h3_cells import h3_cell_to_text

CANDIDATES = 3  # in the review file

_TYPES = {
    "gb_row": pa.int64(), "gb_status": pa.string(), "gb_level": pa.string(),
    "gb_confidence": pa.float64(), "gb_x": pa.float64(), "gb_y": pa.float64(),
    "gb_accuracy_m": pa.float64(), "gb_grid_code": pa.string(), "gb_h3_cell": pa.string(),
    "gb_standard_address_id": pa.int64(), "gb_standard_address": pa.string(),
    "gb_reasons": pa.string(),
}  # fmt: skip
ANSWER_COLUMNS = tuple(_TYPES)
"""Row number of the source, status, level, confidence, longitude and latitude in the datum asked
for, accuracy [m], grid, H3 cell, id and text of the standard address, reasons in Chinese."""


def answer_columns(
    numbers: Sequence[int],
    answers: Sequence[GeocodeAnswer],
    points: Sequence[tuple[float, float] | None],
) -> dict[str, pa.Array]:
    """Return the columns of the answers; `points` are theirs in the datum asked for."""
    values: dict[str, list[Any]] = {name: [] for name in _TYPES}
    for number, answer, point in zip(numbers, answers, points, strict=True):
        row = (
            number, answer.status, answer.level, answer.confidence,
            None if point is None else round(point[0], 7),
            None if point is None else round(point[1], 7),
            None if answer.accuracy_m is None else round(answer.accuracy_m, 1),
            answer.grid_code,
            None if answer.h3_cell is None else h3_cell_to_text(answer.h3_cell),
            answer.standard_address_id, answer.canonical_text, reasons_text(answer),
        )  # fmt: skip
        for name, value in zip(_TYPES, row, strict=True):
            values[name].append(value)
    return {name: pa.array(values[name], kind) for name, kind in _TYPES.items()}


def review_columns(
    numbers: Sequence[int], texts: Sequence[str | None], answers: Sequence[GeocodeAnswer]
) -> pa.Table:
    """Return the rows that were not sure, with their best candidates."""
    rows = []
    for number, text, answer in zip(numbers, texts, answers, strict=True):
        if answer.status == MATCHED:
            continue
        row: dict[str, Any] = {
            "row": number, "address": text, "status": answer.status,
            "confidence": answer.confidence, "reasons": reasons_text(answer),
        }  # fmt: skip
        for at in range(CANDIDATES):
            candidate = answer.candidates[at] if at < len(answer.candidates) else None
            row[f"candidate_{at + 1}"] = candidate and candidate.canonical_text
            row[f"candidate_{at + 1}_id"] = candidate and candidate.standard_address_id
            row[f"candidate_{at + 1}_level"] = candidate and candidate.level
            row[f"candidate_{at + 1}_confidence"] = candidate and candidate.confidence
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=_REVIEW_SCHEMA)


def reasons_text(answer: GeocodeAnswer) -> str:
    """Return the reasons in one line, Chinese; the message of an error as it is."""
    if answer.message is not None:
        return answer.message
    return "；".join(reason.zh for reason in answer.reasons)


_REVIEW_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("address", pa.string()),
        ("status", pa.string()),
        ("confidence", pa.float64()),
        ("reasons", pa.string()),
        *(
            (f"candidate_{at + 1}{name}", kind)
            for at in range(CANDIDATES)
            for name, kind in (
                ("", pa.string()),
                ("_id", pa.int64()),
                ("_level", pa.string()),
                ("_confidence", pa.float64()),
            )
        ),
    ]
)
