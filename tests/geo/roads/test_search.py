"""Searches against networkx on random directed graphs, and the laws any shortest time keeps."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import InvalidInput
from geo.roads.graph import LONGEST_MS, UNREACHED, TravelGraph
from geo.roads.hierarchy import Hierarchy
from geo.roads.places import Seeds
from geo.roads.search import find_way, nearest_units, reached_nodes

Edges = list[tuple[int, int, int]]

NODES = 12


@st.composite
def graphs(draw: st.DrawFn, largest_ms: int = 50) -> Edges:
    """Directed edges among few nodes: parallel ones, loops, islands; ties are common."""
    node = st.integers(0, NODES - 1)
    times = st.integers(1, largest_ms)
    return draw(st.lists(st.tuples(node, node, times), min_size=1, max_size=60))


def graph_of(edges: Edges, count: int = NODES) -> TravelGraph:
    tail, head, ms = np.array(edges).T
    return TravelGraph.of_edges(node_count=count, tail=tail, head=head, ms=ms)


def networkx_times(edges: Edges, count: int = NODES) -> np.ndarray:
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(count))
    graph.add_weighted_edges_from(edges)
    times = np.full((count, count), int(UNREACHED))
    for source, reached in nx.all_pairs_dijkstra_path_length(graph):
        for target, time in reached.items():
            times[source, target] = time
    return times


def every_node(count: int = NODES) -> Seeds:
    return Seeds.at_nodes(range(count))


@settings(deadline=None)
@given(graphs(), st.integers(0, NODES - 1), st.integers(0, 120))
def test_reach_is_networkx_cut_at_the_limit(edges: Edges, source: int, limit: int) -> None:
    reached = reached_nodes(graph_of(edges), Seeds.at_nodes([source]), limit_ms=limit)
    wanted = networkx_times(edges)[source]
    assert dict(zip(reached.nodes.tolist(), reached.ms.tolist(), strict=True)) == {
        node: int(time) for node, time in enumerate(wanted) if time <= limit
    }


@settings(deadline=None)
@given(graphs())
def test_the_hierarchy_gives_the_times_of_networkx(edges: Edges) -> None:
    hierarchy = Hierarchy.of(graph_of(edges))
    wanted = networkx_times(edges)
    assert np.array_equal(hierarchy.times_ms(every_node(), every_node()), wanted)
    assert np.array_equal(hierarchy.times_to_all_ms(every_node()), wanted)
    limited = hierarchy.times_ms(every_node(), every_node(), limit_ms=40)
    assert np.array_equal(limited, np.where(wanted <= 40, wanted, UNREACHED))


@settings(deadline=None)
@given(graphs(), st.data())
def test_nearest_units_are_the_first_of_all_sorted(edges: Edges, data: st.DataObject) -> None:
    """Units with two seeds each, some nowhere; of equal times the lower number comes first."""
    node = st.integers(-1, NODES - 1)
    unit = st.tuples(node, node, st.integers(0, 30), st.integers(0, 30))
    units = data.draw(st.lists(unit, max_size=8))
    place, wanted = data.draw(st.integers(0, NODES - 1)), data.draw(st.integers(1, 9))
    rows = np.array(units, np.int32).reshape(-1, 4)
    leaving = Seeds(rows[:, :2].copy(), rows[:, 2:].copy())
    times = networkx_times(edges)[:, place]
    arriving = [
        min((times[n] + ms for n, ms in zip(row[:2], row[2:], strict=True) if n >= 0), default=None)
        for row in rows.tolist()
    ]
    known = [(int(t), k) for k, t in enumerate(arriving) if t is not None and t < UNREACHED]
    unit_found, ms = nearest_units(graph_of(edges), Seeds.at_nodes([place]), leaving, wanted=wanted)
    assert list(zip(ms.tolist(), unit_found.tolist(), strict=True)) == sorted(known)[:wanted]


@settings(deadline=None)
@given(graphs(), st.integers(0, NODES - 1), st.integers(0, NODES - 1))
def test_the_way_is_joined_and_as_long_as_its_time(edges: Edges, start: int, end: int) -> None:
    graph = graph_of(edges)
    found = find_way(graph, Seeds.at_nodes([start]), Seeds.at_nodes([end]))
    wanted = networkx_times(edges)[start, end]
    if wanted == UNREACHED:
        assert found is None
        return
    assert found is not None
    assert found.ms == wanted == graph.ms[found.edges].sum()
    passed = [start, *graph.head[found.edges].tolist()]
    assert passed[:-1] == graph.tail[found.edges].tolist()
    assert passed[-1] == end


@settings(deadline=None)
@given(graphs())
def test_no_detour_is_shorter_than_the_way(edges: Edges) -> None:
    times = Hierarchy.of(graph_of(edges)).times_ms(every_node(), every_node()).astype(np.int64)
    times[times == UNREACHED] = LONGEST_MS
    detours = (times[:, :, None] + times[None, :, :]).min(axis=1)
    assert (times <= detours).all()
    assert (np.diag(times) == 0).all()


@settings(deadline=None)
@given(graphs(), st.data())
def test_closing_an_edge_makes_nothing_quicker(edges: Edges, data: st.DataObject) -> None:
    closed = data.draw(st.integers(0, len(edges) - 1))
    left = edges[:closed] + edges[closed + 1 :]
    before = Hierarchy.of(graph_of(edges)).times_ms(every_node(), every_node())
    after = Hierarchy.of(graph_of(left or [(0, 0, 1)])).times_ms(every_node(), every_node())
    assert (after >= before).all()


def test_times_far_apart_still_come_in_order() -> None:
    """A crossing of an hour beside steps of a millisecond: the circle of buckets must hold both."""
    edges = [(0, 1, 40_000_000), (0, 2, 1), (2, 3, 1), (3, 1, 39_999_997), (1, 4, 1)]
    reached = reached_nodes(graph_of(edges, 5), Seeds.at_nodes([0]), limit_ms=LONGEST_MS)
    order = np.argsort(reached.nodes)
    assert reached.ms[order].tolist() == [0, 39_999_999, 1, 2, 40_000_000]


def test_a_search_that_corrects_itself_much_finds_room() -> None:
    """Within one bucket labels are corrected again and again; the pool of entries must grow."""
    count = 400
    chain = [(k, k + 1, 1) for k in range(count - 1)]
    skips = [(k, j, 3 * (j - k)) for k in range(0, count, 2) for j in range(k + 2, count, 3)]
    graph = graph_of(chain + skips, count)
    reached = reached_nodes(graph, Seeds.at_nodes([0]), limit_ms=LONGEST_MS)
    assert np.array_equal(np.sort(reached.ms), np.arange(count))


@pytest.mark.parametrize(
    ("tail", "head", "ms"),
    [
        ([0], [5], [1]),
        ([-1], [0], [1]),
        ([0], [1], [0]),
        ([0], [1], [2**31 - 1]),
        ([0, 1], [1], [1]),
    ],
)
def test_edges_no_search_could_use_are_refused(
    tail: list[int], head: list[int], ms: list[int]
) -> None:
    with pytest.raises(InvalidInput):
        TravelGraph.of_edges(
            node_count=2, tail=np.array(tail), head=np.array(head), ms=np.array(ms)
        )


def test_limits_and_counts_out_of_range_are_refused() -> None:
    graph = graph_of([(0, 1, 1)])
    with pytest.raises(InvalidInput, match="limit"):
        reached_nodes(graph, Seeds.at_nodes([0]), limit_ms=-1)
    with pytest.raises(InvalidInput, match="wanted"):
        nearest_units(graph, Seeds.at_nodes([0]), Seeds.at_nodes([1]), wanted=0)
