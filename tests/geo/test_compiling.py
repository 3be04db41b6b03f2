"""Compiled loops are made anew when one that they call has changed, in whatever file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from geo.compiling import MARKS, ROOM, ROOMS, cache_folder

INNER = "from geo.compiling import compiled\n\n@compiled()\ndef inner():\n    return {}\n"
OUTER = (
    "from geo.compiling import compiled\nfrom inner import inner\n\n@compiled()\n"
    "def outer():\n    return inner()\n\nprint(outer())\n"
)


def answer(room: Path) -> str:
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(cache_folder(room)),
        "PYTHONPATH": f"{ROOM.parent}{os.pathsep}{room}",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "outer"], env=environment, capture_output=True, text=True, check=True
    )
    return ran.stdout.strip()


def test_a_changed_inner_loop_reaches_the_kept_one_that_calls_it(tmp_path: Path) -> None:
    (tmp_path / "inner.py").write_text(INNER.format(1))
    (tmp_path / "outer.py").write_text(OUTER)
    assert answer(tmp_path) == "1"
    (tmp_path / "inner.py").write_text(INNER.format(2))
    assert answer(tmp_path) == "2"


def test_the_folder_follows_the_files_with_loops_alone(tmp_path: Path) -> None:
    (tmp_path / "inner.py").write_text(INNER.format(1))
    (tmp_path / "other.py").write_text("A = 1\n")
    before = cache_folder(tmp_path)
    (tmp_path / "other.py").write_text("A = 2\n")
    assert cache_folder(tmp_path) == before
    (tmp_path / "inner.py").write_text(INNER.format(2))
    assert cache_folder(tmp_path) != before


def test_a_changed_loop_of_another_room_changes_the_folder_too(tmp_path: Path) -> None:
    first, second = tmp_path / "geo", tmp_path / "layers"
    for room in (first, second):
        room.mkdir()
        (room / "inner.py").write_text(INNER.format(1))
    before = cache_folder(first, second)
    assert before.parent.parent == first
    (second / "inner.py").write_text(INNER.format(2))
    assert cache_folder(first, second) != before


def test_the_rooms_with_loops_are_those_whose_state_names_the_folder() -> None:
    house = ROOM.parent
    with_loops = {
        file.relative_to(house).parts[0]
        for room in ("geo", "layers", "api", "web")
        for file in (house / room).rglob("*.py")
        if any(mark in file.read_bytes() for mark in MARKS)
    }
    assert with_loops == {room.name for room in ROOMS}


def test_every_loop_is_compiled_by_this_module() -> None:
    compiling = ROOM / "compiling.py"
    files = [file for room in ROOMS for file in room.rglob("*.py") if file != compiling]
    assert [file.name for file in files if "numba." in file.read_text("utf-8")] == []
