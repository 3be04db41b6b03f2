"""Response sites in the store: stations and posts that are, candidates that might be."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from geo.crs import WGS84, Datum, check_coordinates, to_wgs84
from geo.errors import InvalidFile, InvalidInput
from geo.tables import ResponseSite
from geo.tables.response_site import SITE_KINDS
from geo.values import LonLat

TEXT_MAX = 80
FILE_ROWS_MAX = 50_000
_SPELLINGS = {"longitude": "lon", "lng": "lon", "经度": "lon", "latitude": "lat", "纬度": "lat",
              "编码": "code", "名称": "name", "类型": "kind", "权重": "weight"}  # fmt: skip
_COLUMNS = ("code", "name", "kind", "lon", "lat")


@dataclass(frozen=True, slots=True)
class Site:
    """One site as it is given or found."""

    code: str
    name: str
    kind: str
    place: LonLat


def load_sites(session: Session, *, on: date, kinds: Sequence[str] | None = None) -> list[Site]:
    """Return the sites of a day, by code.

    Parameters
    ----------
    kinds : only these; None: all but candidates
    """
    wanted = [kind for kind in SITE_KINDS if kind != "candidate"] if kinds is None else list(kinds)
    rows = session.execute(
        select(
            ResponseSite.code, ResponseSite.name, ResponseSite.kind,
            func.ST_X(ResponseSite.geom), func.ST_Y(ResponseSite.geom),
        )
        .where(
            ResponseSite.kind.in_(wanted),
            ResponseSite.valid_from <= on,
            or_(ResponseSite.valid_to.is_(None), ResponseSite.valid_to > on),
        )
        .order_by(ResponseSite.code)
    )  # fmt: skip
    return [Site(code, name, kind, LonLat(lon, lat)) for code, name, kind, lon, lat in rows]


def store_sites(session: Session, sites: Sequence[Site], *, valid_from: date) -> int:
    """Put sites in, those of a known code anew; return how many.

    Raises
    ------
    InvalidInput : an empty or long text, an unknown kind, a code twice
    """
    seen: set[str] = set()
    for site in sites:
        for field in ("code", "name"):
            if not 1 <= len(getattr(site, field).strip()) <= TEXT_MAX:
                raise InvalidInput(f"{field} of a site wants 1 to {TEXT_MAX} characters.")
        if site.kind not in SITE_KINDS:
            raise InvalidInput(
                f"The kind of site {site.code} is {site.kind[:40]}, wanted one of "
                f"{', '.join(SITE_KINDS)}.",
                field="kind",
            )
        if site.code in seen:
            raise InvalidInput(f"The code {site.code} stands there twice. Give each its own.")
        seen.add(site.code)
    for site in sites:
        values = {
            "name": site.name.strip(),
            "kind": site.kind,
            "geom": f"SRID=4326;POINT({site.place.longitude!r} {site.place.latitude!r})",
        }
        statement = insert(ResponseSite).values(code=site.code, valid_from=valid_from, **values)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["code"], set_={**values, "valid_to": None, "updated_at": func.now()}
            )
        )
    return len(sites)


def end_sites(session: Session, codes: Sequence[str], *, on: date) -> int:
    """End the open sites of some codes on a day; return how many were."""
    rows = session.scalars(
        select(ResponseSite).where(ResponseSite.code.in_(codes), ResponseSite.valid_to.is_(None))
    ).all()
    for row in rows:
        row.valid_to = max(on, row.valid_from)
    session.flush()
    return len(rows)


def known_column(name: str | None) -> str:
    """Return what a column is called here: lon for Longitude, lat for LATITUDE.

    >>> known_column(" Longitude ")
    'lon'
    """
    word = (name or "").strip().lower()
    return _SPELLINGS.get(word, word)


def read_sites(path: Path, *, datum: Datum = WGS84, kind: str | None = None) -> list[Site]:
    """Read sites of a CSV file with the columns code, name, kind, lon, lat (UTF-8).

    Parameters
    ----------
    kind : of all sites, where the file has no such column; `code` and `name` may be left out too

    Raises
    ------
    InvalidFile : no such columns, no row, a row without a place
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidFile(f"{path.name} can't be read as CSV in UTF-8: {error}.") from error
    rows = [{known_column(name): value for name, value in row.items()} for row in rows]
    if not rows or len(rows) > FILE_ROWS_MAX or not {"lon", "lat"} <= set(rows[0]):
        raise InvalidFile(
            f"{path.name} has {len(rows):,} rows with the columns "
            f"{', '.join(str(c) for c in rows[0])[:120] if rows else '-'}. Wanted 1 to "
            f"{FILE_ROWS_MAX:,} rows with {', '.join(_COLUMNS)}."
        )
    found = []
    for number, row in enumerate(rows, 1):
        try:
            x, y = float(row["lon"]), float(row["lat"])
        except (TypeError, ValueError):
            raise InvalidFile(f"{path.name}, row {number}: lon and lat are no numbers.") from None
        if check_coordinates([x], [y], datum)[0]:
            raise InvalidFile(f"{path.name}, row {number}: ({x}, {y}) is no place in {datum.name}.")
        lon, lat = to_wgs84(x, y, datum)
        code = (row.get("code") or f"{path.stem}-{number:04d}").strip()
        found.append(
            Site(
                code=code,
                name=(row.get("name") or code).strip(),
                kind=(row.get("kind") or kind or "candidate").strip(),
                place=LonLat(float(lon), float(lat)),
            )
        )
    return found
