"""Incidents from a file: mapped, read, placed, geocoded where they have no point, stored, reported.

Every row ends in one of four ways, and the report's counts say so: `rows_in = inserted + updated +
unchanged + failed`. What failed stands, with the reason, in a file that can be mended and imported
again. A row is known again by its dataset and reference; where the file has no reference, by the
file and the row's number, so that an import that died can be started again.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import func, text, update
from sqlalchemy.orm import Session

from geo.addresses.deployment import written_form
from geo.crs import WGS84, Datum, parse_datum
from geo.errors import InvalidFile, InvalidInput
from geo.geocoding.geocoder import Geocoder
from geo.geocoding.local import open_geocoder
from geo.importers.failures import Failure, ResultFile
from geo.importers.jobs import (
    JobStopped,
    RunningJob,
    create_job,
    find_resumable_job,
    get_job,
    results_folder,
    running_job,
)
from geo.importers.mapping import ColumnMapping, guess_mapping
from geo.importers.stated_crs import check_stated_crs
from geo.importers.tabular import CHUNK_ROWS, TableChunk, TableSource, open_table
from geo.importers.upload_safety import UploadLimits, sha256_of_file
from geo.incidents.categories import CategoryRow, CategoryTree, load_categories
from geo.incidents.fields import INCIDENT_FIELDS, check_incident_mapping
from geo.incidents.profiles import IncidentProfile, profile_of_json
from geo.incidents.rows import RowReading, read_incidents
from geo.register.placing import GridPlacer
from geo.settings import Settings
from geo.store.bulk import analyze_tables, copy_table, points_to_ewkb
from geo.store.database import Database
from geo.tables import Incident
from geo.values import GridScope

KIND = "incidents"
FAILURES_FILE = "failures.csv"
CROWDED_SHARE = 0.2  # of all in one cell: perhaps where it is put when nobody knew where
CROWDED_MIN = 50
GIVEN_ACCURACY_M = 10.0
GCJ_ACCURACY_M = 20.0

Progress = Callable[[int, int | None], None]
_REPEATED = (
    "The reference stands in an earlier row of the file. References are unique; the first was "
    "taken."
)


@dataclass(frozen=True, slots=True)
class IncidentImportOptions:
    """What an import depends on besides the file; kept with its job.

    dataset : who says so; rows are known again by it and their reference
    profile : how the file is read; `geo.incidents.profiles`
    mapping : field → column, over the profile's
    day : the day whose grids hold the points, ISO
    may_add_categories : categories that aren't in the tree are added to its top by their text
    """

    dataset: str
    day: str
    profile: IncidentProfile = field(default_factory=IncidentProfile)
    mapping: dict[str, str] = field(default_factory=dict)
    encoding: str | None = None
    table_name: str | None = None
    may_add_categories: bool = False
    chunk_rows: int = CHUNK_ROWS

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"profile": self.profile.as_json()}

    @classmethod
    def of_json(cls, kept: dict[str, Any]) -> IncidentImportOptions:
        return cls(**kept | {"profile": profile_of_json(kept["profile"])})


def prepare_incident_job(
    database: Database, path: Path, options: IncidentImportOptions, *, settings: Settings
) -> int:
    """Check a file and its options; return the id of the job that will import it.

    Raises
    ------
    InvalidFile, FileTooLarge, InvalidMapping, InvalidDatum, InvalidInput, JobRunning
    """
    with _opened(path, options, settings):
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


def run_incident_job(
    database: Database, job_id: int, *, settings: Settings, progress: Progress | None = None
) -> dict[str, Any]:
    """Do the work of a job made by `prepare_incident_job`; return its report.

    Raises
    ------
    as `prepare_incident_job`; InvalidFile also where the file was changed or is gone
    """
    with running_job(database, job_id) as job:
        kept = dict(job.options)
        path = Path(kept.pop("path"))
        options = IncidentImportOptions.of_json(kept)
        if not path.is_file() or sha256_of_file(path) != job.file_sha256:
            raise InvalidFile(
                f"{path.name} is gone or was changed since job {job_id} began. Start a new import.",
                file=path.name,
            )
        with _opened(path, options, settings) as (table, mapping):
            _Run(database, job, table, mapping, options, settings).go(progress)
    with database.session() as session:
        return dict(get_job(session, job_id).report)


class _Run:
    def __init__(
        self,
        database: Database,
        job: RunningJob,
        table: TableSource,
        mapping: ColumnMapping,
        options: IncidentImportOptions,
        settings: Settings,
    ) -> None:
        self.database, self.job, self.table, self.mapping = database, job, table, mapping
        self.options, self.settings = options, settings
        self.datum = _datum(options)
        self.placer = GridPlacer(date.fromisoformat(options.day))
        self.failures = ResultFile(results_folder(settings, job.id) / FAILURES_FILE, table.columns)
        self.seen: set[str] = set()
        self.cells: Counter[int] = Counter()
        self._geocoder: Geocoder | None = None
        job.report = {
            "mapping": dict(mapping.columns),
            "notes": list(table.notes),
            "rows_in": 0, "inserted": 0, "updated": 0, "unchanged": 0, "failed": 0,
            "failures_by_reason": {}, "located": {}, "in_no_grid": 0, "new_categories": [],
            "ambiguous_hours": 0,
        }  # fmt: skip

    def go(self, progress: Progress | None) -> None:
        done = failed = 0
        for chunk in self.table.chunks():
            with self.database.session() as session:
                bad = self._store(session, chunk)
                done, failed = done + len(chunk), failed + bad
                goes_on = self.job.advance(session, rows_done=done, rows_failed=failed)
            if progress is not None:
                progress(done, self.table.row_count)
            if not goes_on:
                raise JobStopped(f"Job {self.job.id} was stopped after {done} rows.")
        with self.database.session() as session:
            analyze_tables(session, Incident)
            report = self.job.report | {"crowded_cell": self._crowded()}
            if failed:
                report["files"] = {"failures": str(self.failures.path)}
            self.job.report = report
            self.job.advance(session, rows_done=done, rows_failed=failed)

    def _store(self, session: Session, chunk: TableChunk) -> int:
        """Store a chunk; return how many rows failed."""
        read = read_incidents(chunk, self.mapping, self._reading(session))
        rows, failures = self._without_repeated(read.rows, read.failures)
        fresh, changed, unchanged = self._known_apart(session, rows)
        added = self._add_categories(session, rows)
        located: Counter[str] = Counter()
        in_no_grid = 0
        for part, is_fresh in ((fresh, True), (changed, False)):
            if not len(part):
                continue
            placed = self._placed(session, part)
            located.update(placed["point_method"].fillna("nowhere").tolist())
            in_no_grid += int(placed["grid_code"].isna().sum())
            self.cells.update(placed["h3_cell"].dropna().astype("int64").tolist())
            (_insert if is_fresh else _update)(session, placed)
        failures.sort(key=lambda pair: pair[0])
        self.failures.append((failure, _cells(chunk, at)) for at, failure in failures)
        was = self.job.report
        self.job.report = was | {
            "rows_in": was["rows_in"] + len(chunk),
            "inserted": was["inserted"] + len(fresh),
            "updated": was["updated"] + len(changed),
            "unchanged": was["unchanged"] + unchanged,
            "failed": was["failed"] + len(failures),
            "failures_by_reason": dict(
                Counter(was["failures_by_reason"])
                + Counter(failure.reason for _, failure in failures)
            ),
            "located": dict(Counter(was["located"]) + located),
            "in_no_grid": was["in_no_grid"] + in_no_grid,
            "new_categories": [*was["new_categories"], *added],
            "ambiguous_hours": was["ambiguous_hours"] + read.ambiguous_hours,
        }
        return len(failures)

    def _reading(self, session: Session) -> RowReading:
        assert self.job.file_sha256 is not None
        return RowReading(
            profile=self.options.profile,
            datum=self.datum,
            form=written_form(self.settings),
            zone=self.options.profile.zone or self.settings.time_zone,
            now=datetime.now(UTC),
            text_max=self.settings.address_text_max,
            fallback_ref=f"{self.job.file_sha256[:12]}:",
            categories=CategoryTree.load(session),
            may_add_categories=self.options.may_add_categories,
        )

    def _without_repeated(
        self, rows: pd.DataFrame, failures: list[tuple[int, Failure]]
    ) -> tuple[pd.DataFrame, list[tuple[int, Failure]]]:
        refs = rows["source_ref"]
        again = (refs.isin(self.seen) | refs.duplicated()).to_numpy(dtype=bool)
        self.seen.update(refs.tolist())
        column = self.mapping.get("source_ref")
        told = [
            (int(at), Failure(int(number), "repeated_reference", _REPEATED, column))
            for at, number in rows.loc[again, ["position", "row_number"]].to_numpy()
        ]
        return rows[~again].reset_index(drop=True), [*failures, *told]

    def _known_apart(
        self, session: Session, rows: pd.DataFrame
    ) -> tuple[pd.DataFrame, pd.DataFrame, int]:
        """Return the rows that are new, those that changed (with their `id`), and how many
        didn't."""
        # One array: 20,000 parameters of their own take a second to write and to read.
        stored = session.execute(
            _KNOWN, {"dataset": self.options.dataset, "refs": rows["source_ref"].tolist()}
        ).all()
        known = {ref: (number, fingerprint) for ref, number, fingerprint in stored}
        ids = [known.get(ref, (None, None))[0] for ref in rows["source_ref"]]
        was = [known.get(ref, (None, None))[1] for ref in rows["source_ref"]]
        is_known = np.array([one is not None for one in ids], dtype=bool)
        same = is_known & (rows["fingerprint"].to_numpy() == np.array(was, dtype=object))
        changed = rows[is_known & ~same].assign(
            id=[ids[at] for at in np.flatnonzero(is_known & ~same)]
        )
        return rows[~is_known], changed, int(same.sum())

    def _add_categories(self, session: Session, rows: pd.DataFrame) -> list[str]:
        new = rows.loc[rows["is_new_category"], "category"].unique().tolist()
        # Two writings of one text are one category, by the writing that came first.
        first: dict[str, str] = {}
        for written in new:
            first.setdefault(" ".join(written.casefold().split()), written)
        load_categories(session, [CategoryRow(code=one, name=one) for one in first.values()])
        return list(first.values())

    def _placed(self, session: Session, part: pd.DataFrame) -> pd.DataFrame:
        """Return rows with point, grid, cell and what the geocoder said."""
        placed = part.reset_index(drop=True)
        tree = CategoryTree.load(session).by_text()
        placed["category_code"] = [
            tree.get(" ".join(one.casefold().split()), one) for one in placed["category"]
        ]
        has_point = placed["lon"].notna()
        accuracy = GCJ_ACCURACY_M if self.datum.name in ("GCJ02", "BD09") else GIVEN_ACCURACY_M
        placed["point_method"] = _where(has_point, "given")
        placed["accuracy_m"] = np.where(has_point, accuracy, np.nan)
        placed["origin_datum"] = _where(has_point, self.datum.name)
        placed["standard_address_id"] = pd.array([None] * len(placed), dtype="Int64")
        placed["match_level"], placed["match_confidence"] = None, np.nan
        self._geocode(placed, ~has_point)
        found = self.placer.place(session, placed["lon"], placed["lat"])
        placed["grid_code"] = found.grid_code
        placed["h3_cell"] = pd.array(found.h3_cell, dtype="Int64")
        placed.loc[placed["h3_cell"] == 0, "h3_cell"] = pd.NA
        placed["dataset"], placed["recorded_by"] = self.options.dataset, f"import {self.job.id}"
        return placed

    def _geocode(self, placed: pd.DataFrame, lacking: pd.Series) -> None:
        if not lacking.any():
            return
        if self._geocoder is None:
            self._geocoder = open_geocoder(self.database, self.settings)
        at = np.flatnonzero(lacking.to_numpy())
        texts = placed.loc[at, "address_text"].tolist()
        answers = self._geocoder.geocode_many(texts, scope=GridScope.everything())
        for row, answer in zip(at, answers, strict=True):
            placed.loc[row, "match_level"] = answer.level
            placed.loc[row, "match_confidence"] = answer.confidence
            if answer.status != "matched" or answer.lonlat is None:
                continue  # a doubtful place would put the incident into somebody's street
            placed.loc[row, ["lon", "lat"]] = (answer.lonlat.longitude, answer.lonlat.latitude)
            placed.loc[row, "point_method"] = "geocoded"
            placed.loc[row, "accuracy_m"] = answer.accuracy_m
            if answer.standard_address_id is not None:
                placed.loc[row, "standard_address_id"] = answer.standard_address_id

    def _crowded(self) -> dict[str, Any] | None:
        total = sum(self.cells.values())
        if total < CROWDED_MIN:
            return None
        cell, count = self.cells.most_common(1)[0]
        share = count / total
        return None if share < CROWDED_SHARE else {"h3_cell": f"{cell:x}", "share": round(share, 3)}


_KNOWN = text(
    "SELECT source_ref, id, fingerprint FROM incident "
    "WHERE dataset = :dataset AND source_ref = ANY(CAST(:refs AS text[]))"
)
_COPIED = (
    "category_code", "source", "reported_at", "occurred_from", "occurred_to", "dispatched_at",
    "arrived_at", "cleared_at", "address_text", "standard_address_id", "match_level",
    "match_confidence", "point_method", "accuracy_m", "origin_datum", "grid_code", "h3_cell",
    "dataset", "source_ref", "fingerprint", "recorded_by",
)  # fmt: skip


def _insert(session: Session, placed: pd.DataFrame) -> None:
    columns = {name: pa.array(placed[name], from_pandas=True) for name in _COPIED}
    for name in ("address_text", "match_level", "point_method", "origin_datum", "grid_code"):
        columns[name] = columns[name].cast(pa.string())
    columns["geom"] = points_to_ewkb(placed["lon"], placed["lat"])
    copy_table(session, Incident.__table__, pa.table(columns))  # type: ignore[arg-type]


def _update(session: Session, placed: pd.DataFrame) -> None:
    for row in placed.to_dict("records"):
        values = {name: None if pd.isna(row[name]) else row[name] for name in _COPIED}
        values["geom"] = (
            None if pd.isna(row["lon"]) else func.ST_SetSRID(
                func.ST_MakePoint(row["lon"], row["lat"]), 4326
            )
        )  # fmt: skip
        session.execute(update(Incident).where(Incident.id == int(row["id"])).values(values))


def _datum(options: IncidentImportOptions) -> Datum:
    return WGS84 if options.profile.datum is None else parse_datum(options.profile.datum)


@contextlib.contextmanager
def _opened(
    path: Path, options: IncidentImportOptions, settings: Settings
) -> Iterator[tuple[TableSource, ColumnMapping]]:
    if not options.dataset.strip() or not options.dataset.isprintable():
        raise InvalidInput("The dataset has no name. Say where the file comes from.")
    with open_table(
        path,
        limits=UploadLimits.from_settings(settings),
        table_name=options.table_name,
        encoding=options.encoding,
        chunk_rows=options.chunk_rows,
    ) as table:
        overrides = dict(options.profile.columns) | options.mapping
        mapping = guess_mapping(table.columns, table.sample, INCIDENT_FIELDS, overrides=overrides)
        check_incident_mapping(mapping, has_geometry=table.has_geometry)
        has_points = table.has_geometry or "lon" in mapping or "lonlat" in mapping
        if has_points and options.profile.datum is None:
            raise InvalidInput(
                "The file has points and nothing says their datum. Declare it, such as WGS84, "
                "GCJ02 or BD09.",
                field="datum",
            )
        if table.has_geometry and "lon" not in mapping and "lonlat" not in mapping:
            check_stated_crs(table, _datum(options))
        yield table, mapping


def _cells(chunk: TableChunk, position: int) -> list[str | None]:
    row = chunk.values.iloc[position]
    return [None if value != value else str(value) for value in row]


def _where(condition: pd.Series, word: str) -> pd.Series:
    """Return a word where the condition holds, None elsewhere."""
    return pd.Series([word if one else None for one in condition], dtype=object)
