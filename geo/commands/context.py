"""What every verb of the command line starts with: settings and the store, opened and closed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from geo.settings import Settings, load_settings
from geo.store.database import Database, open_database


@contextlib.contextmanager
def open_store(settings: Settings | None = None) -> Iterator[Database]:
    """Open the store named by the settings (of this process, by default); close it afterwards.

    Raises
    ------
    InvalidInput, DatabaseUnavailable, PostGISMissing, DiskFull, DataFolderInUse
    """
    with open_database(settings or load_settings()) as database:
        yield database
