"""Compiled loops are made anew when one that they call has changed, in whatever file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from geo.compiling import ROOM, cache_folder

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


def test_every_loop_is_compiled_by_this_module() -> None:
    compiling = ROOM / "compiling.py"
    files = [file for file in ROOM.rglob("*.py") if file != compiling]
    assert [file.name for file in files if "numba." in file.read_text("utf-8")] == []
