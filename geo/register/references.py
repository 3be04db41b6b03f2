"""What hangs on a standard address: the rows of other tables that name it.

Read from the tables' own foreign keys, so that a table added later takes part without being named
here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, func, select, update
from sqlalchemy.orm import Session

from geo.tables import Base, StandardAddress

# Records about addresses as such: they say what was, and stay with the address they name.
NOT_MOVED = frozenset({"standard_address", "address_merge", "duplicate_pair"})


@dataclass(frozen=True, slots=True)
class Reference:
    """A column that names a standard address."""

    table: Table
    column: str

    @property
    def name(self) -> str:
        return f"{self.table.name}.{self.column}"

    @property
    def _names(self) -> ColumnElement[int]:
        return self.table.c[self.column]

    def move(self, session: Session, from_id: int, to_id: int, ids: Collection[int]) -> None:
        """Let rows that name one address name another; those of `ids` that still do."""
        if ids:
            session.execute(
                update(self.table)
                .where(self._names == from_id, self.table.c.id.in_(sorted(ids)))
                .values({self.column: to_id})
            )

    def ids_at(self, session: Session, address_id: int) -> list[int]:
        """Return the ids of the rows that name an address, in order."""
        query = select(self.table.c.id).where(self._names == address_id)
        return list(session.scalars(query.order_by(self.table.c.id)))


def moving_references() -> Sequence[Reference]:
    """Return the columns that follow an address into the one it is merged into."""
    found = [
        Reference(table, key.parent.name)
        for table in Base.metadata.sorted_tables
        for key in table.foreign_keys
        if key.column is StandardAddress.__table__.c.id and table.name not in NOT_MOVED
    ]
    return sorted(found, key=lambda reference: reference.name)


def count_references(
    session: Session, address_ids: Collection[int]
) -> Mapping[int, Mapping[str, int]]:
    """Return how many rows of each table name each address: id → table → rows, without zeros.

    Aliases that ended count too: they are part of what is known of the address.
    """
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    if not address_ids:
        return counts
    for reference in moving_references():
        named = reference.table.c[reference.column]
        query = select(named, func.count()).where(named.in_(sorted(address_ids))).group_by(named)
        for address_id, count in session.execute(query):
            of = counts[address_id]
            of[reference.table.name] = of.get(reference.table.name, 0) + count
    return counts
