"""Is a set of points really in the datum it was declared in? Measured, said, never put right.

A set in the wrong datum sits some hundred metres off in one direction against grids, buildings or
addresses already known. Here its coordinates are read in each datum that degrees of China come in,
and each reading is scored by how many points come to lie in or near the reference; beside that the
shift itself is measured, without any hypothesis, where the reference is fine enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from geo.crs import BD09, CGCS2000, GCJ02, WGS84, AxisOrder, Datum, to_wgs84
from geo.errors import DatumUndecided, InvalidInput
from geo.geodesy import bearing_to_compass, local_metric_crs, to_local_metres

FloatArray = NDArray[np.float64]

NEAR_M = 20.0
"""How near the reference a point must lie to speak for a datum."""

NEEDED_POINTS = 20
"""The fewest points that tell the datums apart: below it, chance could decide."""

REACH_M = 2000.0  # no two of the datums are further apart than 1.6 km; beyond, nothing is learned
SAMPLE_POINTS = 4000
CLEAR_SD = 3.3  # one-sided, p < 0.0005
_VOTE_STEP_M, _VOTE_REACH_M = 25.0, 1600.0
_FINE_REFERENCE_M = 150.0  # references larger than this don't say where a point should lie
_VOTES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class DatumScore:
    """How a set fits the reference, read in one datum. `share_near`: of the points in reach;
    `median_distance_m`: to the nearest reference, 0 inside a polygon."""

    datum: Datum
    share_near: float
    median_distance_m: float


@dataclass(frozen=True, slots=True)
class DatumShift:
    """What the reference says about a set's datum.

    scores : best first
    best : the datum that fits best; the declared one unless another is clearly better
    shift_m, bearing_deg : how far, and whither from the reference, the set as declared lies
    is_measured : the shift was measured on the points; else it is what reading the set in `best`
        would move it by
    point_count : points in reach of the reference; informative_count : those among them that lie
        near it in one datum and not in another
    message : the same, for a person
    """

    declared: Datum
    best: Datum
    scores: tuple[DatumScore, ...]
    shift_m: float
    bearing_deg: float
    is_measured: bool
    point_count: int
    informative_count: int
    message: str

    @property
    def is_suspect(self) -> bool:
        """Whether another datum than the declared one fits clearly better."""
        return self.best != self.declared


def detect_datum_shift(
    x: ArrayLike,
    y: ArrayLike,
    *,
    declared: Datum,
    reference: Any,
    by_row: bool = False,
    axes: AxisOrder = "xy",
    near_m: float = NEAR_M,
) -> DatumShift:
    """Compare points with known places and return which datum they fit, and how far they lie off.

    Nothing is changed. Of more than `SAMPLE_POINTS` rows an even sample is taken.

    Parameters
    ----------
    x, y : (n,) as in the file, in the declared datum; NaN is left out
    reference : (m,) shapely points or polygons, EPSG:4326: buildings, known addresses, or grids. Of
        grids that cover a district only their outer border tells datums apart, so points near it
        are needed. Lines do as well: the road an address names.
    by_row : reference number i is that of row i (m = n, None where unknown), not any near one:
        stronger, as fewer places fit by chance
    near_m : [m]

    Returns
    -------
    DatumShift

    Raises
    ------
    DatumUndecided : too few points to say (`found`, `needed`)
    InvalidCoordinate : a coordinate is no place in the declared datum
    InvalidInput : there is no reference
    """
    first, second = (np.atleast_1d(np.asarray(part, float)) for part in (x, y))
    known = np.asarray(reference, dtype=object).ravel()
    void = shapely.is_missing(known) | shapely.is_empty(known)
    if void.all():
        raise InvalidInput(
            "There is nothing to compare with. Import grids, buildings or addresses first."
        )
    usable = ~(np.isnan(first) | np.isnan(second))
    if by_row:
        if known.shape != first.shape:
            raise InvalidInput(
                f"There are {len(first)} rows and {len(known)} references by row. Give one each."
            )
        usable &= ~void
    rows = np.flatnonzero(usable)
    rows = rows[:: max(1, -(-len(rows) // SAMPLE_POINTS))]
    known = known[rows] if by_row else known[~void]
    readings = _readings(first[rows], second[rows], declared, axes)
    crs = local_metric_crs(*_middle(known))
    known, _ = to_local_metres(known, crs)
    placed = {datum: _metres(lonlat, crs) for datum, lonlat in readings.items()}
    measure = _distances_by_row if by_row else _distances
    distance = {datum: measure(points, known) for datum, points in placed.items()}
    in_reach = np.min(list(distance.values()), axis=0) < REACH_M
    distance = {datum: values[in_reach] for datum, values in distance.items()}
    placed = {datum: points[in_reach] for datum, points in placed.items()}
    near = {datum: values <= near_m for datum, values in distance.items()}
    flags = np.array(list(near.values()))
    informative = int((flags.any(axis=0) & ~flags.all(axis=0)).sum())
    found = informative if len(near) > 1 else int(in_reach.sum())
    if found < NEEDED_POINTS:
        raise DatumUndecided(
            f"{found} points tell the datums apart, at least {NEEDED_POINTS} are needed: too "
            f"few lie near places that are known. Compare with buildings or addresses of the same "
            f"district.",
            found=found,
            needed=NEEDED_POINTS,
        )
    scores = _scores(near, distance)
    best = _clearly_best(scores, near, declared)
    voted = _paired_shift if by_row else _voted_shift
    vector = voted(placed[declared], known[in_reach] if by_row else known)
    is_measured = vector is not None
    if vector is None:
        vector = np.median(placed[declared] - placed[best], axis=0)
    shift_m = float(np.hypot(*vector))
    bearing_deg = float(np.degrees(np.arctan2(vector[0], vector[1])) % 360)
    return DatumShift(
        declared, best, scores, shift_m, bearing_deg, is_measured, int(in_reach.sum()), informative,
        _message(declared, best, scores, shift_m, bearing_deg, is_measured),
    )  # fmt: skip


def measure_pair_shift(
    lon: ArrayLike, lat: ArrayLike, known_lon: ArrayLike, known_lat: ArrayLike
) -> tuple[float, float, float]:
    """Return how far points lie from where the same places are known to be, whatever the reason.

    Parameters
    ----------
    lon, lat, known_lon, known_lat : (n,) degrees, WGS 84, row by row the same place; NaN: unknown

    Returns
    -------
    shift_m, bearing_deg : of the median displacement, from the known places to the points
    spread_m : the median distance of the displacements from it: small beside the shift where the
        set is off as a whole

    Raises
    ------
    DatumUndecided : fewer than `NEEDED_POINTS` complete pairs (`found`, `needed`)
    """
    pairs = np.column_stack([np.asarray(part, float) for part in (lon, lat, known_lon, known_lat)])
    pairs = pairs[~np.isnan(pairs).any(axis=1)]
    if len(pairs) < NEEDED_POINTS:
        raise DatumUndecided(
            f"{len(pairs)} points have a known place, at least {NEEDED_POINTS} are needed.",
            found=len(pairs),
            needed=NEEDED_POINTS,
        )
    crs = local_metric_crs(float(np.median(pairs[:, 2])), float(np.median(pairs[:, 3])))
    off = _metres((pairs[:, 0], pairs[:, 1]), crs) - _metres((pairs[:, 2], pairs[:, 3]), crs)
    shift = np.median(off, axis=0)
    spread_m = float(np.median(np.hypot(*(off - shift).T)))
    return float(np.hypot(*shift)), float(np.degrees(np.arctan2(*shift)) % 360), spread_m


def _readings(
    x: FloatArray, y: FloatArray, declared: Datum, axes: AxisOrder
) -> dict[Datum, tuple[FloatArray, FloatArray]]:
    """Return the points in WGS 84 under each hypothesis, the declared one first.

    Of projected numbers the hypothesis is that they were projected from an offset datum. Where a
    reading moves nothing, as outside China, it is no hypothesis.
    """
    readings = {declared: to_wgs84(x, y, declared, axes=axes)}
    lon, lat = readings[declared]
    if declared in (GCJ02, BD09):
        lon, lat = to_wgs84(x, y, WGS84, axes=axes)
    same = CGCS2000 if declared == CGCS2000 else WGS84
    others = [same, GCJ02, BD09] if not declared.is_projected else [GCJ02, BD09]
    for datum in others:
        if datum not in readings:
            moved = to_wgs84(lon, lat, datum)
            if any(
                not np.array_equal(a, b) for a, b in zip(moved, readings[declared], strict=True)
            ):
                readings[datum] = moved
    return readings


def _middle(geometries: NDArray[np.object_]) -> tuple[float, float]:
    west, south, east, north = shapely.total_bounds(geometries)
    return float(west + east) / 2, float(south + north) / 2


def _metres(lonlat: tuple[FloatArray, FloatArray], crs: pyproj.CRS) -> FloatArray:
    points, _ = to_local_metres(shapely.points(*lonlat), crs)
    return np.asarray(shapely.get_coordinates(points), dtype=float)


def _distances(points: FloatArray, known: NDArray[np.object_]) -> FloatArray:
    """Return the distance [m] of each point to the nearest reference, `REACH_M` where beyond."""
    nearest = np.full(len(points), REACH_M)
    (row, _), metres = shapely.STRtree(known).query_nearest(
        shapely.points(points), max_distance=REACH_M, return_distance=True, all_matches=False
    )
    nearest[row] = metres
    return nearest


def _distances_by_row(points: FloatArray, known: NDArray[np.object_]) -> FloatArray:
    return np.minimum(shapely.distance(shapely.points(points), known), REACH_M)


def _scores(
    near: dict[Datum, NDArray[np.bool_]], distance: dict[Datum, FloatArray]
) -> tuple[DatumScore, ...]:
    scores = [
        DatumScore(datum, float(near[datum].mean()), float(np.median(distance[datum])))
        for datum in near
    ]
    return tuple(sorted(scores, key=lambda score: (-score.share_near, score.median_distance_m)))


def _clearly_best(
    scores: tuple[DatumScore, ...], near: dict[Datum, NDArray[np.bool_]], declared: Datum
) -> Datum:
    """Return the best datum if it beats the declared one beyond chance, else the declared one.

    A sign test on the points that only one of the two brings near the reference.
    """
    best = scores[0].datum
    for_best = int((near[best] & ~near[declared]).sum())
    for_declared = int((near[declared] & ~near[best]).sum())
    clear = for_best - for_declared > CLEAR_SD * (for_best + for_declared) ** 0.5
    return best if clear else declared


def _voted_shift(points: FloatArray, known: NDArray[np.object_]) -> FloatArray | None:
    """Return the shift (east, north) [m] that most pairs of point and reference agree on.

    Every pair within reach votes for its difference; of the wrong pairs the votes scatter, of the
    right ones they pile up. None where the reference is coarse or no pile stands out.
    """
    if np.median(np.sqrt(shapely.area(known))) > _FINE_REFERENCE_M:
        return None
    anchors = shapely.get_coordinates(shapely.centroid(known))
    tree = cKDTree(anchors)
    # As many points as votes can be held for; each has one vote per reference around it.
    around = tree.query_ball_point(points, _VOTE_REACH_M, return_length=True)
    use = np.cumsum(around) <= _VOTES_MAX
    pairs = tree.query_ball_point(points[use], _VOTE_REACH_M)
    counts = np.array([len(pair) for pair in pairs])
    if counts.sum() == 0:
        return None
    difference = np.repeat(points[use], counts, axis=0) - anchors[np.concatenate(pairs).astype(int)]
    edges = np.arange(-_VOTE_REACH_M, _VOTE_REACH_M + 1, _VOTE_STEP_M)
    votes, _, _ = np.histogram2d(difference[:, 0], difference[:, 1], bins=(edges, edges))
    piles = _sum_of_neighbours(votes)
    # The votes of wrong pairs lie as dense around the pile as in it: judge by the ring around it.
    column, row = np.unravel_index(int(np.argmax(piles)), piles.shape)
    at = np.array([edges[column], edges[row]]) + _VOTE_STEP_M / 2
    away = np.hypot(edges[:-1, None] - edges[column], edges[None, :-1] - edges[row])
    ring = piles[(away > 100) & (away < 500)]
    if piles[column, row] < ring.mean() + 6 * ring.std() or piles[column, row] < NEEDED_POINTS:
        return None
    for _ in range(5):
        close = np.hypot(*(difference - at).T) < 1.5 * _VOTE_STEP_M
        at = np.median(difference[close], axis=0)
    return np.asarray(at, dtype=float)


def _paired_shift(points: FloatArray, known: NDArray[np.object_]) -> FloatArray | None:
    """Return the median displacement (east, north) [m] from known points; None for wider places,
    which leave the direction open."""
    if (shapely.get_type_id(known) != shapely.GeometryType.POINT).any():
        return None
    return np.asarray(np.median(points - shapely.get_coordinates(known), axis=0), dtype=float)


def _sum_of_neighbours(votes: FloatArray) -> FloatArray:
    padded = np.pad(votes, 1)
    columns, rows = votes.shape
    return np.asarray(
        sum(padded[i : i + columns, j : j + rows] for i in range(3) for j in range(3)), dtype=float
    )


def _message(
    declared: Datum,
    best: Datum,
    scores: tuple[DatumScore, ...],
    shift_m: float,
    bearing_deg: float,
    is_measured: bool,
) -> str:
    shares = ", ".join(f"{score.share_near:.0%} as {score.datum}" for score in scores)
    whither = f"{shift_m:.0f} m to the {bearing_to_compass(bearing_deg)} of the reference"
    if best != declared:
        how = "lie" if is_measured else "would lie"
        return (
            f"The points are declared {declared} but fit {best} better ({shares} near known "
            f"places); as {declared} they {how} {whither}. If {best} is right, declare it and "
            f"import again; nothing was shifted."
        )
    if is_measured and shift_m > 2 * NEAR_M:
        return (
            f"No other datum fits better than {declared} ({shares} near known places), yet the "
            f"points lie {whither}. Ask the source which coordinates it uses; nothing was shifted."
        )
    return f"The points fit the declared datum {declared} ({shares} near known places)."
