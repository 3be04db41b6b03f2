"""What there is to be reached: households, addresses and key places, by H3 cell within a grid.

Counts are of places (dwellings in use, addresses, key establishments), never of persons, so that
none has to be hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.errors import InvalidInput
from geo.values import GridScope

RESOLUTIONS = (8, 11)  # coarsest and finest: a village, a yard
RESOLUTION = 10  # hexagons of some 130 m across: a block
WEIGHTS = ("households", "addresses", "key_places")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Demand:
    """n rows: an H3 cell as far as it lies in one grid, as its addresses stand.

    h3_cell : (n,) int64; grid_code : (n,) text, None in no grid
    lon, lat : (n,) middle of its addresses [degrees, WGS 84], by which it is entered
    weights : name → (n,) float64, those of `WEIGHTS`
    household_source : `dwellings` (in use, of the register), `grids` (their stated households,
        shared among their addresses) or `none`
    """

    resolution: int
    h3_cell: NDArray[np.int64]
    grid_code: NDArray[np.object_]
    lon: Floats
    lat: Floats
    weights: Mapping[str, Floats]
    household_source: str

    def __len__(self) -> int:
        return len(self.h3_cell)


_QUERY = text(
    """
    WITH homes AS (
        SELECT standard_address_id, count(*) AS households FROM dwelling
        WHERE ended_on IS NULL AND use <> 'vacant' GROUP BY 1
    ), keys AS (
        SELECT standard_address_id, count(*) AS key_places FROM establishment
        WHERE occupied_to IS NULL AND establishment_class = 'key' GROUP BY 1
    )
    SELECT h3_cell_parent(a.h3_cell, :resolution) AS h3_cell, a.grid_code,
        avg(ST_X(a.geom)) AS lon, avg(ST_Y(a.geom)) AS lat, count(*) AS addresses,
        coalesce(sum(homes.households), 0) AS households,
        coalesce(sum(keys.key_places), 0) AS key_places
    FROM standard_address AS a
    LEFT JOIN homes ON homes.standard_address_id = a.id
    LEFT JOIN keys ON keys.standard_address_id = a.id
    WHERE a.status = 'current' AND a.geom IS NOT NULL AND a.h3_cell IS NOT NULL
        AND (CAST(:grid_codes AS text[]) IS NULL OR a.grid_code = ANY (:grid_codes))
    GROUP BY 1, 2 ORDER BY 2, 1
    """
)
_STATED = text(
    """
    SELECT grid_code, household_count FROM grid
    WHERE valid_to IS NULL AND household_count > 0
        AND (CAST(:grid_codes AS text[]) IS NULL OR grid_code = ANY (:grid_codes))
    """
)


def load_demand(session: Session, *, scope: GridScope, resolution: int = RESOLUTION) -> Demand:
    """Return what is to be reached in the caller's grids, by grid and cell, ascending.

    Raises
    ------
    InvalidInput : a resolution out of `RESOLUTIONS`
    """
    if not RESOLUTIONS[0] <= resolution <= RESOLUTIONS[1]:
        raise InvalidInput(
            f"resolution is {resolution}, wanted {RESOLUTIONS[0]} to {RESOLUTIONS[1]}.",
            field="resolution",
        )
    codes = None if scope.grid_codes is None else sorted(scope.grid_codes)
    rows = session.execute(_QUERY, {"resolution": resolution, "grid_codes": codes}).all()
    column = {name: [getattr(row, name) for row in rows] for name in ("h3_cell", "lon", "lat")}
    grid_code = np.array([row.grid_code for row in rows], object)
    weights = {name: np.array([getattr(row, name) for row in rows], float) for name in WEIGHTS}
    source = "dwellings"
    if not weights["households"].any():
        stated: dict[str, int] = {
            row[0]: row[1] for row in session.execute(_STATED, {"grid_codes": codes})
        }
        source = "grids" if stated else "none"
        addresses = weights["addresses"]
        for code, households in stated.items():
            own = grid_code == code
            if own.any():
                weights["households"][own] = households * addresses[own] / addresses[own].sum()
    return Demand(
        resolution=resolution,
        h3_cell=np.array(column["h3_cell"], np.int64),
        grid_code=grid_code,
        lon=np.array(column["lon"], float),
        lat=np.array(column["lat"], float),
        weights=weights,
        household_source=source,
    )
