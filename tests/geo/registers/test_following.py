"""Records follow their address: into another grid, into the address it turns out to be, back."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from geo.register.merging import merge_address, undo_merge
from geo.register.references import count_references
from geo.registers import (
    NewDwelling,
    NewEstablishment,
    record_dwelling,
    record_establishment,
    residents_at,
)
from geo.store.scope import set_scope
from geo.tables import Dwelling, Establishment, Grid, RecordHistory, Residence, StandardAddress
from geo.values import GridScope
from tests.geo.registers.conftest import NOW, TODAY, A, B, Places, settle, writing

TABLES = (Dwelling, Residence, Establishment)


def fill(session: Session, address: StandardAddress) -> None:
    """One record of each kind at an address."""
    record_dwelling(session, NewDwelling(address.id, "vacant"), writing=writing())
    record_establishment(
        session, NewEstablishment(address.id, "示例店", "other", date(2025, 1, 1)),
        writing=writing(),
    )  # fmt: skip
    settle(session, address)


def grids(session: Session) -> list[str | None]:
    session.expire_all()
    return [session.scalars(select(table.grid_code)).one() for table in TABLES]


def places_of(session: Session) -> set[int]:
    session.expire_all()
    return {session.scalars(select(table.standard_address_id)).one() for table in TABLES}


def versions(session: Session) -> list[int]:
    return [session.scalars(select(table.version)).one() for table in TABLES]


def test_records_go_where_their_address_goes(session: Session, places: Places) -> None:
    fill(session, places.a)
    assert grids(session) == [A, A, A]
    in_b = session.scalars(select(Grid).where(Grid.grid_code == B)).one()
    session.execute(
        update(StandardAddress)
        .where(StandardAddress.id == places.a.id)
        .values(grid_id=in_b.id, grid_code=B)
    )
    assert grids(session) == [B, B, B]
    for table in TABLES:  # it isn't anybody's to choose
        session.execute(update(table).values(grid_code=A))
    assert grids(session) == [B, B, B]
    # The record itself didn't change.
    assert versions(session) == [1, 1, 1]
    assert session.scalars(select(RecordHistory)).all() == []


def test_records_follow_a_merge_and_its_undoing(session: Session, places: Places) -> None:
    fill(session, places.a)
    done = merge_address(
        session, places.a.id, places.b.id, merged_version=None, kept_version=None,
        merged_by="示例·甲", now=NOW, scope=GridScope.everything(),
    )  # fmt: skip
    assert places_of(session) == {places.b.id}
    assert grids(session) == [B, B, B]
    assert done.moved == {
        f"{table}.standard_address_id": [session.scalars(select(cls.id)).one()]
        for table, cls in zip(("dwelling", "residence", "establishment"), TABLES, strict=True)
    }
    undo_merge(
        session, done.id, undone_by="示例·乙", now=NOW, day=TODAY, scope=GridScope.everything()
    )
    assert places_of(session) == {places.a.id}
    assert dict(count_references(session, [places.a.id])[places.a.id]) == {
        "dwelling": 1, "establishment": 1, "residence": 1,
    }  # fmt: skip


def test_who_lived_there_is_asked_at_the_address_that_is_kept(
    session: Session, places: Places
) -> None:
    settle(session, places.a)
    merge_address(
        session, places.a.id, places.b.id, merged_version=None, kept_version=None,
        merged_by=None, now=NOW, scope=GridScope.everything(),
    )  # fmt: skip
    access, scope = writing().access, GridScope.everything()
    found = residents_at(session, places.b.id, on=TODAY, access=access, scope=scope)
    assert [each.facts["name"] for each in found] == ["测试甲1"]


def test_a_record_cant_be_put_at_an_address_of_another_grid(
    session: Session, places: Places
) -> None:
    fill(session, places.a)
    set_scope(session, GridScope.of([A]))
    for table in TABLES:
        with (
            pytest.raises(ProgrammingError, match="row-level security policy"),
            session.begin_nested(),
        ):
            session.execute(update(table).values(standard_address_id=places.b.id))
