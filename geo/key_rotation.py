"""Changing keys: a new one seals from now on, and what older ones sealed is sealed anew.

Works through `SEALED_COLUMNS` in batches, a transaction each. What a value is sealed with stands
before it, so that a rotation that was stopped or killed goes on where it was, with no notes of its
own. Callers read and write meanwhile. The setting `gridbeat.resealing` is `on` in its transactions:
triggers that keep histories or count versions may leave such a change alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    LargeBinary,
    Select,
    bindparam,
    column,
    func,
    or_,
    select,
    table,
    text,
    true,
    update,
)
from sqlalchemy.orm import Session

from geo.ciphers import DEFAULT_CIPHER
from geo.encryption import blind_index, keys_of, seal, sealed_head, unseal
from geo.errors import Conflict, InvalidInput, JobRunning, KeyMissing, SealBroken
from geo.keys import USES, KeyFile, KeyRing, Use
from geo.sealed_columns import SEALED_COLUMNS, SealedColumn
from geo.store.database import Database
from geo.store.key_notes import note_keys

BATCH_ROWS = 1000
ROTATION_LOCK = 7_204_512  # one number for all processes of this program; any constant serves
# A process may have taken up the old key just before, for a transaction that is still open.
RETIRE_AFTER = timedelta(hours=1)
Progress = Callable[[int, int | None], None]


@dataclass(slots=True)
class Resealed:
    """What a rotation did. `broken` names the rows that don't open, [table.column, row]."""

    done: int = 0
    broken: list[tuple[str, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class KeyUse:
    """How many values a key seals, or indexes."""

    key_id: str
    count: int


def rotate_keys(
    database: Database,
    file: KeyFile,
    *,
    now: datetime,
    uses: Sequence[Use] = USES,
    cipher: str = DEFAULT_CIPHER,
    progress: Progress | None = None,
) -> Resealed:
    """Make new keys, and seal everything anew with them.

    Raises
    ------
    InvalidInput : no use, or no such cipher
    JobRunning : another process is at it
    """
    if not uses:
        raise InvalidInput(f"No use is named, wanted some of {', '.join(USES)}.", field="uses")
    with _alone(database):
        ring = file.ring()
        for use in uses:
            ring = ring.with_new(use, now=now, cipher=cipher)
        _keep(database, file.change(ring))
        return _reseal(database, file, progress)


def go_on_rotating(
    database: Database, file: KeyFile, *, progress: Progress | None = None
) -> Resealed:
    """Seal anew what the current keys have not sealed, without making another key.

    Raises
    ------
    JobRunning : another process is at it
    """
    with _alone(database):
        _keep(database, file.ring())
        return _reseal(database, file, progress)


def retire_key(database: Database, file: KeyFile, key_id: str, *, now: datetime) -> None:
    """Take a key that seals nothing more out of the file. Backups from before still need it.

    Raises
    ------
    KeyMissing : there is none of this id
    Conflict : it is the current one, was so a moment ago, or still seals something
    """
    with _alone(database):
        ring = file.ring()
        rest = ring.without(key_id)
        since = ring.get(key_id).superseded_at
        if since is not None and now - since < RETIRE_AFTER:
            raise Conflict(
                f"Key {key_id} was the current one until {since:%Y-%m-%d %H:%M}Z; somebody may "
                "be writing with it. Retire it an hour after that.",
                key_id=key_id,
            )
        with database.session() as session:
            left = sum(use.count for use in key_uses(session) if use.key_id == key_id)
            if left:
                raise Conflict(
                    f"Key {key_id} still seals {left:,} values. Seal them anew first: gridbeat "
                    "keys rotate --resume.",
                    key_id=key_id,
                    left=left,
                )
            note_keys(session, rest)
        file.change(rest)


def key_uses(session: Session) -> list[KeyUse]:
    """Return how many values each key seals or indexes, by id; ids of lost keys are among them."""
    counts: dict[str, int] = {}
    for sealed in SEALED_COLUMNS:
        for name in filter(None, (sealed.column, sealed.index_column)):
            value: ColumnElement[bytes] = column(name, LargeBinary)
            key_id = func.convert_from(func.substr(value, 2, func.get_byte(value, 0)), "UTF8")
            query = (
                select(key_id, func.count())
                .select_from(table(sealed.table))
                .where(value.is_not(None))
                .group_by(key_id)
            )
            for found, count in session.execute(query):
                counts[found] = counts.get(found, 0) + count
    return [KeyUse(key_id, count) for key_id, count in sorted(counts.items())]


def _reseal(database: Database, file: KeyFile, progress: Progress | None) -> Resealed:
    result = Resealed()
    with database.session() as session:
        total = sum(_count_left(session, each, file.ring()) for each in SEALED_COLUMNS)
    for sealed in SEALED_COLUMNS:
        after: int | None = None
        while True:
            with database.session() as session:
                session.execute(text("SELECT set_config('gridbeat.resealing', 'on', true)"))
                after = _reseal_batch(session, sealed, after, result)
            if progress is not None:
                progress(result.done + len(result.broken), total)
            if after is None:
                break
    return result


def _reseal_batch(
    session: Session, sealed: SealedColumn, after: int | None, result: Resealed
) -> int | None:
    """Seal the next rows after a row anew; return the last one, None where none was left."""
    ring = keys_of(session)
    row_key, value = column(sealed.row_key, BigInteger), column(sealed.column, LargeBinary)
    query = _left(select(row_key, value), sealed, ring)
    rows = session.execute(
        query.where(row_key > after if after is not None else true())
        .order_by(row_key)
        .limit(BATCH_ROWS)
        .with_for_update()  # a caller's change of the same row waits, or was before
    ).all()
    changes: list[dict[str, Any]] = []
    for row_id, kept in rows:
        try:
            plain = unseal(ring, sealed, row_id, bytes(kept))
        except (SealBroken, KeyMissing):
            result.broken.append((f"{sealed.table}.{sealed.column}", row_id))
            continue
        change: dict[str, Any] = {"at": row_id, "sealed": seal(ring, sealed, row_id, plain)}
        if sealed.index_column:
            change["indexed"] = blind_index(ring, sealed, plain.decode())
        changes.append(change)
    if changes:
        names = [sealed.row_key, sealed.column, *filter(None, [sealed.index_column])]
        target = table(sealed.table, *(column(name) for name in names))
        values: dict[str, Any] = {sealed.column: bindparam("sealed", type_=LargeBinary)}
        if sealed.index_column:
            values[sealed.index_column] = bindparam("indexed", type_=LargeBinary)
        query_ = update(target).where(target.c[sealed.row_key] == bindparam("at")).values(values)
        session.connection().execute(query_, changes)
        result.done += len(changes)
    return rows[-1][0] if rows else None


def _count_left(session: Session, sealed: SealedColumn, ring: KeyRing) -> int:
    return session.scalar(_left(select(func.count()), sealed, ring)) or 0


def _left(query: Select[*tuple[Any, ...]], sealed: SealedColumn, ring: KeyRing) -> Select[Any]:
    """Those rows of a column that the current keys have not sealed and indexed."""
    value: ColumnElement[bytes] = column(sealed.column, LargeBinary)
    others = [_begins_otherwise(value, sealed_head(ring.current("seal")))]
    if sealed.index_column:
        index: ColumnElement[bytes] = column(sealed.index_column, LargeBinary)
        others.append(index.is_(None))
        others.append(_begins_otherwise(index, sealed_head(ring.current("index"))))
    return query.select_from(table(sealed.table)).where(value.is_not(None), or_(*others))


def _begins_otherwise(value: ColumnElement[bytes], head: bytes) -> ColumnElement[bool]:
    return func.substr(value, 1, len(head)) != bindparam(None, head, type_=LargeBinary)


def _keep(database: Database, ring: KeyRing) -> None:
    with database.session() as session:
        note_keys(session, ring)


@contextlib.contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Hold the lock of rotations for the block.

    Raises
    ------
    JobRunning : another process holds it
    """
    with database.engine.connect() as connection:
        if not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ROTATION_LOCK}):
            raise JobRunning("Another process is changing the keys. Wait until it is done.")
        connection.commit()
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ROTATION_LOCK})
            connection.commit()
