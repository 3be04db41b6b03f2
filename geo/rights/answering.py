"""Answering a person: a copy of what is kept of them, a correction, a deletion.

The registers do the reading and the writing; here are the conditions: an open request of the right
kind, and that who asks was seen to be who they say.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from geo.audit import Access
from geo.errors import Conflict
from geo.registers import (
    WriteAnswer,
    Writing,
    change_resident,
    cycles_of,
    read_numbers,
    read_resident,
)
from geo.registers.finding import record_history
from geo.rights.requests import close, held_request, reason_of
from geo.settings import Settings
from geo.store.scope import seeing_everything
from geo.tables import Residence, SubjectRequest
from geo.values import GridScope

# What of a former version is told: the fields of the person, nothing of who worked with them.
_HISTORY_FIELDS = ("name", "identity_kind", "birth_year")
WHY_KEPT = "实有人口登记 · register of residents"


def copy_of_person(
    session: Session,
    access: Access,
    request_id: int,
    *,
    scope: GridScope,
    now: datetime,
) -> dict[str, Any]:
    """Return what is kept of the person of an access request, and close the request.

    A copy that was lost on its way can be had again; each one is recorded.

    Numbers are whole: they are the person's own. Nothing of other persons is in it, not even of the
    same household, and nothing of who worked with it.

    Parameters
    ----------
    scope : must reach all residences of the person: a copy with holes would be a wrong answer

    Raises
    ------
    SubjectRequestNotFound
    Conflict : not an open request for access, nobody's, not checked, or the person also lives or
        lived where the caller sees nothing
    """
    request = _ready(session, request_id, "access", scope)
    why = reason_of(request, access)
    assert request.resident_id is not None
    person = read_resident(session, request.resident_id, access=why, scope=scope)
    numbers = read_numbers(
        session, request.resident_id, ("identity_number", "phone"), access=why, scope=scope
    )
    former = record_history(session, "resident", request.resident_id)
    if request.status == "open":
        close(session, access, request, "fulfilled", "a copy was produced", now)
    return {
        "request_id": request.id,
        "made_at": now,
        "why_kept": WHY_KEPT,
        "person": {**person.facts, **numbers},
        "residences": [
            {
                "address": view.address_text,
                "kind": view.residence.kind,
                "household_ref": view.residence.household_ref,
                "lived_from": view.residence.lived_from,
                "lived_to": view.residence.lived_to,
                "verified_on": view.residence.verified_on,
                "verified_how": view.residence.verified_how,
                "source": view.residence.source,
            }
            for view in person.residences
        ],
        "former": [
            {
                "recorded_from": each.recorded_from,
                "recorded_to": each.recorded_to,
                **{name: each.was.get(name) for name in _HISTORY_FIELDS},
            }
            for each in former
        ],
    }


def correct_person(
    session: Session,
    access: Access,
    request_id: int,
    changes: Mapping[str, Any],
    *,
    expected_version: int,
    scope: GridScope,
    settings: Settings,
    now: datetime,
) -> WriteAnswer:
    """Correct fields of the person of a request, and close it.

    Raises
    ------
    SubjectRequestNotFound
    Conflict : as `copy_of_person`
    InvalidRecord, RecordConflict, StaleRecord, InvalidInput : as `change_resident`
    """
    request = _ready(session, request_id, "correction", scope, wholly=False)
    assert request.resident_id is not None
    writing = Writing(
        access=reason_of(request, access),
        scope=scope,
        today=settings.local_day(now),
        cycles=cycles_of(settings),
        source="request of the person",
    )
    answer = change_resident(
        session, request.resident_id, changes, expected_version=expected_version, writing=writing
    )
    close(session, access, request, "fulfilled", f"corrected: {', '.join(sorted(changes))}", now)
    return answer


def erase_person(
    session: Session,
    access: Access,
    request_id: int,
    *,
    scope: GridScope,
    now: datetime,
) -> SubjectRequest:
    """Delete the person of a request with residences, history, looks and reports; close it.

    Return the request as it ended; a caller who doesn't see everything sees it no more. Whether
    there is a duty to keep the record is for who decides. Who lives somewhere now is not deleted:
    end the residence first.

    Raises
    ------
    SubjectRequestNotFound
    Conflict : as `copy_of_person`, or a residence is still going on
    """
    request = _ready(session, request_id, "deletion", scope)
    assert request.resident_id is not None
    with seeing_everything(session):
        going_on = session.scalar(
            select(func.count()).where(
                Residence.resident_id == request.resident_id,
                Residence.annulled_at.is_(None),
                Residence.lived_to.is_(None),
            )
        )
        if going_on:
            raise Conflict(
                "The person lives there still, as far as is recorded. End the residence first, or "
                "refuse and say which duty keeps the record."
            )
        count = session.scalar(text("SELECT erase_resident(:id)"), {"id": request.resident_id})
        outcome = f"the person and {count} residences were deleted"
        return close(session, access, request, "fulfilled", outcome, now)


def _ready(
    session: Session, request_id: int, kind: str, scope: GridScope, *, wholly: bool = True
) -> SubjectRequest:
    """Return an open request that may be answered.

    Raises
    ------
    SubjectRequestNotFound, Conflict
    """
    request = held_request(session, request_id, again="access" if kind == "access" else None)
    if request.kind != kind:
        raise Conflict(f"Request {request_id} is for {request.kind}, not {kind}.", got=request.kind)
    if request.resident_id is None:
        raise Conflict(
            f"Request {request_id} is nobody's in the registers. Refuse it and say that nothing is "
            "kept."
        )
    if not request.identity_checked:
        raise Conflict(
            "Who asks wasn't seen to be who they say. Check it, and note it in the request."
        )
    if wholly and scope.grid_codes is not None:
        with seeing_everything(session):
            outside = session.scalar(
                select(func.count()).where(
                    Residence.resident_id == request.resident_id,
                    Residence.grid_code.not_in(sorted(scope.grid_codes))
                    | Residence.grid_code.is_(None),
                )
            )
        if outside:
            raise Conflict(
                "The person also lives or lived outside of what you see. Let somebody answer who "
                "sees all of it."
            )
    return request
