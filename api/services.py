"""What the program holds while it runs: settings, store, geocoder, import workers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sqlalchemy.orm import sessionmaker

from geo.settings import Settings
from geo.store.database import Database


class Services:
    """Made once by `create_app`, handed to the endpoints by `api.dependencies`."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        # READ ONLY travels with BEGIN and costs no round trip; a read that writes is a fault.
        self.open_read_session = sessionmaker(
            database.engine.execution_options(postgresql_readonly=True), expire_on_commit=False
        )

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """While the application serves."""
        yield
