"""Standard addresses from a file: mapped, read, placed, merged into the register, reported.

Every row of the file ends in one of five ways, and the report's counts say so:
`rows_in = inserted + updated + unchanged + merged_as_alias + failed`. What failed stands, with the
reason, in a file that can be mended and imported again.

The work goes by chunks. Each is one transaction that holds the addresses and how far the job is, so
an import that died or was stopped goes on where it stopped: same file, same options.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from geo.addresses.deployment import load_context
from geo.crs import Datum, parse_datum
from geo.errors import InvalidDatum, InvalidFile, InvalidInput
from geo.importers.address_fields import ADDRESS_FIELDS, check_address_mapping
from geo.importers.address_report import AddressImportOptions, ImportReport, Progress
from geo.importers.address_rows import read_chunk, read_points
from geo.importers.address_run import AddressRun, reading_options
from geo.importers.jobs import create_job, find_resumable_job, get_job, running_job
from geo.importers.mapping import ColumnMapping, guess_mapping
from geo.importers.tabular import TableSource, open_table
from geo.importers.upload_safety import UploadLimits, sha256_of_file
from geo.settings import Settings
from geo.store.database import Database

__all__ = [
    "AddressImportOptions",
    "ImportPreview",
    "ImportReport",
    "import_addresses",
    "prepare_address_job",
    "preview_addresses",
    "run_address_job",
]

KIND = "addresses"
SOURCE_CHARS_MAX = 200


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """What an import would take for what, before anything is stored."""

    mapping: ColumnMapping
    columns: tuple[str, ...]
    kind: str
    encoding: str | None
    table_names: tuple[str, ...]
    notes: tuple[str, ...]
    first_rows: list[dict[str, Any]]


def preview_addresses(
    path: Path,
    options: AddressImportOptions,
    *,
    settings: Settings,
    rows: int = 5,
    session: Session | None = None,
) -> ImportPreview:
    """Return the mapping and the first rows as they would be read; nothing is stored.

    session : for the deployment's own area, where no setting names it

    Raises
    ------
    InvalidInput : as `import_addresses`
    """
    datum = _checked(options)
    with _opened(path, options, settings, datum) as (table, mapping):
        chunk = next(table.chunks(), None)
        first: list[dict[str, Any]] = []
        if chunk is not None:
            context = load_context(settings, session, on=date.fromisoformat(options.day))
            reading = reading_options(options, datum, settings, context)
            read = read_chunk(chunk, mapping, read_points(chunk, mapping, reading), reading)
            first = [
                {
                    "row_number": row.row_number,
                    "canonical_text": row.form.canonical_text,
                    "level": row.form.level,
                    "point_of_interest": row.form.point_of_interest,
                    "lon": row.lon,
                    "lat": row.lat,
                    "source_ref": row.source_ref,
                }
                for row in read.rows[:rows]
            ]
        return ImportPreview(
            mapping=mapping,
            columns=table.columns,
            kind=table.kind.value,
            encoding=table.encoding,
            table_names=table.table_names,
            notes=table.notes,
            first_rows=first,
        )


def import_addresses(
    database: Database,
    path: Path,
    options: AddressImportOptions,
    *,
    settings: Settings,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a file into the register, or go on with an unfinished import of the same.

    Raises
    ------
    InvalidFile, FileTooLarge : the file is unsafe, damaged or too large
    InvalidMapping : no column holds an address, or a mapping that doesn't fit
    InvalidDatum : unknown, or other than the file's own
    InvalidCoordinate : longitude and latitude are exchanged in most rows
    JobRunning : the same import is being worked on
    DatabaseUnavailable, DiskFull : what was done before stays done, and a resume goes on from it
    """
    job_id = prepare_address_job(database, path, options, settings=settings)
    return run_address_job(database, job_id, settings=settings, progress=progress)


def prepare_address_job(
    database: Database, path: Path, options: AddressImportOptions, *, settings: Settings
) -> int:
    """Check a file and its options; return the id of the job that will import it.

    An unfinished job of the same file and options is taken up again.

    Raises
    ------
    InvalidInput, JobRunning : as `import_addresses`
    """
    datum = _checked(options)
    with _opened(path, options, settings, datum):
        digest = sha256_of_file(path)
    kept = {"path": str(path.resolve()), **options.as_json()}
    with database.session() as session:
        job = find_resumable_job(session, kind=KIND, file_sha256=digest, options=kept)
        if job is None:
            job = create_job(
                session, kind=KIND, file_name=path.name, file_sha256=digest, options=kept
            )
        job.options = kept
        return job.id


def run_address_job(
    database: Database, job_id: int, *, settings: Settings, progress: Progress | None = None
) -> ImportReport:
    """Do the work of a job made by `prepare_address_job`, from where it stands.

    Raises
    ------
    as `import_addresses`; InvalidFile also where the file was changed or is gone
    """
    with running_job(database, job_id) as job:
        kept = dict(job.options)
        path = Path(kept.pop("path"))
        options = AddressImportOptions(**kept)
        datum = _checked(options)
        with _opened(path, options, settings, datum) as (table, mapping):
            if sha256_of_file(path) != job.file_sha256:
                raise InvalidFile(
                    f"{path.name} was changed since job {job_id} began. Start a new import.",
                    file=path.name,
                )
            AddressRun(database, job, table, mapping, options, datum, settings).go(progress)
    with database.session() as session:
        return ImportReport.of(get_job(session, job_id))


def _checked(options: AddressImportOptions) -> Datum:
    """Refuse options that can't be worked with; return the datum."""
    source = options.source.strip()
    is_plain = source == options.source and source.isprintable()
    if not source or len(source) > SOURCE_CHARS_MAX or not is_plain:
        raise InvalidInput(
            f"The source is “{options.source[:40]}”. Wanted a name of 1 to {SOURCE_CHARS_MAX} "
            "printable characters, no blanks at its ends; rows are recognised by it again.",
            field="source",
        )
    accuracy = options.accuracy_m
    if accuracy is not None and not 0 < accuracy <= 100_000:
        raise InvalidInput(
            f"The accuracy is {accuracy} m, wanted more than 0 and at most 100,000.",
            field="accuracy_m",
        )
    if options.chunk_rows < 1:
        raise InvalidInput(f"A chunk of {options.chunk_rows} rows is none; wanted 1 or more.")
    return parse_datum(options.datum)


@contextlib.contextmanager
def _opened(
    path: Path, options: AddressImportOptions, settings: Settings, datum: Datum
) -> Iterator[tuple[TableSource, ColumnMapping]]:
    with open_table(
        path,
        limits=UploadLimits.from_settings(settings),
        table_name=options.table_name,
        encoding=options.encoding,
        chunk_rows=options.chunk_rows,
    ) as table:
        mapping = guess_mapping(
            table.columns, table.sample, ADDRESS_FIELDS, overrides=options.mapping
        )
        check_address_mapping(mapping)
        if table.has_geometry and "lon" not in mapping and "lonlat" not in mapping:
            _check_crs(table, datum)
        yield table, mapping


def _check_crs(table: TableSource, datum: Datum) -> None:
    """Refuse a datum whose kind of numbers the file's own CRS contradicts.

    A geographic CRS contradicts no geographic datum: offset data are saved as EPSG:4326 every day.
    """
    if table.crs is None:
        return
    try:
        own = parse_datum(table.crs)
    except InvalidDatum:
        return
    if own.is_projected != datum.is_projected or (own.is_projected and own != datum):
        raise InvalidDatum(
            f"{table.path.name} says its coordinates are in {own}, the import declares {datum}. "
            f"Declare {own}, or export the file anew.",
            datum=datum.name,
        )
