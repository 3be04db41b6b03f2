"""The order of writers of the register, and the mark each leaves."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.tables import RegisterChange

WRITE_LOCK = 7_204_513  # any constant serves that no other lock of this program uses
NAMED_CHANGES_MAX = 1_000


def lock_for_single_write(session: Session) -> None:
    """Let single writes go side by side, but not beside a merge, until the transaction ends."""
    session.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": WRITE_LOCK})


def lock_for_merge(session: Session) -> None:
    """Let nobody else write the register until the transaction ends.

    What a merge decides by what it has read stays true while it writes.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITE_LOCK})


def mark_register_change(session: Session, address_ids: Collection[int]) -> None:
    """Leave the mark of a transaction that changed these addresses or their aliases."""
    if not address_ids:
        return
    named = sorted(set(address_ids)) if len(address_ids) <= NAMED_CHANGES_MAX else None
    session.add(RegisterChange(address_ids=named))
    session.flush()
