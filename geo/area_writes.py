"""Write areas: what changes ends and begins anew, what is only completed stays one row.

All in the caller's transaction.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import shapely
from geoalchemy2 import WKBElement
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from geo.areas import get_area
from geo.errors import InvalidInput
from geo.tables import AREA_LEVELS, Area

AREA_LOCK = 7_204_515  # any constant serves that no other lock of this program uses
_SAME_PLACE_DEG = 1e-9  # 0.1 mm
_LISTS = ("aliases", "former_names", "former_codes")


class AreaOutcome(enum.StrEnum):
    """What became of one area that was written."""

    NEW = "new"
    CHANGED = "changed"
    COMPLETED = "completed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class AreaDraft:
    """An area as a person or a file states it. None: not stated, what is stored stays.

    row : as the file's reader counts it
    geometry : valid multipolygon, EPSG:4326
    """

    row: int
    code: str
    level: str
    name: str
    parent_code: str | None
    valid_from: date
    valid_to: date | None = None
    aliases: tuple[str, ...] | None = None
    former_names: tuple[str, ...] | None = None
    former_codes: tuple[str, ...] | None = None
    successor_code: str | None = None
    geometry: Any | None = None


@dataclass(frozen=True, slots=True)
class AreaWritten:
    """What became of a draft; `reason` says why where it was refused."""

    draft: AreaDraft
    outcome: AreaOutcome
    reason: str | None = None


def write_areas(session: Session, drafts: Sequence[AreaDraft], *, source: str) -> list[AreaWritten]:
    """Store areas, one after the other in the order given; return what became of each.

    An area that isn't known begins on its `valid_from`. One that is known in other words ends on
    that day and begins anew; its former name is kept among the former names. What is stored as
    unknown (a border, a parent, a successor) is filled in without a new row. Drafts that say
    nothing new change nothing.

    A draft is refused where another word for the same code begins on the same day or later, or
    where its parent isn't of a coarser level.

    Raises
    ------
    DatabaseUnavailable, DiskFull
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": AREA_LOCK})
    known = _load_known(session, {draft.code for draft in drafts})
    levels = _parent_levels(session, drafts)
    fresh: list[dict[str, Any]] = []
    results = []
    for draft in drafts:
        result = _write_one(session, draft, known[draft.code], levels, source, fresh)
        results.append(result)
    if fresh:
        session.execute(insert(Area), [_row(stored) for stored in fresh])
    return results


def end_area(session: Session, code: str, *, on: date, successor_code: str | None = None) -> Area:
    """End an area: from `on` it no longer stands. It keeps its row, and its successor's code.

    Raises
    ------
    AreaNotFound : no such code on that day
    InvalidInput : it began that day or later, or would succeed itself
    """
    area = get_area(session, code, on=on)
    if area.valid_from >= on:
        raise InvalidInput(
            f"Area “{code}” begins on {area.valid_from.isoformat()} and can't end on "
            f"{on.isoformat()}. Give a later day."
        )
    if successor_code == code:
        raise InvalidInput(f"Area “{code}” can't succeed itself. Give another code, or none.")
    area.valid_to, area.successor_code = on, successor_code
    session.flush()
    return area


def _write_one(
    session: Session,
    draft: AreaDraft,
    periods: list[dict[str, Any]],
    levels: dict[str, set[str]],
    source: str,
    fresh: list[dict[str, Any]],
) -> AreaWritten:
    parent_levels = levels.get(draft.parent_code or "", set())
    coarser = AREA_LEVELS[: AREA_LEVELS.index(draft.level)]
    if parent_levels and not parent_levels & set(coarser):
        return AreaWritten(
            draft,
            AreaOutcome.REFUSED,
            f"Its parent “{draft.parent_code}” is a {'/'.join(sorted(parent_levels))}, which can't "
            f"hold a {draft.level}. Correct parent_code or level.",
        )
    later = [p for p in periods if p["valid_from"] > draft.valid_from]
    current = next(
        (
            p
            for p in periods
            if p["valid_from"] <= draft.valid_from
            and (p["valid_to"] is None or p["valid_to"] > draft.valid_from)
        ),
        None,
    )
    if current is None:
        return _begin(draft, periods, later, source, fresh)
    wanted = _merged(draft, current)
    changed = {name for name in wanted if not _is_same(wanted[name], current[name])}
    if not changed:
        return AreaWritten(draft, AreaOutcome.UNCHANGED)
    if all(_is_unknown(current[name]) for name in changed):
        current.update(wanted)
        if current["id"] is not None:
            session.execute(
                update(Area)
                .where(Area.id == current["id"])
                .values({name: _stored(name, wanted[name]) for name in changed})
            )
        return AreaWritten(draft, AreaOutcome.COMPLETED)
    if current["valid_from"] == draft.valid_from or later:
        first = max(p["valid_from"] for p in periods)
        return AreaWritten(
            draft,
            AreaOutcome.REFUSED,
            f"“{draft.code}” is stored with other words ({', '.join(sorted(changed))}) from "
            f"{first.isoformat()} on. Give a later valid_from.",
        )
    ended = current["valid_to"]
    current["valid_to"] = draft.valid_from
    if current["id"] is not None:
        session.execute(
            update(Area).where(Area.id == current["id"]).values(valid_to=draft.valid_from)
        )
    begun = {**current, **wanted, "id": None, "valid_from": draft.valid_from, "source": source}
    begun["valid_to"] = draft.valid_to or ended
    if wanted["name"] != current["name"]:
        former = (*begun["former_names"], current["name"])
        begun["former_names"] = tuple(n for n in dict.fromkeys(former) if n != wanted["name"])
    periods.append(begun)
    fresh.append(begun)
    return AreaWritten(draft, AreaOutcome.CHANGED)


def _begin(
    draft: AreaDraft,
    periods: list[dict[str, Any]],
    later: list[dict[str, Any]],
    source: str,
    fresh: list[dict[str, Any]],
) -> AreaWritten:
    first = min((p["valid_from"] for p in later), default=None)
    if first is not None and (draft.valid_to is None or draft.valid_to > first):
        return AreaWritten(
            draft,
            AreaOutcome.REFUSED,
            f"“{draft.code}” is stored from {first.isoformat()} on already. Give a valid_to up to "
            "that day, or a later valid_from.",
        )
    begun = {
        "id": None,
        "code": draft.code,
        "level": draft.level,
        "name": draft.name,
        "parent_code": draft.parent_code,
        "aliases": draft.aliases or (),
        "former_names": draft.former_names or (),
        "former_codes": draft.former_codes or (),
        "successor_code": draft.successor_code,
        "valid_from": draft.valid_from,
        "valid_to": draft.valid_to,
        "geom": draft.geometry,
        "source": source,
    }
    periods.append(begun)
    fresh.append(begun)
    return AreaWritten(draft, AreaOutcome.NEW)


def _merged(draft: AreaDraft, current: dict[str, Any]) -> dict[str, Any]:
    """What the area should say: the draft where it states something, else what is stored."""
    stated = {
        "level": draft.level,
        "name": draft.name,
        "parent_code": draft.parent_code,
        "successor_code": draft.successor_code,
        "valid_to": draft.valid_to,
        "geom": draft.geometry,
        **{name: getattr(draft, name) for name in _LISTS},
    }
    return {name: current[name] if value is None else value for name, value in stated.items()}


def _is_unknown(value: Any) -> bool:
    return value is None or value == ()


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, shapely.Geometry) and isinstance(other, shapely.Geometry):
        return bool(
            shapely.equals_exact(
                shapely.normalize(_multipolygon(one)),
                shapely.normalize(_multipolygon(other)),
                tolerance=_SAME_PLACE_DEG,
            )
        )
    return bool(one == other)


def _load_known(session: Session, codes: set[str]) -> dict[str, list[dict[str, Any]]]:
    """All periods of the codes, as dictionaries that later drafts of the same file see change."""
    known: dict[str, list[dict[str, Any]]] = defaultdict(list)
    columns = [column for column in Area.__table__.c if column.name not in ("geom", "created_at")]
    rows = session.execute(
        select(*columns, func.ST_AsBinary(Area.geom).label("wkb"))
        .where(Area.code.in_(sorted(codes)))
        .order_by(Area.code, Area.valid_from)
    ).mappings()
    for row in rows:
        stored = dict(row)
        wkb = stored.pop("wkb")
        stored["geom"] = None if wkb is None else shapely.from_wkb(bytes(wkb))
        for name in _LISTS:
            stored[name] = tuple(stored[name])
        known[stored["code"]].append(stored)
    return known


def _parent_levels(session: Session, drafts: Sequence[AreaDraft]) -> dict[str, set[str]]:
    """The levels that the drafts' parents have, in the store or among the drafts."""
    wanted = sorted({draft.parent_code for draft in drafts if draft.parent_code is not None})
    levels: dict[str, set[str]] = defaultdict(set)
    for code, level in session.execute(select(Area.code, Area.level).where(Area.code.in_(wanted))):
        levels[code].add(level)
    for draft in drafts:
        levels[draft.code].add(draft.level)
    return levels


def _row(stored: dict[str, Any]) -> dict[str, Any]:
    return {name: _stored(name, value) for name, value in stored.items() if name != "id"}


def _stored(name: str, value: Any) -> Any:
    if name == "geom" and value is not None:
        return WKBElement(bytes(_multipolygon(value).wkb), srid=4326)
    return list(value) if isinstance(value, tuple) else value


def _multipolygon(geometry: Any) -> Any:
    return shapely.multipolygons(shapely.get_parts(geometry))
