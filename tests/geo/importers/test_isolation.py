"""The reading process: few drivers, no secrets of ours, no file it could write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from geo.importers.isolation import _child_environment
from geo.importers.reader_process import _limit_this_process
from geo.importers.upload_safety import GDAL_DRIVERS, FileKind, UploadLimits


def test_gdal_knows_our_drivers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDBEAT_DATABASE_URL", "postgresql://user:secret@host/db")
    environment = _child_environment(FileKind.GEOPACKAGE)
    assert "secret" not in " ".join(environment.values())
    code = "import pyogrio; print('\\n'.join(pyogrio.list_drivers()))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], env=environment, capture_output=True, text=True
    )
    found = set(done.stdout.splitlines())
    assert found <= set(GDAL_DRIVERS)
    assert {"GPKG", "GeoJSON", "ESRI Shapefile"} <= found


def test_the_process_can_write_no_file_and_grow_no_further(tmp_path: Path) -> None:
    module = _limit_this_process.__module__
    code = (
        f"from {module} import _limit_this_process\n"
        "from geo.importers.upload_safety import UploadLimits\n"
        "import os, sys\n"
        f"_limit_this_process(UploadLimits(reader_memory_mb={UploadLimits().reader_memory_mb}))\n"
        "try:\n"
        "    f = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT); os.write(f, b'x')\n"
        "    print('wrote')\n"
        "except OSError:\n"
        "    print('refused')\n"
        "try:\n"
        "    bytearray(5 * 2**30); print('grew')\n"
        "except MemoryError:\n"
        "    print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "never")], capture_output=True, text=True
    )
    assert done.stdout.split() == ["refused", "refused"], done.stderr
