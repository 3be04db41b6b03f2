"""Dwellings and establishments: what a write answers, refuses, and keeps."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from geo.errors import (
    AddressNotFound,
    Conflict,
    InvalidInput,
    InvalidRecord,
    RecordConflict,
    RecordNotFound,
    StaleRecord,
    WriteKeyTaken,
)
from geo.registers import (
    Look,
    NewDwelling,
    NewEstablishment,
    change_dwelling,
    change_establishment,
    dwelling_facts,
    end_dwelling,
    end_establishment,
    establishment_facts,
    find_former,
    get_record,
    move_establishment,
    record_dwelling,
    record_establishment,
    record_history,
)
from geo.tables import AuditEntry, Dwelling, Establishment, WriteKey
from tests.geo.registers.conftest import TODAY, A, B, Places, writing

PHONE = "15400000001"
CODE = "91350100M000100Y43"
YEAR = date(2025, 6, 1)


def dwelling(address_id: int, **more: Any) -> NewDwelling:
    return NewDwelling(**{"standard_address_id": address_id, "use": "owner_occupied", **more})


def establishment(address_id: int, **more: Any) -> NewEstablishment:
    return NewEstablishment(
        **{
            "standard_address_id": address_id, "name": "示例早餐店",
            "establishment_class": "nine_small", "occupied_from": YEAR, **more,
        }
    )  # fmt: skip


def dwelling_row(session: Session, dwelling_id: int) -> Dwelling:
    found = get_record(session, "dwelling", dwelling_id, scope=writing().scope)
    assert isinstance(found, Dwelling)
    return found


def test_a_write_answers_what_is_missing_and_due(session: Session, places: Places) -> None:
    given = dwelling(places.a.id, use="rented_shared", room_count=4, landlord_name="测试乙某")
    answer = record_dwelling(session, given, look=Look(TODAY), writing=writing(A))
    assert answer.missing == ("landlord_phone", "registered_on")
    assert answer.completeness == pytest.approx(3 / 5)
    assert answer.due_on == date(2026, 9, 1)  # shared: three months
    assert (answer.version, answer.alike, answer.replayed) == (1, (), False)
    stored = dwelling_row(session, answer.record_id)
    assert (stored.grid_code, stored.verified_how, stored.verified_by) == (A, "visit", "wang")
    # Only said, not looked at: it is due at once.
    said = record_dwelling(session, dwelling(places.a2.id), writing=writing(A))
    assert (said.due_on, said.missing, said.completeness) == (TODAY, ("room_count",), 0.5)


def test_all_faults_are_named_at_once_and_nothing_is_stored(
    session: Session, places: Places
) -> None:
    given = dwelling(
        places.a.id, use="palace", room_count=0, landlord_phone="123", safety_findings=("ghosts",),
        registered_on=TODAY + timedelta(days=1), note="x" * 501,
    )  # fmt: skip
    with pytest.raises(InvalidRecord) as refused:
        record_dwelling(session, given, writing=writing(A))
    assert [(fault["field"], fault["code"]) for fault in refused.value.facts["faults"]] == [
        ("use", "unknown_value"),
        ("room_count", "out_of_range"),
        ("landlord_phone", "phone_form"),
        ("registered_on", "day_out_of_range"),
        ("safety_findings", "unknown_value"),
        ("note", "too_long"),
    ]
    assert session.scalar(select(func.count()).select_from(Dwelling)) == 0


def test_a_second_dwelling_at_an_address_is_told_and_stored_only_if_wanted(
    session: Session, places: Places
) -> None:
    first = record_dwelling(session, dwelling(places.a.id), writing=writing(A))
    with pytest.raises(RecordConflict) as refused:
        record_dwelling(session, dwelling(places.a.id), writing=writing(A))
    assert refused.value.facts["alike"] == [
        {"record_kind": "dwelling", "record_id": first.record_id, "reason": "address"}
    ]
    second = record_dwelling(
        session, dwelling(places.a.id), writing=writing(A, although_alike=True)
    )
    assert [each.record_id for each in second.alike] == [first.record_id]


def test_phones_are_sealed_and_shown_masked(session: Session, places: Places) -> None:
    given = dwelling(places.a.id, landlord_name="测试乙某", landlord_phone="154-0000-0001")
    answer = record_dwelling(session, given, writing=writing(A))
    stored = dwelling_row(session, answer.record_id)
    assert dwelling_facts(session, stored, with_persons=True)["landlord_phone"] == "154****0001"
    assert "landlord_name" not in dwelling_facts(session, stored, with_persons=False)
    raw = session.scalar(text("SELECT to_jsonb(d)::text FROM dwelling d"))
    assert raw is not None
    assert PHONE not in raw and PHONE.encode().hex() not in raw


def test_a_change_keeps_what_was_and_a_same_value_is_no_change(
    session: Session, places: Places
) -> None:
    given = dwelling(places.a.id, room_count=2, landlord_phone=PHONE)
    made = record_dwelling(session, given, writing=writing(A))
    same = change_dwelling(
        session, made.record_id, {"room_count": 2, "landlord_phone": "154 0000 0001"},
        expected_version=1, writing=writing(A),
    )  # fmt: skip
    assert same.version == 1
    changed = change_dwelling(
        session, made.record_id, {"use": "vacant"}, expected_version=1, writing=writing(A)
    )
    assert changed.version == 2
    (was,) = record_history(session, "dwelling", made.record_id)
    assert (was.version, was.was["use"], was.was["room_count"]) == (1, "owner_occupied", 2)
    assert "landlord_phone_sealed" not in was.was
    assert was.was["landlord_phone_index"] is not None
    assert find_former(session, "dwelling", made.record_id, was.recorded_to) is None


def test_a_stale_change_is_refused_with_both_sides(session: Session, places: Places) -> None:
    made = record_dwelling(session, dwelling(places.a.id, room_count=2), writing=writing(A))
    change_dwelling(
        session, made.record_id, {"room_count": 3, "landlord_name": "测试丙某"},
        expected_version=1, writing=writing(A),
    )  # fmt: skip
    with pytest.raises(StaleRecord) as refused:
        change_dwelling(
            session, made.record_id,
            {"room_count": 4, "use": "owner_occupied", "landlord_phone": PHONE,
             "landlord_name": "测试丁某"},
            expected_version=1, writing=writing(A),
        )  # fmt: skip
    assert refused.value.facts["version"] == 2
    assert refused.value.facts["sides"] == {
        "room_count": {"given": 4, "stored": 3},
        "landlord_phone": {"given": "154****0001", "stored": None},
        "landlord_name": {"given": "测试丁某", "stored": "测试丙某"},
    }


def test_a_refused_change_leaves_the_row_as_it_was(session: Session, places: Places) -> None:
    made = record_dwelling(session, dwelling(places.a.id, room_count=2), writing=writing(A))
    with pytest.raises(InvalidRecord):
        change_dwelling(
            session, made.record_id, {"room_count": 9, "landlord_phone": "1"}, expected_version=1,
            writing=writing(A),
        )  # fmt: skip
    assert dwelling_row(session, made.record_id).room_count == 2
    with pytest.raises(InvalidInput, match="can't be changed"):
        change_dwelling(
            session, made.record_id, {"grid_code": B}, expected_version=1, writing=writing(A)
        )


def test_an_ended_dwelling_stays_and_makes_room(session: Session, places: Places) -> None:
    made = record_dwelling(session, dwelling(places.a.id), writing=writing(A))
    ended = end_dwelling(
        session, made.record_id, ended_on=TODAY, expected_version=1, writing=writing(A)
    )
    assert ended.version == 2
    with pytest.raises(Conflict, match="ended already"):
        end_dwelling(
            session, made.record_id, ended_on=TODAY, expected_version=2, writing=writing(A)
        )
    record_dwelling(session, dwelling(places.a.id), writing=writing(A))  # nothing alike is there


def test_outside_the_scope_nothing_is_there(session: Session, places: Places) -> None:
    made = record_dwelling(session, dwelling(places.b.id), writing=writing(B))
    with pytest.raises(AddressNotFound):
        record_dwelling(session, dwelling(places.b.id), writing=writing(A))
    with pytest.raises(RecordNotFound):
        change_dwelling(session, made.record_id, {}, expected_version=1, writing=writing(A))
    with pytest.raises(RecordNotFound):
        get_record(session, "dwelling", made.record_id, scope=writing(A).scope)


def test_an_ended_address_takes_nothing_and_names_the_one_it_is(
    session: Session, places: Places
) -> None:
    places.a2.status, places.a2.merged_into = "merged", places.a.id
    session.flush()
    with pytest.raises(InvalidRecord) as refused:
        record_dwelling(session, dwelling(places.a2.id), writing=writing(A))
    assert refused.value.facts["faults"][0]["code"] == "address_merged"
    assert str(places.a.id) in refused.value.message


# -- establishments


def test_an_establishment_is_alike_by_code_anywhere_and_by_name_at_the_address(
    session: Session, places: Places
) -> None:
    first = record_establishment(
        session, establishment(places.a.id, credit_code=CODE.lower()), writing=writing(A)
    )
    assert first.missing == ("trade", "contact_name", "contact_phone")
    with pytest.raises(RecordConflict) as refused:
        record_establishment(
            session, establishment(places.a2.id, name="另一家", credit_code=CODE),
            writing=writing(A),
        )  # fmt: skip
    assert refused.value.facts["alike"] == [
        {"record_kind": "establishment", "record_id": first.record_id, "reason": "credit_code"}
    ]
    with pytest.raises(RecordConflict) as refused:
        record_establishment(
            session, establishment(places.b.id, credit_code=CODE), writing=writing(B)
        )
    # It lies in another's grid: that there is one is all that is told.
    assert refused.value.facts["alike"][0]["record_id"] is None
    with pytest.raises(RecordConflict) as refused:
        record_establishment(session, establishment(places.a.id), writing=writing(A))
    assert refused.value.facts["alike"][0]["reason"] == "address_and_name"


def test_a_wrong_code_is_a_fault(session: Session, places: Places) -> None:
    with pytest.raises(InvalidRecord) as refused:
        record_establishment(
            session, establishment(places.a.id, credit_code="91350100M000100Y44", name=" "),
            writing=writing(A),
        )  # fmt: skip
    assert [each["code"] for each in refused.value.facts["faults"]] == [
        "empty", "credit_code_check_digit",
    ]  # fmt: skip


def test_an_establishment_moves_on_one_day(session: Session, places: Places) -> None:
    made = record_establishment(
        session, establishment(places.a.id, credit_code=CODE, contact_phone=PHONE),
        writing=writing(A, B),
    )  # fmt: skip
    moved_on = date(2026, 3, 1)
    moved = move_establishment(
        session, made.record_id, places.b.id, moved_on=moved_on, expected_version=1,
        writing=writing(A, B),
    )  # fmt: skip
    former = get_record(session, "establishment", made.record_id, scope=writing().scope)
    there = get_record(session, "establishment", moved.record_id, scope=writing().scope)
    assert isinstance(former, Establishment) and isinstance(there, Establishment)
    assert (former.occupied_to, there.occupied_from, there.occupied_to) == (
        moved_on, moved_on, None,
    )  # fmt: skip
    assert (there.grid_code, there.moved_from_id, there.credit_code) == (B, former.id, CODE)
    facts = establishment_facts(session, there, with_persons=True)
    assert facts["contact_phone"] == "154****0001"  # sealed anew: it is bound to its row
    with pytest.raises(Conflict, match="left already"):
        end_establishment(
            session, former.id, left_on=moved_on, expected_version=2, writing=writing(A)
        )
    with pytest.raises(Conflict, match="left on"):
        change_establishment(
            session, former.id, {"trade": "餐饮"}, expected_version=2, writing=writing(A)
        )


def test_an_establishment_cant_leave_before_it_came(session: Session, places: Places) -> None:
    made = record_establishment(session, establishment(places.a.id), writing=writing(A))
    for left_on, code in ((YEAR - timedelta(days=1), "ends_before_it_begins"),
                          (TODAY + timedelta(days=1), "day_out_of_range")):  # fmt: skip
        with pytest.raises(InvalidRecord) as refused:
            end_establishment(
                session, made.record_id, left_on=left_on, expected_version=1, writing=writing(A)
            )
        assert refused.value.facts["faults"][0]["code"] == code


def test_a_change_of_class_moves_the_next_look(session: Session, places: Places) -> None:
    made = record_establishment(
        session, establishment(places.a.id), look=Look(date(2026, 5, 1)), writing=writing(A)
    )
    assert made.due_on == date(2026, 11, 1)  # nine small: half a year
    changed = change_establishment(
        session, made.record_id, {"establishment_class": "key"}, expected_version=1,
        writing=writing(A),
    )  # fmt: skip
    assert changed.due_on == date(2026, 8, 1)  # key: a quarter


# -- a write that is sent again


def test_the_same_write_sent_again_is_stored_once(session: Session, places: Places) -> None:
    who = writing(A, key="k-1")
    first = record_dwelling(session, dwelling(places.a.id), writing=who)
    again = record_dwelling(session, dwelling(places.a.id), writing=who)
    assert again.replayed and not first.replayed
    assert (again.record_id, again.missing, again.due_on) == (
        first.record_id, first.missing, first.due_on,
    )  # fmt: skip
    assert session.scalar(select(func.count()).select_from(Dwelling)) == 1


def test_a_key_is_for_one_write(session: Session, places: Places) -> None:
    who = writing(A, key="k-1")
    record_dwelling(session, dwelling(places.a.id), writing=who)
    with pytest.raises(WriteKeyTaken):
        record_dwelling(session, dwelling(places.a2.id), writing=who)
    with pytest.raises(WriteKeyTaken):
        record_establishment(session, establishment(places.a.id), writing=who)
    for key in ("", "x" * 101):
        with pytest.raises(InvalidInput):
            record_dwelling(session, dwelling(places.a2.id), writing=writing(A, key=key))


def test_what_is_kept_of_a_write_holds_no_value(session: Session, places: Places) -> None:
    given = dwelling(places.a.id, landlord_name="测试乙某", landlord_phone=PHONE)
    record_dwelling(session, given, writing=writing(A, key="k-1"))
    kept = session.scalars(select(WriteKey)).one()
    assert "测试乙某" not in str(kept.answer) and PHONE not in str(kept.answer)


def test_a_stale_change_that_was_stored_before_is_replayed_not_refused(
    session: Session, places: Places
) -> None:
    made = record_dwelling(session, dwelling(places.a.id), writing=writing(A))
    who = writing(A, key="k-2")
    done = change_dwelling(
        session, made.record_id, {"room_count": 2}, expected_version=1, writing=who
    )
    again = change_dwelling(
        session, made.record_id, {"room_count": 2}, expected_version=1, writing=who
    )
    assert (done.version, again.version, again.replayed) == (2, 2, True)


def test_writes_are_in_the_audit_log(session: Session, places: Places) -> None:
    from geo.audit import Access, read_log
    from tests.geo.registers.conftest import NOW

    made = record_dwelling(session, dwelling(places.a.id), writing=writing(A))
    end_dwelling(session, made.record_id, ended_on=TODAY, expected_version=1, writing=writing(A))
    start, end = NOW - timedelta(days=3650), NOW + timedelta(days=3650)
    entries: list[AuditEntry] = list(read_log(session, Access("zhao"), start=start, end=end))
    assert [(each.action, each.object_ref) for each in entries[:2]] == [
        ("dwelling.end", str(made.record_id)), ("dwelling.create", str(made.record_id)),
    ]  # fmt: skip
