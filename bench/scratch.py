"""A folder and a store of a bench's own, gone when it ends."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from geo.settings import Settings
from geo.store.database import Database, open_database


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder in which a cluster can live."""
    with tempfile.TemporaryDirectory(prefix="gridbeat-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database runs as another user where the bench runs as root
        yield folder


@contextlib.contextmanager
def scratch_store() -> Iterator[tuple[Database, Settings]]:
    """An empty store as a deployment has it, without the demo city, and its settings."""
    with scratch_folder() as folder:
        settings = Settings(data_folder=folder, demo=False)
        with open_database(settings) as database:
            yield database, settings
