"""How fresh and how complete the registers are, by grid or by H3 cell.

Fresh is what was looked at and isn't due again yet. Both tell of the work on the records, not of
people. Residences are records of persons: how many there are is told by grid alone, on the first
day of a month, with small numbers hidden (`geo.small_numbers`): hexagons cut grids, and days differ
by single persons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.errors import InvalidInput
from geo.grids import load_grids
from geo.h3_cells import h3_cell_polygons
from geo.small_numbers import TOTAL, hide_small_numbers
from geo.store.scope import seeing_everything
from geo.values import GridScope

RECORDS = ("dwelling", "establishment", "residence")
PERSONS = "residence"
PLACES = ("grid", "h3_cell")
RESOLUTIONS = (6, 10)  # coarsest and finest hexagons: a town, a block
H3_CELLS_MAX = 5_000  # what a browser draws without a stutter
# Shares below each of these are a class, the last is full; a choice, so that "nearly all" is seen.
SHARE_BREAKS = (0.0, 0.25, 0.5, 0.75, 0.9)

RecordName = Literal["dwelling", "establishment", "residence"]
PlaceName = Literal["grid", "h3_cell"]
_NO_GRID = "-"  # stands for those in no grid among all that is counted


@dataclass(frozen=True, slots=True)
class FreshnessResult:
    """Freshness and completeness of one kind of record.

    `places` : index `place` (grid code or H3 cell), ascending; columns `record_count` Int64,
        missing where it is hidden; `verified_share`, `fresh_share`, `complete_share` (0 to 1) and
        `median_age_days` (since the last look), missing where there is no record, no look, or the
        count is hidden
    `names` : of each place, of grids; empty for hexagons
    `outlines` : the polygon of each, EPSG:4326
    `counted_on` : the day whose records are counted
    `record_count` : of all places shown; None where it is hidden
    `field_shares` : required field → share of records that have it, None where there are none
    `hidden_count` : places whose numbers are hidden
    """

    records: str
    by: str
    resolution: int | None
    on: date
    counted_on: date
    places: pd.DataFrame
    names: tuple[str, ...]
    outlines: NDArray[np.object_]
    record_count: int | None
    field_shares: dict[str, float | None]
    hidden_count: int
    k: int | None
    method: str

    @property
    def class_counts(self) -> tuple[int, ...]:
        """How many places each class of freshness holds; those without a share are in none."""
        shares = self.places["fresh_share"].dropna().to_numpy("float64")
        return tuple(np.histogram(shares, [*SHARE_BREAKS, np.inf])[0].tolist())

    @property
    def unknown_count(self) -> int:
        """Places without a share: without records, or hidden."""
        return int(self.places["fresh_share"].isna().sum())


def freshness(
    counts: pd.DataFrame, places: pd.Index, hidden: pd.Series | None = None
) -> pd.DataFrame:
    """Return shares by place, in the order of `places`.

    Parameters
    ----------
    counts : (n,) index `place`; columns `record_count`, `verified_count`, `fresh_count`,
        `complete_count` [records], `median_age_days` (missing where none was looked at)
    places : all that are shown; one without records has count 0 and no shares
    hidden : of each place, whether its numbers are hidden; None hides none
    """
    rows = counts.reindex(places)
    total = rows["record_count"].fillna(0).astype("int64")
    shares = {
        name: (rows[f"{name}_count"] / total.where(total > 0)).astype("float64")
        for name in ("verified", "fresh", "complete")
    }
    frame = pd.DataFrame(
        {
            "record_count": total.astype("Int64"),
            **{f"{name}_share": share for name, share in shares.items()},
            "median_age_days": rows["median_age_days"].astype("float64"),
        },
        index=places,
    )
    if hidden is not None:
        frame = frame.mask(hidden.reindex(places, fill_value=False).astype(bool), pd.NA)
    return frame.rename_axis("place")


def load_freshness(
    session: Session,
    *,
    records: RecordName,
    by: PlaceName,
    on: date,
    scope: GridScope,
    k: int,
    resolution: int = 9,
) -> FreshnessResult:
    """Return freshness and completeness of the caller's records.

    Parameters
    ----------
    on : day whose due days count
    k : smallest count of persons that is shown
    resolution : of the hexagons, where `by` is `h3_cell`

    Raises
    ------
    InvalidInput : persons by hexagon, a resolution out of `RESOLUTIONS`, or more hexagons than
        `H3_CELLS_MAX`
    """
    if records == PERSONS and by != "grid":
        raise InvalidInput(
            "Residences are counted by grid only: hexagons cut grids, and the difference of the "
            "two could tell of single persons.",
            field="by",
            wanted=["grid"],
        )
    if not RESOLUTIONS[0] <= resolution <= RESOLUTIONS[1]:
        raise InvalidInput(
            f"resolution is {resolution}, wanted {RESOLUTIONS[0]} to {RESOLUTIONS[1]}.",
            field="resolution",
        )
    is_persons = records == PERSONS
    counted_on = on.replace(day=1) if is_persons else on
    asked = {
        "on": on,
        "counted_on": counted_on,
        "grid_codes": None if scope.grid_codes is None else sorted(scope.grid_codes),
        "resolution": resolution,
    }
    counts = _frame(session, _counts_query(records, by), asked)
    found = session.execute(_lacking_query(records), asked)
    lacking = {str(name): int(count) for name, count in found}
    hidden, total = None, int(counts["record_count"].sum())
    names: tuple[str, ...] = ()
    shown_total: int | None = total
    if by == "grid":
        grids = load_grids(session, on=on, scope=scope)
        places, outlines = grids.index, grids.geometry.to_numpy()
        names = tuple(grids["name"])
        if is_persons:
            hidden, whole = _hidden_grids(session, counted_on, k)
            # One's own sum of several grids is no number that was decided on; all of it is.
            shown_total = whole if scope.grid_codes is None else None
    else:
        places = pd.Index(counts.index.to_numpy("int64"))
        if len(places) > H3_CELLS_MAX:
            raise InvalidInput(
                f"That are {len(places):,} hexagons, wanted {H3_CELLS_MAX:,} at most. Ask for a "
                "coarser resolution.",
                field="resolution",
            )
        outlines = h3_cell_polygons(places.to_numpy("int64"))
    shown = freshness(counts, places, hidden)
    return FreshnessResult(
        records=records,
        by=by,
        resolution=resolution if by == "h3_cell" else None,
        on=on,
        counted_on=counted_on,
        places=shown,
        names=names,
        outlines=outlines,
        record_count=shown_total,
        field_shares=_field_shares(records, lacking, total, is_shown=shown_total is not None),
        hidden_count=0 if hidden is None else int(shown["record_count"].isna().sum()),
        k=k if is_persons else None,
        method=_method(records, on, counted_on, k),
    )


REQUIRED: Mapping[str, tuple[str, ...]] = {
    # Those every record of the kind must have; a rented dwelling must have more
    # (geo.registers.completeness), which is in `complete_share`.
    "dwelling": ("use", "room_count"),
    "establishment": (
        "name", "credit_code", "establishment_class", "trade", "contact_name", "contact_phone",
    ),
    "residence": ("kind", "lived_from", "household_ref"),
}  # fmt: skip


def _field_shares(
    records: str, lacking: Mapping[str, int], total: int, *, is_shown: bool
) -> dict[str, float | None]:
    return {
        name: 1 - lacking.get(name, 0) / total if total and is_shown else None
        for name in REQUIRED[records]
    }


def _hidden_grids(session: Session, counted_on: date, k: int) -> tuple[pd.Series, int | None]:
    """Whether the count of each grid is hidden, and the sum of all where that is shown.

    Decided on for the whole store at once: what two callers are shown fits together.
    """
    with seeing_everything(session):
        rows = session.execute(_PERSONS, {"counted_on": counted_on}).all()
    hidden, total = _decided(tuple((str(g), str(c), int(n)) for g, c, n in rows), k)
    return pd.Series(dict(hidden), dtype=bool), total


@lru_cache(maxsize=16)
def _decided(
    rows: tuple[tuple[str, str, int], ...], k: int
) -> tuple[tuple[tuple[str, bool], ...], int | None]:
    counts = pd.DataFrame(rows, columns=["grid", "community", "count"])
    shown = hide_small_numbers(counts, [("grid",), ("community",), TOTAL], k=k)
    by_grid = shown.tables[0]
    total = shown.tables[2]["count"].iloc[0]
    hidden = tuple(zip(by_grid["grid"], by_grid["count"].isna().tolist(), strict=True))
    return hidden, None if pd.isna(total) else int(total)


def _method(records: str, on: date, counted_on: date, k: int) -> str:
    told = (
        f"Records of {counted_on.isoformat()}. Fresh: looked at, and due after {on.isoformat()}. "
        "Complete: no required field is empty. Age: days since the last look; half of those looked "
        "at are younger. A place without records has no share."
    )
    if records == PERSONS:
        told += (
            f" Records of persons are counted on the first of the month; counts from 1 to {k - 1} "
            "are hidden, and others that would tell them."
        )
    return told


def _frame(session: Session, query: Any, asked: Mapping[str, Any]) -> pd.DataFrame:
    rows = session.execute(query, asked).all()
    columns = ["place", "record_count", "verified_count", "fresh_count", "complete_count",
               "median_age_days"]  # fmt: skip
    return pd.DataFrame([tuple(row) for row in rows], columns=columns).set_index("place")


_THERE = {
    "dwelling": "(r.ended_on IS NULL OR r.ended_on > :counted_on)",
    "establishment": (
        "r.occupied_from <= :counted_on AND (r.occupied_to IS NULL OR r.occupied_to > :counted_on)"
    ),
    "residence": (
        "r.annulled_at IS NULL AND r.lived_from <= :counted_on "
        "AND (r.lived_to IS NULL OR r.lived_to > :counted_on)"
    ),
}
_IN_SCOPE = (
    "(CAST(:grid_codes AS text[]) IS NULL OR r.grid_code = ANY(CAST(:grid_codes AS text[])))"
)


def _counts_query(records: str, by: str) -> Any:
    assert records in RECORDS
    assert by in PLACES
    place = "r.grid_code" if by == "grid" else "h3_cell_parent(a.h3_cell, :resolution)"
    join = "" if by == "grid" else "JOIN standard_address AS a ON a.id = r.standard_address_id"
    known = f"{place} IS NOT NULL"
    return text(
        f"""
        SELECT {place} AS place, count(*), count(r.verified_on),
            count(*) FILTER (WHERE r.verified_on IS NOT NULL AND r.due_on > :on),
            count(*) FILTER (WHERE cardinality(r.missing) = 0),
            percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST(:on AS date) - r.verified_on)
                FILTER (WHERE r.verified_on IS NOT NULL)
        FROM {records} AS r {join}
        WHERE {_THERE[records]} AND {_IN_SCOPE} AND {known}
        GROUP BY 1 ORDER BY 1
        """  # noqa: S608 - the only parts put in are constants of this file
    )


def _lacking_query(records: str) -> Any:
    assert records in RECORDS
    return text(
        f"""
        SELECT field, count(*) FROM {records} AS r, unnest(r.missing) AS field
        WHERE {_THERE[records]} AND {_IN_SCOPE} AND r.grid_code IS NOT NULL GROUP BY 1
        """  # noqa: S608 - the only parts put in are constants of this file
    )


# Those in no grid are counted too: else they were what a total is more than its parts.
_PERSONS = text(
    f"""
    SELECT coalesce(r.grid_code, '{_NO_GRID}'), coalesce(max(g.community_code), '{_NO_GRID}'),
        count(*)
    FROM residence AS r
    LEFT JOIN (SELECT DISTINCT grid_code, community_code FROM grid
               WHERE valid_from <= :counted_on AND (valid_to IS NULL OR valid_to > :counted_on)
    ) AS g ON g.grid_code = r.grid_code
    WHERE {_THERE["residence"]}
    GROUP BY r.grid_code ORDER BY 1
    """  # noqa: S608 - the only parts put in are constants of this file
)
