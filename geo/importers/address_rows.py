"""One chunk of a table becomes standard addresses with points, and failures with reasons."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.addresses import ParseContext, ParsedAddress, WrittenForm, fold_name, parse
from geo.crs import CoordinateFault, Datum, check_coordinates, parse_datum, to_wgs84
from geo.errors import InvalidDatum, InvalidInput
from geo.importers.failures import Failure
from geo.importers.mapping import ColumnMapping
from geo.importers.tabular import TableChunk
from geo.register.identity import StandardForm, component_value, standard_form, text_key
from geo.tables import ADDRESS_COMPONENTS

ACCURACY_BY_DATUM_M = {"GCJ02": 20.0, "BD09": 20.0}
"""Turning these back to WGS 84 errs by 10-20 m against real maps, whatever the formula says."""

ACCURACY_M = 10.0
"""Where the file declares none: a point of a register, taken from a map or a phone."""

NEARBY_ACCURACY_M = 50.0
"""At best, where the text says that the place is beside, opposite or near the address."""

NAME_CHARS_MAX = 200
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_PAIR = re.compile(r"\s*([+-]?[\d.]+)\s*[,，;\s]\s*([+-]?[\d.]+)\s*")
_FAULT_TEXTS = {
    CoordinateFault.MISSING: "One coordinate is given without the other.",
    CoordinateFault.NOT_FINITE: "A coordinate is not a finite number.",
    CoordinateFault.ZERO: "The point is (0, 0), which means that there was no fix.",
    CoordinateFault.SWAPPED: "Longitude and latitude look exchanged.",
    CoordinateFault.OUT_OF_RANGE: "The point is outside what the declared datum covers.",
    CoordinateFault.OUTSIDE_AREA: "The point is far outside the area.",
}


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """What a chunk is read by. `accuracy_m` [m] is declared for the whole file, None: by datum."""

    datum: Datum
    form: WrittenForm
    text_max: int
    accuracy_m: float | None = None
    context: ParseContext | None = None


@dataclass(slots=True)
class AddressRow:
    """One row ready for the register. `position` in its chunk; `writings` are other texts of it."""

    position: int
    row_number: int
    form: StandardForm
    source_ref: str | None
    lon: float
    lat: float
    point_method: str | None
    accuracy_m: float | None
    writings: tuple[str, ...]


@dataclass(slots=True)
class ReadChunk:
    """What came of a chunk: each row is in `rows` or in `failures`, once.

    `contradictions`: rows that are taken although a column says something else than the text.
    """

    rows: list[AddressRow] = field(default_factory=list)
    failures: list[tuple[int, Failure]] = field(default_factory=list)
    contradictions: list[tuple[int, Failure]] = field(default_factory=list)


class RowFailed(Exception):
    """This row can't be taken."""

    def __init__(self, reason: str, message: str, column: str | None = None) -> None:
        super().__init__(message)
        self.reason, self.message, self.column = reason, message, column


@dataclass(frozen=True, slots=True)
class Points:
    """Points of a chunk: (n,) WGS 84 degrees (NaN where none), and the fault of each or None.

    is_centroid : (n,) where the point was taken from inside a line or polygon
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    faults: list[RowFailed | None]
    is_centroid: NDArray[np.bool_]


def read_chunk(
    chunk: TableChunk, mapping: ColumnMapping, points: Points, options: ReadingOptions
) -> ReadChunk:
    """Read the addresses of a chunk whose points are known (`read_points`)."""
    read = ReadChunk()
    cells = _Cells(chunk.values, mapping)
    for position in range(len(chunk)):
        number = int(chunk.row_numbers[position])
        try:
            if chunk.faults[position] is not None:
                raise RowFailed("unreadable_row", f"The row {chunk.faults[position]}.")
            fault = points.faults[position]
            if fault is not None:
                raise fault
            row, contradiction = _read_row(position, number, cells, points, options)
        except RowFailed as error:
            read.failures.append(
                (position, Failure(number, error.reason, error.message, error.column))
            )
            continue
        read.rows.append(row)
        if contradiction is not None:
            read.contradictions.append((position, contradiction))
    return read


def read_points(chunk: TableChunk, mapping: ColumnMapping, options: ReadingOptions) -> Points:
    """Read and convert the coordinates of a chunk."""
    size = len(chunk)
    faults: list[RowFailed | None] = [None] * size
    x, y, given, column, is_centroid = _raw_points(chunk, mapping, faults)
    usable = given & np.array([fault is None for fault in faults], dtype=bool)
    codes = check_coordinates(x, y, options.datum)
    for at in np.flatnonzero(usable):
        if codes[at]:
            faults[at] = RowFailed(str(codes[at]), _FAULT_TEXTS[codes[at]], column)
            usable[at] = False
    lon, lat = np.full(size, np.nan), np.full(size, np.nan)
    if usable.any():
        lon[usable], lat[usable] = to_wgs84(x[usable], y[usable], options.datum)
    return Points(lon, lat, faults, is_centroid)


class _Cells:
    """The mapped cells of a chunk as plain lists, None where empty."""

    def __init__(self, values: pd.DataFrame, mapping: ColumnMapping) -> None:
        self.columns = dict(mapping.columns)
        self._lists = {
            name: values[column].astype(object).where(values[column].notna(), None).tolist()
            for name, column in mapping.columns.items()
        }
        self.components = [name for name in ADDRESS_COMPONENTS if name in self._lists]

    def get(self, name: str, position: int) -> str | None:
        cells = self._lists.get(name)
        if cells is None or cells[position] is None:
            return None
        return str(cells[position]).strip() or None


def _read_row(
    position: int, number: int, cells: _Cells, points: Points, options: ReadingOptions
) -> tuple[AddressRow, Failure | None]:
    text = _checked(cells, "address_text", position, options.text_max)
    name = _checked(cells, "name", position, NAME_CHARS_MAX)
    alias = _checked(cells, "alias", position, options.text_max)
    declared = cells.get("datum", position)
    if declared is not None:
        _check_datum(declared, options.datum, cells.columns["datum"])
    given = _given_components(cells, position)
    parsed = parse(text, context=options.context) if text else None
    column = cells.columns.get("address_text")
    if parsed is None and not given:
        raise RowFailed("empty_address", "The address is empty.", column)
    address, contradiction = _combined(parsed, given, cells, number)
    try:
        form = standard_form(address, name, form=options.form, context=options.context)
    except InvalidInput as error:
        reason = error.facts.get("reason", "no_address")
        raise RowFailed(reason, f"The address isn't taken. {error.message}", column) from None
    has_point = not np.isnan(points.lon[position])
    row = AddressRow(
        position=position,
        row_number=number,
        form=form,
        source_ref=_checked(cells, "source_ref", position, NAME_CHARS_MAX),
        lon=float(points.lon[position]),
        lat=float(points.lat[position]),
        point_method=_point_method(points, position) if has_point else None,
        accuracy_m=_accuracy_m(cells, position, parsed, options) if has_point else None,
        writings=_writings(text, parsed, alias),
    )
    return row, contradiction


def _point_method(points: Points, position: int) -> str:
    return "centroid" if points.is_centroid[position] else "imported"


def _checked(cells: _Cells, name: str, position: int, longest: int) -> str | None:
    text = cells.get(name, position)
    if text is None:
        return None
    column = cells.columns[name]
    if len(text) > longest:
        raise RowFailed(
            "text_too_long",
            f"The text has {len(text)} characters, at most {longest} are taken.",
            column,
        )
    control = _CONTROL.search(text)
    if control is not None:
        raise RowFailed(
            "control_character", f"It holds a control character (U+{ord(control[0]):04X}).", column
        )
    return text


def _check_datum(declared: str, datum: Datum, column: str) -> None:
    try:
        found = parse_datum(declared)
    except InvalidDatum:
        raise RowFailed(
            "unknown_datum", f"“{declared[:40]}” is no datum that is known.", column
        ) from None
    if found != datum:
        raise RowFailed(
            "mixed_datum",
            f"The row says {found}, the import declares {datum}. Import the rows of each datum "
            "by themselves.",
            column,
        )


def _given_components(cells: _Cells, position: int) -> dict[str, str]:
    given: dict[str, str] = {}
    for level in cells.components:
        written = _checked(cells, level, position, NAME_CHARS_MAX)
        value = component_value(level, written) if written else None
        if value:
            given[level] = value
    return given


def _combined(
    parsed: ParsedAddress | None, given: dict[str, str], cells: _Cells, number: int
) -> tuple[ParsedAddress | dict[str, str], Failure | None]:
    """The text's own parts, and from the columns what the text leaves out."""
    if parsed is None:
        return given, None
    said = parsed.components()
    contradiction = None
    for level, value in given.items():
        if level in said and fold_name(value) != fold_name(said[level]):
            contradiction = Failure(
                number,
                "text_and_column_differ",
                f"The text says another {level} than the column. The text was taken.",
                cells.columns[level],
            )
            break
    missing = {level: value for level, value in given.items() if level not in said}
    return ({**missing, **said} if missing else parsed), contradiction


def _accuracy_m(
    cells: _Cells, position: int, parsed: ParsedAddress | None, options: ReadingOptions
) -> float:
    written = cells.get("accuracy_m", position)
    if written is not None:
        try:
            accuracy = float(written)
        except ValueError:
            accuracy = -1.0
        if not 0 < accuracy <= 100_000:
            raise RowFailed(
                "accuracy_invalid",
                "The accuracy is no number of metres above 0.",
                cells.columns["accuracy_m"],
            )
        return accuracy
    accuracy = options.accuracy_m or ACCURACY_BY_DATUM_M.get(options.datum.name, ACCURACY_M)
    if parsed is not None and parsed.relation:
        return max(accuracy, NEARBY_ACCURACY_M)
    return accuracy


def _writings(text: str | None, parsed: ParsedAddress | None, alias: str | None) -> tuple[str, ...]:
    """Other texts of the place: its aliases, and its own where that says more than its parts."""
    found = [part.strip() for part in re.split(r"[;；|#]", alias)] if alias else []
    if text and parsed is not None:
        more = [*parsed.leftovers, *parsed.relation]
        more += [note for note in parsed.notes if note.kind != "repeated"]
        if more:
            found.append(text)
    return tuple(dict.fromkeys(part for part in found if part and text_key(part)))


def _raw_points(
    chunk: TableChunk, mapping: ColumnMapping, faults: list[RowFailed | None]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], str | None, Any]:
    """x, y as written, where something is written, the column to blame, what is a centroid."""
    size = len(chunk)
    none_central = np.zeros(size, bool)
    if "lon" in mapping:
        lon_column, lat_column = mapping.columns["lon"], mapping.columns["lat"]
        x = _numbers(chunk.values[lon_column], lon_column, faults)
        y = _numbers(chunk.values[lat_column], lat_column, faults)
        given = (chunk.values[lon_column].notna() | chunk.values[lat_column].notna()).to_numpy()
        return x, y, given, lon_column, none_central
    if "lonlat" in mapping:
        column = mapping.columns["lonlat"]
        x, y = _pairs(chunk.values[column], column, faults)
        return x, y, chunk.values[column].notna().to_numpy(), column, none_central
    x, y = np.full(size, np.nan), np.full(size, np.nan)
    if chunk.geometry is None:
        return x, y, np.zeros(size, bool), None, none_central
    there = ~(shapely.is_missing(chunk.geometry) | shapely.is_empty(chunk.geometry))
    shapes = chunk.geometry[there]
    is_point = shapely.get_type_id(shapes) == shapely.GeometryType.POINT.value
    spots = np.where(is_point, shapes, shapely.point_on_surface(shapes))
    x[there], y[there] = shapely.get_x(spots), shapely.get_y(spots)
    is_centroid = np.zeros(size, bool)
    is_centroid[there] = ~is_point
    return x, y, there, None, is_centroid


def _numbers(cells: pd.Series, column: str, faults: list[RowFailed | None]) -> NDArray[np.float64]:
    bare = cells.str.strip().str.rstrip("°")
    numbers = pd.to_numeric(bare, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    filled = cells.notna().to_numpy()
    for at in np.flatnonzero(filled & np.isnan(numbers)):
        faults[at] = faults[at] or RowFailed(
            "coordinate_not_a_number", "The coordinate is not a number.", column
        )
    return numbers


def _pairs(
    cells: pd.Series, column: str, faults: list[RowFailed | None]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = np.full(len(cells), np.nan), np.full(len(cells), np.nan)
    texts: Sequence[object] = cells.astype(object).tolist()
    for at, text in enumerate(texts):
        if not isinstance(text, str):
            continue
        found = _PAIR.fullmatch(text)
        try:
            x[at], y[at] = (float(found[1]), float(found[2])) if found else (np.nan, np.nan)
        except ValueError:
            found = None
        if found is None:
            faults[at] = RowFailed(
                "coordinate_not_a_number", "The cell holds no pair of numbers.", column
            )
    return x, y
