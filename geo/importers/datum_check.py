"""Does a file's declared datum look right? Measured against what the store knows, never mended.

First by pairs: rows whose address another source has placed already. Where those are too few, by
what stands around: buildings of the base map, addresses of other sources, the grids' outer border.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import shapely
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from geo.crs import Datum, from_wgs84
from geo.datum_shift import NEAR_M, detect_datum_shift
from geo.errors import DatumUndecided
from geo.geodesy import bearing_to_compass
from geo.register.merge import MergeRow

PAIRS_MAX = 2_000
POINTS_MAX = 4_000
POINTS_A_CHUNK = 500
REFERENCES_MAX = 20_000
MARGIN_DEG = 0.02  # about 2 km, beyond which no datum moves a point
PAIR_NEAR_M = 50.0
"""How near each other two sources place one address: door, gate or middle of the estate."""

_PAIRS = sa.text(
    """
    SELECT k.i - 1 AS i, ST_X(a.geom) AS lon, ST_Y(a.geom) AS lat
    FROM unnest(CAST(:keys AS text[])) WITH ORDINALITY AS k(key, i)
    JOIN standard_address a ON a.search_key = k.key AND a.status = 'current'
    WHERE a.geom IS NOT NULL AND a.source <> :source
    """
)
_IN_BOX = "geom && ST_MakeEnvelope(:west, :south, :east, :north, 4326)"
_REFERENCES = {
    "buildings of the base map": sa.text(
        "SELECT ST_AsBinary(geom) FROM basemap_feature "  # noqa: S608 - a constant of this file
        f"WHERE {_IN_BOX} AND kind = 'building' LIMIT :most"
    ),
    "addresses of other sources": sa.text(
        "SELECT ST_AsBinary(geom) FROM standard_address "  # noqa: S608
        f"WHERE {_IN_BOX} AND status = 'current' AND source <> :source LIMIT :most"
    ),
    "grids": sa.text(
        "SELECT ST_AsBinary(geom) FROM grid "  # noqa: S608
        f"WHERE {_IN_BOX} AND valid_to IS NULL LIMIT :most"
    ),
}


class DatumCheck:
    """Collects points of an import and measures whether they lie where their datum says."""

    def __init__(self, declared: Datum, source: str) -> None:
        self.declared = declared
        self._source = source
        self._points: list[tuple[float, float]] = []
        self._pairs: list[tuple[float, float, float, float]] = []

    @property
    def wants_points(self) -> bool:
        return len(self._points) < POINTS_MAX or len(self._pairs) < PAIRS_MAX

    def add(self, session: Session, rows: Sequence[MergeRow]) -> None:
        """Add rows of a chunk."""
        placed = [row for row in rows if row.point_method is not None]
        step = max(1, len(placed) // POINTS_A_CHUNK)
        self._points += [(row.lon, row.lat) for row in placed[::step]]
        keys = [row.form.search_key for row in placed]
        for i, lon, lat in session.execute(_PAIRS, {"keys": keys, "source": self._source}):
            self._pairs.append((placed[i].lon, placed[i].lat, lon, lat))

    def result(self, session: Session) -> dict[str, Any]:
        """Return what was measured, for the report.

        Keys: `verdict` (agrees, shifted, undecided), `message`; measured: `against` (what it was
        compared with), `count`, `shift_m`, `direction`, and `better_datum` (None: none is clear).
        """
        told: list[str] = []
        for against, x_y, reference, by_row in self._comparisons(session):
            try:
                found = detect_datum_shift(
                    *from_wgs84(x_y[:, 0], x_y[:, 1], self.declared),
                    declared=self.declared,
                    reference=reference,
                    by_row=by_row,
                    near_m=PAIR_NEAR_M if by_row else NEAR_M,
                )
            except DatumUndecided as error:
                told.append(f"By {against}: {error.message}")
                continue
            return {
                "verdict": "shifted" if found.is_suspect else "agrees",
                "against": against,
                "count": found.point_count,
                "shift_m": round(found.shift_m),
                "direction": bearing_to_compass(found.bearing_deg),
                "better_datum": found.best.name if found.is_suspect else None,
                "message": found.message,
            }
        nothing = (
            "The store has no buildings, addresses of other sources or grids where the points lie, "
            "so the declared datum can't be checked."
        )
        return {"verdict": "undecided", "message": " ".join(told) or nothing}

    def _comparisons(
        self, session: Session
    ) -> Iterator[tuple[str, NDArray[np.float64], NDArray[np.object_], bool]]:
        """What is compared with what, the strongest first."""
        if self._pairs:
            pairs = np.array(self._pairs, float)
            known = np.asarray(shapely.points(pairs[:, 2:]), dtype=object)
            yield "the same addresses of other sources", pairs[:, :2], known, True
        points = np.array(self._points, float).reshape(-1, 2)
        for against, query in _REFERENCES.items() if len(points) else ():
            reference = self._reference(session, query, points)
            if len(reference):
                yield against, points, reference, False

    def _reference(
        self, session: Session, query: sa.TextClause, points: NDArray[np.float64]
    ) -> NDArray[np.object_]:
        west, south = (np.min(points, axis=0) - MARGIN_DEG).tolist()
        east, north = (np.max(points, axis=0) + MARGIN_DEG).tolist()
        words = {"west": west, "south": south, "east": east, "north": north}
        if ":source" in query.text:
            words["source"] = self._source
        found = session.scalars(query, words | {"most": REFERENCES_MAX}).all()
        shapes: NDArray[np.object_] = shapely.from_wkb([bytes(wkb) for wkb in found])
        return shapes
