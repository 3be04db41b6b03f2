"""Administrative areas as they stood on a day: by code, above and below, by name, as a path.

The deployment's own areas, province to community. Writing them is `geo.area_writes`.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Select, any_, case, func, literal, or_, select
from sqlalchemy.orm import Session, defer

from geo.errors import AreaNotFound
from geo.grids import is_in_force
from geo.tables import AREA_LEVELS, Area

SEARCH_MAX = 100
LIST_MAX = 1000  # rows a page; more is a file, not a page
PATH_SEPARATOR = " / "


class NameMatch(enum.StrEnum):
    """By which of its names an area was found, best first."""

    NAME = "name"
    ALIAS = "alias"
    FORMER_NAME = "former_name"
    PART_OF_NAME = "part_of_name"


@dataclass(frozen=True, slots=True)
class FoundArea:
    """An area found by a text, and by which name of it."""

    area: Area
    match: NameMatch


def find_area(session: Session, code: str, *, on: date) -> Area | None:
    """Return the area that bore a code on a day, None where there was none."""
    return session.scalars(_areas(on).where(Area.code == code)).one_or_none()


def get_area(session: Session, code: str, *, on: date) -> Area:
    """Return the area that bore a code on a day.

    Raises
    ------
    AreaNotFound : there was none; the text names the successor, where one is known
    """
    found = find_area(session, code, on=on)
    if found is not None:
        return found
    successor = find_successor(session, code, on=on)
    if successor is not None:
        raise AreaNotFound(
            f"No area has the code “{code[:40]}” on {on.isoformat()}: {successor.name} "
            f"({successor.code}) took its place. Ask for that.",
            code=code[:40],
            successor_code=successor.code,
        )
    raise AreaNotFound(
        f"No area has the code “{code[:40]}” on {on.isoformat()}. Check the code, or import the "
        "area.",
        code=code[:40],
    )


def find_successor(session: Session, code: str, *, on: date) -> Area | None:
    """Return the area that stands on a day for a code given up before: the last of its
    successors, or the one that names the code among its former ones."""
    seen: set[str] = set()
    current = code
    while current not in seen:
        seen.add(current)
        ended = session.scalars(
            select(Area.successor_code)
            .where(Area.code == current, Area.successor_code.is_not(None), Area.valid_to <= on)
            .order_by(Area.valid_to.desc())
            .limit(1)
        ).first()
        if ended is None:
            break
        current = ended
    if current != code:
        found = find_area(session, current, on=on)
        if found is not None:
            return found
    return session.scalars(
        _areas(on).where(literal(code) == any_(Area.former_codes)).order_by(Area.code).limit(1)
    ).first()


def load_children(session: Session, code: str | None, *, on: date) -> Sequence[Area]:
    """Return the areas right below one, by code; None: those whose parent isn't stored."""
    if code is not None:
        return session.scalars(_areas(on).where(Area.parent_code == code).order_by(Area.code)).all()
    stored = select(Area.code).where(is_in_force(Area, on))
    return session.scalars(
        _areas(on)
        .where(or_(Area.parent_code.is_(None), Area.parent_code.not_in(stored)))
        .order_by(Area.code)
    ).all()


def list_areas(
    session: Session,
    *,
    on: date,
    level: str | None = None,
    after: str = "",
    limit: int = LIST_MAX,
) -> Sequence[Area]:
    """Return a page of the areas of a day, by code.

    Parameters
    ----------
    level : only this one, see `AREA_LEVELS`
    after : the last code of the page before; codes beyond it follow
    limit : [areas]
    """
    query = _areas(on).where(Area.code > after).order_by(Area.code).limit(limit)
    return session.scalars(query if level is None else query.where(Area.level == level)).all()


def load_ancestors(session: Session, code: str, *, on: date) -> list[Area]:
    """Return the areas above one, the nearest first, as far as they are stored.

    Raises
    ------
    AreaNotFound : no such code on that day
    """
    return _chain(session, get_area(session, code, on=on), on)[1:]


def area_path(session: Session, code: str, *, on: date) -> str:
    """Return the names from the top down to an area: 太原市 / 迎泽区 / 桥东街道.

    Raises
    ------
    AreaNotFound : no such code on that day
    """
    chain = _chain(session, get_area(session, code, on=on), on)
    return PATH_SEPARATOR.join(area.name for area in reversed(chain))


def search_areas(
    session: Session,
    text: str,
    *,
    on: date,
    level: str | None = None,
    limit: int = 20,
) -> list[FoundArea]:
    """Return areas by name, alias or former name, then by a part of their name.

    Whole names first, then aliases, then former names, then parts; in each coarse areas first,
    then by code.

    Parameters
    ----------
    text : spaces around it don't matter; empty finds nothing
    level : only this one, see `AREA_LEVELS`
    limit : [areas], at most `SEARCH_MAX`
    """
    wanted = text.strip()
    if not wanted:
        return []
    match = case(
        (Area.name == wanted, NameMatch.NAME.value),
        (literal(wanted) == any_(Area.aliases), NameMatch.ALIAS.value),
        (literal(wanted) == any_(Area.former_names), NameMatch.FORMER_NAME.value),
        else_=NameMatch.PART_OF_NAME.value,
    )
    rank = case({kind.value: place for place, kind in enumerate(NameMatch)}, value=match)
    depth = case({name: place for place, name in enumerate(AREA_LEVELS)}, value=Area.level)
    query = (
        select(Area, match)
        .options(defer(Area.geom))
        .where(
            is_in_force(Area, on),
            or_(
                Area.name.contains(wanted, autoescape=True),
                literal(wanted) == any_(Area.aliases),
                literal(wanted) == any_(Area.former_names),
            ),
        )
        .order_by(rank, depth, Area.code)
        .limit(min(limit, SEARCH_MAX))
    )
    if level is not None:
        query = query.where(Area.level == level)
    return [FoundArea(area, NameMatch(kind)) for area, kind in session.execute(query)]


def load_communities(session: Session, *, on: date) -> gpd.GeoDataFrame:
    """Return the communities of a day with their borders, where known.

    Returns
    -------
    (n,) index `code`, ascending; column `name`; polygons or None, EPSG:4326
    """
    rows = session.execute(
        select(Area.code, Area.name, func.ST_AsBinary(Area.geom))
        .where(is_in_force(Area, on), Area.level == "community")
        .order_by(Area.code)
    ).all()
    borders = np.array([None if wkb is None else bytes(wkb) for _, _, wkb in rows], dtype=object)
    return gpd.GeoDataFrame(
        {"name": [name for _, name, _ in rows]},
        index=pd.Index([code for code, _, _ in rows], name="code", dtype="str"),
        geometry=shapely.from_wkb(borders),
        crs="EPSG:4326",
    )


def _chain(session: Session, area: Area, on: date) -> list[Area]:
    """The area and those above it. Levels only rise, so a ring of parents ends, too."""
    chain = [area]
    while chain[-1].parent_code is not None:
        above = find_area(session, chain[-1].parent_code, on=on)
        if above is None or AREA_LEVELS.index(above.level) >= AREA_LEVELS.index(chain[-1].level):
            break
        chain.append(above)
    return chain


def _areas(on: date) -> Select[Area]:
    return select(Area).options(defer(Area.geom)).where(is_in_force(Area, on))
