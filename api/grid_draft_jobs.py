"""Drafts of grids worked on in the background: stage by stage into the store, stopped with the best
so far."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from api.background import Search, Searches
from geo.grid_set_drafts import change_grid_draft, get_grid_draft
from geo.store.database import Database
from geo.values import GridScope
from layers.balanced_grids.kept import blocks_to_bytes, suggestion_to_json
from layers.balanced_grids.solving import STAGES
from layers.balanced_grids.suggestion import Suggestion, suggest_in_stages

STAGE_COUNT = len(STAGES)


@dataclass(slots=True)
class GridDraftSearch(Search):
    """The search of a draft. `stage` counts the stages done; `version` is the draft's after the
    last of them. Whoever holds `writing` is not interrupted: after a stop nothing is written."""

    version: int = 0
    stage: int = 0
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    writing: threading.Lock = field(default_factory=threading.Lock)


class GridDraftJobs:
    """At most one search a draft; its finds are written into the draft unless somebody else
    changed it meanwhile."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._searches: Searches[GridDraftSearch] = Searches("draft")

    def start(
        self,
        draft_id: int,
        suggestion: Suggestion,
        *,
        version: int,
        scope: GridScope,
        finer: Callable[[], Suggestion] | None = None,
    ) -> GridDraftSearch:
        """Begin to solve a draft.

        Parameters
        ----------
        finer : makes the same with blocks parted between buildings, where whole ones don't do

        Raises
        ------
        Conflict : it is being solved, or too many others are
        """
        return self._searches.begin(
            GridDraftSearch(draft_id, version=version),
            lambda search: self._solve(search, suggestion, scope, finer),
        )

    def job(self, draft_id: int) -> GridDraftSearch | None:
        """Return the search of a draft that runs or ran last; None: none in this process."""
        return self._searches.of(draft_id)

    def stop(self, draft_id: int) -> None:
        """End a search with the best so far; what is being tried changes nothing any more."""
        search = self._searches.of(draft_id)
        if search is not None:
            with search.writing:
                search.stopped.set()
                search.is_running = False

    def close(self) -> None:
        """End all searches, when the program ends."""
        self._searches.close()

    def _solve(
        self,
        search: GridDraftSearch,
        suggestion: Suggestion,
        scope: GridScope,
        finer: Callable[[], Suggestion] | None,
    ) -> None:
        block_count = len(suggestion.blocks)
        for found in suggest_in_stages(suggestion, finer):
            has_new_blocks = len(found.blocks) != block_count
            block_count = len(found.blocks)
            blocks = blocks_to_bytes(found) if has_new_blocks else None
            with search.writing:
                if search.stopped.is_set():
                    return
                with self._database.session_of(scope) as session:
                    draft = get_grid_draft(session, search.of_id, scope=scope)
                    content = {**draft.content, **suggestion_to_json(found)}
                    changed = change_grid_draft(
                        session, draft, version=search.version, content=content, blocks=blocks
                    )
                    version = changed.version
                search.version = version
                search.stage = min(search.stage + 1, STAGE_COUNT)
