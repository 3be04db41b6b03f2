"""What the store holds, in a few numbers: for the first look at the map, and for an operator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.values import GridScope

BESIDE_DEG = 0.02  # around sites where nothing else says how large the city is: two kilometres


@dataclass(frozen=True, slots=True)
class StoreOverview:
    """Counts of what the caller may see on a day.

    `extent` : west, south, east, north [degrees, WGS 84] of the grids, or of the addresses where
        there are no grids, or of the base map where there are neither, or about the sites of
        response; None where there is nothing
    `open_review_count` : texts of the review queue that wait for a person
    `is_generated` : the addresses are a generated city, not a real one
    """

    is_generated: bool
    address_count: int
    unplaced_count: int
    grid_count: int
    community_count: int
    open_review_count: int
    extent: tuple[float, float, float, float] | None
    attributions: tuple[str, ...]


def load_store_overview(session: Session, *, on: date, scope: GridScope) -> StoreOverview:
    """Return what the store holds on a day, as far as the caller may see it.

    The base map is nobody's secret: attributions and, where nothing else is placed, the extent are
    the same for all.
    """
    codes = None if scope.grid_codes is None else sorted(scope.grid_codes)
    row = session.execute(
        _OVERVIEW, {"on": on, "grid_codes": codes, "beside_deg": BESIDE_DEG}
    ).one()
    corners = (row.west, row.south, row.east, row.north)
    return StoreOverview(
        is_generated=row.is_generated,
        address_count=row.address_count,
        unplaced_count=row.unplaced_count,
        grid_count=row.grid_count,
        community_count=row.community_count,
        open_review_count=row.open_review_count,
        extent=None if row.west is None else corners,
        attributions=tuple(row.attributions),
    )


_OVERVIEW = text(
    """
    WITH grids AS (
        SELECT count(*) AS grid_count, count(DISTINCT community_code) AS community_count,
               ST_Extent(geom) AS extent
        FROM grid
        WHERE valid_from <= :on AND (valid_to IS NULL OR valid_to > :on)
          AND (CAST(:grid_codes AS text[]) IS NULL OR grid_code = ANY(CAST(:grid_codes AS text[])))
    ), addresses AS (
        SELECT count(*) AS address_count, count(*) - count(h3_cell) AS unplaced_count,
               CASE WHEN (SELECT grid_count = 0 FROM grids) THEN ST_Extent(geom) END AS extent
        FROM standard_address
        WHERE status = 'current'
          AND (CAST(:grid_codes AS text[]) IS NULL OR grid_code = ANY(CAST(:grid_codes AS text[])))
    ), whole AS (
        SELECT coalesce(
            grids.extent, addresses.extent,
            (SELECT ST_Extent(geom) FROM basemap_feature
             WHERE grids.extent IS NULL AND addresses.extent IS NULL),
            (SELECT ST_Expand(ST_Extent(geom), :beside_deg) FROM response_site
             WHERE valid_from <= :on AND (valid_to IS NULL OR valid_to > :on)
               AND grids.extent IS NULL AND addresses.extent IS NULL)
        ) AS extent
        FROM grids, addresses
    )
    SELECT grid_count, community_count, address_count, unplaced_count,
           ST_XMin(whole.extent) AS west, ST_YMin(whole.extent) AS south,
           ST_XMax(whole.extent) AS east, ST_YMax(whole.extent) AS north,
           (SELECT count(*) FROM review_item
            WHERE status = 'open' AND (CAST(:grid_codes AS text[]) IS NULL
                  OR grid_code = ANY(CAST(:grid_codes AS text[])))) AS open_review_count,
           EXISTS (SELECT FROM store_note WHERE name = 'demo_city') AS is_generated,
           ARRAY(SELECT DISTINCT attribution FROM basemap_source
                 WHERE attribution IS NOT NULL ORDER BY 1) AS attributions
    FROM grids, addresses, whole
    """
)
