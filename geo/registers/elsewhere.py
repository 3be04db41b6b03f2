"""Who lives here is recorded elsewhere, where the caller doesn't see: told to those who do.

The one who asks learns that it was told, and not where; the other grid finds a report at the
residence it has, and ends that or answers.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.audit import record as record_in_log
from geo.audit import require_reason
from geo.errors import Conflict, InvalidInput
from geo.register import get_standard_address
from geo.registers.answers import Findings
from geo.registers.finding import get_record
from geo.registers.persons import any_document
from geo.registers.residences import NewResidence, check_residence, overlapping
from geo.registers.sealed import is_indexed
from geo.registers.writing import Writing
from geo.sealed_columns import RESIDENT_IDENTITY
from geo.store.scope import seeing_everything
from geo.tables import RecordReport, Residence, Resident

FIELD = "lived_to"  # what the report is about: whether they have left there


def report_elsewhere(
    session: Session,
    residence: NewResidence,
    *,
    identity_number: str | None = None,
    resident_id: int | None = None,
    writing: Writing,
) -> None:
    """Let those who see where a person is recorded know that they are said to live somewhere else.

    Parameters
    ----------
    residence : where they are said to live, in the caller's scope
    identity_number, resident_id : who; one of the two

    Raises
    ------
    PurposeMissing : no purpose or no case is given
    AddressNotFound, RecordNotFound : the address or the person isn't in the scope
    InvalidInput, InvalidNumber, InvalidRecord : neither or both are given, or it can't be
    Conflict : nothing outside the scope contradicts it
    """
    require_reason(writing.access)
    if (identity_number is None) == (resident_id is None):
        raise InvalidInput(
            "Give an identity number or the number of a resident, one of the two.",
            wanted=["identity_number", "resident_id"],
        )
    get_standard_address(session, residence.standard_address_id, scope=writing.scope)
    findings = Findings("residence")
    check_residence(findings, residence, writing)
    findings.refuse(although_alike=True)
    if resident_id is not None:
        person = get_record(session, "resident", resident_id, scope=writing.scope)
        known = select(Resident.id).where(Resident.id == person.id)
    else:
        assert identity_number is not None
        number = any_document(identity_number, writing.today)
        known = select(Resident.id).where(
            is_indexed(session, Resident.identity_index, RESIDENT_IDENTITY, number)
        )
    with seeing_everything(session):
        told = [
            each
            for each in session.scalars(
                select(Residence).where(Residence.resident_id.in_(known), *overlapping(residence))
            )
            if not writing.scope.covers(each.grid_code)
        ]
        for each in told:
            _tell(session, each, residence, writing)
    if not told:
        raise Conflict("Nothing outside of what you see contradicts this. Record it.")
    record_in_log(
        session,
        writing.access,
        "residence.report_elsewhere",
        object_kind="residence",
        object_ref=",".join(str(each.id) for each in told),
        row_count=len(told),
    )


def _tell(session: Session, known: Residence, said: NewResidence, writing: Writing) -> None:
    """Leave an open report at a residence, once for each who reports."""
    is_there = session.scalar(
        select(RecordReport.id).where(
            RecordReport.record_kind == "residence",
            RecordReport.record_id == known.id,
            RecordReport.field == FIELD,
            RecordReport.status == "open",
            RecordReport.reported_by == writing.access.actor,
        )
    )
    if is_there is None:
        day = said.lived_from.isoformat()
        session.add(
            RecordReport(
                record_kind="residence",
                record_id=known.id,
                field=FIELD,
                note=f"据报自 {day} 起住在别处，请核实是否已迁出。"
                f" Said to live elsewhere since {day}: check whether they have left.",
                reported_by=writing.access.actor,
            )
        )
        session.flush()
