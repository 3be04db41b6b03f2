"""Fixtures for all rooms: a real PostGIS a worker, a transaction a test.

- `session`: a session of the application's role in a transaction that is rolled back.
- `database`: a database of its own, migrated, for tests that commit; dropped afterwards.
- `shared_data`: the folder of real data beside the project; skips where it is absent.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings
from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.encryption import KEYS
from geo.keys import KeyRing
from geo.store.cluster import APPLICATION_ROLE, OWNER_ROLE, EmbeddedCluster
from geo.store.database import Database, make_engine
from geo.store.migrate import migrate
from geo.store.scope import set_scope
from geo.values import GridScope

TEMPLATE = "template_gridbeat"
TEST_KEYS = KeyRing.of_chance(now=datetime(2026, 1, 1, tzinfo=UTC))

# How long a test takes tells of the machine, and never fails it.
settings.register_profile("gridbeat", deadline=None)
settings.load_profile("gridbeat")


@pytest.fixture(scope="session")
def cluster() -> Iterator[EmbeddedCluster]:
    """A cluster for this worker, with one migrated database to copy from."""
    folder = Path(tempfile.mkdtemp(prefix="gridbeat-test-"))
    folder.chmod(0o755)  # the server runs as another user where the tests run as root
    try:
        with EmbeddedCluster(folder).running() as running:
            _execute(running, f"CREATE DATABASE {TEMPLATE}")
            owner = make_engine(running.url(OWNER_ROLE, TEMPLATE), pool_size=1)
            migrate(owner)
            owner.dispose()
            yield running
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def database(cluster: EmbeddedCluster) -> Iterator[Database]:
    """A fresh migrated database, seen by the application's role, for tests that commit."""
    with copied_database(cluster) as database:
        yield database


@pytest.fixture(scope="session")
def _rolled_back_database(cluster: EmbeddedCluster) -> Iterator[Database]:
    with copied_database(cluster) as database:
        yield database


@pytest.fixture
def session(_rolled_back_database: Database) -> Iterator[Session]:
    """A session in a transaction that is rolled back; a commit ends a savepoint only."""
    with (
        _rolled_back_database.engine.connect() as connection,
        connection.begin() as transaction,
        Session(
            connection,
            join_transaction_mode="create_savepoint",
            expire_on_commit=False,
            info={"scope": GridScope.everything(), KEYS: lambda: TEST_KEYS},
        ) as s,
    ):
        set_scope(s, GridScope.everything())
        yield s
        s.close()
        transaction.rollback()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data; it is never part of the project."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data sets (../shared/data) are not beside this checkout")
    return folder


class copied_database:  # noqa: N801 - used as a context manager, reads as a verb
    """A database copied from the migrated template, dropped at the end."""

    def __init__(self, cluster: EmbeddedCluster) -> None:
        self.cluster = cluster
        self.name = f"test_{os.getpid()}_{uuid4().hex[:8]}"

    def __enter__(self) -> Database:
        _execute(self.cluster, f"CREATE DATABASE {self.name} TEMPLATE {TEMPLATE}")
        url = self.cluster.url(APPLICATION_ROLE, self.name)
        self.database = Database(make_engine(url, pool_size=4), lambda: TEST_KEYS)
        return self.database

    def __exit__(self, *_: object) -> None:
        self.database.engine.dispose()
        _execute(self.cluster, f"DROP DATABASE {self.name} WITH (FORCE)")


def _execute(cluster: EmbeddedCluster, statement: str) -> None:
    engine = make_engine(cluster.url(OWNER_ROLE, "postgres"), pool_size=1)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))
    engine.dispose()
