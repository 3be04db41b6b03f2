"""What is recorded at a standard address: dwellings, establishments; residents with a reason."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from api.callers import CallerAccess, SignedInCaller
from api.dependencies import RowId, Scope, WriteSession, today
from api.registers import (
    dwelling_answer,
    establishment_answer,
    resident_answer,
    sees_persons,
)
from api.schemas.address_records import AddressRecords
from api.schemas.errors import error_responses
from geo import registers, tables
from geo.audit import audited
from geo.register import get_standard_address
from geo.registers import RecordFilter

router = APIRouter(prefix="/addresses", tags=["registers"])

RECORDS_MAX = 1000


@router.get(
    "/{address_id}/records", operation_id="list_address_records",
    summary="What is recorded at a standard address", responses=error_responses(404),
)  # fmt: skip
def list_address_records(
    session: WriteSession,
    scope: Scope,
    caller: SignedInCaller,
    access: CallerAccess,
    day: Annotated[date, Depends(today)],
    address_id: Annotated[RowId, Path(description="Number of the address.")],
    on: Annotated[date | None, Query(description="On this day. Default: today.")] = None,
) -> AddressRecords:
    """With a purpose and a case: who lives there, landlords and contacts too, which is audited."""
    address = get_standard_address(session, address_id, scope=scope)
    filters = RecordFilter(address_id=address_id, on=on or day)
    dwellings = registers.find_records(
        session, tables.Dwelling, filters, scope=scope, limit=RECORDS_MAX
    )
    establishments = registers.find_records(
        session, tables.Establishment, filters, scope=scope, limit=RECORDS_MAX
    )
    with_persons = sees_persons(caller, access)
    residents = None
    if with_persons:
        with audited(
            session, access, "address.read_records", object_kind="address",
            object_ref=str(address_id),
        ) as read:  # fmt: skip
            read.row_count = len(dwellings) + len(establishments)
        found = registers.residents_at(
            session, address_id, on=on or day, access=access, scope=scope
        )
        residents = [resident_answer(each) for each in found]
    text = address.canonical_text
    return AddressRecords(
        address_id=address_id,
        canonical_text=text,
        grid_code=address.grid_code,
        dwellings=[
            dwelling_answer(session, row, text, with_persons=with_persons) for row in dwellings
        ],
        establishments=[
            establishment_answer(session, row, text, with_persons=with_persons)
            for row in establishments
        ],
        residents=residents,
    )
