"""What the program holds while it runs: settings, store, geocoder, import workers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.orm import sessionmaker

from api.import_workers import ImportWorkers
from api.uploads import remove_upload
from geo.importers.job_kinds import run_job
from geo.importers.jobs import get_job
from geo.settings import Settings
from geo.store.database import Database


class Services:
    """Made once by `create_app`, handed to the endpoints by `api.dependencies`."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.imports = ImportWorkers(database, self._run_import)
        # READ ONLY travels with BEGIN and costs no round trip; a read that writes is a fault.
        self.open_read_session = sessionmaker(
            database.engine.execution_options(postgresql_readonly=True), expire_on_commit=False
        )

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """While the application serves."""
        self.imports.start()
        try:
            yield
        finally:
            self.imports.stop()

    def _run_import(self, job_id: int) -> None:
        """Work on a job; its upload goes away when it is done, and stays for a resume otherwise."""
        run_job(self.database, job_id, settings=self.settings)
        with self.database.session() as session:
            job = get_job(session, job_id)
        if job.status == "done" and "path" in job.options:
            remove_upload(self.settings, Path(job.options["path"]))
