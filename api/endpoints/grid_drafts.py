"""Drafts of grids: suggested, solved in the background, edited, proposed, handed to the import.

For who leads units, and for administrators of the system, who alone make grids of a draft.
"""

from __future__ import annotations

import io
import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, UploadFile
from sqlalchemy.orm import Session

from api.callers import CallerAccess, SignedInCaller
from api.dependencies import (
    OperatorScope,
    ReadSession,
    RowId,
    Scope,
    ServicesDep,
    SettingsDep,
    WriteSession,
    now,
)
from api.geojson import GeoJSONResponse, feature, feature_collection, geometry_of
from api.grid_draft_jobs import STAGE_COUNT
from api.grid_draft_tables import grids_of_now, table_of_now, view_of
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.grid_drafts import (
    AcceptedDraft,
    DraftSolving,
    DraftTable,
    GridDraftAcceptance,
    GridDraftAnswer,
    GridDraftDecision,
    GridDraftEdit,
    GridDraftFile,
    GridDraftList,
    GridDraftMap,
    GridDraftOrder,
    GridDraftSummary,
    NewGridDraft,
)
from api.services import Services
from api.uploads import stored_upload
from geo.accounts import Caller, Permission
from geo.audit import record
from geo.codes import CodeStandard
from geo.errors import Conflict, InvalidInput, NotPermitted
from geo.grid_set_drafts import (
    change_grid_draft,
    create_grid_draft,
    decide_grid_draft,
    find_grid_drafts,
    get_grid_draft,
)
from geo.grids import load_grids
from geo.importers.job_kinds import prepare_whole_job
from geo.tables import GridSetDraft
from layers.balanced_grids.kept import blocks_to_bytes, suggestion_to_json
from layers.balanced_grids.stored_blocks import COLUMNS, WorkHours, load_area
from layers.balanced_grids.suggestion import (
    PART_FINELY,
    BalanceQuestion,
    Suggestion,
    prepare_suggestion,
)

router = APIRouter(prefix="/grid-drafts", tags=["grids"])

Now = Annotated[datetime, Depends(now)]
DraftId = Annotated[RowId, Path(description="Number of the draft.")]
METHOD = (
    "Blocks between roads, grouped so that grids carry alike within the tolerance, each in one "
    "piece, with borders along big roads rather than small ones (METIS, then annealing). Counts of "
    "places, not of persons. A draft: a person decides. docs/balanced_grids.md"
)


def require_drawing(caller: Caller) -> None:
    """Refuse who neither leads units nor imports grids.

    Raises
    ------
    NotPermitted
    """
    if not (caller.may(Permission.LEAD) or caller.may(Permission.IMPORT)):
        raise NotPermitted(
            f"Drafts of grids take the permission to lead units, which {caller.role} or this "
            "token hasn't.",
            wanted=str(Permission.LEAD),
        )


@router.get(
    "",
    operation_id="list_grid_drafts",
    summary="Drafts of grids",
    responses=error_responses(),
)
def list_grid_drafts(session: ReadSession, scope: Scope, caller: SignedInCaller) -> GridDraftList:
    """The newest first, a hundred at most: of areas whose grids are all the caller's."""
    require_drawing(caller)
    return GridDraftList(drafts=[_summary(each) for each in find_grid_drafts(session, scope=scope)])


@router.post(
    "",
    operation_id="create_grid_draft",
    summary="Suggest grids for an area",
    status_code=201,
    responses=write_error_responses(404, 409),
)
def create_new_grid_draft(
    services: ServicesDep, settings: SettingsDep, scope: Scope, caller: SignedInCaller,
    access: CallerAccess, moment: Now, asked: NewGridDraft,
) -> GridDraftAnswer:  # fmt: skip
    """The search goes on after the answer; ask for the draft to see how far it is. Grids that
    stand are not changed by it."""
    require_drawing(caller)
    question = BalanceQuestion(
        weight=asked.weight, grid_count=asked.grid_count, a_grid=asked.a_grid,
        tolerance=asked.tolerance, stay=asked.stay, seed=asked.seed,
    )  # fmt: skip
    hours = WorkHours(asked.hours_a_visit, asked.hours_an_incident, asked.hours_a_key_place)
    # Committed before the search begins, which writes the draft in sessions of its own.
    with services.database.session_of(scope) as session:
        stored = load_area(
            session, asked.area_code, on=settings.local_day(moment), scope=scope, hours=hours
        )
        facts = (stored.shape, stored.roads, stored.points, question)
        suggestion = prepare_suggestion(*facts, columns=COLUMNS)
        before = table_of_now(stored, suggestion)
        content = {
            **suggestion_to_json(suggestion),
            "household_source": stored.household_source,
            "has_roads": stored.roads is not None and len(stored.roads) > 0,
            "now_grids": grids_of_now(stored),
            "before": None if before is None else before.model_dump(),
        }
        draft = create_grid_draft(
            session, stored.area, scope=scope, grid_codes=list(stored.grids.index),
            content=content, blocks=blocks_to_bytes(suggestion), created_by=caller.name,
        )  # fmt: skip
        _note(session, access, "create", draft)
        draft_id = draft.id
    services.grid_drafts.start(
        draft_id, suggestion, version=1, scope=scope,
        finer=lambda: prepare_suggestion(*facts, columns=COLUMNS, part_above=PART_FINELY),
    )  # fmt: skip
    with services.database.read_session_of(scope) as session:
        return _shown(services, get_grid_draft(session, draft_id, scope=scope))


@router.get(
    "/{draft_id}",
    operation_id="get_grid_draft",
    summary="One draft of grids, before and after",
    responses=error_responses(404),
)
def get_one_grid_draft(
    session: ReadSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    draft_id: DraftId,
) -> GridDraftAnswer:  # fmt: skip
    """With how far its search is, and who changes grid."""
    draft = get_grid_draft(session, draft_id, scope=scope)
    require_drawing(caller)
    return _shown(services, draft)


@router.get(
    "/{draft_id}/map",
    operation_id="get_grid_draft_map",
    summary="The blocks of a draft, and the grids of now",
    response_class=GeoJSONResponse,
    response_model=GridDraftMap,
    responses=error_responses(404),
)
def get_grid_draft_map(
    session: ReadSession, settings: SettingsDep, scope: Scope, caller: SignedInCaller,
    draft_id: DraftId, moment: Now,
) -> GeoJSONResponse:  # fmt: skip
    """`kind` is `block` (with its `grid`, where the draft has one), `grid` or `now`."""
    draft = get_grid_draft(session, draft_id, scope=scope)
    require_drawing(caller)
    view = view_of(draft)
    suggestion = view.suggestion
    label = None if suggestion.plan is None else view.label
    weight = suggestion.weight
    features: list[dict[str, Any]] = [
        feature(
            f"b{k}",
            geometry_of(polygon),
            {
                "kind": "block", "block": k, "weight": round(float(weight[k]), 2),
                "grid": None if label is None else int(label[k]),
            },
        )
        for k, polygon in enumerate(suggestion.blocks.polygons)
    ]  # fmt: skip
    for k, polygon in enumerate(() if view.polygons is None else view.polygons):
        facts = {"kind": "grid", "grid": k, "grid_code": view.codes[k], "name": view.names[k]}
        features.append(feature(f"g{k}", geometry_of(polygon), facts))
    standing = load_grids(session, on=settings.local_day(moment), scope=scope)
    for code in draft.grid_codes:
        if code in standing.index:
            facts = {"kind": "now", "grid_code": code, "name": str(standing.loc[code, "name"])}
            features.append(feature(f"n{code}", geometry_of(standing.geometry[code]), facts))
    return GeoJSONResponse(feature_collection(features, version=draft.version))


@router.get(
    "/{draft_id}/file",
    operation_id="get_grid_draft_file",
    summary="The grids of a draft as a file",
    response_class=GeoJSONResponse,
    response_model=GridDraftFile,
    responses=error_responses(404),
)
def get_grid_draft_file(
    session: ReadSession, scope: Scope, caller: SignedInCaller, draft_id: DraftId
) -> GeoJSONResponse:
    """GeoJSON that the import of grids takes as it is, every digit of the borders kept."""
    draft = get_grid_draft(session, draft_id, scope=scope)
    require_drawing(caller)
    return GeoJSONResponse(
        feature_collection(view_of(draft).features()),
        headers={"Content-Disposition": f'attachment; filename="grid-draft-{draft_id}.geojson"'},
    )


@router.post(
    "/{draft_id}/solve",
    operation_id="solve_grid_draft",
    summary="Solve a draft anew",
    responses=write_error_responses(404, 409),
)
def solve_grid_draft(
    session: ReadSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    draft_id: DraftId, order: GridDraftOrder,
) -> GridDraftAnswer:  # fmt: skip
    """From the grids as they are in the draft; locked ones stay as they are."""
    draft = get_grid_draft(session, draft_id, scope=scope)
    require_drawing(caller)
    _require_open(draft, order.version)
    suggestion = view_of(draft).suggestion
    services.grid_drafts.start(draft_id, suggestion, version=draft.version, scope=scope)
    return _shown(services, draft)


@router.post(
    "/{draft_id}/stop",
    operation_id="stop_grid_draft",
    summary="End the search with the best so far",
    responses=write_error_responses(404),
)
def stop_grid_draft(
    session: ReadSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    draft_id: DraftId,
) -> GridDraftAnswer:  # fmt: skip
    """Nothing happens where none is running."""
    draft = get_grid_draft(session, draft_id, scope=scope)
    require_drawing(caller)
    services.grid_drafts.stop(draft_id)
    session.refresh(draft)  # what the search wrote until now
    return _shown(services, draft)


@router.post(
    "/{draft_id}/edits",
    operation_id="edit_grid_draft",
    summary="Move a block to another grid, or lock grids",
    responses=write_error_responses(404, 409),
)
def edit_grid_draft(
    session: WriteSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    access: CallerAccess, draft_id: DraftId, edit: GridDraftEdit,
) -> GridDraftAnswer:  # fmt: skip
    """A block moves only beside, and only where no grid falls apart by it."""
    draft = get_grid_draft(session, draft_id, scope=scope)
    require_drawing(caller)
    _require_open(draft, edit.version)
    _require_still(services, draft_id)
    suggestion = view_of(draft).suggestion
    if edit.block is not None and edit.grid is not None:
        suggestion = suggestion.with_moved(edit.block, edit.grid)
    if edit.locked is not None:
        suggestion = suggestion.with_locked(edit.locked)
    changed = change_grid_draft(
        session, draft, version=edit.version,
        content={**draft.content, **suggestion_to_json(suggestion)},
    )  # fmt: skip
    _note(session, access, "edit", changed)
    return _shown(services, changed)


@router.post(
    "/{draft_id}/decision",
    operation_id="decide_grid_draft",
    summary="Propose a draft, take it back, or end it",
    responses=write_error_responses(404, 409),
)
def decide_on_grid_draft(
    session: WriteSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    access: CallerAccess, draft_id: DraftId, moment: Now, decision: GridDraftDecision,
) -> GridDraftAnswer:  # fmt: skip
    """A proposed draft waits for an administrator of the system, who makes grids of it."""
    draft = get_grid_draft(session, draft_id, scope=scope)
    require_drawing(caller)
    services.grid_drafts.stop(draft_id)
    if decision.status == "proposed" and draft.content["label"] is None:
        raise InvalidInput("There is no plan yet that could be proposed.", field="status")
    changed = decide_grid_draft(
        session, draft, version=decision.version, status=decision.status,
        decided_by=caller.name, now=moment,
    )  # fmt: skip
    _note(session, access, decision.status, changed)
    return _shown(services, changed)


@router.post(
    "/{draft_id}/accept",
    operation_id="accept_grid_draft",
    summary="Make grids of a proposed draft",
    status_code=202,
    responses=write_error_responses(404, 409),
)
def accept_grid_draft(
    services: ServicesDep, settings: SettingsDep, scope: OperatorScope, caller: SignedInCaller,
    access: CallerAccess, draft_id: DraftId, moment: Now, acceptance: GridDraftAcceptance,
) -> AcceptedDraft:  # fmt: skip
    """Hands its file to the import of grids, which checks it and stores a version, whole or not at
    all. Communities only: a grid lies in one. For administrators of the system."""
    with services.database.session_of(scope) as session:
        draft = get_grid_draft(session, draft_id, scope=scope)
        if draft.area_level != "community":
            raise InvalidInput(
                f"{draft.area_name} is no community, and a grid lies in one. Take the file of the "
                "draft for beats, or split its communities one by one.",
                field="draft_id",
            )
        changed = decide_grid_draft(
            session, draft, version=acceptance.version, status="accepted",
            decided_by=caller.name, now=moment,
        )  # fmt: skip
        _note(session, access, "accept", changed)
        features = view_of(changed).features()
        summary = _summary(changed)
    text = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
    file = UploadFile(io.BytesIO(text.encode()), filename=f"grid-draft-{draft_id}.geojson")
    options: dict[str, Any] = {
        "datum": "WGS84",
        "valid_from": acceptance.valid_from.isoformat(),
        "standard": _standard(features).value,
        "mapping": {},
        "layer": None,
        "communities": [summary.area_code],
        "replace_all": False,
        "merge_parts": False,
        "accept_warnings": acceptance.accept_warnings,
        "sliver_width_m": None,
        "note": f"draft {draft_id}",
        "source": f"draft {draft_id}, accepted by {caller.name}",
    }
    with stored_upload(settings, file, "grids", options) as upload:
        job_id = prepare_whole_job(services.database, upload.path, kind="grids", options=options)
        upload.keep()
    services.imports.submit(job_id)
    return AcceptedDraft(job_id=job_id, draft=summary)


def _standard(features: list[dict[str, Any]]) -> CodeStandard:
    codes = [row["properties"]["grid_code"] for row in features]
    if all(code.isdigit() for code in codes):
        for digits, standard in ((15, CodeStandard.DB11T2157), (20, CodeStandard.CJT349)):
            if all(len(code) == digits for code in codes):
                return standard
    return CodeStandard.OWN


def _require_open(draft: GridSetDraft, version: int) -> None:
    if draft.status != "draft" or draft.version != version:
        raise Conflict(
            f"The draft {draft.id} was changed by somebody else, or is proposed or ended. Load it "
            "again.",
            draft_id=draft.id,
        )


def _require_still(services: Services, draft_id: int) -> None:
    job = services.grid_drafts.job(draft_id)
    if job is not None and job.is_running:
        raise Conflict(
            "This draft is being solved. Stop that first, or wait for its end.", draft_id=draft_id
        )


def _note(session: Session, access: Any, action: str, draft: GridSetDraft) -> None:
    record(
        session, access, f"grid_draft.{action}", object_kind="grid_set_draft",
        object_ref=str(draft.id),
    )  # fmt: skip


def _summary(draft: GridSetDraft) -> GridDraftSummary:
    return GridDraftSummary(
        draft_id=draft.id,
        **{name: getattr(draft, name) for name in GridDraftSummary.model_fields
           if name != "draft_id"},
    )  # fmt: skip


def _shown(services: Services, draft: GridSetDraft) -> GridDraftAnswer:
    view = view_of(draft)
    suggestion: Suggestion = view.suggestion
    plan, blocks = suggestion.plan, suggestion.blocks
    job = services.grid_drafts.job(draft.id)
    before = draft.content["before"]
    has_now = plan is not None and bool(suggestion.now_codes)
    return GridDraftAnswer(
        **_summary(draft).model_dump(),
        weight=suggestion.question.weight,
        balanced=suggestion.balanced,
        tolerance=suggestion.question.tolerance,
        stay=suggestion.question.stay,
        grid_count=suggestion.grid_count,
        block_count=len(blocks),
        parted_count=blocks.parted_count,
        part_count=blocks.part_count,
        is_by_cells=blocks.is_by_cells,
        has_roads=draft.content["has_roads"],
        outside=suggestion.outside,
        household_source=draft.content["household_source"],
        solving=DraftSolving(
            # A search that ended since this draft was read has written more: ask again.
            is_running=job is not None and (job.is_running or job.version > draft.version),
            stage=0 if job is None else job.stage,
            stage_count=STAGE_COUNT,
            message=None if job is None else job.error,
        ),
        before=None if before is None else DraftTable.model_validate(before),
        after=view.after(),
        is_balanced=None if plan is None else plan.is_balanced,
        bound=None if plan is None else plan.bound,
        households_moved=view.moved("households") if has_now else None,
        addresses_moved=view.moved("addresses") if has_now else None,
        method=METHOD,
    )
