"""What the endpoints of the registers share: who writes, who may see persons, rows as answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Depends, Header
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.callers import CallerAccess, SignedInCaller
from api.dependencies import Scope, SettingsDep, today
from api.schemas import dwellings, establishments, registers, residents
from geo import registers as geo_registers
from geo import tables
from geo.accounts import Caller, Permission
from geo.audit import Access
from geo.errors import NotPermitted
from geo.registers import Look, PersonView, Writing, completeness_of, cycles_of
from geo.settings import Settings

SOURCE = "api"
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)
PERSON_FIELDS = frozenset(
    {
        "landlord_name", "landlord_phone_index", "contact_name", "contact_phone_index", "note",
        "identity_index", "phone_index", "birth_year", "resident_id",
    }
)  # fmt: skip
_OF_THE_ROW = frozenset({"id", "version", "recorded_by", "created_at", "updated_at", "grid_code"})


def writing(
    access: CallerAccess,
    scope: Scope,
    day: Annotated[date, Depends(today)],
    settings: SettingsDep,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=100,
            description="Chosen by the caller, new for each write: sent again with it, the write "
            "is stored once and answered as the first time.",
        ),
    ] = None,
) -> Writing:
    """Who writes, why and where they may."""
    return Writing(
        access=access,
        scope=scope,
        today=day,
        cycles=cycles_of(settings),
        source=SOURCE,
        key=idempotency_key,
    )


def person_access(caller: SignedInCaller, access: CallerAccess) -> Access:
    """Who asks about persons.

    Raises
    ------
    NotPermitted : the caller's role sees no person; programs with a token don't either
    """
    refuse_persons(caller)
    return access


def person_writing(caller: SignedInCaller, given: Annotated[Writing, Depends(writing)]) -> Writing:
    """Who writes about persons.

    Raises
    ------
    NotPermitted : the caller's role sees no person
    """
    refuse_persons(caller)
    return given


def refuse_persons(caller: Caller) -> None:
    """Refuse a caller whose role sees no person.

    Raises
    ------
    NotPermitted
    """
    if not caller.may(Permission.PERSONS):
        raise NotPermitted(
            f"This tells something about persons, which {caller.role}, or a program's token, "
            "doesn't see.",
            wanted=str(Permission.PERSONS),
        )


WritingDep = Annotated[Writing, Depends(writing)]
PersonWriting = Annotated[Writing, Depends(person_writing)]
PersonAccess = Annotated[Access, Depends(person_access)]


def sees_persons(caller: Caller, access: Access) -> bool:
    """Whether an answer about a place may hold its persons too: then it is audited."""
    return caller.may(Permission.PERSONS) and access.has_reason


def end_of_day(settings: Settings, day: date) -> datetime:
    """The moment at which a day of the deployment is over; no record is older or newer than that of
    `EARLIEST` to `LATEST`."""
    day = min(max(day, EARLIEST), LATEST)
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(settings.time_zone))


def look_of(given: registers.Look | None) -> Look | None:
    """What is said of a look, None where nothing is."""
    return None if given is None else Look(given.on, given.how)


def changes_of(given: BaseModel, *but: str) -> dict[str, Any]:
    """What a change names: fields that were sent, whatever their value."""
    aside = {"expected_version", "look", "although_alike", *but}
    named = given.model_dump(exclude_unset=True, exclude=aside)
    return {name: tuple(value) if isinstance(value, list) else value
            for name, value in named.items()}  # fmt: skip


def write_answer(answer: geo_registers.WriteAnswer) -> registers.WriteAnswer:
    """What a write answers, as JSON."""
    return registers.WriteAnswer(**asdict(answer))


def quality_of(
    record: tables.Dwelling | tables.Residence | tables.Establishment,
) -> registers.Quality:
    """How good a record is."""
    return registers.Quality(
        missing=record.missing,
        completeness=completeness_of(record),
        verified_on=record.verified_on,
        verified_by=record.verified_by,
        verified_how=record.verified_how,
        due_on=record.due_on,
    )


def address_texts(session: Session, ids: Sequence[int]) -> Mapping[int, str]:
    """The texts of addresses by number."""
    rows = session.execute(
        select(tables.StandardAddress.id, tables.StandardAddress.canonical_text).where(
            tables.StandardAddress.id.in_(ids)
        )
    )
    return {row.id: row.canonical_text for row in rows}


def dwelling_answer(
    session: Session, row: tables.Dwelling, text: str, *, with_persons: bool = False
) -> dwellings.Dwelling:
    """A dwelling, with its landlord where they may be shown."""
    facts = geo_registers.dwelling_facts(session, row, with_persons=with_persons)
    landlord = None
    if with_persons:
        landlord = dwellings.Landlord(
            name=facts.pop("landlord_name"), phone=facts.pop("landlord_phone"),
            note=facts.pop("note"),
        )  # fmt: skip
    return dwellings.Dwelling(
        id=row.id,
        standard_address_id=row.standard_address_id,
        address_text=text,
        grid_code=row.grid_code,
        ended_on=row.ended_on,
        quality=quality_of(row),
        version=row.version,
        landlord=landlord,
        **facts,
    )


def establishment_answer(
    session: Session, row: tables.Establishment, text: str, *, with_persons: bool = False
) -> establishments.Establishment:
    """An establishment, with its contact where they may be shown."""
    facts = geo_registers.establishment_facts(session, row, with_persons=with_persons)
    contact = None
    if with_persons:
        contact = establishments.Contact(
            name=facts.pop("contact_name"), phone=facts.pop("contact_phone"),
            note=facts.pop("note"),
        )  # fmt: skip
    return establishments.Establishment(
        id=row.id,
        standard_address_id=row.standard_address_id,
        address_text=text,
        grid_code=row.grid_code,
        moved_from_id=row.moved_from_id,
        quality=quality_of(row),
        version=row.version,
        contact=contact,
        **facts,
    )


def resident_answer(view: PersonView) -> residents.Resident:
    """A person as they may be shown."""
    return residents.Resident(
        id=view.resident_id,
        version=view.version,
        missing=list(view.missing),
        completeness=view.completeness,
        residences=[
            residents.Residence(
                id=each.residence.id,
                standard_address_id=each.residence.standard_address_id,
                address_text=each.address_text,
                grid_code=each.residence.grid_code,
                kind=each.residence.kind,
                household_ref=each.residence.household_ref,
                lived_from=each.residence.lived_from,
                lived_to=each.residence.lived_to,
                quality=quality_of(each.residence),
                version=each.residence.version,
            )
            for each in view.residences
        ],
        **view.facts,
    )


def place_history(rows: Sequence[tables.RecordHistory]) -> registers.RecordHistoryList:
    """What a record of a place was, without what is about persons."""
    return registers.RecordHistoryList(
        history=[
            registers.FormerRecord(
                version=row.version,
                recorded_from=row.recorded_from,
                recorded_to=row.recorded_to,
                recorded_by=str(row.was.get("recorded_by")),
                was={
                    name: value
                    for name, value in row.was.items()
                    if name not in PERSON_FIELDS | _OF_THE_ROW
                },
            )
            for row in rows
        ]
    )
