"""Grids whose inspections are overdue: dwellings and establishments that are due to be looked at.

Counts are of records of places, never of persons.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.values import GridScope

_QUERY = text(
    """
    SELECT grid_code, count(*) AS record_count,
        count(*) FILTER (WHERE due_on <= :on) AS due_count,
        min(due_on) FILTER (WHERE due_on <= :on) AS since
    FROM (
        SELECT grid_code, due_on FROM dwelling WHERE ended_on IS NULL
        UNION ALL
        SELECT grid_code, due_on FROM establishment WHERE occupied_to IS NULL
    ) AS records
    WHERE grid_code IS NOT NULL
        AND (CAST(:grid_codes AS text[]) IS NULL OR grid_code = ANY (:grid_codes))
    GROUP BY 1 HAVING count(*) FILTER (WHERE due_on <= :on) > 0
    ORDER BY due_count DESC, grid_code
    """
)


@dataclass(frozen=True, slots=True)
class InspectionGap:
    """A grid's records that are due; `since`: the day the oldest came due."""

    grid_code: str
    record_count: int
    due_count: int
    since: date


def load_inspection_gaps(session: Session, *, on: date, scope: GridScope) -> list[InspectionGap]:
    """Return the caller's grids with records due on a day, most due first."""
    codes = None if scope.grid_codes is None else sorted(scope.grid_codes)
    return [
        InspectionGap(row.grid_code, int(row.record_count), int(row.due_count), row.since)
        for row in session.execute(_QUERY, {"on": on, "grid_codes": codes})
    ]
