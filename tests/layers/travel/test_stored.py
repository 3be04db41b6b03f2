"""Travel times on the store's roads: loaded once, and as the hour and closures have it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from geo.errors import RoadNetworkNotFound
from geo.roads.modes import TravelMode
from geo.roads.store import close_roads, store_road_network
from geo.store.database import Database
from geo.tables import UNIT_KINDS
from geo.values import GridScope
from layers.travel.stored import MODE_OF_KIND, StoredTravel
from layers.travel.times import TravelTimes
from tests.geo.roads.streets import TEN_MPS, place, streets

DAY = date(2026, 1, 1)
NOON = datetime(2026, 1, 5, 4, tzinfo=UTC)  # 12:00 in Shanghai
RUSH = datetime(2026, 1, 5, 10, tzinfo=UTC)  # 18:00
TOWN = """
    A-B
    | |
    C-D
"""


def time_s(travel: TravelTimes) -> float:
    """From A to B."""
    lon, lat = np.array([place(0, 0), place(1, 0)]).T
    places = travel.snap(lon, lat)
    return float(travel.matrix(places[:1], places[1:])[0, 0])


def test_the_store_answers_as_its_network_does(session: Session) -> None:
    store_road_network(session, streets(TOWN), name="甲", valid_from=DAY)
    roads = StoredTravel(zone="Asia/Shanghai", speeds={TravelMode.CAR: TEN_MPS})
    assert time_s(roads.travel(session, TravelMode.CAR, at=NOON)) == pytest.approx(10, abs=0.1)
    # Roads are numbered column by column: 1 is A | C, 2 is A - B. Without it the way is three
    # sides of the square.
    close_roads(
        session, [2], starts_at=NOON, ends_at=NOON + timedelta(hours=1), reason="示例",
        recorded_by="x", on=DAY,
    )  # fmt: skip
    assert time_s(roads.travel(session, TravelMode.CAR, at=NOON)) == pytest.approx(30, abs=0.2)
    again = roads.travel(session, TravelMode.CAR, at=NOON + timedelta(minutes=59), hourly=False)
    assert again.snapper is roads.travel(session, TravelMode.CAR, at=NOON).snapper
    open_too = roads.snapper(session, TravelMode.CAR, at=NOON)
    assert open_too.snap(*place(0.5, 0)).line[0] != again.snap(*place(0.5, 0)).line[0]
    after = roads.travel(session, TravelMode.CAR, at=NOON + timedelta(hours=1))
    assert time_s(after) == pytest.approx(10, abs=0.1)
    with pytest.raises(RoadNetworkNotFound):
        roads.travel(session, TravelMode.CAR, at=NOON - timedelta(days=30))


def test_rush_hours_are_slower_by_the_clock_of_the_deployment(session: Session) -> None:
    store_road_network(session, streets(TOWN), name="甲", valid_from=DAY)
    roads = StoredTravel(zone="Asia/Shanghai")
    noon, rush = (roads.travel(session, TravelMode.CAR, at=at) for at in (NOON, RUSH))
    factor = roads.speeds[TravelMode.CAR].hour_factor
    assert time_s(rush) / time_s(noon) == pytest.approx(factor[12] / factor[18], rel=0.01)
    # Hours of one speed share a graph, and asking again reads no road again.
    reads: list[str] = []
    event.listen(session.bind, "before_cursor_execute", lambda *a: reads.append(a[2]))
    assert roads.travel(session, TravelMode.CAR, at=NOON + timedelta(hours=1)) is noon
    assert not any("road_line" in statement for statement in reads)


def test_a_graph_is_built_outside_of_a_reader_s_transaction(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And within the one of a session that writes: its write is one."""
    with database.session() as session:
        store_road_network(session, streets(TOWN), name="甲", valid_from=DAY)
    open_while_built = []
    build = TravelTimes.of

    def watched(*given: Any, **options: Any) -> TravelTimes:
        open_while_built.append(asking.in_transaction())
        return build(*given, **options)

    monkeypatch.setattr(TravelTimes, "of", watched)
    for opened in (database.read_session_of, database.session_of):
        roads = StoredTravel(zone="Asia/Shanghai")
        with opened(GridScope.everything()) as asking:
            roads.travel(asking, TravelMode.CAR, at=NOON)
            assert roads.roads(asking, at=NOON).name == "甲"  # it goes on reading
            roads.travel(asking, TravelMode.CAR, at=NOON)
    assert open_while_built == [False, True]


def test_every_kind_of_unit_moves_somehow() -> None:
    assert set(MODE_OF_KIND) == set(UNIT_KINDS)
    assert StoredTravel.mode_of_kind("foot") is TravelMode.FOOT
