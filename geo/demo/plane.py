"""The flat plane the city is drawn on: metres east and north of a centre, and back to degrees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Coordinates keep seven decimals: 1.1 cm on the ground, and the same bytes on every machine.
COORDINATE_DECIMALS = 7

_SEMI_MAJOR_M = 6378137.0
_FLATTENING = 1 / 298.257223563  # WGS 84


@dataclass(frozen=True, slots=True)
class CityPlane:
    """A tangent plane at `longitude`, `latitude` [degrees, WGS 84], x east and y north [m].

    Degrees are linear in metres, by the spheroid's radii at the centre: over the few kilometres
    of the district the scale is off by less than 1e-4, and no projection library's version can
    change a digit.
    """

    longitude: float
    latitude: float

    def to_lonlat(self, xy_m: FloatArray) -> FloatArray:
        """Turn (n, 2) metres into (n, 2) degrees, rounded to seven decimals."""
        phi = np.radians(self.latitude)
        e2 = _FLATTENING * (2 - _FLATTENING)
        shrink = 1 - e2 * np.sin(phi) ** 2
        meridian_m = _SEMI_MAJOR_M * (1 - e2) / shrink**1.5
        parallel_m = _SEMI_MAJOR_M / np.sqrt(shrink) * np.cos(phi)
        lonlat = np.empty_like(xy_m, dtype=np.float64)
        lonlat[:, 0] = self.longitude + np.degrees(xy_m[:, 0] / parallel_m)
        lonlat[:, 1] = self.latitude + np.degrees(xy_m[:, 1] / meridian_m)
        return np.round(lonlat, COORDINATE_DECIMALS)

    def from_lonlat(self, lonlat: FloatArray) -> FloatArray:
        """Turn (n, 2) degrees into (n, 2) metres."""
        origin = self.to_lonlat(np.zeros((1, 2)))[0]
        # Degrees are linear in metres, so a kilometre tells the scale.
        degrees_a_m = (self.to_lonlat(np.full((1, 2), 1e5))[0] - origin) / 1e5
        return np.asarray((lonlat - origin) / degrees_a_m)

    def geometries_to_lonlat(self, geometries: Any) -> NDArray[np.object_]:
        """The same for geometries: metres in, EPSG:4326 out, topology kept."""
        return np.asarray(shapely.transform(np.asarray(geometries, dtype=object), self.to_lonlat))
