"""Quality as data: looks, what is due, reports; and the cycles behind them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from geo.audit import Access
from geo.errors import Conflict, InvalidInput, RecordNotFound, WriteKeyTaken
from geo.registers import (
    Look,
    NewDwelling,
    RecordFilter,
    change_dwelling,
    count_records,
    cycles_of,
    find_records,
    find_reports,
    find_verifications,
    record_dwelling,
    report_error,
    settle_report,
    verify_record,
)
from geo.registers.cycles import VERIFY_MONTHS, add_months
from geo.settings import Settings
from geo.tables import DWELLING_USES, ESTABLISHMENT_CLASSES, RESIDENCE_KINDS, Dwelling, Residence
from tests.geo.registers.conftest import NOW, TODAY, A, B, Places, settle, writing


def test_each_kind_has_its_cycle() -> None:
    names = {
        *RESIDENCE_KINDS, *DWELLING_USES, *ESTABLISHMENT_CLASSES, "dwelling_other",
        "establishment_other",
    } - {"other"}  # fmt: skip
    assert set(VERIFY_MONTHS) == names


def test_a_deployment_sets_its_own_cycles() -> None:
    cycles = cycles_of(Settings(verify_months={"floating": 1}))
    assert cycles.due_on("floating", date(2026, 1, 31)) == date(2026, 2, 28)
    assert cycles.due_on("registered", date(2026, 1, 31)) == date(2027, 1, 31)
    with pytest.raises(InvalidInput, match="tourist"):
        cycles_of(Settings(verify_months={"tourist": 1}))


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 240))
def test_months_later_is_in_that_month(day: date, months: int) -> None:
    later = add_months(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day == day.day or (later + timedelta(days=1)).day == 1


def test_a_look_moves_the_next_one_and_is_kept(session: Session, places: Places) -> None:
    made = record_dwelling(
        session, NewDwelling(places.a.id, "rented_shared"), look=Look(date(2026, 1, 15)),
        writing=writing(A),
    )  # fmt: skip
    assert made.due_on == date(2026, 4, 15)
    seen = verify_record(
        session, "dwelling", made.record_id, Look(TODAY, "call"), expected_version=1,
        writing=writing(A),
    )  # fmt: skip
    assert (seen.due_on, seen.verified_how, seen.version) == (date(2026, 9, 1), "call", 1)
    # One that is written down later is kept, and moves nothing.
    seen = verify_record(
        session, "dwelling", made.record_id, Look(date(2026, 3, 1)), expected_version=1,
        writing=writing(A),
    )  # fmt: skip
    assert (seen.due_on, seen.verified_on) == (date(2026, 9, 1), TODAY)
    looks = find_verifications(session, "dwelling", made.record_id)
    assert [(each.verified_on, each.verified_how) for each in looks] == [
        (date(2026, 3, 1), "visit"), (TODAY, "call"), (date(2026, 1, 15), "visit"),
    ]  # fmt: skip


def test_a_look_and_a_report_sent_again_are_kept_once(session: Session, places: Places) -> None:
    made = record_dwelling(session, NewDwelling(places.a.id, "vacant"), writing=writing(A))
    number = made.record_id
    who, other = writing(A, key="k-look"), writing(A, key="k-report")
    for _ in range(2):
        verify_record(session, "dwelling", number, Look(TODAY), expected_version=1, writing=who)
        report = report_error(session, "dwelling", number, "有人住", writing=other)
    assert len(find_verifications(session, "dwelling", number)) == 1
    assert [each.id for each in find_reports(session)] == [report.id]
    # A key is for one write: not for another day, another record or another kind of write.
    for again in (
        lambda: verify_record(
            session, "dwelling", number, Look(date(2026, 5, 1)), expected_version=1, writing=who
        ),
        lambda: report_error(session, "dwelling", number, "别的", writing=other),
        lambda: report_error(session, "dwelling", number, "有人住", writing=who),
    ):
        with pytest.raises(WriteKeyTaken):
            again()
    # Out of sight now, nothing is told, whatever the key.
    with pytest.raises(RecordNotFound):
        verify_record(
            session, "dwelling", number, Look(TODAY), expected_version=1,
            writing=writing(B, key="k-look"),
        )  # fmt: skip
    # Without a key each is one of its own.
    report_error(session, "dwelling", number, "有人住", writing=writing(A))
    assert len(find_reports(session)) == 2


def test_what_changed_since_was_not_what_was_looked_at(session: Session, places: Places) -> None:
    made = record_dwelling(session, NewDwelling(places.a.id, "vacant"), writing=writing(A))
    change_dwelling(
        session, made.record_id, {"use": "mixed"}, expected_version=1, writing=writing(A)
    )
    with pytest.raises(Conflict, match="version 2"):
        verify_record(
            session, "dwelling", made.record_id, Look(TODAY), expected_version=1,
            writing=writing(A),
        )  # fmt: skip


def test_a_person_is_verified_where_they_live(session: Session, places: Places) -> None:
    made = settle(session, places.a)
    assert made.residence_id is not None
    with pytest.raises(InvalidInput, match="verify the residence"):
        verify_record(
            session, "resident", made.record_id, Look(TODAY), expected_version=1,
            writing=writing(A),
        )  # fmt: skip
    seen = verify_record(
        session, "residence", made.residence_id, Look(TODAY), expected_version=1,
        writing=writing(A),
    )  # fmt: skip
    assert isinstance(seen, Residence) and seen.due_on == date(2026, 9, 1)


def test_what_is_due_and_what_is_missing_are_found(session: Session, places: Places) -> None:
    looked = record_dwelling(
        session, NewDwelling(places.a.id, "vacant", room_count=2), look=Look(TODAY),
        writing=writing(A),
    )  # fmt: skip
    said = record_dwelling(session, NewDwelling(places.a2.id, "vacant"), writing=writing(A))
    record_dwelling(session, NewDwelling(places.b.id, "vacant"), writing=writing(B))

    def found(**filters: object) -> list[int]:
        rows = find_records(
            session,
            Dwelling,
            RecordFilter(**filters),
            scope=writing(A).scope,  # type: ignore[arg-type]
        )
        return [row.id for row in rows]

    assert found() == [looked.record_id, said.record_id]
    assert found(due_by=TODAY) == [said.record_id]
    assert found(with_missing=True) == [said.record_id]
    assert found(address_id=places.a.id) == [looked.record_id]
    assert found(grid_code=B) == []
    scope = writing(A).scope
    assert count_records(session, Dwelling, RecordFilter(due_by=TODAY), scope=scope) == 1


def test_a_report_waits_until_it_is_settled(session: Session, places: Places) -> None:
    made = record_dwelling(session, NewDwelling(places.a.id, "vacant"), writing=writing(A))
    report = report_error(
        session, "dwelling", made.record_id, "有人住", field="use", writing=writing(A)
    )
    assert [each.id for each in find_reports(session)] == [report.id]
    done = settle_report(
        session, report.id, mended=True, note="已改", now=NOW,
        writing=replace(writing(A), access=Access("li")),
    )  # fmt: skip
    assert (done.status, done.settled_by, done.settled_note) == ("mended", "li", "已改")
    assert find_reports(session) == []
    assert find_reports(session, status="mended", kinds=["dwelling"], record_id=made.record_id)
    with pytest.raises(Conflict, match="settled already"):
        settle_report(session, report.id, mended=False, now=NOW, writing=writing(A))
    for note, field in ((" ", None), ("x", "ghost"), ("x" * 501, None)):
        with pytest.raises(InvalidInput):
            report_error(session, "dwelling", made.record_id, note, field=field, writing=writing(A))
    with pytest.raises(RecordNotFound):
        report_error(session, "dwelling", made.record_id, "x", writing=writing(B))
    with pytest.raises(RecordNotFound):
        settle_report(session, 10**9, mended=True, now=NOW, writing=writing(A))


def test_looks_and_history_are_only_added(session: Session, places: Places) -> None:
    from sqlalchemy import text

    for table in ("record_verification", "record_history"):
        for statement in (f"UPDATE {table} SET record_id = 1", f"DELETE FROM {table}"):
            with pytest.raises(ProgrammingError, match="permission"), session.begin_nested():
                session.execute(text(statement))
    for table in ("dwelling", "resident", "residence", "establishment", "record_report"):
        with pytest.raises(ProgrammingError, match="permission"), session.begin_nested():
            session.execute(text(f"DELETE FROM {table}"))
