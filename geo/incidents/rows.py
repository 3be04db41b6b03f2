"""One chunk of an incident table becomes incidents, and failures with reasons."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.addresses import WrittenForm
from geo.crs import Datum
from geo.importers.address_rows import Points, ReadingOptions, RowFailed, read_points
from geo.importers.failures import Failure
from geo.importers.mapping import ColumnMapping
from geo.importers.tabular import TableChunk
from geo.incidents.categories import CODE_CHARS_MAX, CategoryTree, fold_category
from geo.incidents.profiles import IncidentProfile
from geo.incidents.times import read_times
from geo.tables import INCIDENT_SOURCES

TIMES = (
    "occurred_from", "occurred_to", "reported_at", "dispatched_at", "arrived_at", "cleared_at",
)  # fmt: skip
REF_CHARS_MAX = 200
FUTURE_MAX = pd.Timedelta(minutes=5)  # clocks differ a little (facts)
MESSAGES = {
    "time_unreadable": "The time can't be read. Give year first, or a profile with time_format.",
    "time_does_not_exist": "Clocks skipped this local time when summer time began.",
    "time_missing": "There is no time.",
    "in_the_future": "The time lies in the future.",
    "ends_before_start": "It ends before it starts.",
    "times_out_of_order": "Dispatched, arrived and cleared don't follow each other.",
    "unknown_category": "The category isn't in the tree. Load it, or map it in the profile.",
    "category_missing": "There is no category.",
    "unknown_source": "The source is none of those known. Map it in the profile.",
    "text_too_long": "A text is too long.",
    "no_place": "There is neither a point nor an address.",
}

Times = dict[str, pd.Series]


@dataclass(frozen=True, slots=True)
class RowReading:
    """What rows are read by. `new_categories` gathers unknown ones where they may be added."""

    profile: IncidentProfile
    datum: Datum
    form: WrittenForm
    zone: str
    now: datetime
    text_max: int
    fallback_ref: str
    categories: CategoryTree
    may_add_categories: bool


@dataclass(slots=True)
class ReadIncidents:
    """What came of a chunk: each row is in `rows` or in `failures`, once.

    `rows` : columns `position`, `row_number`, `category` (code, or text of a new one),
        `is_new_category`, `source`, the times (UTC), `address_text`, `source_ref`, `lon`, `lat`,
        `fingerprint`
    `ambiguous_hours` : rows with a local time that occurred twice
    """

    rows: pd.DataFrame
    failures: list[tuple[int, Failure]]
    ambiguous_hours: int


def read_incidents(chunk: TableChunk, mapping: ColumnMapping, reading: RowReading) -> ReadIncidents:
    """Read the incidents of a chunk."""
    count = len(chunk)
    reasons = np.full(count, None, dtype=object)
    columns = np.full(count, None, dtype=object)

    def fail(bad: NDArray[np.bool_], reason: str, field: str | None) -> None:
        fresh = bad & pd.isna(reasons)
        reasons[fresh] = reason
        columns[fresh] = mapping.get(field) if field else None

    fail(~pd.isna(chunk.faults), "unreadable_row", None)
    times, ambiguous = _times(chunk, mapping, reading, fail)
    points = read_points(
        chunk,
        mapping,
        ReadingOptions(reading.datum, reading.form, reading.text_max),
    )
    _point_faults(points, fail, mapping)
    text = _text(chunk, mapping, "address_text")
    ref = _text(chunk, mapping, "source_ref")
    for cells, field, longest in (
        (text, "address_text", reading.text_max),
        (ref, "source_ref", REF_CHARS_MAX),
    ):
        fail((cells.str.len() > longest).fillna(False).to_numpy(dtype=bool), "text_too_long", field)
    has_point = ~np.isnan(points.lon)
    fail(~has_point & text.isna().to_numpy(), "no_place", None)
    source = _sources(chunk, mapping, reading.profile, fail)
    category, is_new = _categories(chunk, mapping, reading, fail)
    numbers = pd.Series(chunk.row_numbers.astype(str), dtype=object)
    rows = pd.DataFrame(
        {
            "position": np.arange(count),
            "row_number": chunk.row_numbers,
            "category": category,
            "is_new_category": is_new,
            "source": source,
            **times,
            "address_text": text,
            "source_ref": ref.where(ref.notna(), reading.fallback_ref + numbers),
            "lon": points.lon,
            "lat": points.lat,
        }
    )
    failures = [
        (
            int(at),
            Failure(
                int(chunk.row_numbers[at]),
                str(reasons[at]),
                _message(chunk, points, int(at), str(reasons[at])),
                columns[at],
            ),
        )
        for at in np.flatnonzero(~pd.isna(reasons))
    ]
    kept = rows[pd.isna(reasons)].reset_index(drop=True)
    kept["fingerprint"] = _fingerprints(kept)
    return ReadIncidents(kept, failures, int((ambiguous & pd.isna(reasons)).sum()))


def _times(
    chunk: TableChunk, mapping: ColumnMapping, reading: RowReading, fail: object
) -> tuple[Times, NDArray[np.bool_]]:
    assert callable(fail)
    times: Times = {}
    ambiguous = np.zeros(len(chunk), dtype=bool)
    for field in TIMES:
        if field not in mapping:
            times[field] = pd.Series(pd.NaT, index=range(len(chunk)), dtype="datetime64[us, UTC]")
            continue
        read = read_times(
            chunk.values[mapping.columns[field]],
            zone=reading.zone,
            time_format=reading.profile.time_format,
        )
        times[field] = read.times
        ambiguous |= read.is_ambiguous
        for reason in ("time_unreadable", "time_does_not_exist"):
            fail(read.faults == reason, reason, field)
    # What isn't known is taken from what is: reported when it happened, happened until reported.
    times["occurred_from"] = times["occurred_from"].fillna(times["reported_at"])
    times["occurred_to"] = times["occurred_to"].fillna(times["occurred_from"])
    times["reported_at"] = times["reported_at"].fillna(times["occurred_to"])
    fail(times["occurred_from"].isna().to_numpy(), "time_missing", "occurred_from")
    latest = pd.Timestamp(reading.now) + FUTURE_MAX
    for field in TIMES:
        fail((times[field] > latest).to_numpy(), "in_the_future", field)
    ends_early = times["occurred_to"] < times["occurred_from"]
    fail(ends_early.to_numpy(), "ends_before_start", "occurred_to")
    for earlier, later in (
        ("dispatched_at", "arrived_at"),
        ("arrived_at", "cleared_at"),
        ("dispatched_at", "cleared_at"),
    ):
        fail((times[later] < times[earlier]).to_numpy(), "times_out_of_order", later)
    return times, ambiguous


def _point_faults(points: Points, fail: object, mapping: ColumnMapping) -> None:
    assert callable(fail)
    field = "lon" if "lon" in mapping else "lonlat"
    reasons = np.array([None if one is None else one.reason for one in points.faults], dtype=object)
    for reason in {one for one in reasons if one is not None}:
        fail(reasons == reason, reason, field)


def _sources(
    chunk: TableChunk, mapping: ColumnMapping, profile: IncidentProfile, fail: object
) -> NDArray[np.object_]:
    assert callable(fail)
    found = np.full(len(chunk), profile.source, dtype=object)
    if "source" not in mapping:
        return found
    known = {fold_category(name): name for name in INCIDENT_SOURCES}
    known |= {fold_category(text): source for text, source in profile.sources.items()}
    written = _text(chunk, mapping, "source")
    filled = written.notna().to_numpy()
    read = written[filled].map(lambda cell: known.get(fold_category(cell)))
    found[filled] = read.to_numpy(dtype=object)
    fail(pd.isna(found), "unknown_source", "source")
    return found


def _categories(
    chunk: TableChunk, mapping: ColumnMapping, reading: RowReading, fail: object
) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    assert callable(fail)
    written = _text(chunk, mapping, "category")
    fail(written.isna().to_numpy(), "category_missing", "category")
    known = reading.categories.by_text()
    known |= {fold_category(text): code for text, code in reading.profile.categories.items()}
    codes = {cell: known.get(fold_category(cell)) for cell in written.dropna().unique().tolist()}
    code = written.map(lambda cell: codes[cell] if isinstance(cell, str) else None)
    is_new = (written.notna() & code.isna()).to_numpy(dtype=bool)
    fail(
        (written.str.len() > CODE_CHARS_MAX).fillna(False).to_numpy(dtype=bool),
        "text_too_long",
        "category",
    )
    if not reading.may_add_categories:
        fail(is_new, "unknown_category", "category")
    found = code.where(~is_new, written).to_numpy(dtype=object)
    return found, is_new


def _message(chunk: TableChunk, points: Points, at: int, reason: str) -> str:
    if reason == "unreadable_row":
        return f"The row {chunk.faults[at]}."
    fault = points.faults[at]
    if isinstance(fault, RowFailed) and fault.reason == reason:
        return fault.message
    return MESSAGES[reason]


def _text(chunk: TableChunk, mapping: ColumnMapping, field: str) -> pd.Series:
    """Return a column as text without blanks around, missing where empty or left out."""
    if field not in mapping:
        return pd.Series(pd.NA, index=range(len(chunk)), dtype="str").astype(object)
    cells = chunk.values[mapping.columns[field]].astype(object)
    stripped = [
        cell.strip() or None if isinstance(cell, str) and cell == cell else None for cell in cells
    ]
    return pd.Series(stripped, index=range(len(chunk)), dtype=object)


def _fingerprints(rows: pd.DataFrame) -> list[str]:
    """Return a hash of what each row says, so that a row that came again unchanged is known."""
    said = rows.drop(columns=["position", "row_number", "is_new_category"])
    values = [_written(said[column]) for column in sorted(said.columns)]
    return [
        hashlib.blake2b("\x1f".join(cells).encode(), digest_size=12).hexdigest()
        for cells in zip(*values, strict=True)
    ]


def _written(column: pd.Series) -> list[str]:
    """Return each cell as Python writes it; times of whole seconds, which most are, all at once."""
    if not isinstance(column.dtype, pd.DatetimeTZDtype):
        return [str(cell) for cell in column.tolist()]
    moments = column.to_numpy(dtype="datetime64[us]")  # in UTC
    text = np.char.add(
        np.char.replace(np.datetime_as_string(moments, unit="s"), "T", " "), "+00:00"
    )
    found = np.where(np.isnat(moments), "NaT", text).astype(object)
    for at in np.flatnonzero(moments != moments.astype("datetime64[s]")):
        if not np.isnat(moments[at]):
            found[at] = str(column.iloc[at])
    written: list[str] = found.tolist()
    return written
