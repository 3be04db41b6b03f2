"""Two who write the same at the same time: one is stored, the other is told."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo.errors import RecordConflict, StaleRecord
from geo.registers import (
    NewDwelling,
    NewEstablishment,
    NewResidence,
    WriteAnswer,
    change_dwelling,
    open_residence,
    record_dwelling,
    record_establishment,
)
from geo.store.database import Database
from geo.tables import Dwelling, Establishment, Residence, Resident, StandardAddress
from tests.drawing import draw
from tests.factories import add_grid, add_standard_address
from tests.geo.registers.conftest import A, settle, writing


@pytest.fixture
def addresses(database: Database) -> list[StandardAddress]:
    with database.session() as session:
        grid = add_grid(session, A, draw("A")["A"])
        return [add_standard_address(session, grid=grid) for _ in range(3)]


def at_once(
    database: Database, *writes: Callable[[Session], WriteAnswer]
) -> list[WriteAnswer | type[Exception]]:
    """What each write comes to, in transactions that begin together; an error by its kind."""
    together = Barrier(len(writes))

    def run(write: Callable[[Session], WriteAnswer]) -> WriteAnswer | type[Exception]:
        try:
            with database.session() as session:
                session.execute(select(1))
                together.wait(timeout=30)
                return write(session)
        except Exception as error:
            return type(error)

    with ThreadPoolExecutor(len(writes)) as pool:
        return list(pool.map(run, writes))


def count(database: Database, table: type[Resident | Residence | Dwelling | Establishment]) -> int:
    with database.session() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def kinds(outcomes: list[WriteAnswer | type[Exception]]) -> set[object]:
    return {each if isinstance(each, type) else "stored" for each in outcomes}


def test_one_identity_number_at_two_addresses(
    database: Database, addresses: list[StandardAddress]
) -> None:
    found = at_once(
        database, *(lambda s, a=address: settle(s, a, 1) for address in addresses)
    )  # fmt: skip
    assert kinds(found) == {"stored", RecordConflict}
    assert (count(database, Resident), count(database, Residence)) == (1, 1)


def test_one_person_to_two_addresses(database: Database, addresses: list[StandardAddress]) -> None:
    with database.session() as session:
        made = settle(session, addresses[0], 1, kind="registered")
    found = at_once(
        database,
        *(
            lambda s, a=address: open_residence(
                s, made.record_id, NewResidence(a.id, "floating", date(2026, 1, 1)),
                writing=writing(),
            )
            for address in addresses[1:]
        ),
    )  # fmt: skip
    assert kinds(found) == {"stored", RecordConflict}


def test_one_dwelling_at_an_address_and_one_credit_code(
    database: Database, addresses: list[StandardAddress]
) -> None:
    given = NewDwelling(addresses[0].id, "vacant")
    found = at_once(
        database, *[lambda s: record_dwelling(s, given, writing=writing()) for _ in range(3)]
    )
    assert kinds(found) == {"stored", RecordConflict}
    assert count(database, Dwelling) == 1
    found = at_once(
        database,
        *(
            lambda s, a=address: record_establishment(
                s,
                NewEstablishment(
                    a.id, f"示例{a.id}", "other", date(2026, 1, 1), credit_code="91350100M000100Y43"
                ),
                writing=writing(),
            )
            for address in addresses
        ),
    )
    assert kinds(found) == {"stored", RecordConflict}
    assert count(database, Establishment) == 1


def test_one_key_is_one_write(database: Database, addresses: list[StandardAddress]) -> None:
    given = NewDwelling(addresses[0].id, "vacant")
    found = at_once(
        database,
        *[lambda s: record_dwelling(s, given, writing=writing(key="k")) for _ in range(3)],
    )
    answers = [each for each in found if isinstance(each, WriteAnswer)]
    assert sorted(each.replayed for each in answers) == [False, True, True]
    assert count(database, Dwelling) == 1


def test_two_changes_of_one_version(database: Database, addresses: list[StandardAddress]) -> None:
    with database.session() as session:
        made = record_dwelling(session, NewDwelling(addresses[0].id, "vacant"), writing=writing())
    found = at_once(
        database,
        *(
            lambda s, n=rooms: change_dwelling(
                s, made.record_id, {"room_count": n}, expected_version=1, writing=writing()
            )
            for rooms in (2, 3)
        ),
    )
    assert kinds(found) == {"stored", StaleRecord}
