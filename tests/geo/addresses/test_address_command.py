"""`gridbeat address`: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from geo.addresses.tagger import Tagger
from geo.commands.address import app, console
from geo.errors import InvalidFile, InvalidInput

_TAGGED = "文 B-road\n一 I-road\n路 I-road\n12 B-roadno\n号 I-roadno\n\n"


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "width", 160)


def run(*words: str, typed: str = "") -> str:
    result = CliRunner().invoke(app, list(words), input=typed, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_read_shows_parts_codes_and_the_standard_text() -> None:
    output = run("read", "杭州余杭区文一西路九百六十九号三号楼对面")
    for wanted in ("330110", "969", "对面", "standard: 杭州市余杭区文一西路969号3号楼"):
        assert wanted in output


def test_read_takes_lines_and_an_area() -> None:
    assert "150123100" in run("read", "--area", "150123", typed="城关镇人民路3号\n文一西路1号\n")
    assert "may be 0.25" in run("read", "鼓楼区中山路1号")
    with pytest.raises(InvalidInput):
        run("read", "--area", "990000", "文一西路1号")


def test_read_answers_programs_a_json_object_a_line(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_text(
        "\ufeff余杭仓前文一西路１５００号\r\n\n😀\n" + "路" * 600 + "\n", encoding="utf-8"
    )
    output = run("read", "--json", "--file", str(file))
    found = [json.loads(line) for line in output.splitlines()]
    assert [each["status"] for each in found] == ["read", "error", "no_address", "error"]
    assert found[0]["parts"][3]["written"] == "１５００号"
    assert "600 characters, at most 500" in found[3]["message"]


def test_standardise_says_what_an_abolished_code_became() -> None:
    output = run("standardise", "杭州市江干区凯旋路幺二三号对面", "鼓楼区中山路1号", "😀")
    for wanted in ("浙江省杭州市江干区凯旋路123号", "330104 江干区, abolished", "now 330102 上城区",
                   "left out", "对面", "may be 0.25", "none: no address is in it"):  # fmt: skip
        assert wanted in output
    (line,) = run("standardise", "--json", typed="余杭仓前文一西路6幢\n").splitlines()
    assert json.loads(line)["divisions"][-1] == {
        "level": "township", "code": "330110012", "name": "仓前街道", "is_written": True,
        "until": None, "successor": None,
    }  # fmt: skip


def test_standardise_keeps_to_the_written_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDBEAT_BUILDING_FORM", "栋")
    monkeypatch.setenv("GRIDBEAT_ROOM_FORM", "")
    assert "莲花小区3栋501" in run("standardise", "莲花小区3幢501室")


def test_compare_tells_where_two_addresses_part() -> None:
    output = run("compare", "余杭仓前文一西路1500号6幢", "文一西路1500号")
    assert "the first lies within the second" in output
    assert "building" in output
    assert "the first alone: 6" in output
    assert "full match 0." in output
    lines = run("compare", "--json", typed="人民路1号\t人民路2号\n人民路1号\n").splitlines()
    first, second = map(json.loads, lines)
    assert (first["relation"], first["parted_at"]) == ("different", "door")
    assert second["message"].startswith("second: The address text is empty.")
    with pytest.raises(InvalidInput, match="3 texts are given, wanted two"):
        run("compare", "a", "b", "c")
    assert "one of the two holds no address" in run("compare", "人民路1号", "😀")


def test_a_file_that_cant_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="No such file"):
        run("read", "--file", str(tmp_path / "none.txt"))
    file = tmp_path / "gbk.txt"
    file.write_bytes("人民路1号".encode("gb18030"))
    with pytest.raises(InvalidFile, match="no UTF-8 text"):
        run("standardise", "--file", str(file))


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
