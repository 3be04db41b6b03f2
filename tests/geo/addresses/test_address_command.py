"""`gridbeat address`: what it prints, what it writes, what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from geo.addresses.tagger import Tagger
from geo.commands.address import app
from geo.errors import AreaNotFound, InvalidFile

_TAGGED = "文 B-road\n一 I-road\n路 I-road\n12 B-roadno\n号 I-roadno\n\n"


def run(*words: str, typed: str = "") -> str:
    result = CliRunner().invoke(app, list(words), input=typed, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_read_shows_parts_codes_and_the_standard_text() -> None:
    output = run("read", "杭州余杭区文一西路九百六十九号三号楼对面")
    for wanted in ("330110", "969", "对面", "standard: 杭州市余杭区文一西路969号3幢"):
        assert wanted in output


def test_read_takes_lines_and_an_area() -> None:
    assert "150123100" in run("read", "--area", "150123", typed="城关镇人民路3号\n文一西路1号\n")
    assert "may be 0.25" in run("read", "鼓楼区中山路1号")
    with pytest.raises(AreaNotFound):
        run("read", "--area", "990000", "文一西路1号")


def test_train_writes_a_tagger_that_read_uses(tmp_path: Path) -> None:
    file, model = tmp_path / "tagged.txt", tmp_path / "model.npz"
    file.write_text(_TAGGED * 30, encoding="utf-8")
    assert "30 addresses, 2 labels" in run("train", str(file), "-o", str(model), "--epochs", "2")
    assert Tagger.load(model).labels == ("road", "roadno")
    assert "文一路" in run("read", "--model", str(model), "文一路12号")


def test_train_refuses_another_kind_of_output(tmp_path: Path) -> None:
    file = tmp_path / "tagged.txt"
    file.write_text(_TAGGED, encoding="utf-8")
    with pytest.raises(InvalidFile, match=r"\.npz"):
        run("train", str(file), "-o", str(tmp_path / "model.bin"))
