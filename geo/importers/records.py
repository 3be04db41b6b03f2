"""Dwellings, residents and establishments from a file, each row through the checks as by hand.

Rows that nothing there is like are looked up and stored by sets (`geo.registers.bulk`), the rest
one by one. Every row ends in one of four ways: inserted, updated (the record that is at that
address got what the file says more or otherwise), unchanged, or failed. What failed stands with row
number, column and reason in a file, without the row's own cells, which are about persons. Work goes
by chunks, each one transaction that holds the records and how far the job is: an import that died
goes on.

Only what lies in the import's scope is read and written: a row outside it fails like one at an
address that isn't there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from geo.addresses.deployment import load_context
from geo.audit import Access, require_reason
from geo.errors import InvalidFile, InvalidInput, NotFound, PlatformError, RecordConflict
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
from geo.importers.record_fields import RECORD_FIELDS, WORDS, check_record_mapping
from geo.importers.tabular import TableChunk, TableSource, open_table
from geo.importers.upload_safety import UploadLimits, sha256_of_file
from geo.register.reading import TEXT_CHARS_MAX, find_by_texts
from geo.registers import (
    Look,
    NewDwelling,
    NewEstablishment,
    NewResidence,
    NewResident,
    RecordFilter,
    Writing,
    change_dwelling,
    change_establishment,
    change_resident,
    cycles_of,
    dwellings,
    establishments,
    find_records,
    open_residence,
    record_dwelling,
    record_establishment,
    record_resident,
)
from geo.registers.bulk import (
    record_new_dwellings,
    record_new_establishments,
    record_new_residents,
)
from geo.registers.finding import was_there
from geo.settings import Settings
from geo.store.database import Database
from geo.store.scope import seeing_everything
from geo.tables import Dwelling, Establishment, Residence, Resident
from geo.values import GridScope

KINDS = ("dwellings", "residents", "establishments")
ABOUT_PERSONS = dwellings.ABOUT_PERSONS | establishments.ABOUT_PERSONS
CHUNK_ROWS = 500
FAILURES_FILE = "failures.csv"
Progress = Callable[[int, int | None], None]
_DAY = re.compile(r"(\d{4})\D{0,2}(\d{1,2})\D{0,2}(\d{1,2})\D?(?:\s.*|T.*)?")
_LIST = re.compile(r"[、,，;；\s]+")


@dataclass(frozen=True, slots=True)
class RecordImportOptions:
    """What an import depends on besides the file; kept with its job.

    source : who says so
    actor, purpose, case_ref : for the audit log; about persons nothing is written without a reason
    grid_codes : only what lies in these grids; None: everything
    day : the day of the import, ISO
    """

    source: str
    day: str
    actor: str
    purpose: str | None = None
    case_ref: str | None = None
    grid_codes: Sequence[str] | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = None
    table_name: str | None = None
    chunk_rows: int = CHUNK_ROWS


@dataclass(frozen=True, slots=True)
class RecordImportReport:
    """What came of an import; `failed` rows stand in `failures_file`, by reason in a count."""

    job_id: int
    status: str
    rows_in: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    failures_by_reason: Mapping[str, int] = field(default_factory=dict)
    mapping: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    failures_file: str | None = None


def prepare_record_job(
    database: Database,
    path: Path,
    kind: str,
    options: RecordImportOptions,
    *,
    settings: Settings,
) -> int:
    """Check a file and its options; return the id of the job that will import it.

    An unfinished job of the same file and options is taken up again.

    Raises
    ------
    InvalidInput : no such kind, or the file's columns don't make records
    PurposeMissing : the file tells of persons (residents, landlords, contacts, notes), and no
        purpose or no case is given
    InvalidFile, FileTooLarge, JobRunning
    """
    if kind not in KINDS:
        raise InvalidInput(f"There is no register {kind[:20]!r}. Wanted {', '.join(KINDS)}.")
    with _opened(path, kind, options, settings) as (_, mapping):
        if kind == "residents" or ABOUT_PERSONS & mapping.columns.keys():
            require_reason(_access(options))
        digest = sha256_of_file(path)
    kept = {"path": str(path.resolve()), **_as_json(options)}
    with database.session() as session:
        job = find_resumable_job(session, kind=kind, file_sha256=digest, options=kept)
        if job is None:
            job = create_job(
                session, kind=kind, file_name=path.name, file_sha256=digest, options=kept
            )
        job.options = kept
        return job.id


def run_record_job(
    database: Database, job_id: int, *, settings: Settings, progress: Progress | None = None
) -> RecordImportReport:
    """Do the work of a job made by `prepare_record_job`, from where it stands.

    Raises
    ------
    JobNotFound, JobRunning, Conflict : it is unknown, in hand, or done
    InvalidFile : the file was changed or is gone
    KeyMissing, DatabaseUnavailable, DiskFull : what was done before stays done
    """
    with running_job(database, job_id) as job:
        kept = dict(job.options)
        path = Path(kept.pop("path"))
        options = RecordImportOptions(**kept)
        if not path.is_file() or sha256_of_file(path) != job.file_sha256:
            raise InvalidFile(
                f"{path.name} is gone or was changed since job {job_id} began. Start a new import.",
                file=path.name,
            )
        with _opened(path, job.kind, options, settings) as (table, mapping):
            _Run(database, job, mapping, options, settings).go(table, progress)
    with database.session() as session:
        done = get_job(session, job_id)
        known = {each.name for each in dataclasses.fields(RecordImportReport)}
        told = {name: value for name, value in done.report.items() if name in known}
        return RecordImportReport(**told | {"job_id": job_id, "status": done.status})


class RowFault(Exception):
    """This row can't be taken."""

    def __init__(self, reason: str, message: str, column: str | None = None) -> None:
        super().__init__(message)
        self.reason, self.message, self.column = reason, message, column


class _Run:
    """Stores the chunks of a table that a job has not stored yet."""

    def __init__(
        self,
        database: Database,
        job: RunningJob,
        mapping: ColumnMapping,
        options: RecordImportOptions,
        settings: Settings,
    ) -> None:
        self.database, self.job, self.mapping, self.options = database, job, mapping, options
        codes = options.grid_codes
        scope = GridScope.everything() if codes is None else GridScope.of(codes)
        self.writing = Writing(
            access=_access(options),
            scope=scope,
            today=date.fromisoformat(options.day),
            cycles=cycles_of(settings),
            source=options.source,
        )
        with database.session() as session:
            self.context = load_context(settings, session, on=self.writing.today)
        state = job.report.get("state", {})
        self.found: dict[str, list[int]] = {}  # address texts of the chunk in hand
        self.chunks_done = int(state.get("chunks_done", 0))
        self.failures = ResultFile(
            results_folder(settings, job.id) / FAILURES_FILE,
            (),
            keep_bytes=state.get("failures_bytes", 0),
        )
        job.report |= {"mapping": dict(mapping.columns)}

    def go(self, table: TableSource, progress: Progress | None) -> None:
        self.job.report |= {"notes": list(table.notes)}
        if table.row_count is not None:
            with self.database.session() as session:
                self.job.expect_rows(session, table.row_count)
        for position, chunk in enumerate(table.chunks()):
            if position < self.chunks_done:
                continue
            goes_on = self._store(chunk)
            if progress is not None:
                progress(self.job.rows_done, table.row_count)
            if not goes_on:
                raise JobStopped(f"Job {self.job.id} was stopped after {self.job.rows_done} rows.")

    def _store(self, chunk: TableChunk) -> bool:
        outcomes: Counter[str] = Counter()
        failed: list[Failure] = []
        cells = {
            name: chunk.values[column].astype(object).where(chunk.values[column].notna(), None)
            for name, column in self.mapping.columns.items()
        }
        rows = [
            {
                name: str(column.iloc[position]).strip()
                for name, column in cells.items()
                if column.iloc[position] is not None and str(column.iloc[position]).strip()
            }
            for position in range(len(chunk))
        ]
        with self.database.session_of(self.writing.scope) as session:
            written = {given["address_text"] for given in rows if "address_text" in given}
            self.found = find_by_texts(
                session, written, scope=self.writing.scope, context=self.context
            )
            is_stored = self._store_new(session, chunk, rows)
            outcomes["inserted"] += sum(is_stored)
            for position, given in enumerate(rows):
                if is_stored[position]:
                    continue
                number = int(chunk.row_numbers[position])
                try:
                    if chunk.faults[position] is not None:
                        raise RowFault("unreadable_row", f"The row {chunk.faults[position]}.")
                    with session.begin_nested():
                        outcomes[self._row(session, given)] += 1
                except RowFault as fault:
                    column = self.mapping.get(fault.column) if fault.column else None
                    failed.append(Failure(number, fault.reason, fault.message, column))
            self.failures.append((failure, ()) for failure in failed)
            with seeing_everything(session):  # the job is the operator's
                return self._advance(session, len(chunk), outcomes, failed)

    def _store_new(
        self, session: Session, chunk: TableChunk, rows: Sequence[Mapping[str, str]]
    ) -> list[bool]:
        """Store at once what nothing there is like; the rest goes row by row. Of each: whether."""
        read: dict[int, tuple[Any, ...]] = {}
        for position, given in enumerate(rows):
            if chunk.faults[position] is None:
                with contextlib.suppress(RowFault):  # told when it comes by itself
                    read[position] = _READERS[self.job.kind](self._address(given), given)
        store: Any = {
            "dwellings": record_new_dwellings,
            "establishments": record_new_establishments,
            "residents": record_new_residents,
        }[self.job.kind]
        try:
            with session.begin_nested():
                stored = store(session, list(read.values()), writing=self.writing)
        except IntegrityError:  # somebody recorded one of them this very moment
            stored = [False] * len(read)
        of = dict(zip(read, stored, strict=True))
        return [of.get(position, False) for position in range(len(rows))]

    def _row(self, session: Session, given: Mapping[str, str]) -> str:
        address_id = self._address(given)
        try:
            match self.job.kind:
                case "dwellings":
                    return _dwelling(session, address_id, given, self.writing)
                case "establishments":
                    return _establishment(session, address_id, given, self.writing)
                case _:
                    return _resident(session, address_id, given, self.writing)
        except NotFound as error:
            raise RowFault("out_of_scope", error.message) from None
        except PlatformError as error:
            raise _fault_of(error) from None

    def _address(self, given: Mapping[str, str]) -> int:
        number = given.get("address_id")
        if number is not None:
            if not (number.isascii() and number.isdigit() and len(number) < 19):
                raise RowFault("no_address_number", "This is no number.", "address_id")
            return int(number)
        written = given.get("address_text")
        if written is None:
            raise RowFault("empty_address", "The address is empty.", "address_text")
        return _address_of(written, self.found[written])

    def _advance(
        self, session: Session, rows: int, outcomes: Counter[str], failed: list[Failure]
    ) -> bool:
        report = dict(self.job.report)
        for name in ("inserted", "updated", "unchanged"):
            report[name] = report.get(name, 0) + outcomes[name]
        report["rows_in"] = report.get("rows_in", 0) + rows
        report["failed"] = report.get("failed", 0) + len(failed)
        counted = Counter(report.get("failures_by_reason", {}))
        report["failures_by_reason"] = dict(counted + Counter(each.reason for each in failed))
        self.chunks_done += 1
        report["state"] = {
            "chunks_done": self.chunks_done,
            "failures_bytes": self.failures.size_bytes,
        }
        if self.failures.size_bytes:
            report["failures_file"] = str(self.failures.path)
        self.job.report = report
        return self.job.advance(
            session,
            rows_done=self.job.rows_done + rows,
            rows_failed=self.job.rows_failed + len(failed),
        )


def _dwelling_values(given: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {
        name: given[name] for name in ("landlord_name", "landlord_phone", "note") if name in given
    }
    values["use"] = _word("use", given.get("use", ""))
    if "room_count" in given:
        values["room_count"] = _number("room_count", given["room_count"])
    if "registered_on" in given:
        values["registered_on"] = _day("registered_on", given["registered_on"])
    if "safety_findings" in given:
        values["safety_findings"] = tuple(
            _word("safety_findings", each) for each in _LIST.split(given["safety_findings"]) if each
        )
    return values


def _new_dwelling(address_id: int, given: Mapping[str, str]) -> tuple[NewDwelling, Look | None]:
    return NewDwelling(standard_address_id=address_id, **_dwelling_values(given)), _look(given)


def _dwelling(session: Session, address_id: int, given: Mapping[str, str], writing: Writing) -> str:
    values = _dwelling_values(given)
    look = _look(given)
    there = find_records(
        session, Dwelling, RecordFilter(address_id=address_id, on=writing.today),
        scope=writing.scope, limit=2,
    )  # fmt: skip
    if not there:
        record_dwelling(
            session, NewDwelling(standard_address_id=address_id, **values), look=look,
            writing=writing,
        )  # fmt: skip
        return "inserted"
    if len(there) > 1:
        raise RowFault("several_there", "Several dwellings are at this address. Change by hand.")
    row, version = there[0], there[0].version
    answer = change_dwelling(
        session, row.id, values, expected_version=version, look=_newer(look, row),
        writing=writing,
    )  # fmt: skip
    return "updated" if answer.version != version else "unchanged"


def _establishment_values(given: Mapping[str, str]) -> dict[str, Any]:
    names = ("name", "credit_code", "trade", "contact_name", "contact_phone", "note")
    values: dict[str, Any] = {name: given[name] for name in names if name in given}
    values["establishment_class"] = _word(
        "establishment_class", given.get("establishment_class", "")
    )
    values["occupied_from"] = _day("occupied_from", given.get("occupied_from", ""))
    return values


def _new_establishment(
    address_id: int, given: Mapping[str, str]
) -> tuple[NewEstablishment, Look | None]:
    values = {"name": "", **_establishment_values(given)}
    return NewEstablishment(standard_address_id=address_id, **values), _look(given)


def _establishment(
    session: Session, address_id: int, given: Mapping[str, str], writing: Writing
) -> str:
    values = _establishment_values(given)
    look = _look(given)
    there = find_records(
        session, Establishment, RecordFilter(address_id=address_id, on=writing.today),
        scope=writing.scope, limit=1000,
    )  # fmt: skip
    code = values.get("credit_code", "").upper()
    same = [row for row in there if row.credit_code == code and code] or [
        row
        for row in there
        if row.name == values.get("name") and (not code or row.credit_code is None)
    ]
    if not same:
        new = {"name": "", **values}
        record_establishment(
            session, NewEstablishment(standard_address_id=address_id, **new), look=look,
            writing=writing,
        )  # fmt: skip
        return "inserted"
    row, version = same[0], same[0].version
    answer = change_establishment(
        session, row.id, values, expected_version=version, look=_newer(look, row),
        writing=writing,
    )  # fmt: skip
    return "updated" if answer.version != version else "unchanged"


def _person_values(given: Mapping[str, str]) -> dict[str, Any]:
    names = ("name", "identity_number", "phone")
    person: dict[str, Any] = {name: given[name] for name in names if name in given}
    if "identity_kind" in given:
        person["identity_kind"] = _word("identity_kind", given["identity_kind"])
    if "birth_year" in given:
        person["birth_year"] = _number("birth_year", given["birth_year"])
    return person


def _residence(address_id: int, given: Mapping[str, str]) -> NewResidence:
    return NewResidence(
        standard_address_id=address_id,
        kind=_word("kind", given.get("kind", "")),
        lived_from=_day("lived_from", given.get("lived_from", "")),
        lived_to=_day("lived_to", given["lived_to"]) if "lived_to" in given else None,
        household_ref=given.get("household_ref"),
    )


def _new_resident(
    address_id: int, given: Mapping[str, str]
) -> tuple[NewResident, NewResidence, Look | None]:
    person = {"name": "", **_person_values(given)}
    return NewResident(**person), _residence(address_id, given), _look(given)


def _resident(session: Session, address_id: int, given: Mapping[str, str], writing: Writing) -> str:
    person = _person_values(given)
    residence = _residence(address_id, given)
    look = _look(given)
    new = NewResident(**{"name": "", **person})
    try:
        with session.begin_nested():
            record_resident(session, new, residence, look=look, writing=writing)
        return "inserted"
    except RecordConflict as error:
        known = [
            each["record_id"]
            for each in error.facts["alike"]
            if each["reason"] in ("identity_number", "address_and_name")
        ]
        if len(known) != 1 or known[0] is None or _differs(error):
            raise
        return _known_resident(session, known[0], person, residence, look, writing)


def _differs(error: RecordConflict) -> bool:
    return any(each["code"] == "name_differs" for each in error.facts["conflicts"])


def _known_resident(
    session: Session,
    resident_id: int,
    person: Mapping[str, Any],
    residence: NewResidence,
    look: Look | None,
    writing: Writing,
) -> str:
    """A person who is recorded: what the file says more is stored, the residence if it is new."""
    row = session.get_one(Resident, resident_id)
    version = row.version
    answer = change_resident(
        session, resident_id, person, expected_version=version, writing=writing
    )
    lives_here = session.scalar(
        select(Residence.id).where(
            Residence.resident_id == resident_id,
            Residence.standard_address_id == residence.standard_address_id,
            Residence.kind == residence.kind,
            was_there(Residence, residence.lived_to or writing.today)
            | (Residence.lived_from == residence.lived_from),
        )
    )
    if lives_here is None:
        open_residence(session, resident_id, residence, look=look, writing=writing)
        return "updated"
    return "updated" if answer.version != version else "unchanged"


_READERS: dict[str, Callable[[int, Mapping[str, str]], tuple[Any, ...]]] = {
    "dwellings": _new_dwelling,
    "establishments": _new_establishment,
    "residents": _new_resident,
}


def _newer(look: Look | None, row: Dwelling | Establishment) -> Look | None:
    """A look, unless a later one, or the same, is known."""
    if look is None or (row.verified_on is not None and row.verified_on >= look.on):
        return None
    return look


def _fault_of(error: PlatformError) -> RowFault:
    """The first fault of a refused record, as a word to count by."""
    faults = error.facts.get("faults") or []
    if faults:
        said = " ".join(fault["message"] for fault in faults)
        return RowFault(faults[0]["code"], said, faults[0]["field"])
    for name, word in (("conflicts", "code"), ("alike", "reason")):
        found = error.facts.get(name) or []
        if found:
            prefix = "" if name == "conflicts" else "same_"
            return RowFault(prefix + str(found[0][word]), error.message)
    return RowFault("refused", error.message, error.facts.get("field"))


def _word(name: str, written: str) -> str:
    """Our word for what a list writes."""
    return WORDS[name].get(written, written)


def _number(name: str, written: str) -> int:
    digits = written.removesuffix(".0")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 9):
        raise RowFault("no_number", f"{name} is no whole number.", name)
    return int(digits)


def _day(name: str, written: str) -> date:
    found = _DAY.fullmatch(written)
    try:
        if found is None:
            raise ValueError
        return date(*map(int, found.groups()))
    except ValueError:
        raise RowFault("no_day", f"{name} is no day. Wanted such as 2026-06-01.", name) from None


def _look(given: Mapping[str, str]) -> Look | None:
    if "verified_on" not in given:
        return None
    return Look(_day("verified_on", given["verified_on"]), "import")


def _address_of(written: str, found: Sequence[int]) -> int:
    if not 1 <= len(written) <= TEXT_CHARS_MAX:
        raise RowFault(
            "no_address",
            f"The text has {len(written)} characters, wanted 1 to {TEXT_CHARS_MAX}.",
            "address_text",
        )
    if len(found) != 1:
        raise RowFault(
            "unknown_address" if not found else "several_addresses",
            "No standard address is exactly this. Geocode the file first, and give address_id."
            if not found
            else "Several standard addresses are this. Give address_id.",
            "address_text",
        )
    return found[0]


def _access(options: RecordImportOptions) -> Access:
    return Access(
        options.actor, origin="import", purpose=options.purpose, case_ref=options.case_ref
    )


def _as_json(options: RecordImportOptions) -> dict[str, Any]:
    codes = options.grid_codes
    return asdict(options) | {
        "mapping": dict(options.mapping),
        "grid_codes": None if codes is None else sorted(codes),
    }


@contextlib.contextmanager
def _opened(
    path: Path, kind: str, options: RecordImportOptions, settings: Settings
) -> Iterator[tuple[TableSource, ColumnMapping]]:
    with open_table(
        path,
        limits=UploadLimits.from_settings(settings),
        table_name=options.table_name,
        encoding=options.encoding,
        chunk_rows=options.chunk_rows,
    ) as table:
        mapping = guess_mapping(
            table.columns, table.sample, RECORD_FIELDS[kind], overrides=options.mapping
        )
        check_record_mapping(kind, mapping)
        yield table, mapping
