"""A pair model fitted to labelled pairs: it learns, is written and read, refuses bad files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bench.drawn_pairs import PairDrawer
from geo.addresses.boosted_trees import TreeOptions, grow_trees
from geo.addresses.pair_model import PairGrade, PairModel
from geo.addresses.pair_training import LabelledPairs, grade_f1, read_pairs, train_pair_model
from geo.commands.address import app
from geo.errors import InvalidFile, TooFewPairs

FEW = TreeOptions(rounds=25, depth=3)


@pytest.fixture(scope="module")
def drawn() -> LabelledPairs:
    drawer = PairDrawer(7)
    firsts, seconds, labels = zip(*(drawer.draw() for _ in range(1_600)), strict=True)
    return LabelledPairs(firsts, seconds, np.array(labels))


@pytest.fixture(scope="module")
def model(drawn: LabelledPairs) -> PairModel:
    return train_pair_model(drawn.take(drawn.folds(4) > 0), options=FEW)


def test_it_tells_unseen_pairs_apart(drawn: LabelledPairs, model: PairModel) -> None:
    unseen = drawn.take(drawn.folds(4) == 0)
    found = model.grades(model.probabilities(unseen.firsts, unseen.seconds))
    assert grade_f1(unseen.labels, found).mean() > 0.7


def test_a_model_read_again_says_the_same(
    drawn: LabelledPairs, model: PairModel, tmp_path: Path
) -> None:
    model.save(tmp_path / "pairs.npz")
    again = PairModel.load(tmp_path / "pairs.npz")
    np.testing.assert_allclose(
        again.probabilities(drawn.firsts[:50], drawn.seconds[:50]),
        model.probabilities(drawn.firsts[:50], drawn.seconds[:50]),
        atol=0.01,  # the words are kept with half the digits
    )
    np.testing.assert_array_equal(again.emphasis, model.emphasis)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", format=1)
    (tmp_path / "text.npz").write_text("no model")
    for name in ("other.npz", "text.npz", "none.npz"):
        with pytest.raises(InvalidFile, match="no model of pairs"):
            PairModel.load(tmp_path / name)


def test_few_pairs_of_a_grade_are_refused(drawn: LabelledPairs) -> None:
    with pytest.raises(TooFewPairs, match="Label more"):
        train_pair_model(drawn.take(drawn.labels != PairGrade.FULL))


def test_one_query_lies_in_one_fold() -> None:
    pairs = LabelledPairs(["a", "b", "a"], ["x", "y", "z"], np.array([0, 1, 2]))
    folds = pairs.folds(1_000)
    assert folds[0] == folds[2] != folds[1]


def test_f1_by_hand() -> None:
    # none: 1 right, 2 wanted and 2 found: 2/4; partial: 1 right, 1 wanted and 2 found: 2/3
    wanted, found = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0])
    np.testing.assert_allclose(grade_f1(wanted, found), [0.5, 2 / 3, 0])


def test_trees_find_what_only_two_features_together_say() -> None:
    random = np.random.default_rng(3)
    values = random.random((600, 4)).astype(np.float32)
    labels = ((values[:, 0] > 0.5) != (values[:, 1] > 0.5)).astype(np.int64)
    trees = grow_trees(
        values, labels, np.ones(600), n_classes=3, options=TreeOptions(rounds=60), seed=1
    )
    model = PairModel(trees, np.ones(3), np.zeros(0), np.zeros(0))
    fresh = random.random((300, 4)).astype(np.float32)
    wanted = (fresh[:, 0] > 0.5) != (fresh[:, 1] > 0.5)
    assert np.mean(model.weigh(fresh).argmax(axis=1) == wanted) > 0.9


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("query\tcandidate\n甲\t乙\n", "no column label"),
        ("query\tcandidate\tlabel\n甲\t乙\t3\n", "line 2: the label is '3'"),
        ("query\tcandidate\tlabel\n甲\t乙\n", "line 2: the label is ''"),
    ],
)
def test_a_bad_file_says_where(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "pairs.tsv").write_text(content, encoding="utf-8")
    with pytest.raises(InvalidFile, match=message):
        read_pairs(tmp_path / "pairs.tsv")


def test_the_commands_train_and_grade(drawn: LabelledPairs, tmp_path: Path) -> None:
    lines = ["query\tcandidate\tlabel"]
    for first, second, label in zip(
        drawn.firsts[:500], drawn.seconds[:500], drawn.labels[:500], strict=True
    ):
        lines.append(f"{first}\t{second}\t{label}")
    (tmp_path / "pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    paths = [str(tmp_path / name) for name in ("pairs.tsv", "model.npz", "out.tsv")]
    trained = CliRunner().invoke(app, ["train-pairs", paths[0], "-o", paths[1]])
    assert trained.exit_code == 0, trained.output
    graded = CliRunner().invoke(app, ["grade-pairs", paths[0], "-o", paths[2], "--model", paths[1]])
    assert graded.exit_code == 0, graded.output
    rows = [line.split("\t") for line in (tmp_path / "out.tsv").read_text("utf-8").splitlines()]
    assert rows[0] == ["query", "candidate", "grade", "none", "partial", "full"]
    assert [row[0] for row in rows[1:]] == list(drawn.firsts[:500])
    assert [row[1] for row in rows[1:]] == list(drawn.seconds[:500])
    right = [int(row[2]) == label for row, label in zip(rows[1:], drawn.labels, strict=False)]
    assert np.mean(right) > 0.8
