"""How long what is kept: rules by kind, and the job that deletes what is over, with receipts.

Rows are deleted by a function of the database that leaves a receipt in the same transaction
(`geo/store/functions/retention.sql`), batch by batch: what was stopped goes on where it was. The
audit log has no rule: nothing deletes it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from geo.audit import Access, record
from geo.errors import InvalidInput
from geo.exports.requests import expire_exports
from geo.settings import Settings
from geo.store.database import Database
from geo.tables import ImportJob, RetentionReceipt

BATCH_ROWS = 1_000
AUDIT_DAYS_MIN = 180  # 网络安全法 art. 21 (3): logs are kept for six months at least
UPLOADS = "uploads"


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """One rule: what it is about, for how many days it is kept after what, and why so long."""

    name: str
    what: str
    days: int
    source: str


RULES: tuple[RetentionRule, ...] = (
    RetentionRule(
        "residences",
        "residences, after the day of leaving or of being annulled, with their history; a person "
        "with none left goes as well",
        1095,
        "a choice: PIPL art. 19 asks for the shortest time that is needed; ask your legal adviser",
    ),
    RetentionRule(
        "subject_requests",
        "requests of persons about their data, after they were answered",
        1095,
        "a choice: as long as PIPL art. 56 keeps impact assessments",
    ),
    RetentionRule("exports", "requests for exports, after their file is deleted", 365, "a choice"),
    RetentionRule(
        "uploads", "uploaded files of imports that failed or were stopped", 30, "a choice"
    ),
    RetentionRule("sessions", "sign-ins, after they ended", 180, "a choice: as the least of logs"),
    RetentionRule("tokens", "tokens of programs, after they ended", 180, "a choice: as sign-ins"),
)
_BY_NAME = {rule.name: rule for rule in RULES}

_DUE = text("SELECT count(*), min(at), max(at) FROM retention_due(:rule, :before)")
_DELETE = text(
    "SELECT row_count, oldest, newest FROM retention_delete(:rule, :before, :days, :by, :limit)"
)
_NOTE = text("SELECT retention_note(:rule, :days, :by, :count, :oldest, :newest)")

Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class RetentionCount:
    """What a rule deleted, or would: how many rows, and from when to when their time began."""

    rule: str
    keep_days: int
    row_count: int
    oldest: datetime | None
    newest: datetime | None


def rules_of(settings: Settings) -> dict[str, int]:
    """Return the days of each rule in a deployment.

    Raises
    ------
    InvalidInput : `GRIDBEAT_RETENTION_DAYS` names no rule, or too few days
    """
    given = settings.retention_days
    unknown = sorted(set(given) - set(_BY_NAME))
    if unknown:
        raise InvalidInput(
            f"GRIDBEAT_RETENTION_DAYS names {unknown[0]!r}, which is no rule. Known: "
            f"{', '.join(_BY_NAME)}. The audit log is never deleted."
        )
    few = [name for name, days in given.items() if days < 1]
    if few:
        raise InvalidInput(
            f"GRIDBEAT_RETENTION_DAYS keeps {few[0]} {given[few[0]]} days, wanted 1."
        )
    return {rule.name: given.get(rule.name, rule.days) for rule in RULES}


def run_retention(
    database: Database,
    access: Access,
    *,
    settings: Settings,
    now: datetime,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> list[RetentionCount]:
    """Delete what is over by each rule, or only count it; return how much.

    Each batch is a transaction of its own, with its receipt and an entry in the audit log: a run
    that breaks off has deleted what it says, and the next one goes on.

    Raises
    ------
    InvalidInput : the settings name no rule, or too few days
    """
    found = []
    if not dry_run:
        with database.session() as session:
            expire_exports(session, access, settings=settings, now=now)
    for name, days in rules_of(settings).items():
        before = now - timedelta(days=days)
        if name == "uploads":
            found.append(_uploads(database, access, settings, days, before, dry_run))
        elif dry_run:
            with database.session() as session:
                count, oldest, newest = session.execute(
                    _DUE, {"rule": name, "before": before}
                ).one()
            found.append(RetentionCount(name, days, count, oldest, newest))
        else:
            found.append(_delete(database, access, name, days, before, progress))
    return found


def find_receipts(
    session: Session, *, rule: str | None = None, limit: int = 100
) -> Sequence[RetentionReceipt]:
    """Return the receipts, newest first."""
    query = select(RetentionReceipt).order_by(RetentionReceipt.id.desc()).limit(limit)
    if rule is not None:
        query = query.where(RetentionReceipt.rule == rule)
    return session.scalars(query).all()


def _delete(
    database: Database,
    access: Access,
    name: str,
    days: int,
    before: datetime,
    progress: Progress | None,
) -> RetentionCount:
    total, first, last = 0, None, None
    while True:
        with database.session() as session:
            count, oldest, newest = session.execute(
                _DELETE,
                {
                    "rule": name,
                    "before": before,
                    "days": days,
                    "by": access.actor,
                    "limit": BATCH_ROWS,
                },
            ).one()
            if count:
                _log(session, access, name, count)
        if not count:
            return RetentionCount(name, days, total, first, last)
        total, first, last = total + count, first or oldest, newest
        if progress is not None:
            progress(name, total)


def _uploads(
    database: Database,
    access: Access,
    settings: Settings,
    days: int,
    before: datetime,
    dry_run: bool,
) -> RetentionCount:
    """Uploaded files whose import ended without being done; those in hand stay."""
    folder = settings.data_folder / UPLOADS
    with database.session() as session:
        needed = {
            Path(options["path"]).parent.name
            for options in session.scalars(
                select(ImportJob.options).where(ImportJob.status.in_(("waiting", "running")))
            )
            if "path" in options
        }
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    over = []
    for entry in entries:
        at = datetime.fromtimestamp(entry.stat().st_mtime, UTC)
        if at < before and entry.name not in needed and entry.is_dir() and not entry.is_symlink():
            over.append((at, entry))
    moments = sorted(at for at, _ in over)
    oldest, newest = (moments[0], moments[-1]) if moments else (None, None)
    if over and not dry_run:
        with database.session() as session:
            for _, entry in over:
                shutil.rmtree(entry)
            session.execute(
                _NOTE,
                {
                    "rule": "uploads", "days": days, "by": access.actor, "count": len(over),
                    "oldest": oldest, "newest": newest,
                },
            )  # fmt: skip
            _log(session, access, "uploads", len(over))
    return RetentionCount("uploads", days, len(over), oldest, newest)


def _log(session: Session, access: Access, rule: str, count: int) -> None:
    record(
        session,
        access,
        "retention.delete",
        object_kind="retention_rule",
        object_ref=rule,
        row_count=count,
    )
