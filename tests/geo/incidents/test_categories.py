"""The tree of categories: loaded in any order, no circle, and who sees a point."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from geo.errors import InvalidInput, NotFound
from geo.incidents.categories import CategoryRow, CategoryTree, load_categories


def test_a_tree_is_loaded_in_any_order(session: Session) -> None:
    load_categories(
        session,
        [
            CategoryRow("theft.bike", "盗窃电动车", parent_code="theft"),
            CategoryRow("theft", "盗窃", parent_code="criminal"),
            CategoryRow("criminal", "刑事"),
        ],
    )
    tree = CategoryTree.load(session)
    assert tree.with_all_below("criminal") == {"criminal", "theft", "theft.bike"}
    assert tree.by_text()["盗窃电动车"] == "theft.bike"
    with pytest.raises(NotFound, match="no incident category"):
        tree.with_all_below("arson")


def test_who_sees_a_point_is_inherited(session: Session) -> None:
    load_categories(
        session,
        [
            CategoryRow("dispute", "纠纷", point_roles=("chief", "grid_worker")),
            CategoryRow("dispute.home", "家庭纠纷", "dispute", point_roles=("chief",)),
            CategoryRow("dispute.noise", "噪音纠纷", "dispute"),
            CategoryRow("theft", "盗窃"),
        ],
    )
    tree = CategoryTree.load(session)
    assert tree.may_see_point("theft", "analyst")
    assert tree.may_see_point("dispute.noise", "grid_worker")
    assert not tree.may_see_point("dispute.noise", "analyst")
    assert not tree.may_see_point("dispute.home", "grid_worker")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([CategoryRow("a", "甲", "b"), CategoryRow("b", "乙", "a")], "below itself"),
        ([CategoryRow("a", "甲", "nowhere")], "isn't there"),
        ([CategoryRow("a", "甲"), CategoryRow("a", "乙")], "stands twice"),
        ([CategoryRow("", "甲")], "wanted 1 to"),
        ([CategoryRow("a", "甲", point_roles=("mayor",))], "is no role"),
    ],
)
def test_bad_trees_are_refused(session: Session, rows: list[CategoryRow], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        load_categories(session, rows)
