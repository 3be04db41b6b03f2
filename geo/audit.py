"""The audit log: no audit record, no answer.

An entry says who, when, from where, did what to which object, why, and how many rows it was; never
a value. It is written in the transaction that reads or changes: one that fails leaves neither.

Entries form chains of hashes, `AUDIT_CHAINS` side by side: each hash is made of the one before and
of the entry's canonical bytes, so that an entry changed, taken out or put in breaks its chain. Who
can write the tables directly (a superuser) can also make a chain anew; `geo.audit_anchors` keeps
the heads outside of the database, and `geo.audit_check` compares.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from geo.errors import InvalidInput, PurposeMissing
from geo.tables import AUDIT_TEXT_MAX, AuditEntry

PARTITIONS_AHEAD = 3  # months
OPERATOR = "operator:"  # begins the name of who works on the command line; no account's does
READ_MAX = 1000

_APPEND = text(
    "SELECT audit_append(:actor, :origin, :action, :object_kind, :object_ref, :purpose, "
    ":case_ref, :row_count, :request_id)"
)
_APPEND_EACH = text(
    "SELECT audit_append(:actor, :origin, :action, :object_kind, each, :purpose, :case_ref, "
    ":row_count, :request_id) FROM unnest(CAST(:object_refs AS text[])) AS each"
)
_READ = text(
    "SELECT * FROM audit_read(:actor, :origin, :purpose, :request_id, :start, :end_, :by, :action, "
    ":object_kind, :without_case, :after_at, :after_chain, :after_number, :limit)"
)


@dataclass(frozen=True, slots=True)
class Access:
    """Who asks, from where and why.

    actor : the account's name, or `operator:NAME` on the command line
    purpose, case_ref : why, a code of `geo.purposes`, and the case or task it is for; asked once a
        task, not once a click
    """

    actor: str
    origin: str | None = None
    purpose: str | None = None
    case_ref: str | None = None
    request_id: str | None = None

    @property
    def has_reason(self) -> bool:
        """Whether a purpose and a case are given, which anything about a person takes."""
        return bool(self.purpose and self.case_ref)


@dataclass(frozen=True, slots=True)
class EntryKey:
    """Where an entry stands in the log."""

    at: datetime
    chain: int
    number: int


@dataclass(slots=True)
class AuditedRead:
    """What an audited block found; the block sets `row_count` before it ends."""

    row_count: int | None = None


@contextlib.contextmanager
def audited(
    session: Session,
    access: Access,
    action: str,
    *,
    object_kind: str,
    object_ref: str | None = None,
    about_persons: bool = True,
) -> Iterator[AuditedRead]:
    """Read for a block, and record it: what the block returns is answered only if that is stored.

    Parameters
    ----------
    session : one that writes; its commit stores the record, before the answer is sent
    about_persons : the block reads something about a person, which takes a purpose and a case

    Raises
    ------
    PurposeMissing : no purpose or no case is given; nothing is read
    """
    if about_persons:
        require_reason(access)
    read = AuditedRead()
    yield read
    assert read.row_count is not None, "an audited block says how many rows it read"
    record(
        session,
        access,
        action,
        object_kind=object_kind,
        object_ref=object_ref,
        row_count=read.row_count,
    )


def require_reason(access: Access) -> None:
    """Refuse what is about a person where nobody says why.

    Raises
    ------
    PurposeMissing : no purpose or no case is given
    """
    if not access.has_reason:
        raise PurposeMissing(
            "This tells something about a person, and takes a purpose and the reference of a case "
            "or task. Open a task first (PUT /v1/task); a program sends X-Purpose and X-Case.",
            wanted=["purpose", "case_ref"],
        )


def record(
    session: Session,
    access: Access,
    action: str,
    *,
    object_kind: str | None = None,
    object_ref: str | None = None,
    row_count: int | None = None,
) -> None:
    """Append one entry, in the session's transaction.

    Raises
    ------
    InvalidInput : a text longer than `AUDIT_TEXT_MAX`; it names a value where a reference belongs
    """
    values = {
        "actor": access.actor,
        "origin": access.origin,
        "action": action,
        "object_kind": object_kind,
        "object_ref": object_ref,
        "purpose": access.purpose,
        "case_ref": access.case_ref,
        "request_id": access.request_id,
    }
    for name, value in values.items():
        if value is not None and len(value) > AUDIT_TEXT_MAX:
            raise InvalidInput(
                f"{name} has {len(value)} characters, wanted {AUDIT_TEXT_MAX} at most.", field=name
            )
    session.execute(_APPEND, values | {"row_count": row_count})


def record_each(
    session: Session,
    access: Access,
    action: str,
    *,
    object_kind: str,
    object_refs: Sequence[str],
    row_count: int | None = None,
) -> None:
    """Append an entry for each of these objects, as `record` does for one, in one statement."""
    if object_refs:
        values = {
            "actor": access.actor, "origin": access.origin, "action": action,
            "object_kind": object_kind, "purpose": access.purpose, "case_ref": access.case_ref,
            "request_id": access.request_id, "row_count": row_count,
        }  # fmt: skip
        session.execute(_APPEND_EACH, values | {"object_refs": list(object_refs)})


def read_log(
    session: Session,
    access: Access,
    *,
    start: datetime,
    end: datetime,
    by: str | None = None,
    action: str | None = None,
    object_kind: str | None = None,
    without_case: bool = False,
    after: EntryKey | None = None,
    limit: int = 100,
) -> Sequence[AuditEntry]:
    """Return the entries of [start, end), newest first; that they were read is an entry too.

    Parameters
    ----------
    by : only of this actor
    action : only this one, or those that begin with it and a dot: `resident`, `resident.read`
    without_case : only those that name no case
    after : the last entry had so far

    Raises
    ------
    InvalidInput : the limit is out of 1 to `READ_MAX`
    """
    if not 1 <= limit <= READ_MAX:
        raise InvalidInput(f"The limit is {limit}, wanted 1 to {READ_MAX}.", field="limit")
    found = session.scalars(
        select(AuditEntry).from_statement(_READ),
        {
            "actor": access.actor,
            "origin": access.origin,
            "purpose": access.purpose,
            "request_id": access.request_id,
            "start": start,
            "end_": end,
            "by": by,
            "action": action,
            "object_kind": object_kind,
            "without_case": without_case,
            "after_at": None if after is None else after.at,
            "after_chain": None if after is None else after.chain,
            "after_number": None if after is None else after.number,
            "limit": limit,
        },
    )
    return found.all()


def make_partitions(session: Session) -> None:
    """Make the partitions of this month and the next ones, where they are not there."""
    session.execute(text("SELECT audit_make_partitions(:ahead)"), {"ahead": PARTITIONS_AHEAD})


def canonical_bytes(values: Sequence[bytes | None]) -> bytes:
    """Return the bytes that a hash is made of; the twin of `audit_canonical` in SQL.

    Each value is its length in bytes, a colon and its UTF-8; a missing one is a hyphen. No two
    rows of values give the same bytes.

    Parameters
    ----------
    values : UTF-8 of chain, number, time [microseconds since 1970], actor, origin, action,
        object_kind, object_ref, purpose, case_ref, row_count, request_id
    """
    return b"".join([b"-" if raw is None else b"%d:%b" % (len(raw), raw) for raw in values])


def entry_hash(previous_hash: bytes, values: Sequence[bytes | None]) -> bytes:
    """Return the hash of an entry: SHA-256 of the one before it and its canonical bytes."""
    return hashlib.sha256(previous_hash + canonical_bytes(values)).digest()
