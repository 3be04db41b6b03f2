"""Reading tagged files of both schemes, and saying what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.addresses.tagged import read_tagged
from geo.errors import InvalidFile


def test_bio_tokens_of_more_than_one_character(tmp_path: Path) -> None:
    path = tmp_path / "naacl.txt"
    path.write_text(
        "文 B-road\n路 I-road\n832 B-roadno\n号 I-roadno\n\n西 B-devZone\n", encoding="utf-8"
    )
    first, second = read_tagged(path)
    assert first.text == "文路832号"
    assert first.spans == ((0, 2, "road"), (2, 6, "roadno"))
    assert second.spans == ((0, 1, "devzone"),)


def test_bies_characters_with_an_outside(tmp_path: Path) -> None:
    path = tmp_path / "ccks.conll"
    path.write_text("文 B-road\n路 E-road\n_ O\n0 S-floorno\n0 S-floorno\n", encoding="utf-8")
    (only,) = read_tagged(path)
    assert only.spans == ((0, 2, "road"), (3, 4, "floorno"), (4, 5, "floorno"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [("文 B-road extra\n", "Line 1"), ("\n文 road\n", "Line 2"), ("\n\n", "no tagged address")],
)
def test_a_file_in_another_form_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidFile, match=reason):
        read_tagged(path)
