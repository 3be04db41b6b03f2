"""The list of purposes: read whole or not at all, found by code or name."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.errors import InvalidFile, InvalidPurpose
from geo.purposes import COLUMNS, find_purpose, load_purposes

HEAD = ",".join(COLUMNS)


def write(folder: Path, *lines: str, encoding: str = "utf-8") -> Path:
    file = folder / "purposes.csv"
    file.write_text("\n".join(lines) + "\n", encoding=encoding)
    return file


def test_those_that_come_along_name_their_ground() -> None:
    found = load_purposes()
    assert len(found) >= 10
    for purpose in found.values():
        assert purpose.zh and purpose.en and purpose.legal_ground
        assert "核对" in purpose.note  # nobody takes it for a lawyer's word


def test_a_deployment_brings_its_own_in_its_order(tmp_path: Path) -> None:
    file = write(
        tmp_path, HEAD, "visit,走访,a visit,某条例,,", 'check,检查,a check,"甲法,乙法",某号令,注',
        encoding="utf-8-sig",
    )  # fmt: skip
    found = load_purposes(file)
    assert list(found) == ["visit", "check"]
    assert found["check"].legal_ground == "甲法,乙法"
    assert find_purpose(found, "visit") is find_purpose(found, "走访")
    assert find_purpose(found, "a check").code == "check"
    with pytest.raises(InvalidPurpose, match="visit, check") as caught:
        find_purpose(found, "好奇")
    assert caught.value.wanted == ["visit", "check"]


@pytest.mark.parametrize(
    "lines",
    [
        (), (HEAD,), ("code,zh,en", "visit,走访,a visit"), (HEAD, "visit,走访,a visit,,,"),
        (HEAD, "Visit!,走访,a visit,某条例,,"), (HEAD, "visit,走访,a visit,某条例,,,more"),
        (HEAD, f"visit,{'长' * 61},a visit,某条例,,"),
        (HEAD, "visit,走访,a visit,某条例,,", "visit,走访,a visit,某条例,,"),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_is_refused(tmp_path: Path, lines: tuple[str, ...]) -> None:
    with pytest.raises(InvalidFile, match=r"purposes\.csv"):
        load_purposes(write(tmp_path, *lines))


def test_a_list_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="No such file"):
        load_purposes(tmp_path / "none.csv")
    (tmp_path / "gb.csv").write_bytes("code,走访".encode("gb18030"))
    with pytest.raises(InvalidFile, match="UTF-8"):
        load_purposes(tmp_path / "gb.csv")
