"""Road networks in the store: versions by day, the same network back, roads closed for a time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo.errors import InvalidInput, InvalidPeriod, RoadClosureNotFound, RoadNetworkNotFound
from geo.roads.modes import TravelMode
from geo.roads.network import RoadNetwork
from geo.roads.store import (
    close_roads,
    closures_of,
    find_road_version,
    load_closures,
    load_road_network,
    load_road_versions,
    reopen_roads,
    store_road_network,
)
from geo.tables import RoadLine
from tests.geo.roads.streets import streets

FIRST, LATER = date(2026, 1, 1), date(2026, 3, 1)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
TOWN = """
    A-B>C
    | | |
    D-E-F
"""
NAMES = {"AB": "甲路", "BC": "甲路", "DE": "乙路"}


def store(session: Session, network: RoadNetwork, *, on: date = FIRST, name: str = "甲") -> int:
    return store_road_network(session, network, name=name, valid_from=on).version.id


def test_a_network_comes_back_as_it_was(session: Session) -> None:
    network = streets(TOWN, names=NAMES, classes={"DE": "primary"})
    store(session, network)
    loaded = load_road_network(session, on=FIRST)
    assert (loaded.name, loaded.valid_from, loaded.valid_to) == ("甲", FIRST, None)
    same = loaded.network
    for field in (
        "node_xy", "first_edge", "edge_head", "edge_line", "edge_is_backward", "edge_modes",
        "line_length_m", "line_limit_kmh", "line_source_id", "line_is_round", "line_first_point",
        "points",
    ):  # fmt: skip
        assert np.array_equal(getattr(same, field), getattr(network, field)), field
    assert [same.edge_name(k) for k in range(same.edge_count)] == [
        network.edge_name(k) for k in range(network.edge_count)
    ]
    classes = [np.array(n.class_names)[n.line_class].tolist() for n in (same, network)]
    assert classes[0] == classes[1]


def test_one_network_is_in_force_on_each_day(session: Session) -> None:
    first = store(session, streets("A-B"), name="甲")
    second = store(session, streets("A-B-C"), on=LATER, name="乙")
    between = store(session, streets("A>B"), on=date(2026, 2, 1), name="丙")
    in_force = {
        day: getattr(find_road_version(session, on=day), "id", None)
        for day in (date(2025, 12, 31), FIRST, date(2026, 1, 31), date(2026, 2, 28), LATER)
    }
    assert list(in_force.values()) == [None, first, first, between, second]
    with pytest.raises(RoadNetworkNotFound, match="gridbeat roads import"):
        load_road_network(session, on=date(2025, 12, 31))


def test_the_same_roads_again_do_nothing_and_another_file_of_the_day_replaces(
    session: Session,
) -> None:
    first = store_road_network(session, streets("A-B"), name="甲", valid_from=FIRST)
    again = store_road_network(session, streets("A-B"), name="甲 again", valid_from=LATER)
    assert again.was_there and again.version.id == first.version.id
    mended = store_road_network(session, streets("A-B-C"), name="乙", valid_from=FIRST)
    assert mended.replaced == "甲" and not mended.was_there
    assert [v.name for v in load_road_versions(session)] == ["乙"]
    # Nothing of the replaced one is left behind.
    assert session.scalar(select(func.count()).select_from(RoadLine)) == 2
    ended = store_road_network(session, streets("A-B"), name="丙", valid_from=LATER)
    assert ended.ended == "乙"
    assert load_road_network(session, on=FIRST).valid_to == LATER


def test_a_closed_road_is_closed_for_its_time_and_modes(session: Session) -> None:
    network = streets("A-B-C")
    store(session, network)
    closure = close_roads(
        session, [2], starts_at=NOON, ends_at=NOON + timedelta(hours=2), reason="示例施工",
        recorded_by="test", on=FIRST, modes=[TravelMode.CAR],
    )  # fmt: skip
    rows = load_closures(session, at=NOON - timedelta(days=1))
    assert [row.id for row in rows] == [closure.id]
    for at, is_closed in ((-1, False), (0, True), (119, True), (120, False)):
        moment = NOON + timedelta(minutes=at)
        found = closures_of(network, rows, at=moment)
        assert bool(found) == is_closed
        closed = network.closed_edges(found, mode=TravelMode.CAR, at=moment)
        assert closed.sum() == (2 if is_closed else 0)  # both directions
        assert not network.closed_edges(found, mode=TravelMode.FOOT, at=moment).any()
    reopen_roads(session, closure.id, at=NOON + timedelta(minutes=5))
    assert not load_closures(session, at=NOON + timedelta(minutes=5))
    with pytest.raises(RoadClosureNotFound):
        reopen_roads(session, closure.id, at=NOON + timedelta(minutes=6))


def test_a_closure_without_end_holds_until_it_is_reopened_and_outlives_a_version(
    session: Session,
) -> None:
    store(session, streets("A-B-C"))
    close_roads(
        session, [1, 2], starts_at=NOON, ends_at=None, reason="示例", recorded_by="x", on=FIRST
    )
    years_on = NOON + timedelta(days=3650)
    rows = load_closures(session, at=years_on)
    # The next version has only road 1: that is closed, and 2 is nobody's any more.
    found = closures_of(streets("A-B"), rows, at=years_on)
    assert [closure.source_ids for closure in found] == [frozenset({1})]


def test_what_can_not_be_closed_is_said(session: Session) -> None:
    store(session, streets("A-B-C"))
    asked = {"starts_at": NOON, "ends_at": None, "reason": "示例", "recorded_by": "x", "on": FIRST}
    with pytest.raises(InvalidInput, match="has no road 7"):
        close_roads(session, [1, 7], **asked)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="0 roads"):
        close_roads(session, [], **asked)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="a reason"):
        close_roads(session, [1], **{**asked, "reason": " "})  # type: ignore[arg-type]
    with pytest.raises(InvalidPeriod):
        close_roads(session, [1], **{**asked, "ends_at": NOON})  # type: ignore[arg-type]
    with pytest.raises(InvalidPeriod, match="without a zone"):
        close_roads(session, [1], **{**asked, "starts_at": NOON.replace(tzinfo=None)})  # type: ignore[arg-type]
