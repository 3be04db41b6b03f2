"""One thing that can be exported: its columns, what is read, as which files it can be had."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from geo.grids import is_in_force
from geo.tables import Grid
from geo.values import GridScope

BATCH_ROWS = 2_000
TABLE_FORMATS = ("csv", "xlsx")
MAP_FORMATS = ("geojson", "gpkg", "parquet")

ColumnType = Literal["text", "int", "float", "time", "date"]
Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class ExportFilter:
    """Which rows; what is None doesn't narrow."""

    grid_code: str | None = None
    community_code: str | None = None


@dataclass(frozen=True, slots=True)
class ExportKind:
    """One thing that can be exported.

    columns : name → type, in order
    geometry : the type of its shapes, None where it has none; then `query` selects them as WKB last
    query : what is read, in an order that stays; finish turns a row as read into one as written, by
        what the session knows (its keys)
    """

    name: str
    columns: dict[str, ColumnType]
    query: Callable[[ExportFilter, GridScope, date], Select[*tuple[Any, ...]]]
    geometry: Literal["Point", "MultiPolygon"] | None = None
    about_persons: bool = False
    finish: Callable[[Session], Callable[[Row], Row]] = lambda _session: tuple

    @property
    def formats(self) -> tuple[str, ...]:
        """The endings of the files it can be had as."""
        is_map = self.geometry is not None and not self.about_persons
        return TABLE_FORMATS + MAP_FORMATS if is_map else TABLE_FORMATS

    def count(self, session: Session, filters: ExportFilter, scope: GridScope, on: date) -> int:
        """Return how many rows there are now."""
        rows = self.query(filters, scope, on).order_by(None).subquery()
        return session.scalar(select(func.count()).select_from(rows)) or 0

    def read(
        self, session: Session, filters: ExportFilter, scope: GridScope, on: date
    ) -> Generator[list[Row]]:
        """Yield the rows of one moment in batches; a row ends with its shape, as WKB."""
        found = session.execute(
            self.query(filters, scope, on),
            execution_options={"stream_results": True, "yield_per": BATCH_ROWS},
        )
        finish = self.finish(session)
        with found:  # else a reader that stops early leaves its cursor open
            for batch in found.partitions(BATCH_ROWS):
                yield [finish(row) for row in batch]


def grids_of(community_code: str, on: date) -> Select[*tuple[Any, ...]]:
    """Return the grids of a community on a day."""
    return select(Grid.grid_code).where(
        Grid.community_code == community_code, is_in_force(Grid, on)
    )
