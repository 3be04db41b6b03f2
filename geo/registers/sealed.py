"""Numbers of people as they lie in the registers' tables: sealed, with a blind index beside."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from geo.encryption import blind_index, blind_indexes, keys_of, seal_text, unseal_text
from geo.sealed_columns import SealedColumn
from geo.tables import Base


def next_id(session: Session, table: type[Base]) -> int:
    """Return the number of a row that is yet to be stored: what is sealed is bound to it."""
    name = table.__tablename__
    found = session.scalar(select(func.nextval(func.pg_get_serial_sequence(name, "id"))))
    assert found is not None
    return int(found)


def put_sealed(session: Session, row: Base, column: SealedColumn, plain: str | None) -> None:
    """Set a sealed column of a row, and the blind index beside it; None empties both."""
    assert column.index_column is not None
    if plain is None:
        setattr(row, column.column, None)
        setattr(row, column.index_column, None)
        return
    ring = keys_of(session)
    row_id: int = row.id  # type: ignore[attr-defined]
    setattr(row, column.column, seal_text(ring, column, row_id, plain))
    setattr(row, column.index_column, blind_index(ring, column, plain))


def read_sealed(session: Session, row: Base, column: SealedColumn) -> str | None:
    """Return what is sealed in a row, None where nothing is."""
    sealed = getattr(row, column.column)
    if sealed is None:
        return None
    row_id: int = row.id  # type: ignore[attr-defined]
    return unseal_text(keys_of(session), column, row_id, sealed)


def read_masked(
    session: Session, row: Base, column: SealedColumn, mask: Callable[[str], str]
) -> str | None:
    """Return what is sealed in a row as it may be shown, None where nothing is."""
    plain = read_sealed(session, row, column)
    return None if plain is None else mask(plain)


def holds_sealed(session: Session, row: Base, column: SealedColumn, plain: str | None) -> bool:
    """Whether a row's sealed column holds this value, without opening it."""
    assert column.index_column is not None
    kept = getattr(row, column.index_column)
    if plain is None or kept is None:
        return plain is None and kept is None
    return kept in blind_indexes(keys_of(session), column, plain)


def is_indexed(
    session: Session,
    attribute: InstrumentedAttribute[bytes | None],
    column: SealedColumn,
    plain: str,
) -> ColumnElement[bool]:
    """Return the condition that a row's sealed column holds this value."""
    return attribute.in_(blind_indexes(keys_of(session), column, plain))
