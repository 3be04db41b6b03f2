"""Putting generated incidents into a store: their kinds, then rows placed as an import would."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from geo.demo.city import DemoCity
from geo.demo.incident_kinds import CATEGORIES
from geo.demo.incidents import TIMES, ZONE, generate_incidents
from geo.incidents.categories import load_categories
from geo.register.placing import GridPlacer
from geo.store.bulk import analyze_tables, copy_table, points_to_ewkb
from geo.tables import ADDRESS_COMPONENTS, Establishment, Incident, StandardAddress

SOURCE = "demo"
_ADDRESS_CONFIDENCE = 0.98
_ADDRESS_ACCURACY_M, _STREET_ACCURACY_M = 1.0, 10.0
# What happens at a shop or works is of that establishment; what happens in its flat isn't.
_OF_ESTABLISHMENT = ("theft_shop", "dispute_consumer", "dispute_labour", "order_unlicensed")


def store_incidents(
    session: Session, city: DemoCity, *, today: date, zone: ZoneInfo = ZONE, valid_on: date
) -> int:
    """Store the incidents of a city whose addresses and registers are stored; return how many.

    Parameters
    ----------
    today : nothing is of this day or later; zone : in which days and hours are meant
    valid_on : a day on which the city's grids are in force
    """
    load_categories(session, CATEGORIES)
    rows = generate_incidents(city, today=today, zone=zone).rows
    at_address = rows["address_ref"].notna()
    address_id = rows["address_ref"].map(_address_ids(session)).astype("Int64")
    placed = GridPlacer(valid_on).place(session, rows["lon"], rows["lat"])
    establishment = address_id.map(_establishments(session)).astype("Int64")
    establishment = establishment.where(rows["category_code"].isin(_OF_ESTABLISHMENT))
    texts = ("source_ref", "category_code", "source", "status", "address_text")
    columns = {
        **{name: pa.array(rows[name], pa.string()) for name in texts},
        **{name: pa.array(rows[name], from_pandas=True) for name in TIMES},
        "standard_address_id": pa.array(address_id, pa.int64()),
        "establishment_id": pa.array(establishment, pa.int64()),
        "match_level": pa.array(_levels(rows, city), pa.string()),
        "match_confidence": pa.array(
            np.where(at_address, _ADDRESS_CONFIDENCE, np.nan), pa.float32(), from_pandas=True
        ),
        "geom": points_to_ewkb(rows["lon"], rows["lat"]),
        "point_method": pa.array(np.where(at_address, "geocoded", "given"), pa.string()),
        "accuracy_m": pa.array(
            np.where(at_address, _ADDRESS_ACCURACY_M, _STREET_ACCURACY_M), pa.float32()
        ),
        "origin_datum": pa.array(["WGS84"] * len(rows), pa.string()),
        "grid_code": pa.array(placed.grid_code, pa.string()),
        "h3_cell": pa.array(placed.h3_cell, pa.int64()),
        "dataset": pa.array([SOURCE] * len(rows), pa.string()),
        "recorded_by": pa.array([SOURCE] * len(rows), pa.string()),
    }
    copy_table(session, Incident.__table__, pa.table(columns))  # type: ignore[arg-type]
    _decide_duplicates(session, rows)
    analyze_tables(session, Incident)
    return len(rows)


def _decide_duplicates(session: Session, rows: pd.DataFrame) -> None:
    decided = rows[rows["duplicate_of"].notna()]
    session.execute(
        text(
            "UPDATE incident AS told SET duplicate_of = first.id FROM incident AS first "
            "WHERE told.dataset = :source AND told.source_ref = :ref "
            "AND first.dataset = :source AND first.source_ref = :first"
        ),
        [
            {"source": SOURCE, "ref": ref, "first": first}
            for ref, first in zip(decided["source_ref"], decided["duplicate_of"], strict=True)
        ],
    )


def _levels(rows: pd.DataFrame, city: DemoCity) -> list[str | None]:
    """The finest level of each address; missing where there is a point in the street only."""
    addresses = city.addresses
    finest = pd.Series("", index=addresses["source_ref"].to_numpy(), dtype=object)
    for level in ADDRESS_COMPONENTS:
        finest[(addresses[level] != "").to_numpy()] = level
    return [finest.get(ref) if isinstance(ref, str) else None for ref in rows["address_ref"]]


def _address_ids(session: Session) -> dict[str, int]:
    found = session.execute(
        select(StandardAddress.source_ref, StandardAddress.id).where(
            StandardAddress.source == SOURCE, StandardAddress.status == "current"
        )
    )
    return {str(ref): number for ref, number in found}


def _establishments(session: Session) -> dict[int, int]:
    found = session.execute(
        select(Establishment.standard_address_id, func.min(Establishment.id)).group_by(
            Establishment.standard_address_id
        )
    )
    return {row[0]: row[1] for row in found}
