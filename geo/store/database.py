"""Connections and sessions: `open_database` at the entrance, `Database.session` everywhere else.

This file alone knows the driver's errors and turns them into the platform's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import psycopg
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from geo.encryption import KEYS
from geo.errors import DatabaseUnavailable, DiskFull, InvalidInput, PlatformError
from geo.keys import KeyFile, KeyRing
from geo.settings import Settings
from geo.store.arrays import register_arrays
from geo.store.cluster import (
    APPLICATION_ROLE,
    DATABASE_NAME,
    OWNER_ROLE,
    EmbeddedCluster,
)
from geo.store.key_notes import note_first_keys, open_keys
from geo.store.migrate import migrate
from geo.store.scope import ScopedSession
from geo.values import GridScope

CONNECT_TIMEOUT_S = 10


class Database:
    """The store as the application sees it: by a role that owns nothing.

    Whoever answers a caller takes `session_of` or `read_session_of` with the caller's scope.
    `session` and `open_session` see everything: they are for the operator's command line and for
    the program's own jobs. A connection taken from `engine` itself sees no rows.

    `keys` returns the keys of now that sealed values are read and written with; without it, a
    session can do neither.
    """

    def __init__(self, engine: Engine, keys: Callable[[], KeyRing] | None = None) -> None:
        self.engine = engine
        self._keys = keys
        self._sessions = sessionmaker(engine, class_=ScopedSession, expire_on_commit=False)
        # READ ONLY travels with BEGIN and costs no round trip; a read that writes is a fault.
        self._read_sessions = sessionmaker(
            engine.execution_options(postgresql_readonly=True),
            class_=ScopedSession,
            expire_on_commit=False,
        )

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction that sees everything, as `session_of`."""
        with self.session_of(GridScope.everything()) as session:
            yield session

    @contextlib.contextmanager
    def session_of(self, scope: GridScope) -> Iterator[Session]:
        """One transaction that sees and writes what lies in the scope.

        It is committed at the end, rolled back where anything is raised.
        """
        with self._sessions(info=self._info(scope)) as session, session.begin():
            yield session

    @contextlib.contextmanager
    def read_session_of(self, scope: GridScope) -> Iterator[Session]:
        """A session that can't write; it takes a connection with its first statement."""
        with self._read_sessions(info=self._info(scope)) as session:
            yield session

    def open_session(self) -> Session:
        """A session that sees everything and whose transactions the caller ends."""
        return self._sessions(info=self._info(GridScope.everything()))

    def _info(self, scope: GridScope) -> dict[str, object]:
        return {"scope": scope, KEYS: self._keys}

    def ping(self) -> None:
        """Raise DatabaseUnavailable unless the database answers."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))


@contextlib.contextmanager
def open_database(settings: Settings, *, keep_running: bool = False) -> Iterator[Database]:
    """Open the store: the given server or the embedded one, migrated.

    Parameters
    ----------
    keep_running : start the embedded one again where it dies, while the context is open

    Raises
    ------
    DatabaseUnavailable, PostGISMissing, DiskFull, DataFolderInUse
    KeyMissing, InvalidFile : the key file is not there, not whole, or not this store's
    """
    key_file = KeyFile(settings.key_file_path)
    with contextlib.ExitStack() as stack:
        if settings.database_url:
            owner_url = application_url = _driver_url(settings.database_url)
        else:
            cluster = stack.enter_context(EmbeddedCluster(settings.data_folder).running())
            if keep_running:
                stack.enter_context(cluster.kept_running())
            ensure_database(cluster, DATABASE_NAME)
            owner_url = cluster.url(OWNER_ROLE)
            application_url = cluster.url(APPLICATION_ROLE)
        owner = make_engine(owner_url, pool_size=1)
        try:
            ring = open_keys(owner, key_file, now=datetime.now(UTC))
            migrate(owner, ring)
            note_first_keys(owner, ring)
        finally:
            owner.dispose()
        engine = make_engine(
            application_url,
            pool_size=settings.pool_size,
            role=APPLICATION_ROLE if settings.database_url else None,
        )
        stack.callback(engine.dispose)
        yield Database(engine, key_file.ring)


def make_engine(url: str, *, pool_size: int, role: str | None = None) -> Engine:
    """Return an engine that raises the platform's errors; `role` is taken on by each connection."""
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,  # values are addresses and names: they reach no log
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "options": "-c timezone=UTC"},
    )
    event.listen(engine, "handle_error", _translate)

    @event.listens_for(engine, "connect")
    def _prepare(connection: psycopg.Connection, _record: object) -> None:
        register_arrays(connection)

    if role is not None:

        @event.listens_for(engine, "connect")
        def _take_role(connection: psycopg.Connection, _record: object) -> None:
            connection.execute(f"SET ROLE {role}")
            connection.commit()

    return engine


def ensure_database(cluster: EmbeddedCluster, name: str) -> None:
    """Create the database `name` in the cluster unless it is there."""
    engine = make_engine(cluster.url(OWNER_ROLE, "postgres"), pool_size=1)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            there = connection.scalar(
                text("SELECT true FROM pg_database WHERE datname = :name"), {"name": name}
            )
            if not there:
                connection.execute(text(f'CREATE DATABASE "{name}"'))
    finally:
        engine.dispose()


def _driver_url(given: str) -> str:
    try:
        url = make_url(given)
    except ArgumentError:
        raise InvalidInput(
            "GRIDBEAT_DATABASE_URL can't be read. Wanted "
            "postgresql://user:password@host:5432/database."
        ) from None
    if url.get_backend_name() not in {"postgresql", "postgres"}:
        raise InvalidInput(
            f"GRIDBEAT_DATABASE_URL names {url.get_backend_name()}. Wanted PostgreSQL with "
            "PostGIS: postgresql://user:password@host:5432/database."
        )
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def platform_error(error: BaseException) -> PlatformError | None:
    """The platform's error for a driver's, where it means that the store is out of reach."""
    if isinstance(error, psycopg.errors.DiskFull):
        return DiskFull(
            "The database has no space left on its disk. Nothing of this change was stored. Free "
            "some space and try again."
        )
    gone = (
        psycopg.OperationalError
        | psycopg.errors.AdminShutdown
        | psycopg.errors.CrashShutdown
        | psycopg.errors.CannotConnectNow
    )
    if isinstance(error, gone):
        return DatabaseUnavailable(
            "The database doesn't answer, or went away. Nothing of this change was stored. Try "
            "again when it is back.",
            retry_after_s=5,
        )
    return None


def _translate(context: ExceptionContext) -> PlatformError | None:
    if context.is_pre_ping:
        return None  # the pool answers a dead connection by opening another
    error = context.original_exception
    if isinstance(error, OperationalError) and error.orig is not None:
        error = error.orig
    return platform_error(error)
