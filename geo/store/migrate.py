"""Bringing a database to the schema of this version: roles, extensions, tables, functions."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from geo.errors import DatabaseUnavailable, PostGISMissing
from geo.keys import KeyRing
from geo.store.scope import set_scope
from geo.values import GridScope

HERE = Path(__file__).parent
EXTENSIONS = ("postgis", "pg_trgm", "btree_gist")
MIGRATION_LOCK = 7_204_511  # one number for all starts of this program; any constant serves


def migrate(engine: Engine, ring: KeyRing | None = None, *, upto: str = "head") -> None:
    """Bring the database behind `engine` (as its owner) to the newest schema, in one transaction.

    Safe to call from several processes at a time. `ring` seals what older versions kept as it was;
    a store without such values needs none. `upto` stops at an older schema, which then has no
    functions of this version: for tests of what a migration does to rows.

    Raises
    ------
    PostGISMissing : the server has no PostGIS to enable
    DatabaseUnavailable : the server can't be reached, is newer than this program, or its locale
        splits Chinese text into nothing
    KeyMissing : there are values to seal, and no ring
    """
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        # The policies hold for the owner too: without this, a migration would change no rows.
        set_scope(connection, GridScope.everything())
        _enable_extensions(connection)
        _check_locale(connection)
        config = _config(connection)
        config.attributes["ring"] = ring
        _refuse_newer(connection, config)
        command.upgrade(config, upto)
        if upto != "head":
            return
        for file in sorted((HERE / "functions").glob("*.sql")):
            connection.exec_driver_sql(file.read_text(encoding="utf-8").replace("%", "%%"))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE / "migrations"))
    config.attributes["connection"] = connection
    return config


def _enable_extensions(connection: Connection) -> None:
    available = set(
        connection.scalars(
            text("SELECT name FROM pg_available_extensions WHERE name = ANY(:names)"),
            {"names": list(EXTENSIONS)},
        )
    )
    missing = [name for name in EXTENSIONS if name not in available]
    if missing:
        raise PostGISMissing(
            f"The PostgreSQL server lacks {', '.join(missing)}. Install PostGIS and the contrib "
            "modules there (Debian: postgresql-15-postgis-3), then start again.",
            remedy="apt-get install -y --no-install-recommends postgresql-15-postgis-3",
        )
    for name in EXTENSIONS:
        connection.execute(text(f"CREATE EXTENSION IF NOT EXISTS {name}"))


def _check_locale(connection: Connection) -> None:
    trigrams = connection.scalar(text("SELECT cardinality(show_trgm('标准地址'))"))
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8" or not trigrams:
        raise DatabaseUnavailable(
            f"The database has encoding {encoding} and splits '标准地址' into {trigrams} trigrams. "
            "Create it with ENCODING 'UTF8' LC_CTYPE 'C.UTF-8' (or zh_CN.UTF-8): under plain C "
            "Chinese text can't be searched."
        )


def _refuse_newer(connection: Connection, config: Config) -> None:
    at = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if at is not None and at not in known:
        raise DatabaseUnavailable(
            f"The database has schema {at}, which this version of GridBeat doesn't know. It was "
            "migrated by a newer one: use that."
        )
