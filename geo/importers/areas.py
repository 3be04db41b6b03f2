"""Import areas from tables (CSV, XLSX) or polygons (GeoJSON, Shapefile, GeoPackage, KML).

Rows that are right are stored, rows that aren't are written to a file with the reason and the
column; nothing is dropped silently. All in one transaction.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.area_writes import AreaDraft, AreaOutcome, write_areas
from geo.codes import CodeStandard
from geo.crs import Datum
from geo.errors import InvalidDatum, InvalidFile
from geo.importers.area_fields import (
    AREA_FIELDS,
    AreaDefaults,
    check_area_mapping,
    read_area_row,
)
from geo.importers.failures import Failure, ResultFile
from geo.importers.mapping import ColumnMapping, guess_mapping
from geo.importers.polygons import POLYGON_KINDS, polygons_to_wgs84, read_polygons
from geo.importers.tabular import open_table
from geo.importers.upload_safety import FileKind, UploadLimits, check_file
from geo.ring_faults import examine_polygon
from geo.tables import AREA_LEVELS, Area

FAILURES_FILE = "areas_not_taken.csv"

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class AreaImportOptions:
    """What a person decides about an import of areas.

    valid_from : first day of rows that don't say one
    datum : what the file's coordinates are in; needed where it has polygons
    standard : OWN for the deployment's own codes; else those of GB/T 2260, GB/T 10114 and the
        statistics bureau
    level : of all rows, where no column says it and the codes don't hold it
    mapping : field → column, over what is guessed; an empty column says that a field isn't there
    table_name : a sheet or layer of a file with several
    encoding : of CSV, where it shall not be found out
    """

    valid_from: date
    datum: Datum | None = None
    standard: CodeStandard = CodeStandard.DB11T2157
    level: str | None = None
    mapping: Mapping[str, str] = dataclasses.field(default_factory=dict)
    table_name: str | None = None
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class AreaImportResult:
    """What an import did.

    counts : rows by outcome (new, changed, completed, unchanged), and failed
    failures : rows not taken, and why; failure_file : the same as CSV, None where none
    missing_parents : codes named as parents that are neither stored nor in the file
    """

    counts: Mapping[str, int]
    failures: tuple[Failure, ...]
    failure_file: Path | None
    missing_parents: tuple[str, ...]
    mapping: ColumnMapping
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    columns: tuple[str, ...]
    values: pd.DataFrame
    row_numbers: NDArray[np.int64]
    geometries: NDArray[np.object_] | None
    faults: NDArray[np.object_]
    was_open: NDArray[np.bool_]
    notes: tuple[str, ...]


def import_areas(
    session: Session,
    path: Path,
    options: AreaImportOptions,
    *,
    upload_limits: UploadLimits,
    source: str,
    results_folder: Path | None = None,
    progress: Progress | None = None,
) -> AreaImportResult:
    """Store the areas of a file; say of each row what became of it.

    Coarse levels first, so that a file may list them in any order.

    Parameters
    ----------
    source : who or what the areas come from
    results_folder : where the file of rows not taken is written
    progress : told rows done and all rows

    Raises
    ------
    InvalidFile, FileTooLarge, InvalidMapping : the file can't be read as a whole
    InvalidDatum : it has polygons and no datum is declared, or a wrong one
    InvalidCoordinate : longitude and latitude are swapped throughout
    DatabaseUnavailable, DiskFull
    """
    table = _read(path, options, upload_limits)
    mapping = guess_mapping(table.columns, table.values, AREA_FIELDS, overrides=options.mapping)
    check_area_mapping(mapping)
    drafts, failures = _read_drafts(table, mapping, options, progress)
    drafts.sort(key=lambda draft: (AREA_LEVELS.index(draft.level), draft.valid_from, draft.row))
    written = write_areas(session, drafts, source=source)
    counts = Counter(done.outcome.value for done in written)
    for done in written:
        if done.outcome is AreaOutcome.REFUSED:
            failures.append(Failure(done.draft.row, "refused", done.reason or "", None))
    failures.sort(key=lambda failure: failure.row_number)
    return AreaImportResult(
        counts={
            **{o.value: counts[o.value] for o in AreaOutcome if o is not AreaOutcome.REFUSED},
            "failed": len(failures),
        },
        failures=tuple(failures),
        failure_file=_write_failures(results_folder, table, failures),
        missing_parents=_missing_parents(session, drafts),
        mapping=mapping,
        notes=table.notes,
    )


def _read(path: Path, options: AreaImportOptions, limits: UploadLimits) -> _Table:
    kind = check_file(path, limits=limits)
    if kind not in (*POLYGON_KINDS, FileKind.ARCHIVE):
        return _read_rows(path, options, limits)
    if options.datum is None:
        raise InvalidDatum(
            f"{path.name} has polygons and no datum is declared. Name the one it is in: WGS84, "
            "CGCS2000, GCJ02, BD09 or a projected code such as EPSG:4547."
        )
    read = read_polygons(path, limits=limits, layer=options.table_name)
    converted = polygons_to_wgs84(read, options.datum)
    faults = converted.faults.copy()
    faults[read.unreadable] = "has a geometry that can't be read"
    return _Table(
        read.columns,
        read.values,
        read.row_numbers,
        converted.geometries,
        faults,
        read.was_open,
        read.notes,
    )


def _read_rows(path: Path, options: AreaImportOptions, limits: UploadLimits) -> _Table:
    with open_table(
        path, limits=limits, table_name=options.table_name, encoding=options.encoding
    ) as table:
        chunks = list(table.chunks())
        columns, notes = table.columns, table.notes
    if not chunks:
        raise InvalidFile(f"{path.name} has no rows below its header.", file=path.name)
    faults = np.concatenate([chunk.faults for chunk in chunks])
    return _Table(
        columns,
        pd.concat([chunk.values for chunk in chunks], ignore_index=True),
        np.concatenate([chunk.row_numbers for chunk in chunks]),
        None,
        faults,
        np.zeros(len(faults), dtype=bool),
        notes,
    )


def _read_drafts(
    table: _Table,
    mapping: ColumnMapping,
    options: AreaImportOptions,
    progress: Progress | None,
) -> tuple[list[AreaDraft], list[Failure]]:
    defaults = AreaDefaults(options.valid_from, options.standard, options.level)
    drafts: list[AreaDraft] = []
    failures: list[Failure] = []
    records: list[dict[str, Any]] = table.values.to_dict("records")  # type: ignore[assignment]
    for at, cells in enumerate(records):
        row = int(table.row_numbers[at])
        if table.faults[at] is not None:
            fault = str(table.faults[at])
            failures.append(Failure(row, "unreadable", f"{fault[0].upper()}{fault[1:]}."))
            continue
        read = read_area_row(row, cells, mapping, defaults)
        if isinstance(read, AreaDraft) and table.geometries is not None:
            read = _with_border(read, table.geometries[at], bool(table.was_open[at]))
        if isinstance(read, AreaDraft):
            drafts.append(read)
        else:
            failures.append(read)
        if progress is not None and (at + 1) % 1000 == 0:
            progress(at + 1, len(records))
    if progress is not None:
        progress(len(records), len(records))
    return drafts, failures


def _with_border(draft: AreaDraft, geometry: Any, was_open: bool) -> AreaDraft | Failure:
    if geometry is None:
        return draft
    sound = examine_polygon(
        geometry,
        label=f"Area “{draft.code}”",
        codes=(draft.code,),
        row=draft.row,
        was_open=was_open,
    )
    if sound.geometry is None:
        fault = sound.faults[-1]
        return Failure(draft.row, fault.kind.value, fault.text)
    return dataclasses.replace(draft, geometry=sound.geometry)


def _missing_parents(session: Session, drafts: Sequence[AreaDraft]) -> tuple[str, ...]:
    named = {draft.parent_code for draft in drafts if draft.parent_code is not None}
    stored = set(session.scalars(select(Area.code).where(Area.code.in_(sorted(named)))))
    return tuple(sorted(named - stored))


def _write_failures(folder: Path | None, table: _Table, failures: Sequence[Failure]) -> Path | None:
    if folder is None or not failures:
        return None
    position = {int(number): at for at, number in enumerate(table.row_numbers)}
    texts = table.values.astype(object).where(table.values.notna(), None)
    file = ResultFile(folder / FAILURES_FILE, table.columns)
    file.append((failure, list(texts.iloc[position[failure.row_number]])) for failure in failures)
    return file.path
