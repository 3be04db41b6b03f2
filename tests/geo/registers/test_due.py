"""What is due: which places, in which order, page by page, to whom; and other cycles."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Date, cast, func, literal, select, update
from sqlalchemy.orm import Session

from geo.errors import InvalidInput
from geo.registers import (
    Cycles,
    DueFilter,
    Look,
    NewDwelling,
    NewEstablishment,
    count_due_by_grid,
    end_dwelling,
    find_due,
    follow_cycles,
    record_dwelling,
    record_establishment,
    verify_record,
)
from geo.registers.cycles import VERIFY_MONTHS, add_months
from geo.registers.due import DUE_KINDS, DueOrder
from geo.tables import Dwelling, RecordHistory, Residence, StandardAddress
from geo.values import GridScope, LonLat
from tests.geo.registers.conftest import TODAY, A, B, Places, settle, writing

EVERYTHING = GridScope.everything()
NOW_DUE = DueFilter(due_by=TODAY)


def due(session: Session, filters: DueFilter = NOW_DUE, **how: Any) -> list[int]:
    found = find_due(session, filters, **{"scope": EVERYTHING, "today": TODAY, **how})
    return [place.address_id for place in found]


def put(session: Session, address: StandardAddress, on: date, use: str = "vacant") -> int:
    """A dwelling that was looked at on a day; vacant ones are due after six months."""
    return record_dwelling(
        session, NewDwelling(address.id, use, room_count=2), look=Look(on), writing=writing()
    ).record_id


def test_a_place_is_due_once_whatever_lies_there(session: Session, places: Places) -> None:
    put(session, places.a, date(2025, 10, 1))
    settle(session, places.a, 1)
    settle(session, places.a, 2)
    record_establishment(
        session, NewEstablishment(places.a.id, "示例店", "key", date(2024, 1, 1)),
        look=Look(date(2025, 12, 1)), writing=writing(),
    )  # fmt: skip
    put(session, places.a2, date(2026, 5, 1))
    (place,) = find_due(session, NOW_DUE, today=TODAY, scope=EVERYTHING)
    assert place.address_id == places.a.id
    assert place.due_on == date(2026, 3, 1)
    # A residence that was only written down is due at once; how many there are isn't said.
    assert place.due_of == {
        "dwelling": date(2026, 4, 1), "residence": TODAY, "establishment": date(2026, 3, 1),
    }  # fmt: skip
    assert place.establishment_names == ("示例店",)
    soon = DueFilter(due_by=TODAY + timedelta(days=180))
    assert due(session, soon) == [places.a.id, places.a2.id]


def test_what_was_looked_at_or_is_over_is_not_due(session: Session, places: Places) -> None:
    seen = put(session, places.a, date(2025, 1, 1))
    over = put(session, places.b, date(2025, 1, 1))
    settle(session, places.b2, 1, since=date(2025, 1, 1), until=date(2026, 2, 1))
    assert due(session) == [places.a.id, places.b.id]
    verify_record(session, "dwelling", seen, Look(TODAY), expected_version=1, writing=writing())
    end_dwelling(session, over, ended_on=TODAY, expected_version=1, writing=writing())
    assert due(session) == []


def test_the_neighbour_sees_nothing_of_it(session: Session, places: Places) -> None:
    put(session, places.a, date(2025, 1, 1))
    put(session, places.b, date(2025, 1, 2))
    assert due(session, scope=GridScope.of([B])) == [places.b.id]
    assert due(session, DueFilter(TODAY, grid_code=A), scope=GridScope.of([B])) == []
    counted = count_due_by_grid(session, NOW_DUE, today=TODAY, scope=GridScope.of([B]))
    assert [(each.grid_code, each.place_count, each.overdue_count) for each in counted] == [
        (B, 1, 1)
    ]


def test_grids_are_counted_by_place(session: Session, places: Places) -> None:
    put(session, places.a, date(2025, 1, 1))
    settle(session, places.a, 1)
    put(session, places.a2, date(2025, 12, 1))  # due today: not overdue yet
    counted = count_due_by_grid(session, NOW_DUE, today=TODAY, scope=EVERYTHING)
    assert [(each.grid_code, each.name, each.place_count, each.overdue_count, each.due_on)
            for each in counted] == [(A, f"网格{A}", 2, 1, date(2025, 7, 1))]  # fmt: skip


def test_along_a_street_by_number(session: Session, places: Places) -> None:
    for address, road, door in (
        (places.a, "乙路", "10号"), (places.a2, "乙路", "2号"),
        (places.b, "甲路", "7号"), (places.b2, "乙路", "2号"),
    ):  # fmt: skip
        address.road, address.door = road, door
        put(session, address, date(2025, 1, 1))
    places.b2.room = "3室"
    session.flush()
    ordered = due(session, order="street")
    by_street = {"乙路": [places.a2.id, places.b2.id, places.a.id], "甲路": [places.b.id]}
    roads = list(dict.fromkeys(
        session.get_one(StandardAddress, each).road for each in ordered
    ))  # fmt: skip
    assert sorted(str(road) for road in roads) == sorted(by_street)
    assert ordered == [each for road in roads for each in by_street[str(road)]]


def test_nearest_first_and_the_unknown_last(session: Session, places: Places) -> None:
    here = session.scalar(select(StandardAddress.geom.ST_X()).where(
        StandardAddress.id == places.b.id))  # fmt: skip
    session.execute(
        update(StandardAddress)
        .where(StandardAddress.id == places.a2.id)
        .values(geom=None, point_method=None, h3_cell=None)
    )
    for address, east in ((places.a, 0.002), (places.b, 0.001), (places.b2, 0.003)):
        address.geom = f"SRID=4326;POINT({here + east} 37.88)"
    for address in (places.a, places.a2, places.b, places.b2):
        put(session, address, date(2025, 1, 1))
    near = LonLat(here, 37.88)
    found = find_due(session, NOW_DUE, order="near", near=near, today=TODAY, scope=EVERYTHING)
    assert [each.address_id for each in found] == [
        places.b.id, places.a.id, places.b2.id, places.a2.id,
    ]  # fmt: skip
    # 0.001 degrees of longitude at 37.88° north: 111.32 km · cos 37.88° / 1000 = 87.9 m
    assert found[0].distance_m == pytest.approx(88, abs=1)
    assert found[3].distance_m is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(
    order=st.sampled_from(["since", "street", "near"]),
    limit=st.integers(1, 4),
    kinds=st.sets(st.sampled_from(DUE_KINDS), min_size=1),
)
def test_pages_together_are_the_whole_once(
    session: Session, places: Places, order: DueOrder, limit: int, kinds: set[str]
) -> None:
    if not session.scalar(select(Dwelling.id).limit(1)):
        for address in (places.a, places.a2, places.b, places.b2):
            put(session, address, date(2025, 1, 1))
        settle(session, places.a, 1)
        settle(session, places.b2, 2)
    filters = DueFilter(TODAY, kinds=kinds)
    near = LonLat(112.55, 37.88)
    whole = due(session, filters, order=order, near=near)
    paged: list[int] = []
    after = None
    while found := find_due(
        session, filters, order=order, near=near, after=after, limit=limit, today=TODAY,
        scope=EVERYTHING,
    ):  # fmt: skip
        paged += [each.address_id for each in found]
        after = found[-1].cursor
    assert paged == whole


def test_a_page_goes_on_behind_a_place_that_was_looked_at_meanwhile(
    session: Session, places: Places
) -> None:
    first = put(session, places.a, date(2025, 1, 1))
    put(session, places.b, date(2025, 1, 2))
    (place,) = find_due(session, NOW_DUE, limit=1, today=TODAY, scope=EVERYTHING)
    verify_record(session, "dwelling", first, Look(TODAY), expected_version=1, writing=writing())
    assert due(session, after=place.cursor) == [places.b.id]


@pytest.mark.parametrize(
    ("filters", "how", "field"),
    [
        (DueFilter(TODAY, kinds=["person"]), {}, "record_kind"),
        (DueFilter(TODAY, kinds=[]), {}, "record_kind"),
        (NOW_DUE, {"order": "name"}, "order"),
        (NOW_DUE, {"order": "near"}, "lon"),
        (NOW_DUE, {"limit": 0}, "limit"),
        (NOW_DUE, {"after": "7"}, "after"),
        (NOW_DUE, {"after": "2026-01-01.0"}, "after"),
        (NOW_DUE, {"after": "2026-01-01.9999999", "order": "street"}, "after"),
    ],
)
def test_what_can_not_be_asked(
    session: Session, filters: DueFilter, how: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        due(session, filters, **how)
    assert error.value.facts["field"] == field


def test_other_months_move_what_is_due(session: Session, places: Places) -> None:
    vacant = put(session, places.a, date(2025, 8, 31))
    shared = put(session, places.b, date(2026, 1, 1), use="rented_shared")
    settle(session, places.a2, 1)
    cycles = Cycles({**VERIFY_MONTHS, "vacant": 18, "floating": 1})
    assert follow_cycles(session, cycles) == 1
    session.expire_all()
    assert session.get_one(Dwelling, vacant).due_on == date(2027, 2, 28)
    assert session.get_one(Dwelling, shared).due_on == date(2026, 4, 1)
    assert session.scalars(select(Residence.due_on)).all() == [TODAY]  # never looked at
    assert follow_cycles(session, cycles) == 0
    # It is no change of the record: nothing stale, nothing in the history.
    assert session.get_one(Dwelling, vacant).version == 1
    assert session.scalars(select(RecordHistory)).all() == []


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_the_database_counts_months_as_the_program_does(
    session: Session, day: date, months: int
) -> None:
    counted = session.scalar(select(cast(literal(day) + func.make_interval(0, months), Date)))
    assert counted == add_months(day, months)
