"""What is hidden of counts of persons, and what whoever sees the rest can still work out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from geo.errors import InvalidInput
from geo.small_numbers import TOTAL, ShownCounts, hide_small_numbers


def table(**counts: int) -> pd.DataFrame:
    """Counts by grid: the first letter of a grid is its community."""
    grids = list(counts)
    return pd.DataFrame(
        {"grid": grids, "community": [g[0] for g in grids], "count": list(counts.values())}
    )


def shown(result: ShownCounts, which: int = 0) -> list[int | None]:
    return [None if pd.isna(count) else int(count) for count in result.tables[which]["count"]]


BY_GRID = (("grid",), ("community",), TOTAL)


def test_a_small_number_is_hidden_and_another_with_it() -> None:
    """40 of a total of 63 less 20 would leave 3, so that 20 is hidden as well."""
    result = hide_small_numbers(table(a1=40, a2=3, a3=20), [("grid",), TOTAL], k=5)
    assert shown(result) == [40, None, None]
    assert shown(result, 1) == [63]
    assert (result.small_count, result.covering_count) == (1, 1)


def test_two_small_numbers_whose_sum_is_small_take_a_third() -> None:
    """100 less 97 is 3: neither of the two could be 5."""
    result = hide_small_numbers(table(a1=97, a2=2, a3=1), [("grid",), TOTAL], k=5)
    assert shown(result) == [None, None, None]
    assert shown(result, 1) == [100]


def test_small_numbers_cover_each_other() -> None:
    result = hide_small_numbers(table(a1=97, a2=4, a3=3), [("grid",), TOTAL], k=5)
    assert shown(result) == [97, None, None]
    assert result.covering_count == 0


def test_zeros_are_shown_and_cover_nothing() -> None:
    """7 less 4 is 3, unless 4 or the total is hidden; the zero could not be anything else."""
    result = hide_small_numbers(table(a1=30, a2=3, a3=0), [("grid",), TOTAL], k=5)
    assert shown(result) == [None, None, 0]


def test_a_total_is_hidden_where_nothing_else_can_cover() -> None:
    result = hide_small_numbers(table(a1=3, a2=0), [("grid",), TOTAL], k=5)
    assert (shown(result), shown(result, 1)) == ([None, 0], [None])


def test_a_parent_is_not_lost_for_one_small_part() -> None:
    """b1 is hidden for b2; the community and the total stand."""
    result = hide_small_numbers(table(a1=50, a2=60, b1=30, b2=2), BY_GRID, k=5)
    assert shown(result) == [50, 60, None, None]
    assert shown(result, 1) == [110, 32]
    assert shown(result, 2) == [142]


def test_nested_areas_one_within_the_other() -> None:
    """Community a has one grid and three persons outside of it: 53 less 50 would tell of them."""
    counts = table(a1=50, a0=3, b1=80)
    result = hide_small_numbers(counts, [("grid",), ("community",), TOTAL], k=5)
    assert shown(result) == [None, None, 80]
    unlisted = hide_small_numbers(
        counts.assign(listed=["a1", "b outside", "b1"]), [("community",), ("grid",)], k=5
    )
    assert shown(unlisted, 1)[0] is None


def test_what_is_not_shown_itself_is_not_to_be_worked_out_either() -> None:
    """Tenants are shown by a filter and all residents without: the difference is three owners."""
    counts = pd.DataFrame(
        {"grid": ["a", "a", "b", "b"], "kind": ["tenant", "owner"] * 2, "count": [40, 3, 30, 50]}
    )
    all_residents, tenants_too = ("grid",), ("grid", "kind")
    result = hide_small_numbers(counts, [all_residents, tenants_too, ("kind",), TOTAL], k=5)
    by_kind = result.tables[1].set_index(["grid", "kind"])["count"]
    assert pd.isna(by_kind["a", "owner"])
    # 43 less 40 must not be on one page: either is hidden.
    assert pd.isna(by_kind["a", "tenant"]) or pd.isna(shown(result)[0])


def test_two_periods_that_differ_by_one_person() -> None:
    """All of who was there stayed, one came: 51 beside 50 would tell of somebody, so one is hidden
    unless others may have come and gone."""
    moves = pd.DataFrame(
        {
            "before": ["a", "none", "b", "b", "none"],
            "after": ["a", "a", "b", "none", "b"],
            "count": [50, 1, 70, 9, 12],
        }
    )
    result = hide_small_numbers(moves, [("before",), ("after",)], k=5)
    assert_safe(moves, [("before",), ("after",)], result)


def test_k_of_one_hides_nothing_and_large_numbers_stay() -> None:
    counts = table(a1=1, a2=2, b1=0)
    assert shown(hide_small_numbers(counts, BY_GRID, k=1)) == [1, 2, 0]
    large = table(a1=5, a2=6, b1=700)
    result = hide_small_numbers(large, BY_GRID, k=5)
    assert (shown(result), result.small_count, result.covering_count) == ([5, 6, 700], 0, 0)


def test_nothing_to_count() -> None:
    result = hide_small_numbers(table().astype({"count": "int64"}), BY_GRID, k=5)
    assert [len(each) for each in result.tables] == [0, 0, 1]
    assert shown(result, 2) == [0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": [-1, 2]}, "no whole numbers"),
        ({"count": [1.5, 2]}, "no whole numbers"),
        ({"count": [np.nan, 2]}, "no whole numbers"),
        ({"grid": [None, "a2"]}, "label is missing"),
    ],
)
def test_what_cannot_be_counted_is_refused(change: dict[str, list[object]], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        hide_small_numbers(table(a1=1, a2=2).assign(**change), BY_GRID, k=5)
    with pytest.raises(InvalidInput, match="lack street"):
        hide_small_numbers(table(a1=1), [("street",)], k=5)
    with pytest.raises(InvalidInput, match="k is 0"):
        hide_small_numbers(table(a1=1), BY_GRID, k=0)


# -- a reader who knows all that is shown, that counts are whole, and the rule

SMALL = st.integers(0, 12)


@st.composite
def districts(draw: st.DrawFn) -> pd.DataFrame:
    """Grids in communities, residents of some kinds."""
    rows = [
        (f"{community}{grid}", f"{community}", kind, draw(SMALL))
        for community in "ab"[: draw(st.integers(1, 2))]
        for grid in range(draw(st.integers(1, 4)))
        for kind in "xyz"[: draw(st.integers(1, 3))]
    ]
    return pd.DataFrame(rows, columns=["grid", "community", "kind", "count"])


PUBLISHED = st.lists(
    st.sampled_from(
        [("grid", "kind"), ("grid",), ("community", "kind"), ("community",), ("kind",), TOTAL]
    ),
    min_size=1,
    unique=True,
)


@settings(max_examples=80)
@given(counts=districts(), published=PUBLISHED, k=st.integers(2, 6))
def test_no_small_number_can_be_worked_out(
    counts: pd.DataFrame, published: list[tuple[str, ...]], k: int
) -> None:
    result = hide_small_numbers(counts, published, k=k)
    assert_safe(counts, published, result)


@settings(max_examples=40)
@given(
    cells=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 9)), min_size=1, max_size=10
    )
)
def test_no_small_number_can_be_worked_out_from_two_divisions_of_the_same_ground(
    cells: list[tuple[int, int, int]],
) -> None:
    """Grids and hexagons cut each other: neither is made of the other."""
    counts = pd.DataFrame(cells, columns=["grid", "h3_cell", "count"])
    published = [("grid",), ("h3_cell",), TOTAL]
    assert_safe(counts, published, hide_small_numbers(counts, published, k=5))


@settings(max_examples=25)
@given(counts=districts(), seed=st.integers(0, 2**32 - 1))
def test_the_order_of_rows_changes_nothing(counts: pd.DataFrame, seed: int) -> None:
    published = [("grid", "kind"), ("grid",), ("kind",), TOTAL]
    one = hide_small_numbers(counts, published, k=5)
    other = hide_small_numbers(counts.sample(frac=1, random_state=seed), published, k=5)
    for left, right in zip(one.tables, other.tables, strict=True):
        pd.testing.assert_frame_equal(left, right)


def assert_safe(
    counts: pd.DataFrame, published: list[tuple[str, ...]], result: ShownCounts
) -> None:
    """Fail where what is shown bounds a small number: it could be k, and 1, or as little as the
    zeros that are shown allow."""
    labels = list(dict.fromkeys(name for names in published for name in names))
    if labels:
        atoms = counts.groupby(labels, as_index=False)["count"].sum()
    else:
        atoms = pd.DataFrame({"count": [counts["count"].sum()]})
    rows, values, hidden = [], [], []
    for names, shown_table in zip(published, result.tables, strict=True):
        for _, row in shown_table.iterrows():
            member = np.ones(len(atoms), dtype=bool)
            for name in names:
                member &= (atoms[name] == row[name]).to_numpy()
            rows.append(member.astype(float))
            values.append(atoms["count"].to_numpy()[member].sum())
            hidden.append(bool(pd.isna(row["count"])))
            assert hidden[-1] or row["count"] == values[-1], (
                "a number that is shown is the true one"
            )
    known, value, is_hidden = np.array(rows), np.array(values), np.array(hidden)
    assert not is_hidden[value == 0].any(), "zeros are shown"
    low = np.where(is_hidden, 1, value)
    shown_high = np.where(is_hidden, np.inf, value)
    open_low, open_high = np.minimum(value, 1), np.where(value == 0, 0, np.inf)
    for member in [*known, *np.eye(len(atoms))]:
        true = int(member @ atoms["count"].to_numpy())
        if not 1 <= true < result.k:
            continue
        assert extreme(-member, known, low, shown_high) <= -result.k, (member, true)
        least = extreme(member, known, low, shown_high)
        assert least <= max(1, extreme(member, known, open_low, open_high)), (member, true)


def extreme(cost: np.ndarray, rows: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """The least that a number can be for who knows the bounds of the rows; -inf where unbounded."""
    found = milp(
        cost,
        integrality=np.ones(len(cost)),
        bounds=Bounds(0, 10_000),  # far more than anybody would believe
        constraints=LinearConstraint(rows, low, high),
    )
    assert found.fun is not None
    return float(round(found.fun))
