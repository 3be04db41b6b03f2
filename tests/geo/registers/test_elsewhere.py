"""A person who lives here is recorded where the caller doesn't see: told there, not where."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.audit import Access
from geo.errors import AddressNotFound, Conflict, InvalidInput, InvalidRecord, PurposeMissing
from geo.registers import (
    NewResidence,
    NewResident,
    end_residence,
    find_open_reports,
    record_resident,
    report_elsewhere,
)
from geo.tables import RecordReport, Residence
from tests.geo.registers.conftest import TODAY, A, B, Places, identity, settle, writing

MOVED_ON = date(2026, 5, 1)


def here(places: Places, **more: Any) -> NewResidence:
    return NewResidence(places.b.id, "floating", MOVED_ON, **more)


def reports(session: Session) -> list[RecordReport]:
    return list(session.scalars(select(RecordReport).order_by(RecordReport.id)))


def test_the_other_grid_is_told_and_the_person_can_be_recorded_once_it_answers(
    session: Session, places: Places
) -> None:
    answer = settle(session, places.a, 1, by=writing(A))
    assert answer.residence_id is not None
    for _ in range(2):  # tapped twice: one report
        report_elsewhere(session, here(places), identity_number=identity(1), writing=writing(B))
    (report,) = reports(session)
    assert (report.record_kind, report.record_id) == ("residence", answer.residence_id)
    assert report.field == "lived_to"
    assert "2026-05-01" in report.note
    assert find_open_reports(session, {"residence": [answer.residence_id]}) == [report]

    end_residence(
        session, answer.residence_id, lived_to=MOVED_ON, expected_version=1, writing=writing(A)
    )
    record_resident(
        session, NewResident("测试甲1", identity_number=identity(1)), here(places),
        writing=writing(B),
    )  # fmt: skip
    assert len(session.scalars(select(Residence)).all()) == 2
    with pytest.raises(Conflict):
        report_elsewhere(session, here(places), identity_number=identity(1), writing=writing(B))


def test_what_lies_in_ones_own_scope_is_moved_and_not_reported(
    session: Session, places: Places
) -> None:
    settle(session, places.a, 1)
    with pytest.raises(Conflict):
        report_elsewhere(session, here(places), identity_number=identity(1), writing=writing(A, B))
    assert reports(session) == []


@pytest.mark.parametrize(
    ("who", "scope", "error"),
    [
        ({}, B, InvalidInput),
        ({"identity_number": identity(1), "resident_id": 1}, B, InvalidInput),
        ({"identity_number": identity(1)}, A, AddressNotFound),
        ({"identity_number": identity(2)}, B, Conflict),  # nobody, and so nothing to tell
    ],
)
def test_what_can_not_be_reported(
    session: Session, places: Places, who: dict[str, Any], scope: str, error: type[Exception]
) -> None:
    settle(session, places.a, 1)
    with pytest.raises(error):
        report_elsewhere(session, here(places), writing=writing(scope), **who)
    assert reports(session) == []


def test_it_takes_a_reason_and_a_day_that_can_be(session: Session, places: Places) -> None:
    who = {"identity_number": identity(1)}
    with pytest.raises(PurposeMissing):
        report_elsewhere(session, here(places), writing=writing(B, access=Access("wang")), **who)
    with pytest.raises(InvalidRecord):
        report_elsewhere(
            session, NewResidence(places.b.id, "floating", date(2027, 1, 1)), writing=writing(B),
            **who,
        )  # fmt: skip
    assert date(2027, 1, 1) > TODAY
