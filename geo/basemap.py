"""The platform's own base map as vector tiles, and who must be named for it.

Tiles are Mapbox Vector Tiles in Web Mercator, made by PostGIS from what was imported
(`geo.importers.basemap`). Which feature is drawn from which zoom on is decided at import
(`geo.basemap_classes`) and stored with it; here a tile only filters, simplifies and encodes.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.errors import InvalidTile
from geo.values import GridScope

MAX_ZOOM = 22
TILE_UNITS = 4096  # coordinates across a tile
TILE_MARGIN = 64  # of the same, drawn beyond the edge so that strokes meet
# A tile holds no more than this: the features of the lowest zooms, and of these the largest,
# come first. Dense city centres stay far below it (docs/base_map.md).
MAX_TILE_FEATURES = 8_000
# Lines and areas lose what is smaller than this share of a pixel of 1/256 tile.
_SIMPLIFY_PIXELS = 0.5
_FULL_DETAIL_ZOOM = 17

LAYERS = ("land", "water", "roads", "buildings", "places")

_BASEMAP_TILE = """
WITH tile AS (
    SELECT ST_TileEnvelope(:z, :x, :y) AS envelope,
           ST_Transform(ST_TileEnvelope(:z, :x, :y, margin => CAST(:margin_share AS float8)), 4326)
               AS box
),
found AS (
    SELECT f.id, f.kind, f.feature_class, f.name, f.number, f.min_zoom, f.geom
    FROM basemap_feature f, tile
    WHERE f.geom && tile.box AND f.min_zoom <= :z
    ORDER BY f.min_zoom, f.id
    LIMIT :cap
),
-- Materialised, or the planner draws each feature twice: to see that it is not null, and again.
drawn AS MATERIALIZED (
    SELECT found.id, kind, feature_class AS class, name, number,
           ST_AsMVTGeom(
               CASE WHEN :tolerance_m > 0
                    THEN ST_Simplify(ST_Transform(geom, 3857), :tolerance_m, true)
                    ELSE ST_Transform(geom, 3857) END,
               tile.envelope, :units, :margin, true) AS geom
    FROM found, tile
),
visible AS (SELECT * FROM drawn WHERE geom IS NOT NULL ORDER BY id)
SELECT coalesce((SELECT ST_AsMVT(t, 'land', :units, 'geom') FROM (
           SELECT class, name, geom FROM visible WHERE kind IN ('green', 'land')) t), '')
    || coalesce((SELECT ST_AsMVT(t, 'water', :units, 'geom') FROM (
           SELECT class, name, geom FROM visible WHERE kind = 'water') t), '')
    || coalesce((SELECT ST_AsMVT(t, 'roads', :units, 'geom') FROM (
           SELECT class, name, geom FROM visible WHERE kind = 'road') t), '')
    || coalesce((SELECT ST_AsMVT(t, 'buildings', :units, 'geom') FROM (
           SELECT class, name, number, geom FROM visible WHERE kind = 'building') t), '')
    || coalesce((SELECT ST_AsMVT(t, 'places', :units, 'geom') FROM (
           SELECT class, name, number, geom FROM visible
           WHERE kind IN ('place', 'house_number')) t), '')
"""
# The partial index serves the low zooms only where the statement itself repeats its condition.
LOW_ZOOM = 11
_TILE_SQL = text(_BASEMAP_TILE)
_LOW_ZOOM_TILE_SQL = text(
    _BASEMAP_TILE.replace("f.min_zoom <= :z", "f.min_zoom <= :z AND f.min_zoom <= 11")
)

_GRIDS_TILE = text("""
WITH tile AS (
    SELECT ST_TileEnvelope(:z, :x, :y) AS envelope,
           ST_Transform(ST_TileEnvelope(:z, :x, :y, margin => CAST(:margin_share AS float8)), 4326)
               AS box
),
found AS (
    SELECT g.grid_code, g.name, g.geom
    FROM grid g, tile
    WHERE g.geom && tile.box AND g.valid_from <= :on AND (g.valid_to IS NULL OR g.valid_to > :on)
        AND (:everything OR g.grid_code = ANY(:grid_codes))
    ORDER BY g.grid_code
    LIMIT :cap
),
-- Neighbours share their vertices, and ST_Simplify would move them apart: only the tile's own
-- raster thins the borders.
polygon AS MATERIALIZED (
    SELECT grid_code, name,
           ST_AsMVTGeom(ST_Transform(geom, 3857), tile.envelope, :units, :margin, true)
               AS geom
    FROM found, tile
),
label AS MATERIALIZED (
    SELECT grid_code, name,
           ST_AsMVTGeom(ST_Transform(ST_PointOnSurface(geom), 3857), tile.envelope, :units, 0,
                        true) AS geom
    FROM found, tile
)
SELECT coalesce((SELECT ST_AsMVT(t, 'grids', :units, 'geom') FROM (
           SELECT * FROM polygon WHERE geom IS NOT NULL ORDER BY grid_code) t), '')
    || coalesce((SELECT ST_AsMVT(t, 'grid_labels', :units, 'geom') FROM (
           SELECT * FROM label WHERE geom IS NOT NULL ORDER BY grid_code) t), '')
""")


def basemap_tile(session: Session, z: int, x: int, y: int) -> bytes:
    """Return one vector tile of the base map; empty bytes where there is nothing to draw.

    Its layers are `land`, `water`, `roads` (`class`, `name`), `buildings` and `places` (`class`,
    `name`, `number`); a layer without features is left out. House numbers are places of class
    `house_number`.

    Raises
    ------
    InvalidTile : no such tile
    """
    check_tile(z, x, y)
    # A pixel of Web Mercator at this zoom [m at the equator].
    pixel_m = 40_075_016.686 / 256 / 2**z
    tolerance_m = 0.0 if z >= _FULL_DETAIL_ZOOM else pixel_m * _SIMPLIFY_PIXELS
    values = _tile_values(z, x, y) | {"tolerance_m": tolerance_m}
    tile = session.scalar(_LOW_ZOOM_TILE_SQL if z <= LOW_ZOOM else _TILE_SQL, values)
    return bytes(tile or b"")


def grids_tile(session: Session, z: int, x: int, y: int, *, scope: GridScope, on: date) -> bytes:
    """Return one vector tile of the grids in `scope` that are valid `on` a day.

    Layers: `grids` (polygons) and `grid_labels` (one point inside each grid, in the one tile that
    holds it), both with `grid_code` and `name`. What lies outside `scope` is absent, so the tile
    must not be cached across users.

    Raises
    ------
    InvalidTile : no such tile
    """
    check_tile(z, x, y)
    tile = session.scalar(
        _GRIDS_TILE,
        _tile_values(z, x, y)
        | {
            "on": on,
            "everything": scope.is_everything,
            "grid_codes": sorted(scope.grid_codes or ()),
        },
    )
    return bytes(tile or b"")


def _tile_values(z: int, x: int, y: int) -> dict[str, Any]:
    return {
        "z": z,
        "x": x,
        "y": y,
        "units": TILE_UNITS,
        "margin": TILE_MARGIN,
        "margin_share": TILE_MARGIN / TILE_UNITS,
        "cap": MAX_TILE_FEATURES,
    }


def basemap_extent(session: Session) -> tuple[float, float, float, float] | None:
    """West, south, east, north [degrees, WGS 84] of the base map; None where there is none."""
    row = session.execute(
        text(
            "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM "
            "(SELECT ST_Extent(geom) AS e FROM basemap_feature) AS whole"
        )
    ).one()
    if row[0] is None:
        return None
    west, south, east, north = map(float, row)
    return west, south, east, north


def basemap_attributions(session: Session) -> list[str]:
    """What must stand at the map's edge, one text a source, in the order of their names."""
    rows = session.scalars(
        text(
            "SELECT DISTINCT ON (attribution) attribution FROM basemap_source "
            "WHERE attribution IS NOT NULL ORDER BY attribution, name"
        )
    )
    return [str(row) for row in rows]


def check_tile(z: int, x: int, y: int) -> None:
    """Refuse tiles that don't exist.

    Raises
    ------
    InvalidTile
    """
    if not 0 <= z <= MAX_ZOOM:
        raise InvalidTile(f"The zoom is {z}, wanted 0 to {MAX_ZOOM}.", z=z)
    last = 2**z - 1
    if not (0 <= x <= last and 0 <= y <= last):
        raise InvalidTile(
            f"There is no tile {x}, {y} at zoom {z}, wanted 0 to {last} for both.", z=z, x=x, y=y
        )
