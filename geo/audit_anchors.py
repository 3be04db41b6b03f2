"""Anchors: the heads of the audit chains, kept in a file outside of the database.

A chain inside the database does not stop who can write the database: they can make it anew from
any entry on. The heads of each day, in a file that only grows (and, as its root in the log of the
server, on paper or on another machine), tell of it.

Each line is JSON: `at`, `previous` (the root of the line before), `heads` ([chain, number, hash]
each) and `root`, SHA-256 of the previous root and the heads.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from geo.errors import InvalidFile
from geo.tables import AuditHead

FILE_NAME = "audit_anchors.jsonl"
NO_ROOT = "0" * 64


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a chain; `number` 0 where it has none."""

    chain: int
    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """The heads of all chains at a moment, and their root over all anchors before."""

    at: str
    previous: str
    heads: tuple[Head, ...]
    root: str


def load_heads(session: Session) -> tuple[Head, ...]:
    """Return the heads of all chains, by chain."""
    rows = session.scalars(select(AuditHead).from_statement(text("SELECT * FROM audit_heads()")))
    return tuple(Head(row.chain, row.number, row.hash.hex()) for row in rows)


def anchor(session: Session, folder: Path, *, now: datetime) -> Anchor:
    """Append an anchor to the file in `folder`, on disk when this returns; return it.

    Raises
    ------
    InvalidFile : the file was changed, so that nothing can be built on it
    """
    before = read_anchors(folder)
    previous = before[-1].root if before else NO_ROOT
    heads = load_heads(session)
    made = Anchor(now.isoformat(), previous, heads, _root(previous, heads))
    line = json.dumps(
        {
            "at": made.at,
            "previous": made.previous,
            "heads": [[head.chain, head.number, head.hash] for head in heads],
            "root": made.root,
        },
        separators=(",", ":"),
    )
    file = os.open(folder / FILE_NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, f"{line}\n".encode())
        os.fsync(file)
    finally:
        os.close(file)
    return made


def read_anchors(folder: Path) -> Sequence[Anchor]:
    """Return the anchors of the file in `folder`, oldest first; none where there is no file.

    Raises
    ------
    InvalidFile : a line can't be read, or isn't what was written (`line`)
    """
    file = folder / FILE_NAME
    if not file.exists():
        return []
    anchors: list[Anchor] = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            said = json.loads(line)
            heads = tuple(Head(int(c), int(n), str(h)) for c, n, h in said["heads"])
            found = Anchor(str(said["at"]), str(said["previous"]), heads, str(said["root"]))
        except (ValueError, KeyError, TypeError):
            found = None
        before = anchors[-1].root if anchors else NO_ROOT
        if found is None or found.previous != before or found.root != _root(before, found.heads):
            raise InvalidFile(
                f"Line {number} of {file} is not what was written. Compare it with a copy kept "
                "elsewhere: the anchors before that line can still be trusted, those after can't.",
                file=FILE_NAME,
                line=number,
            )
        anchors.append(found)
    return anchors


def _root(previous: str, heads: Sequence[Head]) -> str:
    said = "".join(f"{head.chain}:{head.number}:{head.hash};" for head in heads)
    return hashlib.sha256(f"{previous};{said}".encode()).hexdigest()
