"""Checking the audit log: every hash anew, the heads, and the anchors outside of the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy.orm import Session

from geo.audit import Access, entry_hash
from geo.audit_anchors import Anchor, Head, load_heads

FAULTS_SHOWN = 100
_NO_HASH = bytes(32)
_COLUMNS = (
    "chain::text, number::text, (extract(epoch FROM at) * 1000000)::bigint::text, actor, origin, "
    "action, object_kind, object_ref, purpose, case_ref, row_count::text, request_id, "
    "previous_hash, hash"
)


@dataclass(frozen=True, slots=True)
class AuditFault:
    """Where a chain is not what was written. `number` is the entry's place in its chain."""

    chain: int
    number: int
    what: str


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What a check found: how many entries and anchors it saw, and the first faults."""

    entry_count: int
    anchor_count: int
    faults: tuple[AuditFault, ...]


def check_audit(session: Session, access: Access, anchors: Sequence[Anchor]) -> AuditCheck:
    """Return what is wrong with the log; that it was checked is an entry too.

    Parameters
    ----------
    session : a transaction of its own, since it logs
    anchors : oldest first, from `geo.audit_anchors.read_anchors`
    """
    # Read before the entries: a chain may grow meanwhile, never shrink.
    check = _Check(anchors, load_heads(session))
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    with connection.cursor(binary=True) as cursor:
        said = (access.actor, access.origin)
        entries = f"SELECT {_COLUMNS} FROM audit_read_all(%s, %s)"  # noqa: S608 - our own columns
        query = f"COPY ({entries}) TO STDOUT (FORMAT BINARY)"
        with cursor.copy(query.encode(), said) as copy:
            copy.set_types(["bytea"] * 14)  # the binary form of a text is its UTF-8: what is hashed
            for row in copy.rows():
                check.take(row)
    check.look_for_missing()
    return AuditCheck(check.count, len(anchors), tuple(check.faults[:FAULTS_SHOWN]))


class _Check:
    def __init__(self, anchors: Sequence[Anchor], heads: Sequence[Head]) -> None:
        self.count = 0
        self.faults: list[AuditFault] = []
        self._ends: dict[int, tuple[int, bytes]] = defaultdict(lambda: (0, _NO_HASH))
        named = [(f"the anchor of {anchor.at}", anchor.heads) for anchor in anchors]
        # The first to name an entry tells most: since when it can't have been changed unseen.
        self._anchored = {
            (head.chain, head.number): (head.hash, who)
            for who, of in reversed([*named, ("the head of the chain", heads)])
            for head in of
            if head.number
        }
        self._met: set[tuple[int, int]] = set()

    def take(self, row: tuple[Any, ...]) -> None:
        """Check one entry; they come chain by chain, in order."""
        self.count += 1
        chain, number = int(row[0]), int(row[1])
        before, stored = row[12], row[13]
        last_number, last_hash = self._ends[chain]
        if number != last_number + 1:
            self._fault(chain, number, f"entry {last_number + 1} should come here")
        if before != last_hash:
            self._fault(chain, number, "it doesn't build on the entry before it")
        if entry_hash(before, row[:12]) != stored:
            self._fault(chain, number, "what it says is not what was hashed")
        self._ends[chain] = (number, stored)
        anchored = self._anchored.get((chain, number))
        if anchored is not None:
            self._met.add((chain, number))
            if anchored[0] != stored.hex():
                self._fault(chain, number, f"{anchored[1]} has another hash")

    def look_for_missing(self) -> None:
        """Note the entries that an anchor or a head names, and that are gone."""
        for chain, number in sorted(set(self._anchored) - self._met):
            who = self._anchored[chain, number][1]
            self._fault(chain, number, f"{who} names it, but it is gone")

    def _fault(self, chain: int, number: int, what: str) -> None:
        self.faults.append(AuditFault(chain, number, what))
