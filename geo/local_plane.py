"""A plane in metres around one place, in which an edge straight in degrees stays straight.

Stored polygons have edges straight in longitude and latitude; that is how PostGIS and shapely
read them. A real projection bends such an edge (some 2 cm on 1 km), so a corner that lies on a
neighbour's edge would leave it, and two grids that share a border would overlap by slivers nobody
drew. Stretching degrees by two factors keeps them together. Right for widths and tolerances; the
areas a person is told come from `geo.crs.geodesic_area_m2`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.errors import InvalidInput
from geo.geodesy import geodesic_distance_m


@dataclass(frozen=True, slots=True)
class LocalPlane:
    """Metres east and north of a place. Within 50 km of it lengths err by less than 1 %.

    longitude, latitude : the origin [degrees, WGS 84]
    metres_per_lon_deg, metres_per_lat_deg : the two factors [m/degree], of the spheroid there
    """

    longitude: float
    latitude: float
    metres_per_lon_deg: float
    metres_per_lat_deg: float

    @classmethod
    def around(cls, geometries: Any) -> LocalPlane:
        """Return the plane around the middle of some geometries, EPSG:4326.

        Raises
        ------
        InvalidInput : all are empty or missing
        """
        west, south, east, north = shapely.total_bounds(np.asarray(geometries, dtype=object))
        if not np.isfinite([west, south, east, north]).all():
            raise InvalidInput(
                "There is no geometry to measure around: all are empty or missing. "
                "Give at least one polygon."
            )
        return cls.of_bounds(west, south, east, north)

    @classmethod
    def of_bounds(cls, west: float, south: float, east: float, north: float) -> LocalPlane:
        """Return the plane around the middle of a frame [degrees]."""
        lon, lat = float(west + east) / 2, float(south + north) / 2
        step = 0.01
        return cls(
            lon,
            lat,
            geodesic_distance_m(lon - step / 2, lat, lon + step / 2, lat) / step,
            geodesic_distance_m(lon, lat - step / 2, lon, lat + step / 2) / step,
        )

    def to_metres(self, geometries: Any) -> Any:
        """Return geometries [degrees] in metres of this plane."""
        origin = (self.longitude, self.latitude)
        factors = (self.metres_per_lon_deg, self.metres_per_lat_deg)
        return shapely.transform(geometries, lambda xy: (xy - np.array(origin)) * np.array(factors))

    def to_degrees(self, geometries: Any) -> Any:
        """Return geometries [m] in degrees: `to_metres` undone."""
        origin = (self.longitude, self.latitude)
        factors = (self.metres_per_lon_deg, self.metres_per_lat_deg)
        return shapely.transform(geometries, lambda xy: xy / np.array(factors) + np.array(origin))

    def points_to_metres(self, lon: Any, lat: Any) -> NDArray[np.float64]:
        """Return points [degrees] as (n, 2) metres of this plane."""
        return np.column_stack(
            (
                (np.asarray(lon, float) - self.longitude) * self.metres_per_lon_deg,
                (np.asarray(lat, float) - self.latitude) * self.metres_per_lat_deg,
            )
        )

    def metres_to_points(
        self, xy: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (n, 2) metres as longitudes and latitudes [degrees]: `points_to_metres` undone."""
        return (
            xy[:, 0] / self.metres_per_lon_deg + self.longitude,
            xy[:, 1] / self.metres_per_lat_deg + self.latitude,
        )
