"""Persons and where they live: periods, moves, who is alike, who may see whom."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from geo.audit import Access, read_log
from geo.errors import (
    Conflict,
    InvalidInput,
    InvalidNumber,
    InvalidRecord,
    PurposeMissing,
    RecordConflict,
    RecordNotFound,
    StaleRecord,
)
from geo.registers import (
    Look,
    NewResidence,
    NewResident,
    annul_residence,
    change_residence,
    change_resident,
    end_residence,
    find_by_number,
    list_residents,
    move_resident,
    open_residence,
    read_numbers,
    read_resident,
    record_history,
    record_resident,
    residents_at,
)
from geo.registers.residences import find_overlapping
from geo.store.scope import set_scope
from geo.tables import Residence, Resident
from tests.geo.registers.conftest import NOW, TODAY, A, B, Places, identity, settle, writing

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
EVER = {"start": NOW - timedelta(days=3650), "end": NOW + timedelta(days=3650)}


def who_lives(session: Session, address_id: int, on: date) -> list[str]:
    found = residents_at(session, address_id, on=on, access=writing().access, scope=writing().scope)
    return [str(each.facts["name"]) for each in found]


def test_a_person_is_recorded_with_where_they_live(session: Session, places: Places) -> None:
    made = settle(session, places.a, by=writing(A))
    assert (made.missing, made.completeness, made.due_on) == ((), 1.0, TODAY)
    seen = read_resident(session, made.record_id, access=writing().access, scope=writing(A).scope)
    assert seen.facts == {
        "name": "测试甲1", "identity_kind": "resident_identity",
        "identity_number": f"999***********{identity(1)[-4:]}", "birth_year": 1990,
        "phone": "154****0001",
    }  # fmt: skip
    (lives,) = seen.residences
    assert lives.residence.grid_code == A
    assert lives.address_text == places.a.canonical_text


def test_nothing_of_a_person_is_stored_as_it_is(session: Session, places: Places) -> None:
    settle(session, places.a)
    raw = session.scalar(text("SELECT to_jsonb(r)::text FROM resident r"))
    assert raw is not None
    for plain in (identity(1), "15400000001"):
        assert plain not in raw and plain.encode().hex() not in raw


def test_without_purpose_and_case_nothing_is_read_or_written(
    session: Session, places: Places
) -> None:
    made = settle(session, places.a)
    nobody = Access("wang", purpose="走访")
    scope = writing(A).scope
    with pytest.raises(PurposeMissing):
        read_resident(session, made.record_id, access=nobody, scope=scope)
    with pytest.raises(PurposeMissing):
        residents_at(session, places.a.id, on=TODAY, access=nobody, scope=scope)
    with pytest.raises(PurposeMissing):
        find_by_number(session, phone="15400000001", today=TODAY, access=nobody, scope=scope)
    with pytest.raises(PurposeMissing):
        list_residents(session, grid_code=A, on=TODAY, access=nobody, scope=scope)
    with pytest.raises(PurposeMissing):
        read_numbers(session, made.record_id, ["phone"], access=nobody, scope=scope)
    with pytest.raises(PurposeMissing):
        settle(session, places.a2, 2, by=writing(A, access=nobody))


def test_each_reading_is_in_the_log_without_a_value(session: Session, places: Places) -> None:
    made = settle(session, places.a)
    access, scope = writing().access, writing().scope
    read_resident(session, made.record_id, access=access, scope=scope)
    residents_at(session, places.a.id, on=TODAY, access=access, scope=scope)
    find_by_number(session, identity_number=identity(1), today=TODAY, access=access, scope=scope)
    read_numbers(session, made.record_id, ["identity_number"], access=access, scope=scope)
    entries = read_log(session, Access("zhao"), **EVER)
    assert [each.action for each in entries[:4]] == [
        "resident.unmask identity_number", "resident.search", "resident.read_at_address",
        "resident.read",
    ]  # fmt: skip
    assert {(each.actor, each.purpose, each.case_ref, each.row_count) for each in entries[:4]} == {
        ("wang", "走访", "T-1", 1)
    }
    said = " ".join(str(each.object_ref) for each in entries)
    assert identity(1) not in said and "测试甲" not in said


def test_a_number_is_unmasked_as_it_was_given(session: Session, places: Places) -> None:
    made = settle(session, places.a)
    access, scope = writing().access, writing().scope
    assert read_numbers(
        session, made.record_id, ["phone", "identity_number"], access=access, scope=scope
    ) == {"phone": "15400000001", "identity_number": identity(1)}
    with pytest.raises(InvalidInput):
        read_numbers(session, made.record_id, ["name"], access=access, scope=scope)


def test_one_identity_number_is_one_person(session: Session, places: Places) -> None:
    made = settle(session, places.a)
    with pytest.raises(RecordConflict) as refused:
        settle(session, places.a2, name="测试乙某", by=writing(although_alike=True))
    assert refused.value.facts["alike"] == [
        {"record_kind": "resident", "record_id": made.record_id, "reason": "identity_number"}
    ]
    assert {each["code"] for each in refused.value.facts["conflicts"]} == {
        "name_differs", "lives_elsewhere",
    }  # fmt: skip


def test_a_namesake_at_the_address_is_told_and_stored_only_if_wanted(
    session: Session, places: Places
) -> None:
    made = settle(session, places.a, identity_number=None)
    with pytest.raises(RecordConflict) as refused:
        settle(session, places.a, identity_number=None)
    assert [each["reason"] for each in refused.value.facts["alike"]] == ["address_and_name"]
    again = settle(session, places.a, identity_number=None, by=writing(although_alike=True))
    assert [each.record_id for each in again.alike] == [made.record_id]


def test_two_of_one_name_with_two_numbers_are_two(session: Session, places: Places) -> None:
    settle(session, places.a, 1, name="测试甲某")
    assert settle(session, places.a, 2, name="测试甲某").alike == ()


def test_name_and_phone_elsewhere_are_alike(session: Session, places: Places) -> None:
    settle(session, places.a, identity_number=None)
    with pytest.raises(RecordConflict) as refused:
        settle(session, places.a2, identity_number=None)
    assert [each["reason"] for each in refused.value.facts["alike"]] == ["name_and_phone"]


def test_faults_of_a_person_are_named_at_once(session: Session, places: Places) -> None:
    with pytest.raises(InvalidRecord) as refused:
        settle(
            session, places.a, name=" ", identity_number=identity(1)[:-1] + "A", phone="1",
            birth_year=1700, kind="tourist", since=TODAY + timedelta(days=1),
        )  # fmt: skip
    assert {each["field"] for each in refused.value.facts["faults"]} == {
        "name", "identity_number", "phone", "birth_year", "kind", "lived_from",
    }  # fmt: skip
    with pytest.raises(InvalidRecord) as refused:
        settle(session, places.a, birth_year=1991)
    assert refused.value.facts["faults"][0]["code"] == "contradicts_identity_number"
    with pytest.raises(InvalidRecord) as refused:
        settle(session, places.a, since=MARCH, until=MARCH)
    assert [each["code"] for each in refused.value.facts["faults"]] == ["ends_before_it_begins"]
    assert session.scalar(select(func.count()).select_from(Resident)) == 0


def test_the_birth_year_follows_from_the_number(session: Session, places: Places) -> None:
    made = settle(session, places.a, identity_number=identity(1, "19840229"))
    resident = session.get_one(Resident, made.record_id)
    assert resident.birth_year == 1984
    abroad = settle(
        session, places.a, 2, kind="overseas", identity_number="E1234567",
        identity_kind="other_document", birth_year=1970,
    )  # fmt: skip
    assert session.get_one(Resident, abroad.record_id).birth_year == 1970


# -- periods


def test_a_move_ends_one_and_opens_another(session: Session, places: Places) -> None:
    made = settle(session, places.a, since=date(2025, 1, 1))
    assert made.residence_id is not None
    moved = move_resident(
        session, made.residence_id, NewResidence(places.b.id, "floating", MARCH),
        expected_version=1, look=Look(TODAY), writing=writing(A, B),
    )  # fmt: skip
    assert moved.due_on == date(2026, 9, 1)
    assert who_lives(session, places.a.id, date(2026, 2, 28)) == ["测试甲1"]
    assert who_lives(session, places.a.id, MARCH) == []
    assert who_lives(session, places.b.id, date(2026, 2, 28)) == []
    assert who_lives(session, places.b.id, MARCH) == ["测试甲1"]
    (was,) = record_history(session, "residence", made.residence_id)
    assert was.was["lived_to"] is None  # nothing is overwritten


def test_a_move_that_cant_open_ends_nothing(session: Session, places: Places) -> None:
    made = settle(session, places.a, kind="registered")
    assert made.residence_id is not None
    open_residence(
        session, made.record_id, NewResidence(places.b.id, "floating", MARCH), writing=writing()
    )
    with pytest.raises(RecordConflict), session.begin_nested():
        move_resident(
            session, made.residence_id, NewResidence(places.a2.id, "lodging", APRIL),
            expected_version=1, writing=writing(),
        )  # fmt: skip
    session.expire_all()
    assert session.get_one(Residence, made.residence_id).lived_to is None
    with pytest.raises(Conflict, match="already"):
        move_resident(
            session, made.residence_id, NewResidence(places.a.id, "registered", APRIL),
            expected_version=1, writing=writing(),
        )  # fmt: skip


def test_one_may_be_registered_here_and_live_there(session: Session, places: Places) -> None:
    made = settle(session, places.a, kind="registered")
    open_residence(
        session, made.record_id, NewResidence(places.b.id, "floating", MARCH), writing=writing()
    )
    for kind, code in (("lodging", "lives_elsewhere"), ("registered", "registered_elsewhere")):
        with pytest.raises(RecordConflict) as refused:
            open_residence(
                session, made.record_id, NewResidence(places.b2.id, kind, APRIL),
                writing=writing(),
            )  # fmt: skip
        assert [each["code"] for each in refused.value.facts["conflicts"]] == [code]
    with pytest.raises(RecordConflict):  # registered nowhere, and registered there
        open_residence(
            session, made.record_id, NewResidence(places.b2.id, "unregistered", APRIL),
            writing=writing(),
        )  # fmt: skip


def test_the_database_refuses_two_places_at_once_by_itself(
    session: Session, places: Places
) -> None:
    made = settle(session, places.a, since=date(2025, 1, 1), until=MARCH)
    second = {
        "resident_id": made.record_id, "standard_address_id": places.b.id, "kind": "lodging",
        "source": "t", "recorded_by": "t", "due_on": TODAY,
    }  # fmt: skip
    with session.begin_nested():
        session.add(Residence(**second, lived_from=MARCH))
        session.flush()
    for lived_from in (date(2025, 2, 1), APRIL):
        with (
            pytest.raises(IntegrityError, match="ex_residence_lives_once"),
            session.begin_nested(),
        ):
            session.add(Residence(**second, lived_from=lived_from))
            session.flush()
    with pytest.raises(IntegrityError, match="ck_residence_period"), session.begin_nested():
        session.execute(
            update(Residence)
            .where(Residence.id == made.residence_id)
            .values(lived_to=date(2024, 1, 1))
        )


PERIODS = (
    (date(2025, 1, 1), MARCH), (date(2025, 1, 1), None), (date(2025, 6, 1), date(2025, 7, 1)),
    (MARCH, APRIL), (MARCH, None), (date(2024, 1, 1), date(2025, 1, 1)),
)  # fmt: skip


@pytest.mark.parametrize("kind", ["registered", "floating", "lodging", "overseas"])
def test_what_we_call_a_conflict_is_what_the_database_refuses(
    session: Session, places: Places, kind: str
) -> None:
    number = 0
    for held_kind in ("registered", "floating"):
        for since, until in PERIODS:
            number += 1
            made = settle(session, places.a, number, kind=held_kind, since=since, until=until)
            for lived_from, lived_to in PERIODS:
                wanted = NewResidence(places.b.id, kind, lived_from, lived_to)
                found = find_overlapping(session, made.record_id, wanted, writing())
                try:
                    with session.begin_nested():
                        session.add(
                            Residence(
                                resident_id=made.record_id, standard_address_id=places.b.id,
                                kind=kind, lived_from=lived_from, lived_to=lived_to, source="t",
                                recorded_by="t", due_on=TODAY,
                            )
                        )  # fmt: skip
                        session.flush()
                        raise LookupError  # takes it back
                except IntegrityError:
                    assert found, (held_kind, since, until, wanted)
                except LookupError:
                    assert not found, (held_kind, since, until, wanted)


def test_a_residence_is_corrected_or_annulled(session: Session, places: Places) -> None:
    made = settle(session, places.a, since=MARCH)
    assert made.residence_id is not None
    changed = change_residence(
        session, made.residence_id, {"lived_from": date(2026, 2, 1), "kind": "lodging"},
        expected_version=1, writing=writing(A),
    )  # fmt: skip
    assert changed.version == 2
    with pytest.raises(StaleRecord) as refused:
        change_residence(
            session, made.residence_id, {"kind": "overseas"}, expected_version=1,
            writing=writing(A),
        )  # fmt: skip
    assert refused.value.facts["sides"] == {"kind": {"given": "overseas", "stored": "lodging"}}
    annul_residence(session, made.residence_id, now=NOW, expected_version=2, writing=writing(A))
    assert who_lives(session, places.a.id, TODAY) == []
    with pytest.raises(Conflict, match="annulled"):
        end_residence(
            session, made.residence_id, lived_to=TODAY, expected_version=3, writing=writing(A)
        )
    # It never was: nobody sees the person by it, who may be recorded elsewhere in that time.
    with pytest.raises(RecordNotFound):
        read_resident(session, made.record_id, access=writing().access, scope=writing(A).scope)
    set_scope(session, writing(A).scope)
    assert session.scalars(select(Resident.id)).all() == []
    set_scope(session, writing().scope)
    taken = settle(session, places.a2, by=writing(A))
    assert taken.record_id == made.record_id


def test_an_end_lies_after_the_beginning_and_not_ahead(session: Session, places: Places) -> None:
    made = settle(session, places.a, since=MARCH)
    assert made.residence_id is not None
    for day, code in ((MARCH, "ends_before_it_begins"),
                      (TODAY + timedelta(days=1), "day_out_of_range")):  # fmt: skip
        with pytest.raises(InvalidRecord) as refused:
            end_residence(
                session, made.residence_id, lived_to=day, expected_version=1, writing=writing(A)
            )
        assert refused.value.facts["faults"][0]["code"] == code


def test_corrections_of_a_person(session: Session, places: Places) -> None:
    made = settle(session, places.a)
    settle(session, places.a2, 2)
    changed = change_resident(
        session, made.record_id, {"name": "测试甲改", "phone": None}, expected_version=1,
        writing=writing(A),
    )  # fmt: skip
    assert (changed.version, changed.missing) == (2, ("phone",))
    with pytest.raises(RecordConflict) as refused:
        change_resident(
            session, made.record_id, {"identity_number": identity(2)}, expected_version=2,
            writing=writing(A),
        )  # fmt: skip
    assert refused.value.facts["alike"][0]["reason"] == "identity_number"
    with pytest.raises(StaleRecord) as stale:
        change_resident(
            session, made.record_id, {"identity_number": identity(9)}, expected_version=1,
            writing=writing(A),
        )  # fmt: skip
    assert identity(9) not in str(stale.value.facts) and identity(1) not in str(stale.value.facts)


def test_what_was_recorded_by_a_moment(session: Session, places: Places) -> None:
    made = settle(session, places.a)
    change_resident(
        session, made.record_id, {"name": "测试甲改", "phone": "15400009999"}, expected_version=1,
        writing=writing(A),
    )  # fmt: skip
    (was,) = record_history(session, "resident", made.record_id)
    # The test is one transaction, whose clock stands still: the first version lasted no time.
    session.execute(text("SELECT set_config('gridbeat.scope', '*', true)"))
    then = was.recorded_from - timedelta(seconds=1)
    session.add(
        type(was)(
            record_kind="resident", record_id=made.record_id, version=1, was=was.was,
            recorded_from=then - timedelta(days=2), recorded_to=was.recorded_to,
        )
    )  # fmt: skip
    session.flush()
    seen = read_resident(
        session, made.record_id, until=then, access=writing().access, scope=writing().scope
    )
    assert (seen.facts["name"], seen.version) == ("测试甲1", 1)
    assert seen.facts["phone"] is None  # a number that changed since isn't kept
    assert seen.facts["identity_number"] is not None


# -- scope


def test_a_person_is_seen_by_where_they_live(session: Session, places: Places) -> None:
    made = settle(session, places.a, kind="registered", by=writing(A))
    open_residence(
        session, made.record_id, NewResidence(places.b.id, "floating", MARCH),
        writing=writing(A, B),
    )  # fmt: skip
    access = writing().access
    for code in (A, B):
        seen = read_resident(session, made.record_id, access=access, scope=writing(code).scope)
        assert [each.residence.grid_code for each in seen.residences] == [code]
    with pytest.raises(RecordNotFound):
        read_resident(session, made.record_id, access=access, scope=writing("x").scope)
    assert find_by_number(
        session, phone="15400000001", today=TODAY, access=access, scope=writing("x").scope
    ) == []  # fmt: skip


def test_who_lives_outside_the_scope_is_told_without_where(
    session: Session, places: Places
) -> None:
    settle(session, places.a, by=writing(A))
    with pytest.raises(RecordConflict) as refused:
        settle(session, places.b, by=writing(B))
    assert refused.value.facts["alike"] == []
    assert refused.value.facts["conflicts"] == [
        {"code": "lives_elsewhere", "record_kind": "residence", "record_id": None,
         "field": "lived_from"},
    ]  # fmt: skip


def test_who_left_elsewhere_is_taken_over_as_the_same_person(
    session: Session, places: Places
) -> None:
    made = settle(session, places.a, until=MARCH, phone=None, by=writing(A))
    taken = settle(session, places.b, since=MARCH, by=writing(B))
    assert taken.record_id == made.record_id
    assert taken.missing == ()  # the phone was filled in
    seen = read_resident(session, made.record_id, access=writing().access, scope=writing(B).scope)
    assert seen.facts["phone"] == "154****0001"
    with pytest.raises(RecordConflict):  # another name under the number is told
        settle(session, places.b2, since=APRIL, name="测试另某", by=writing(B))


def test_finding_by_number(session: Session, places: Places) -> None:
    made = settle(session, places.a)
    access, scope = writing().access, writing(A).scope
    for asked in ({"identity_number": f" {identity(1)} "}, {"phone": "154 0000 0001"}):
        found = find_by_number(session, **asked, today=TODAY, access=access, scope=scope)  # type: ignore[arg-type]
        assert [each.resident_id for each in found] == [made.record_id]
    with pytest.raises(InvalidInput):
        find_by_number(session, today=TODAY, access=access, scope=scope)
    with pytest.raises(InvalidNumber):
        find_by_number(session, identity_number="1", today=TODAY, access=access, scope=scope)


def test_pages_of_a_grid(session: Session, places: Places) -> None:
    ids = [settle(session, places.a, number).record_id for number in range(1, 6)]
    settle(session, places.b, 7)
    access, scope = writing().access, writing(A).scope
    seen: list[int] = []
    while page := list_residents(
        session, grid_code=A, on=TODAY, after_id=seen[-1] if seen else 0, limit=2, access=access,
        scope=scope,
    ):  # fmt: skip
        seen += [each.resident_id for each in page]
    assert seen == ids
    assert not list_residents(session, grid_code=B, on=TODAY, access=access, scope=scope)


def test_the_same_write_sent_again_is_one_person(session: Session, places: Places) -> None:
    who = writing(A, key="k")
    first = settle(session, places.a, by=who)
    again = settle(session, places.a, by=who)
    assert (again.replayed, again.record_id, again.residence_id) == (
        True, first.record_id, first.residence_id,
    )  # fmt: skip
    assert session.scalar(select(func.count()).select_from(Residence)) == 1


def test_a_look_ahead_of_today_is_none(session: Session, places: Places) -> None:
    person = NewResident("测试甲某")
    lives = NewResidence(places.a.id, "floating", MARCH)
    with pytest.raises(InvalidInput, match="day of the look"):
        record_resident(
            session, person, lives, look=Look(TODAY + timedelta(days=1)), writing=writing(A)
        )
    with pytest.raises(InvalidInput, match="how"):
        record_resident(session, person, lives, look=Look(TODAY, "rumour"), writing=writing(A))
