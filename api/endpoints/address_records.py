"""What is recorded at a standard address: dwellings, establishments; residents with a reason."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from api import paging
from api.callers import CallerAccess, SignedInCaller
from api.dependencies import ID_MAX, RowId, Scope, WriteSession, today
from api.registers import (
    dwelling_answer,
    establishment_answer,
    resident_answer,
    sees_persons,
)
from api.schemas.address_records import AddressRecords
from api.schemas.errors import error_responses
from api.schemas.registers import Report
from geo import registers, tables
from geo.audit import audited
from geo.register import get_standard_address
from geo.registers import RecordFilter

router = APIRouter(prefix="/addresses", tags=["registers"])

LIMIT_MAX = 500
After = Annotated[int, Query(ge=0, le=ID_MAX, description="From the link to the next page.")]


@router.get(
    "/{address_id}/records", operation_id="list_address_records",
    summary="What is recorded at a standard address", responses=error_responses(404),
)  # fmt: skip
def list_address_records(
    request: Request,
    session: WriteSession,
    scope: Scope,
    caller: SignedInCaller,
    access: CallerAccess,
    day: Annotated[date, Depends(today)],
    address_id: Annotated[RowId, Path(description="Number of the address.")],
    on: Annotated[date | None, Query(description="On this day. Default: today.")] = None,
    limit: Annotated[
        int, Query(ge=1, le=LIMIT_MAX, description="Records of each kind a page.")
    ] = 200,
    after_dwelling: After = 0,
    after_establishment: After = 0,
    after_resident: After = 0,
) -> AddressRecords:
    """With a purpose and a case: who lives there, landlords and contacts too, which is audited."""
    address = get_standard_address(session, address_id, scope=scope)
    filters = RecordFilter(address_id=address_id, on=on or day)
    page = paging.PageWish(limit)
    dwellings, more_dwellings = paging.cut(
        registers.find_records(
            session, tables.Dwelling, filters, scope=scope, after_id=after_dwelling,
            limit=page.probe,
        ),
        page,
    )  # fmt: skip
    establishments, more_establishments = paging.cut(
        registers.find_records(
            session, tables.Establishment, filters, scope=scope, after_id=after_establishment,
            limit=page.probe,
        ),
        page,
    )  # fmt: skip
    with_persons = sees_persons(caller, access)
    found: list[registers.PersonView] = []
    more_residents = False
    if with_persons:
        with audited(
            session, access, "address.read_records", object_kind="address",
            object_ref=str(address_id),
        ) as read:  # fmt: skip
            read.row_count = len(dwellings) + len(establishments)
        # By number, so that a page has an end; by household within it.
        found, more_residents = paging.cut(
            sorted(
                registers.residents_at(
                    session, address_id, on=on or day, after_id=after_resident,
                    limit=page.probe, access=access, scope=scope,
                ),
                key=lambda each: each.resident_id,
            ),
            page,
        )  # fmt: skip
    last = {
        "after_dwelling": dwellings[-1].id if more_dwellings else ID_MAX,
        "after_establishment": establishments[-1].id if more_establishments else ID_MAX,
        "after_resident": found[-1].resident_id if more_residents else ID_MAX,
    }
    is_last = set(last.values()) == {ID_MAX}
    reports = registers.find_open_reports(
        session,
        {
            "dwelling": [each.id for each in dwellings],
            "establishment": [each.id for each in establishments],
            "resident": [each.resident_id for each in found],
            "residence": [one.residence.id for each in found for one in each.residences],
        },
    )
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
        residents=[resident_answer(each) for each in sorted(found, key=_household)]
        if with_persons
        else None,
        reports=[Report.model_validate(each) for each in reports],
        links=paging.links_with(request, None if is_last else last),
    )


def _household(view: registers.PersonView) -> tuple[str, int]:
    return view.residences[0].residence.household_ref or "~", view.resident_id
