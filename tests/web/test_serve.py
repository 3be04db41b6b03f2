"""`gridbeat run` as a process: it starts, and a stop by the system leaves nothing running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

LIMIT_S = 240


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gridbeat-test-") as made:
        Path(made).chmod(0o755)  # the database runs as another user where the tests run as root
        yield Path(made)


def test_a_stop_by_the_system_stops_the_database_too(folder: Path) -> None:
    environment = os.environ | {"GRIDBEAT_DATA_FOLDER": str(folder)}
    environment.pop("GRIDBEAT_DATABASE_URL", None)
    with subprocess.Popen(
        [sys.executable, "-m", "web.cli", "run", "--no-demo", "--port", "0"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            before: list[str] = []
            for line in process.stderr:
                before.append(line)
                if "Ctrl-C" in line:
                    break
            else:
                pytest.fail("".join(before))
            # The first line of the file is the number of the process.
            postmaster = int((folder / "postgresql" / "postmaster.pid").read_text().split()[0])
            os.kill(postmaster, 0)
            process.send_signal(signal.SIGTERM)
            rest = process.stderr.read()
            assert process.wait(LIMIT_S) == 0
        finally:
            process.kill()
    assert "The data are kept." in rest
    assert not (folder / "postgresql" / "postmaster.pid").exists()
