"""What a file says of its coordinates, against what was declared."""

from __future__ import annotations

import pyproj
from pyproj.exceptions import CRSError

from geo.crs import Datum
from geo.errors import InvalidDatum
from geo.importers.tabular import TableSource


def check_stated_crs(table: TableSource, datum: Datum) -> None:
    """Refuse a declared datum that the file itself contradicts.

    A file may say EPSG:4326 and hold GCJ-02, which has no code; metres and degrees can't be mixed
    up like that.

    Raises
    ------
    InvalidDatum : they contradict each other
    """
    if table.crs is None:
        return
    try:
        stated = pyproj.CRS.from_user_input(table.crs)
    except CRSError:
        return
    declared = pyproj.CRS.from_epsg(datum.epsg or 4326)
    agrees = (
        declared.equals(stated, ignore_axis_order=True)
        if stated.is_projected or declared.is_projected
        else True
    )
    if not agrees:
        raise InvalidDatum(
            f"{table.path.name} says it is in {table.crs[:40]}, declared was {datum}. Declare "
            "what its coordinates are in.",
            stated=table.crs[:40],
            datum=datum.name,
        )
