"""Drafts of grids worked on in the background: stage by stage into the store, stopped with the best
so far."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from geo.errors import Conflict, PlatformError
from geo.grid_set_drafts import change_grid_draft, get_grid_draft
from geo.store.database import Database
from geo.values import GridScope
from layers.balanced_grids.kept import blocks_to_bytes, suggestion_to_json
from layers.balanced_grids.solving import STAGES
from layers.balanced_grids.suggestion import Suggestion, suggest_in_stages

JOBS_MAX = 4
JOIN_S = 10.0
STAGE_COUNT = len(STAGES)

log = structlog.get_logger(__name__)


@dataclass
class GridDraftJob:
    """One draft in work. `stage` counts the stages done; `version` is the draft's after the
    last of them. Whoever holds `writing` is not interrupted: after a stop nothing is written."""

    draft_id: int
    version: int
    is_running: bool = True
    stage: int = 0
    message: str | None = None
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    stopped: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    writing: threading.Lock = field(default_factory=threading.Lock)


class GridDraftJobs:
    """At most one search a draft; its finds are written into the draft unless somebody else
    changed it meanwhile."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._jobs: dict[int, GridDraftJob] = {}
        self._lock = threading.Lock()

    def start(
        self,
        draft_id: int,
        suggestion: Suggestion,
        *,
        version: int,
        scope: GridScope,
        finer: Callable[[], Suggestion] | None = None,
    ) -> GridDraftJob:
        """Begin to solve a draft.

        Parameters
        ----------
        finer : makes the same with blocks parted between buildings, where whole ones don't do

        Raises
        ------
        Conflict : it is being solved, or too many others are
        """
        with self._lock:
            known = self._jobs.get(draft_id)
            running = sum(job.is_running for job in self._jobs.values())
            if (known is not None and known.is_running) or running >= JOBS_MAX:
                raise Conflict(
                    "This draft is being solved, or too many others are. Wait for the end, or "
                    "stop one.",
                    draft_id=draft_id,
                )
            job = GridDraftJob(draft_id, version)
            self._jobs = {key: old for key, old in self._jobs.items() if old.is_running}
            self._jobs[draft_id] = job
        job.thread = threading.Thread(
            target=self._run, args=(job, suggestion, scope, finer), daemon=True,
            name=f"draw-grids-{draft_id}",
        )  # fmt: skip
        job.thread.start()
        return job

    def job(self, draft_id: int) -> GridDraftJob | None:
        """Return the search of a draft that runs or ran last; None: none in this process."""
        return self._jobs.get(draft_id)

    def stop(self, draft_id: int) -> None:
        """End a search with the best so far; what is being tried changes nothing any more."""
        job = self._jobs.get(draft_id)
        if job is not None:
            with job.writing:
                job.stopped.set()
                job.is_running = False

    def close(self) -> None:
        """End all searches, when the program ends."""
        for job in list(self._jobs.values()):
            job.stopped.set()
        for job in list(self._jobs.values()):
            if job.thread is not None:
                job.thread.join(JOIN_S)

    def _run(
        self,
        job: GridDraftJob,
        suggestion: Suggestion,
        scope: GridScope,
        finer: Callable[[], Suggestion] | None,
    ) -> None:
        try:
            block_count = len(suggestion.blocks)
            for found in suggest_in_stages(suggestion, finer):
                has_new_blocks = len(found.blocks) != block_count
                block_count = len(found.blocks)
                blocks = blocks_to_bytes(found) if has_new_blocks else None
                with job.writing:
                    if job.stopped.is_set():
                        return
                    with self._database.session_of(scope) as session:
                        draft = get_grid_draft(session, job.draft_id, scope=scope)
                        content = {**draft.content, **suggestion_to_json(found)}
                        changed = change_grid_draft(
                            session, draft, version=job.version, content=content, blocks=blocks
                        )
                        version = changed.version
                    job.version = version
                    job.stage = min(job.stage + 1, STAGE_COUNT)
        except PlatformError as error:
            job.message = error.message
        except Exception as error:
            log.exception("grid_draft.failed", error=type(error).__name__)
            job.message = "This search failed; solve again."
        finally:
            job.is_running = False
