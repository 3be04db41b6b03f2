"""Drafts of sets of grids: made, changed by one at a time, decided on; never deleted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session, defer

from geo.errors import AreaNotFound, Conflict, GridDraftNotFound
from geo.scope_conditions import within_scope
from geo.tables import Area, GridSetDraft
from geo.values import GridScope

LIST_MAX = 100
OPEN_STATUSES = ("draft", "proposed")


def create_grid_draft(
    session: Session,
    area: Area,
    *,
    scope: GridScope,
    grid_codes: Collection[str],
    content: Mapping[str, Any],
    blocks: bytes,
    created_by: str,
) -> GridSetDraft:
    """Return a new draft of an area.

    Parameters
    ----------
    grid_codes : the grids of now in it; who doesn't see one of them doesn't see the draft

    Raises
    ------
    AreaNotFound : a grid outside the caller's scope, or none where the scope is limited
    """
    codes = sorted(set(grid_codes))
    is_foreign = any(not scope.covers(code) for code in codes)
    if is_foreign or (not codes and not scope.is_everything):
        raise AreaNotFound(
            f"“{area.code}” is no area whose grids are all yours. Choose one that is.",
            code=area.code,
        )
    draft = GridSetDraft(
        version=1,
        status="draft",
        area_code=area.code,
        area_name=area.name,
        area_level=area.level,
        grid_codes=codes,
        content=dict(content),
        blocks=blocks,
        created_by=created_by,
    )
    session.add(draft)
    session.flush()
    return draft


def find_grid_drafts(session: Session, *, scope: GridScope) -> list[GridSetDraft]:
    """Return the drafts of the scope, the newest first, at most `LIST_MAX`, without blocks."""
    asked = (
        select(GridSetDraft)
        .where(within_scope(GridSetDraft.grid_codes, scope))
        .options(defer(GridSetDraft.blocks), defer(GridSetDraft.content))
        .order_by(GridSetDraft.id.desc())
        .limit(LIST_MAX)
    )
    return list(session.scalars(asked))


def get_grid_draft(session: Session, draft_id: int, *, scope: GridScope) -> GridSetDraft:
    """Return a draft.

    Raises
    ------
    GridDraftNotFound : there is none of this number in the scope
    """
    draft = session.scalar(
        select(GridSetDraft).where(
            GridSetDraft.id == draft_id, within_scope(GridSetDraft.grid_codes, scope)
        )
    )
    if draft is None:
        raise GridDraftNotFound(f"There is no draft of grids {draft_id}.", draft_id=draft_id)
    return draft


def change_grid_draft(
    session: Session,
    draft: GridSetDraft,
    *,
    version: int,
    content: Mapping[str, Any],
    blocks: bytes | None = None,
) -> GridSetDraft:
    """Write what a draft holds now, if nobody else changed it since `version`.

    Raises
    ------
    Conflict : it was changed meanwhile, or is no draft any more
    """
    values: dict[str, Any] = {"content": dict(content)}
    if blocks is not None:
        values["blocks"] = blocks
    return _changed(session, draft, version=version, was=("draft",), values=values)


def decide_grid_draft(
    session: Session,
    draft: GridSetDraft,
    *,
    version: int,
    status: str,
    decided_by: str,
    now: datetime,
) -> GridSetDraft:
    """Propose, accept or end a draft, or take a proposed one back to edit it.

    Raises
    ------
    Conflict : it was changed meanwhile, or is decided already
    """
    was = {"accepted": ("proposed",), "proposed": ("draft",), "draft": ("proposed",)}
    values = {"status": status, "decided_by": decided_by, "decided_at": now}
    return _changed(
        session, draft, version=version, was=was.get(status, OPEN_STATUSES), values=values
    )


def _changed(
    session: Session,
    draft: GridSetDraft,
    *,
    version: int,
    was: tuple[str, ...],
    values: Mapping[str, Any],
) -> GridSetDraft:
    changed = session.execute(
        update(GridSetDraft)
        .where(
            GridSetDraft.id == draft.id,
            GridSetDraft.version == version,
            GridSetDraft.status.in_(was),
        )
        .values(version=version + 1, **values)
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined] # of an UPDATE it is there
        raise Conflict(
            f"The draft {draft.id} was changed by somebody else, or is {' or '.join(was)} no more. "
            "Load it again, and make the change there.",
            draft_id=draft.id,
        )
    session.refresh(draft)
    return draft
