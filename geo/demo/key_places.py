"""Key places of the demo city, with the doses they want: school gates, markets, a station, a night
street. Invented, one a community, at the road nearest to the middle of one of its grids."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from geo.coverage.key_places import Dose, create_key_place
from geo.tables import KeyPlace
from geo.values import GridScope, LonLat

WORKDAYS, ALL_DAYS = (1, 2, 3, 4, 5), (1, 2, 3, 4, 5, 6, 7)
# What a kind wants: 15 min is the length of the foot patrols that lowered harm (docs/coverage.md).
KINDS: tuple[tuple[str, tuple[Dose, ...]], ...] = (
    ("小学门口", (Dose(7, 9, WORKDAYS, 900), Dose(16, 18, WORKDAYS, 900))),
    ("农贸市场", (Dose(8, 11, ALL_DAYS, 900),)),
    ("公交枢纽", (Dose(7, 9, WORKDAYS, 600), Dose(17, 20, ALL_DAYS, 900))),
    ("夜市街", (Dose(20, 24, (5, 6, 7), 1800),)),
)
PUT_IN_BY = "demo"
ASIDE = 0.05
_PLACES = text(
    """
    SELECT DISTINCT ON (grid.community_code) area.name,
        ST_X(middle.geom) AS middle_lon, ST_Y(middle.geom) AS middle_lat,
        ST_X(ST_ClosestPoint(road.geom, middle.geom)) AS lon,
        ST_Y(ST_ClosestPoint(road.geom, middle.geom)) AS lat
    FROM grid
    CROSS JOIN LATERAL (SELECT ST_PointOnSurface(grid.geom) AS geom) AS middle
    LEFT JOIN area ON area.code = grid.community_code AND area.valid_to IS NULL
    CROSS JOIN LATERAL (
        SELECT ST_Intersection(geom, grid.geom) AS geom FROM basemap_feature
        WHERE kind = 'road' AND ST_Intersects(geom, grid.geom)
        ORDER BY geom <-> middle.geom LIMIT 1
    ) AS road
    WHERE grid.valid_from <= :on AND (grid.valid_to IS NULL OR grid.valid_to > :on)
    ORDER BY grid.community_code, grid.grid_code
    """
)


def store_key_places(session: Session, *, on: date) -> int:
    """Store a key place a community, by turns of a kind; return how many are new."""
    known = set(session.scalars(select(KeyPlace.code)))
    count = 0
    for number, row in enumerate(session.execute(_PLACES, {"on": on}).all()):
        community = row.name
        # A little off a road that may be the border, towards the middle.
        lon = row.lon + ASIDE * (row.middle_lon - row.lon)
        lat = row.lat + ASIDE * (row.middle_lat - row.lat)
        code = f"KEY-{number + 1:02}"
        kind, doses = KINDS[number % len(KINDS)]
        if code in known:
            continue
        name = f"{(community or '').removesuffix('社区').removesuffix('村')}{kind}（示例）"
        create_key_place(
            session, code, name, LonLat(lon, lat), scope=GridScope.everything(), doses=doses,
            created_by=PUT_IN_BY, on=on, reach_m=40.0, recompute=False,
        )  # fmt: skip
        count += 1
    return count
