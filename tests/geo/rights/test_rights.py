"""What persons may ask for, and what must be so before it is answered."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo import rights
from geo.audit import Access, read_log
from geo.errors import Conflict, InvalidInput, RecordNotFound, SubjectRequestNotFound
from geo.registers import change_resident, end_residence
from geo.registers.residents import CHANGEABLE
from geo.settings import Settings
from geo.store.scope import set_scope
from geo.tables import (
    RecordHistory,
    RecordVerification,
    Residence,
    Resident,
    StandardAddress,
    SubjectRequest,
)
from geo.values import GridScope
from tests.geo.registers.conftest import (
    NOW,
    TODAY,
    A,
    B,
    Places,
    identity,
    settle,
    writing,
)
from tests.geo.registers.conftest import places as places  # the fixture

EVERYTHING = GridScope.everything()
CHIEF = Access("chief")
SETTINGS = Settings(data_folder=Path("/nonexistent"))


def receive(session: Session, kind: str, resident_id: int | None, **more: Any) -> SubjectRequest:
    return rights.receive_request(
        session,
        CHIEF,
        **{
            "kind": kind,
            "resident_id": resident_id,
            "identity_checked": True,
            "received_on": TODAY,
            "scope": EVERYTHING,
            "settings": SETTINGS,
            "today": TODAY,
            **more,
        },
    )


def resident_at(session: Session, address: StandardAddress, number: int = 1, **more: Any) -> int:
    answer = settle(
        session, address, number, identity_number=identity(number), phone="19900000001", **more
    )
    return answer.record_id


def test_a_request_is_due_after_some_days_and_shows_when_it_is_late(session: Session) -> None:
    request = receive(session, "access", None)
    assert request.due_on == TODAY + timedelta(days=SETTINGS.rights_due_days)
    late = request.due_on + timedelta(days=1)
    assert rights.find_requests(session, overdue_on=request.due_on) == []
    assert [each.id for each in rights.find_requests(session, overdue_on=late)] == [request.id]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "revenge"},
        {"kind": "correction", "details": "  "},
        {"received_on": TODAY + timedelta(days=1)},
        {"received_on": date(1990, 1, 1)},
        {"details": "x" * 501},
    ],
)
def test_what_cannot_be_asked_is_refused(session: Session, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        receive(session, **{"kind": "access", "resident_id": None, **wrong})


def test_who_sees_a_part_writes_down_no_request_of_nobody(session: Session) -> None:
    """It would lie in nobody's grid; row-level security refused the row, and that was a 500."""
    part = GridScope.of(["14010500100100001"])
    set_scope(session, part)
    with pytest.raises(InvalidInput, match="who sees the whole area"):
        receive(session, "access", None, scope=part)


def test_a_copy_holds_all_of_the_person_and_nothing_of_others(
    session: Session, places: Places
) -> None:
    one = resident_at(session, places.a, 1, name="测试甲")
    resident_at(session, places.a, 2, name="测试乙")  # of the same address
    change_resident(session, one, {"name": "测试甲甲"}, expected_version=1, writing=writing())
    request = receive(session, "access", one)
    made = rights.copy_of_person(session, CHIEF, request.id, scope=EVERYTHING, now=NOW)
    assert made["person"]["identity_number"] == identity(1)
    assert made["person"]["phone"] == "19900000001"
    assert set(made["person"]) == set(CHANGEABLE)
    assert [each["address"] for each in made["residences"]] == [places.a.canonical_text]
    assert [each["name"] for each in made["former"]] == ["测试甲"]
    assert "测试乙" not in str(made)
    assert "wang" not in str(made), "who worked with it is nobody's business here"
    assert request.status == "fulfilled"
    # Lost on its way, it can be had again; each copy is in the log, under the request.
    rights.copy_of_person(session, CHIEF, request.id, scope=EVERYTHING, now=NOW)
    entries = read_log(
        session, Access("audit"), start=NOW - timedelta(days=9999), end=NOW + timedelta(days=9999)
    )
    reads = [entry for entry in entries if entry.action == "resident.read"]
    assert len(reads) == 2
    assert {entry.case_ref for entry in reads} == {f"subject request {request.id}"}


def test_nobody_is_answered_unchecked_or_by_who_sees_half(session: Session, places: Places) -> None:
    person = resident_at(session, places.a, until=date(2025, 6, 1), since=date(2025, 1, 1))
    settle(session, places.b, 2)
    unchecked = receive(session, "access", person, identity_checked=False)
    with pytest.raises(Conflict, match="seen to be who they say"):
        rights.copy_of_person(session, CHIEF, unchecked.id, scope=EVERYTHING, now=NOW)
    rights.check_identity(session, CHIEF, unchecked.id)
    with pytest.raises(Conflict, match="is for access"):
        rights.erase_person(session, CHIEF, unchecked.id, scope=EVERYTHING, now=NOW)
    with pytest.raises(Conflict, match="outside of what you see"):
        rights.copy_of_person(session, CHIEF, unchecked.id, scope=GridScope.of([B]), now=NOW)
    made = rights.copy_of_person(session, CHIEF, unchecked.id, scope=GridScope.of([A]), now=NOW)
    assert len(made["residences"]) == 1
    with pytest.raises(Conflict, match="nobody's"):
        rights.copy_of_person(
            session, CHIEF, receive(session, "access", None).id, scope=EVERYTHING, now=NOW
        )


def test_a_correction_is_written_by_the_registers(session: Session, places: Places) -> None:
    person = resident_at(session, places.a)
    request = receive(session, "correction", person, details="电话错了")
    rights.correct_person(
        session, CHIEF, request.id, {"phone": "19900000002"}, expected_version=1,
        scope=EVERYTHING, settings=SETTINGS, now=NOW,
    )  # fmt: skip
    assert (request.status, request.outcome) == ("fulfilled", "corrected: phone")
    assert session.get_one(Resident, person).version == 2
    with pytest.raises(Conflict, match="fulfilled already"):
        rights.refuse_request(session, CHIEF, request.id, reason="x", now=NOW)


def test_a_deletion_leaves_nothing_of_the_person(session: Session, places: Places) -> None:
    person = resident_at(session, places.a)
    other = resident_at(session, places.a, 2)
    request = receive(session, "deletion", person)
    with pytest.raises(Conflict, match="lives there still"):
        rights.erase_person(session, CHIEF, request.id, scope=EVERYTHING, now=NOW)
    residence = session.scalars(select(Residence).where(Residence.resident_id == person)).one()
    end_residence(
        session, residence.id, lived_to=date(2026, 5, 1), expected_version=residence.version,
        writing=writing(),
    )  # fmt: skip
    lived = residence.id
    ended = rights.erase_person(session, CHIEF, request.id, scope=EVERYTHING, now=NOW)
    assert (ended.status, ended.outcome) == (
        "fulfilled", "the person and 1 residences were deleted",
    )  # fmt: skip
    session.expire_all()
    assert session.scalars(select(Resident.id)).all() == [other]
    assert session.scalars(select(Residence.resident_id)).all() == [other]
    for table, gone in ((RecordHistory, person), (RecordVerification, person)):
        of_person = (table.record_kind == "resident") & (table.record_id == gone)
        of_residence = (table.record_kind == "residence") & (table.record_id == lived)
        assert not session.scalar(
            select(func.count()).select_from(table).where(of_person | of_residence)
        )


def test_a_refusal_says_why(session: Session) -> None:
    request = receive(session, "deletion", None)
    with pytest.raises(InvalidInput):
        rights.refuse_request(session, CHIEF, request.id, reason=" ", now=NOW)
    rights.refuse_request(session, CHIEF, request.id, reason="登记中没有此人", now=NOW)
    assert (request.status, request.refusal_reason) == ("refused", "登记中没有此人")
    with pytest.raises(Conflict):
        rights.withdraw_request(session, CHIEF, request.id, now=NOW)


def test_requests_are_seen_by_who_sees_the_person(session: Session, places: Places) -> None:
    in_a, in_b = resident_at(session, places.a), resident_at(session, places.b, 2)
    of_a, of_b, nobodys = (receive(session, "access", each) for each in (in_a, in_b, None))
    session.expunge_all()
    set_scope(session, GridScope.of([A]))
    assert [each.id for each in rights.find_requests(session)] == [of_a.id]
    for other in (of_b, nobodys):
        with pytest.raises(SubjectRequestNotFound):
            rights.get_request(session, CHIEF, other.id)
        with pytest.raises(SubjectRequestNotFound):
            rights.refuse_request(session, CHIEF, other.id, reason="x", now=NOW)
    with pytest.raises(RecordNotFound):
        receive(session, "access", in_b, scope=GridScope.of([A]))
