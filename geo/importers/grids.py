"""Import grids from a polygon file: check everything, then land whole or not at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely
from sqlalchemy.orm import Session

from geo.areas import load_communities
from geo.code_faults import communities_of
from geo.codes import CodeStandard
from geo.crs import Datum
from geo.errors import GridImportRejected, InvalidInput
from geo.faults import FaultKind, FaultLimits, GridFault, Severity, name_grids
from geo.grid_draft import GridDraft
from geo.grid_faults import check_grids, has_errors, in_order, write_faults
from geo.grid_versions import (
    StoredVersion,
    find_grids_from,
    is_same_as_stored,
    load_open_grids,
    lock_grid_writes,
    store_grid_version,
)
from geo.importers.grid_datum import find_datum_fault
from geo.importers.grid_fields import GRID_FIELDS, check_grid_mapping, read_grid_row
from geo.importers.mapping import ColumnMapping, guess_mapping
from geo.importers.polygons import PolygonTable, polygons_to_wgs84, read_polygons
from geo.importers.upload_safety import UploadLimits
from geo.ring_faults import examine_polygon

FAULTS_IN_MESSAGE = 3

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class GridImportOptions:
    """What a person decides about an import of grids.

    datum : what the file's coordinates are in
    valid_from : first day of the grids
    standard : what their codes follow
    mapping : field → column, over what is guessed; an empty column says that a field isn't there
    layer : of a file with several
    communities : take the grids of these only; None: all in the file
    replace_all : end all grids in force, not only those of the communities in the file
    accept_warnings : land although there are warnings
    merge_parts : rows of one code that say the same are the parts of one grid
    limits : from where on a difference is a fault
    """

    datum: Datum
    valid_from: date
    standard: CodeStandard = CodeStandard.DB11T2157
    mapping: Mapping[str, str] = dataclasses.field(default_factory=dict)
    layer: str | None = None
    communities: tuple[str, ...] | None = None
    replace_all: bool = False
    accept_warnings: bool = False
    merge_parts: bool = False
    limits: FaultLimits = dataclasses.field(default_factory=FaultLimits)
    note: str | None = None


@dataclass(frozen=True, slots=True)
class GridFileCheck:
    """What a file of grids holds and what is wrong with it, errors first.

    drafts : the grids, those with broken geometry without one
    standing : the grids in force that it doesn't replace; replaced : those it does
    fault_file : where the faults can be looked at, None where there are none or no folder
    """

    drafts: tuple[GridDraft, ...]
    faults: tuple[GridFault, ...]
    mapping: ColumnMapping
    notes: tuple[str, ...]
    standing: gpd.GeoDataFrame
    replaced: gpd.GeoDataFrame
    fault_file: Path | None

    @property
    def has_errors(self) -> bool:
        return has_errors(self.faults)


@dataclass(frozen=True, slots=True)
class GridImportResult:
    """What an import did. `stored.version_id` is None where the same grids are in force already;
    `unchanged_since` then says since when."""

    stored: StoredVersion
    valid_from: date
    unchanged_since: date | None
    communities: tuple[str, ...]
    check: GridFileCheck


def check_grid_file(
    session: Session,
    path: Path,
    options: GridImportOptions,
    *,
    upload_limits: UploadLimits,
    results_folder: Path | None = None,
    progress: Progress | None = None,
) -> GridFileCheck:
    """Return all that is wrong with a file of grids; store nothing.

    Parameters
    ----------
    results_folder : where the fault file is written, if there are faults
    progress : told steps done and all steps

    Raises
    ------
    InvalidFile, FileTooLarge, InvalidMapping, InvalidDatum, InvalidCoordinate : the file can't be
        read as a whole, see `geo.importers.polygons`
    """
    table = read_polygons(path, limits=upload_limits, layer=options.layer)
    return check_grid_table(
        session, table, path.name, options, results_folder=results_folder, progress=progress
    )


def check_grid_table(
    session: Session,
    table: PolygonTable,
    file_name: str,
    options: GridImportOptions,
    *,
    results_folder: Path | None = None,
    progress: Progress | None = None,
) -> GridFileCheck:
    """As `check_grid_file`, of a table that is read already."""
    mapping = guess_mapping(table.columns, table.values, GRID_FIELDS, overrides=options.mapping)
    check_grid_mapping(mapping)
    drafts, faults = _read_drafts(table, mapping, options)
    if not drafts:
        raise InvalidInput(
            f"{file_name} has no grid of {', '.join(options.communities or ())}. Check the "
            "communities' codes.",
            file=file_name,
        )
    in_force = load_open_grids(session, on=options.valid_from)
    covered = communities_of(drafts)
    is_replaced = in_force["community_code"].isin(covered) | options.replace_all
    standing, replaced = in_force[~is_replaced], in_force[is_replaced]
    communities = load_communities(session, on=options.valid_from)
    faults += check_grids(
        drafts,
        standard=options.standard,
        limits=options.limits,
        standing=standing,
        communities=communities,
        progress=progress,
    )
    faults += _date_faults(session, drafts, options)
    suspicion = find_datum_fault(
        session, drafts, datum=options.datum, in_force=in_force, communities=communities
    )
    if suspicion is not None:
        faults.insert(0, suspicion)  # what explains the other faults comes before them
    found = in_order(faults)
    fault_file = None
    if found and results_folder is not None:
        fault_file = write_faults(
            results_folder / _fault_file_name(file_name, options), found, drafts
        )
    return GridFileCheck(
        tuple(drafts), tuple(found), mapping, table.notes, standing, replaced, fault_file
    )


def import_grids(
    session: Session,
    path: Path,
    options: GridImportOptions,
    *,
    upload_limits: UploadLimits,
    today: date,
    source: str,
    results_folder: Path | None = None,
    progress: Progress | None = None,
) -> GridImportResult:
    """Store the grids of a file as a new version, or nothing at all.

    The grids in force of the communities in the file end on `options.valid_from`; addresses of
    today come into the new ones. Where the same grids are in force already nothing is stored.

    Parameters
    ----------
    today : which day's grids the addresses shall be in
    source : who or what the grids come from
    progress : told steps done and all steps, twice: for the checks, then for the storing

    Raises
    ------
    GridImportRejected : errors, or warnings that aren't accepted (`faults`, `fault_file`)
    JobRunning : another import of grids is at it
    InvalidFile, FileTooLarge, InvalidMapping, InvalidDatum, InvalidCoordinate : as
        `check_grid_file`
    DatabaseUnavailable, DiskFull
    """
    lock_grid_writes(session)
    table = read_polygons(path, limits=upload_limits, layer=options.layer)
    return import_grid_table(
        session,
        table,
        path.name,
        options,
        today=today,
        source=source,
        results_folder=results_folder,
        progress=progress,
    )


def import_grid_table(
    session: Session,
    table: PolygonTable,
    file_name: str,
    options: GridImportOptions,
    *,
    today: date,
    source: str,
    results_folder: Path | None = None,
    progress: Progress | None = None,
) -> GridImportResult:
    """As `import_grids`, of a table that is read already."""
    lock_grid_writes(session)
    check = check_grid_table(
        session, table, file_name, options, results_folder=results_folder, progress=progress
    )
    communities = tuple(sorted(communities_of(check.drafts)))
    only_date = all(f.kind is FaultKind.DATE_TAKEN for f in check.faults if f.is_error)
    if only_date and is_same_as_stored(check.drafts, check.replaced):
        since = max(check.replaced["valid_from"])
        stored = StoredVersion(None, len(check.drafts), 0, 0, 0)
        # That the day is taken is no fault where it is taken by the same grids.
        rest = tuple(f for f in check.faults if f.kind is not FaultKind.DATE_TAKEN)
        check = dataclasses.replace(check, faults=rest)
        return GridImportResult(stored, options.valid_from, since, communities, check)
    if check.has_errors or (check.faults and not options.accept_warnings):
        raise _rejected(file_name, check)
    stored = store_grid_version(
        session,
        check.drafts,
        valid_from=options.valid_from,
        today=today,
        replaced=check.replaced,
        source=source,
        file_name=file_name,
        note=options.note,
        progress=progress,
    )
    return GridImportResult(stored, options.valid_from, None, communities, check)


def _read_drafts(
    table: PolygonTable, mapping: ColumnMapping, options: GridImportOptions
) -> tuple[list[GridDraft], list[GridFault]]:
    converted = polygons_to_wgs84(table, options.datum)
    drafts: list[GridDraft] = []
    faults: list[GridFault] = []
    records: list[dict[str, Any]] = table.values.to_dict("records")  # type: ignore[assignment]
    for at, cells in enumerate(records):
        row = int(table.row_numbers[at])
        draft, found = read_grid_row(row, cells, mapping, options.standard)
        if options.communities is not None and draft.community_code not in options.communities:
            continue
        codes = (draft.grid_code,) if draft.grid_code else ()
        geometry: Any = None
        if converted.faults[at] is not None:
            text = f"{draft.label} {converted.faults[at]}."
            found.append(_error(FaultKind.COORDINATE, text, codes, row))
        elif table.unreadable[at]:
            text = f"{draft.label} has a geometry that can't be read. Export it anew."
            found.append(_error(FaultKind.GEOMETRY_UNREADABLE, text, codes, row))
        else:
            sound = examine_polygon(
                converted.geometries[at],
                label=draft.label,
                codes=codes,
                row=row,
                was_open=bool(table.was_open[at]),
            )
            geometry = sound.geometry
            found += sound.faults
        drafts.append(dataclasses.replace(draft, geometry=geometry))
        faults += found
    return (_merged_parts(drafts) if options.merge_parts else drafts), faults


def _merged_parts(drafts: Sequence[GridDraft]) -> list[GridDraft]:
    """Join the shapes of rows that differ in nothing else; the first row stands for all."""
    parts: dict[tuple[Any, ...], list[GridDraft]] = {}
    for draft in drafts:
        facts = dataclasses.replace(draft, row=0, geometry=None)
        # A row without a code or a sound shape is told by itself.
        own = draft.row if draft.geometry is None or not draft.grid_code else 0
        parts.setdefault((own, facts), []).append(draft)
    return [
        same[0]
        if len(same) == 1
        else dataclasses.replace(
            same[0],
            geometry=shapely.multipolygons(
                shapely.get_parts(shapely.union_all([part.geometry for part in same]))
            ),
        )
        for same in parts.values()
    ]


def _date_faults(
    session: Session, drafts: Sequence[GridDraft], options: GridImportOptions
) -> list[GridFault]:
    """A day has one version: grids that begin on it or later stand in the way of another."""
    later = find_grids_from(
        session,
        on=options.valid_from,
        community_codes=None if options.replace_all else sorted(communities_of(drafts)),
        grid_codes=[draft.grid_code for draft in drafts],
    )
    if not later:
        return []
    last = max(later.values())
    codes = tuple(sorted(later))
    text = (
        f"{len(later)} grids, such as {name_grids(codes[:1])}, begin on {last.isoformat()} "
        f"already; a new version must begin after that, not on {options.valid_from.isoformat()}. "
        "Give a later --valid-from."
    )
    return [
        GridFault(kind=FaultKind.DATE_TAKEN, severity=Severity.ERROR, text=text, grid_codes=codes)
    ]


def _rejected(file_name: str, check: GridFileCheck) -> GridImportRejected:
    errors = [fault for fault in check.faults if fault.is_error]
    shown = (errors or list(check.faults))[:FAULTS_IN_MESSAGE]
    warnings = len(check.faults) - len(errors)
    counts = f"{len(errors)} errors and {warnings} warnings"
    where = f" All are in {check.fault_file}." if check.fault_file else ""
    remedy = (
        "Mend the errors and import again."
        if errors
        else "Accept the warnings to import it as it is."
    )
    listed = " ".join(fault.text for fault in shown)
    return GridImportRejected(
        f"{file_name} has {counts}; nothing was stored. {listed}{where} {remedy}",
        faults=check.faults,
        fault_file=check.fault_file,
    )


def _error(kind: FaultKind, text: str, codes: tuple[str, ...], row: int) -> GridFault:
    return GridFault(kind=kind, severity=Severity.ERROR, text=text, grid_codes=codes, rows=(row,))


def _fault_file_name(file_name: str, options: GridImportOptions) -> str:
    stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in Path(file_name).stem)[:60]
    return f"grid_faults_{stem}_{options.valid_from.isoformat()}.geojson"
