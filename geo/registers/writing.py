"""What all writes to the registers share: who writes, the place, stale and repeated writes."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.audit import Access, require_reason
from geo.encryption import blind_index, blind_indexes, keys_of
from geo.errors import InvalidInput, StaleRecord, WriteKeyTaken
from geo.register import get_standard_address
from geo.registers.answers import Findings, WriteAnswer
from geo.registers.cycles import Cycles
from geo.sealed_columns import SealedColumn
from geo.tables import Base, StandardAddress, WriteKey
from geo.values import GridScope

KEY_CHARS_MAX = 100
TEXT_CHARS_MAX = 200
NOTE_CHARS_MAX = 500

# Not a column that is kept: only the keyed hash of the kind of thing it is.
_REQUEST = SealedColumn("write_key", "request", index_kind="write_request")


@dataclass(frozen=True, slots=True)
class Writing:
    """Who writes, why, where they may, and what day it is.

    key : chosen by the caller; the same write sent again with it is stored once
    although_alike : the caller has seen what is alike and says that this is another
    """

    access: Access
    scope: GridScope
    today: date
    cycles: Cycles
    source: str = "registers"
    key: str | None = None
    although_alike: bool = False


def require_reason_for_persons(
    writing: Writing, values: Mapping[str, Any], about_persons: Iterable[str]
) -> None:
    """Refuse what says something of a person, in a record of a place, where nobody says why.

    Raises
    ------
    PurposeMissing : one of the fields `about_persons` has a value, and there is no purpose or case
    """
    if any(values.get(name) is not None for name in about_persons):
        require_reason(writing.access)


def find_replay(
    session: Session, writing: Writing, kind: str, request: Mapping[str, Any]
) -> WriteAnswer | None:
    """Return what this write was answered when it was sent before, None where it is new.

    Others that come with the same key wait until this transaction ends.

    Raises
    ------
    WriteKeyTaken : the key came before with another request
    InvalidInput : the key is empty or too long
    """
    if writing.key is None:
        return None
    if not 1 <= len(writing.key) <= KEY_CHARS_MAX:
        raise InvalidInput(
            f"The key of the write has {len(writing.key)} characters, wanted 1 to {KEY_CHARS_MAX}.",
            field="key",
        )
    hold(session, f"{writing.access.actor}\n{writing.key}")
    kept = session.get(WriteKey, (writing.access.actor, writing.key))
    if kept is None:
        return None
    same = blind_indexes(keys_of(session), _REQUEST, _canonical(kind, request))
    if kept.request_hash not in same:
        raise WriteKeyTaken(
            "This key was used before for another write. Nothing was stored. Make a new key for "
            "each thing that is recorded.",
            field="key",
        )
    return WriteAnswer.of_json(kept.answer)


def keep_answer(
    session: Session, writing: Writing, kind: str, request: Mapping[str, Any], answer: WriteAnswer
) -> WriteAnswer:
    """Keep what a write was answered, for when it is sent again; return it."""
    if writing.key is not None:
        session.add(
            WriteKey(
                account=writing.access.actor,
                key=writing.key,
                request_hash=blind_index(keys_of(session), _REQUEST, _canonical(kind, request)),
                record_kind=answer.record_kind,
                record_id=answer.record_id,
                answer=answer.as_json(),
            )
        )
        session.flush()
    return answer


def hold(session: Session, what: str | bytes) -> None:
    """Let nobody else decide about the same thing until the transaction ends.

    Parameters
    ----------
    what : names it, such as a blind index or a credit code
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _lock_number(what)})


def hold_all(session: Session, what: Iterable[str | bytes]) -> None:
    """As `hold`, for many things, in one order whoever asks, so that no two wait for each other."""
    numbers = sorted({_lock_number(each) for each in what})
    held = text("SELECT pg_advisory_xact_lock(n) FROM unnest(CAST(:numbers AS bigint[])) AS n")
    session.execute(held, {"numbers": numbers})


def _lock_number(what: str | bytes) -> int:
    digest = hashlib.sha256(what.encode() if isinstance(what, str) else what).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def held_address(
    session: Session, address_id: int, findings: Findings, scope: GridScope
) -> StandardAddress:
    """Return a standard address to record something at, held against merges and other records.

    One that has ended is noted as a fault.

    Raises
    ------
    AddressNotFound : there is none in the scope
    """
    get_standard_address(session, address_id, scope=scope)
    address = session.get_one(
        StandardAddress,
        address_id,
        with_for_update={"key_share": True},
        populate_existing=True,
    )
    if address.status != "current":
        into = f" Record it at address {address.merged_into}." if address.merged_into else ""
        findings.fault(
            "standard_address_id",
            f"address_{address.status}",
            f"Address {address_id} is {address.status}.{into}",
        )
    return address


@contextlib.contextmanager
def unchanged_where_refused(session: Session, row: Base) -> Iterator[None]:
    """Let a block set fields of a row and look at them before anything is stored; where it raises,
    the row is again what the database has."""
    try:
        with session.no_autoflush:
            yield
    except BaseException:
        session.expire(row)
        raise


def require_seen(
    what: str,
    version: int,
    expected_version: int,
    changes: Mapping[str, Any],
    stored: Mapping[str, Any],
) -> None:
    """Refuse a change of something that was changed since it was seen.

    Parameters
    ----------
    changes, stored : field → value as they may be shown to this caller

    Raises
    ------
    StaleRecord : `sides` names each field that differs, with what is given and what is stored
    """
    if version == expected_version:
        return
    sides = {
        name: {"given": given, "stored": stored.get(name)}
        for name, given in changes.items()
        if given != stored.get(name)
    }
    raise StaleRecord(
        f"{what} is at version {version}, you have seen {expected_version}. Nothing was stored. "
        "Compare both sides and repeat what still holds.",
        version=version,
        expected_version=expected_version,
        sides=sides,
    )


def check_text(
    findings: Findings, of: str, given: str | None, *, longest: int = TEXT_CHARS_MAX
) -> str | None:
    """Return a text without the spaces around it, None where nothing is left; note if too long."""
    text_given = (given or "").strip()
    if len(text_given) > longest:
        findings.fault(
            of, "too_long", f"{of} has {len(text_given)} characters, wanted at most {longest}."
        )
    return text_given or None


def check_choice(findings: Findings, of: str, given: str | None, choices: Iterable[str]) -> None:
    """Note a value that is none of those there are."""
    known = tuple(choices)
    if given not in known:
        said = "empty" if given is None else f"“{given[:40]}”"
        findings.fault(of, "unknown_value", f"{of} is {said}, wanted one of {', '.join(known)}.")


def check_not_ahead(
    findings: Findings, of: str, given: date | None, today: date, *, required: bool = False
) -> None:
    """Note a day that is yet to come, lies before anything is recorded, or is lacking."""
    if given is None and required:
        findings.fault(of, "empty", f"{of} is empty. Give the day.")
    if given is not None and not date(1900, 1, 1) <= given <= today:
        findings.fault(
            of,
            "day_out_of_range",
            f"{of} is {given.isoformat()}, wanted a day from 1900-01-01 to {today.isoformat()}.",
        )


def _canonical(kind: str, request: Mapping[str, Any]) -> str:
    return json.dumps([kind, dict(request)], sort_keys=True, ensure_ascii=False, default=str)
