"""Rows for tests: each column has one plain default, a test names only what matters to it.

They go in as rows, past the importers, so that a test of one room doesn't lean on another. All of
it is invented: the district, its codes, its streets.
"""

from __future__ import annotations

import itertools
from datetime import date
from typing import Any

from geoalchemy2.shape import from_shape
from shapely.geometry import MultiPolygon, Point, Polygon
from sqlalchemy.orm import Session

from geo.addresses import WrittenForm, parse
from geo.crs import geodesic_area_m2
from geo.h3_cells import lonlat_to_h3_cell
from geo.register import standard_form
from geo.tables import ADDRESS_COMPONENTS, Area, Grid, GridVersion, StandardAddress

PLACE = (112.5501, 37.8799)
_numbers = itertools.count(1)


def add_area(session: Session, code: str, level: str = "community", **columns: Any) -> Area:
    """One area, from 2020 on."""
    row = Area(
        **{
            "code": code,
            "level": level,
            "name": f"测试{code}",
            "parent_code": None,
            "valid_from": date(2020, 1, 1),
            "source": "test",
            **columns,
        }
    )
    session.add(row)
    session.flush()
    return row


def add_grid_version(session: Session, **columns: Any) -> GridVersion:
    """One version of the grids, from 2020 on."""
    row = GridVersion(
        **{"source": "test", "valid_from": date(2020, 1, 1), "grid_count": 1, **columns}
    )
    session.add(row)
    session.flush()
    return row


def add_grid(
    session: Session,
    grid_code: str,
    polygon: Polygon | MultiPolygon,
    *,
    version: GridVersion | None = None,
    **columns: Any,
) -> Grid:
    """One grid, from 2020 on."""
    version = version or add_grid_version(session)
    shape = MultiPolygon([polygon]) if isinstance(polygon, Polygon) else polygon
    row = Grid(
        **{
            "version_id": version.id,
            "grid_code": grid_code,
            "name": f"网格{grid_code}",
            "community_code": grid_code[:12],
            "area_m2": float(geodesic_area_m2([shape])[0]),
            "valid_from": version.valid_from,
            "geom": from_shape(shape, srid=4326),
            **columns,
        }
    )
    session.add(row)
    session.flush()
    return row


def written_as(address_text: str) -> dict[str, Any]:
    """Return the columns of an address that is written like this."""
    form = standard_form(parse(address_text), None, form=WrittenForm())
    return {
        **dict.fromkeys(ADDRESS_COMPONENTS),
        **form.components,
        "canonical_text": form.canonical_text,
        "search_key": form.search_key,
        "level": form.level,
    }


def add_standard_address(
    session: Session,
    lonlat: tuple[float, float] | None = PLACE,
    *,
    grid: Grid | None = None,
    **columns: Any,
) -> StandardAddress:
    """One current door address on an invented street."""
    number = next(_numbers)
    point: dict[str, Any] = {}
    if lonlat is not None:
        point = {
            "geom": from_shape(Point(lonlat), srid=4326),
            "point_method": "surveyed",
            "accuracy_m": 5.0,
            "origin_datum": "WGS84",
            "h3_cell": lonlat_to_h3_cell(*lonlat),
        }
    row = StandardAddress(
        **{
            "province": "山西省",
            "city": "太原市",
            "county": "小店区",
            "road": "试验路",
            "door": str(number),
            "canonical_text": f"山西省太原市小店区试验路{number}号",
            "search_key": f"test/{number}",
            "level": "door",
            "grid_id": grid.id if grid else None,
            "grid_code": grid.grid_code if grid else None,
            "source": "test",
            **point,
            **columns,
        }
    )
    session.add(row)
    session.flush()
    return row
