"""What the hotspot layer reads of the store besides incidents: grids, their households, streets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import shapely
from geopandas import GeoDataFrame
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo.coverage.pieces import SUMS, unpacked
from geo.grids import load_grids
from geo.h3_cells import lonlat_to_h3_cell
from geo.local_plane import LocalPlane
from geo.scope_conditions import in_scope
from geo.stored_grids import load_stored_grids
from geo.tables import BasemapFeature, BasemapSource, GridCoverage, GridVersion
from geo.values import GridScope, Period

ON_PATROL = (0, 1, 3, 4)  # of the six sums: patrolling and stationary, certain and uncertain
MS_AN_HOUR = 3_600_000
PIECE_M = 20.0  # a street is shared out to places by pieces no longer than this

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StreetPieces:
    """All streets cut into short pieces, each put where its middle lies.

    `h3_cell` : (n,) at the stored resolution; `grid_code` : (n,) None in no grid; `length_m` : (n,)
    """

    h3_cell: NDArray[np.int64]
    grid_code: NDArray[np.object_]
    length_m: Floats

    def __len__(self) -> int:
        return len(self.length_m)


class HotspotGround:
    """Reads for one question; marks tell whether what was read before still holds.

    Parameters
    ----------
    on : the day whose grids count
    """

    def __init__(self, session: Session, *, scope: GridScope, on: date) -> None:
        self.session, self.scope, self.on = session, scope, on

    def grids_mark(self) -> str:
        """Return what tells one state of the grids on the day from another."""
        found = self.session.execute(
            select(func.max(GridVersion.id), func.count()).select_from(GridVersion)
        ).one()
        return f"{self.on}:{found[0]}:{found[1]}"

    def grids(self) -> GeoDataFrame:
        """Return the caller's grids; `geo.grids.load_grids`."""
        return load_grids(self.session, on=self.on, scope=self.scope)

    def presence_h(self, period: Period) -> dict[str, float]:
        """Return how long patrols were in each of the caller's grids, on no errand [h].

        Measured presence, certain or not, of all units; time on the way to a call isn't patrol:
        docs/coverage.md.
        """
        rows = self.session.execute(
            select(GridCoverage.grid_code, GridCoverage.sums).where(
                GridCoverage.kind == "cell", GridCoverage.hour >= period.start,
                GridCoverage.hour < period.end, in_scope(GridCoverage.grid_code, self.scope),
            )
        )  # fmt: skip
        found: dict[str, float] = {}
        for code, packed in rows:
            ms = unpacked(packed, SUMS)["ms"][:, ON_PATROL].sum(dtype=np.int64)
            found[code] = found.get(code, 0.0) + float(ms) / MS_AN_HOUR
        return found

    def streets_mark(self) -> str:
        """Return what tells one state of the streets, and of the grids, from another."""
        found = self.session.execute(
            select(func.max(BasemapSource.imported_at), func.count()).select_from(BasemapSource)
        ).one()
        return f"{self.grids_mark()}:{found[0]}:{found[1]}"

    def streets(self) -> StreetPieces:
        """Return the roads of the base map, of every kind that is drawn as a road."""
        rows = self.session.scalars(
            select(func.ST_AsBinary(BasemapFeature.geom)).where(BasemapFeature.kind == "road")
        ).all()
        lines = shapely.get_parts(shapely.from_wkb(np.array([bytes(row) for row in rows], object)))
        lon, lat, length_m = cut_into_pieces(lines)
        placed = load_stored_grids(self.session, on=self.on).place(lon, lat)
        return StreetPieces(
            np.atleast_1d(lonlat_to_h3_cell(lon, lat)), placed["grid_code"].to_numpy(object),
            length_m,
        )  # fmt: skip


def cut_into_pieces(lines: NDArray[np.object_]) -> tuple[Floats, Floats, Floats]:
    """Return the middles [degrees, WGS 84] and lengths [m] of pieces of lines, at most `PIECE_M`
    long.

    Parameters
    ----------
    lines : (n,) EPSG:4326; what is no line is left out
    """
    lines = lines[shapely.get_type_id(lines) == shapely.GeometryType.LINESTRING]
    if not len(lines):
        return np.zeros(0), np.zeros(0), np.zeros(0)
    plane = LocalPlane.around(lines)
    flat = plane.to_metres(lines)
    length = shapely.length(flat)
    count = np.maximum(np.ceil(length / PIECE_M), 1).astype(np.int64)
    line = np.repeat(np.arange(len(lines)), count)
    number = np.arange(len(line)) - np.repeat(np.cumsum(count) - count, count)
    middle = shapely.line_interpolate_point(
        flat[line], (number + 0.5) / count[line], normalized=True
    )
    points = plane.to_degrees(middle)
    return shapely.get_x(points), shapely.get_y(points), length[line] / count[line]
