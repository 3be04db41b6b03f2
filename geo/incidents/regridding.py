"""Incidents follow the grids: where a version began or ended, each gets the grid it lies in now."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import pandas as pd
from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from geo.stored_grids import load_stored_grids
from geo.tables import Grid, StoreNote

_BATCH_ROWS = 100_000
_FEW_GRIDS = 50  # of more it is quicker to look at all incidents than for those near them
_NOTE = "incidents_follow_grids"

_POINTS = text("""
    SELECT id, ST_X(geom), ST_Y(geom), grid_code
    FROM incident
    WHERE geom IS NOT NULL
        AND (CAST(:grid_ids AS bigint[]) IS NULL OR id IN (
            SELECT i.id FROM grid AS g JOIN incident AS i ON i.grid_code = g.grid_code
            WHERE g.id = ANY(CAST(:grid_ids AS bigint[]))
            UNION
            SELECT i.id FROM grid AS g JOIN incident AS i ON g.geom && i.geom
            WHERE g.id = ANY(CAST(:grid_ids AS bigint[]))
        ))
    ORDER BY id
""")
_MOVE = text("""
    UPDATE incident AS i
    SET grid_code = wanted.grid_code
    FROM unnest(CAST(:ids AS bigint[]), CAST(:grid_codes AS text[])) AS wanted (id, grid_code)
    WHERE i.id = wanted.id
""")


def regrid_incidents(session: Session, *, on: date, grid_ids: Collection[int] | None = None) -> int:
    """Give each incident with a point the grid it lies in on a day; return how many moved.

    An incident belongs to whom its place belongs today: that its grid was another when it happened
    is no reason to hide it from who looks after the place now. Its history doesn't grow by it.

    Parameters
    ----------
    grid_ids : the grids that began or ended, when only a few did: incidents with their codes, or in
        their bounding boxes, are looked at. None: all.
    """
    if grid_ids is not None and len(grid_ids) > _FEW_GRIDS:
        grid_ids = None
    grids = load_stored_grids(session, on=on)
    moved = 0
    rows = session.execute(
        _POINTS, {"grid_ids": None if grid_ids is None else list(grid_ids)}
    ).partitions(_BATCH_ROWS)
    for batch in rows:
        frame = pd.DataFrame(batch, columns=["id", "lon", "lat", "grid_code"])
        placed = grids.place(frame["lon"].to_numpy(float), frame["lat"].to_numpy(float))
        wrong = (placed["grid_code"].fillna("") != frame["grid_code"].fillna("")).to_numpy()
        if wrong.any():
            codes = placed["grid_code"][wrong].astype(object)
            session.execute(
                _MOVE,
                {
                    "ids": frame["id"][wrong].tolist(),
                    "grid_codes": codes.where(codes.notna(), None).tolist(),
                },
            )
            moved += int(wrong.sum())
    return moved


def follow_grids_with_incidents(session: Session, *, on: date) -> int:
    """Bring incidents into the grids of a day, where one began or ended since last time; return
    how many moved.

    The store notes the day, so that it costs next to nothing where no grid did. The first time all
    incidents are looked at.
    """
    note = session.get(StoreNote, _NOTE)
    last = None if note is None else date.fromisoformat(note.value["day"])
    if last is not None and last >= on:
        return 0
    due = None
    if last is not None:
        due = session.scalars(
            select(Grid.id).where(
                or_(
                    (Grid.valid_from > last) & (Grid.valid_from <= on),
                    (Grid.valid_to > last) & (Grid.valid_to <= on),
                )
            )
        ).all()
    moved = regrid_incidents(session, on=on, grid_ids=due) if due is None or due else 0
    session.merge(StoreNote(name=_NOTE, value={"day": on.isoformat()}))
    return moved
