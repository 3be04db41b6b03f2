"""What stands out in the log, and what can't be judged."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy.orm import Session

from geo.audit import Access, EntryKey, read_log, record
from geo.audit_check import check_audit
from geo.audit_review import (
    DayVolume,
    UnusualDay,
    count_without_address,
    find_own_addresses,
    find_unusual_days,
    last_check,
    load_volumes,
    note_check,
)
from geo.registers import (
    NewDwelling,
    NewResidence,
    NewResident,
    WriteAnswer,
    Writing,
    record_dwelling,
    record_resident,
)
from geo.registers.cycles import VERIFY_MONTHS, Cycles
from geo.store.scope import set_scope
from geo.tables import Account
from geo.values import GridScope
from tests.drawing import draw
from tests.factories import add_grid, add_grid_version, add_standard_address

DAY = date(2026, 6, 20)
AUDITOR = Access("auditor")


def days_of(actor: str, *rows: int, until: date = DAY) -> list[DayVolume]:
    """One day each, the last one on `until`."""
    first = until - timedelta(days=len(rows) - 1)
    return [
        DayVolume(actor, first + timedelta(days=at), 1, count, 1, 0)
        for at, count in enumerate(rows)
    ]


def test_a_day_stands_out_against_ones_own_days() -> None:
    usual = days_of("wang", 30, 40, 50, 40, 40, 201)  # median 40, times 5 is 200
    busy = days_of("li", 200, 210, 190, 200, 205, 900)  # median 200, times 5 is 1,000
    found = find_unusual_days([*usual, *busy], since=DAY, ratio=5, rows_min=100)
    assert found == [UnusualDay(usual[-1], 40)]
    assert find_unusual_days(days_of("wang", 30, 40, 50, 40, 40, 200), since=DAY, ratio=5,
                             rows_min=100) == []  # fmt: skip
    # few rows never stand out, however few there were before
    few = days_of("wang", 1, 1, 1, 1, 1, 99)
    assert find_unusual_days(few, since=DAY, ratio=5, rows_min=100) == []


def test_who_is_new_is_shown_without_a_comparison() -> None:
    new = days_of("new", 10, 10, 500)
    assert find_unusual_days(new, since=DAY, ratio=5, rows_min=100) == [UnusualDay(new[-1], None)]


def test_days_before_the_period_are_compared_and_not_shown() -> None:
    volumes = days_of("wang", 10, 10, 10, 10, 10, 400, 10)
    assert find_unusual_days(volumes, since=DAY, ratio=5, rows_min=100) == []
    shown = find_unusual_days(volumes, since=DAY - timedelta(days=1), ratio=5, rows_min=100)
    assert [each.volume.rows_read for each in shown] == [400]
    old = days_of("wang", 10, 10, 10, 10, 10, until=DAY - timedelta(days=90))
    today = days_of("wang", 150)
    (found,) = find_unusual_days([*old, *today], since=DAY, ratio=5, rows_min=100)
    assert found.usual_rows is None  # what was a season ago tells nothing


def test_volumes_are_counted_by_actor_and_local_day(session: Session) -> None:
    for rows, case in ((3, "1"), (4, "1"), (None, "2")):
        access = Access("wang", purpose="register", case_ref=case)
        record(session, access, "resident.read", object_kind="resident", row_count=rows)
    record(session, Access("wang"), "refused.no_purpose", object_kind="get_resident")
    record(session, Access("li"), "sign_in")
    now = datetime.now(UTC)
    found = load_volumes(
        session, AUDITOR, start=now - timedelta(days=1), end=now + timedelta(days=1), zone="UTC"
    )
    by_actor = {each.actor: each for each in found}
    wang = by_actor["wang"]
    assert (wang.entries, wang.rows_read, wang.cases, wang.refused) == (4, 7, 2, 1)
    assert by_actor["li"].rows_read == 0
    newest = read_log(session, AUDITOR, start=now - timedelta(days=1), end=now + timedelta(days=1))
    assert (newest[0].action, newest[0].object_kind) == ("audit.read", "audit_volumes")


def test_ones_own_address_is_seen_where_it_is_on_file(session: Session) -> None:
    for name, home in (("wang", 7), ("li", None)):
        session.add(
            Account(
                name=name, shown_name=name, role="grid_worker", password_hash="x",
                home_address_id=home,
            )
        )  # fmt: skip
    session.flush()
    for name, address in (("wang", "7"), ("wang", "8"), ("li", "7"), ("unknown", "7")):
        record(session, Access(name), "resident.read_at_address", object_kind="address",
               object_ref=address)  # fmt: skip
    now = datetime.now(UTC)
    found = find_own_addresses(
        session, AUDITOR, start=now - timedelta(hours=1), end=now + timedelta(minutes=1)
    )
    assert [(each.actor, each.object_ref) for each in found] == [("wang", "7")]
    assert count_without_address(session) == 1


def test_what_is_at_ones_own_address_is_seen_by_its_number_too(session: Session) -> None:
    version = add_grid_version(session)
    grid = add_grid(session, "14010500100100001", draw("A")["A"], version=version)
    home, elsewhere = (add_standard_address(session, grid=grid) for _ in range(2))
    session.add(
        Account(name="wang", shown_name="wang", role="grid_worker", password_hash="x",
                home_address_id=home.id)
    )  # fmt: skip
    session.flush()
    today = datetime.now(UTC).date()
    who = Writing(
        Access("li", purpose="register", case_ref="T-1"), GridScope.everything(), today=today,
        cycles=Cycles(VERIFY_MONTHS),
    )  # fmt: skip
    at_home = record_dwelling(session, NewDwelling(home.id, "vacant"), writing=who)
    other = record_dwelling(session, NewDwelling(elsewhere.id, "vacant"), writing=who)

    def lives(at: int, until: date | None) -> WriteAnswer:
        return record_resident(
            session, NewResident(f"测试{at}{until}"),
            NewResidence(at, "floating", date(2020, 1, 1), lived_to=until), writing=who,
        )  # fmt: skip

    neighbour, left, stranger = (
        lives(home.id, None), lives(home.id, date(2024, 1, 1)), lives(elsewhere.id, None),
    )  # fmt: skip
    for kind, number in (
        ("dwelling", at_home.record_id), ("dwelling", other.record_id),
        ("resident", neighbour.record_id), ("resident", left.record_id),
        ("resident", stranger.record_id), ("residence", neighbour.residence_id),
        ("address", home.id),
    ):  # fmt: skip
        record(session, Access("wang"), f"{kind}.read", object_kind=kind, object_ref=str(number))
    record(session, Access("wang"), "resident.search", object_kind="resident")
    now = datetime.now(UTC)
    period = {"start": now - timedelta(hours=1), "end": now + timedelta(minutes=1)}
    set_scope(session, GridScope.of([]))  # an audit administrator sees no place
    session.info["scope"] = GridScope.of([])
    found = find_own_addresses(session, AUDITOR, **period)
    session.info["scope"] = GridScope.everything()
    assert {(each.object_kind, each.object_ref) for each in found} == {
        ("address", str(home.id)), ("dwelling", str(at_home.record_id)),
        ("resident", str(neighbour.record_id)), ("residence", str(neighbour.residence_id)),
    }  # fmt: skip


def test_a_page_goes_on_after_an_entry_and_kinds_are_narrowed(session: Session) -> None:
    for number in range(5):
        record(session, Access("wang"), "resident.read", object_kind="resident",
               object_ref=str(number))  # fmt: skip
    record(session, Access("wang"), "residential.check", object_kind="dwelling")
    now = datetime.now(UTC)
    period = {"start": now - timedelta(hours=1), "end": now + timedelta(minutes=1)}
    seen, after = [], None
    for _ in range(3):
        page = read_log(session, AUDITOR, action="resident", after=after, limit=2, **period)
        seen += [each.object_ref for each in page]
        after = EntryKey(page[-1].at, page[-1].chain, page[-1].number)
    assert seen == ["4", "3", "2", "1", "0"]
    kinds = read_log(session, AUDITOR, object_kind="dwelling", **period)
    assert [each.action for each in kinds] == ["residential.check"]


def test_what_a_check_found_is_kept(session: Session) -> None:
    assert last_check(session) is None
    record(session, Access("wang"), "x")
    now = datetime.now(UTC)
    note_check(session, check_audit(session, AUDITOR, []), now=now)
    kept = last_check(session)
    assert kept is not None
    assert kept["at"] == now.isoformat()
    assert kept["faults"] == []
    assert kept["entry_count"] >= 2
