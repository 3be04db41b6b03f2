"""The schema comes from migrations alone, and they say what the tables say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from geo.encryption import unseal
from geo.errors import DatabaseUnavailable, KeyMissing
from geo.keys import KeyRing
from geo.sealed_columns import TOTP_SECRET
from geo.store.cluster import OWNER_ROLE, EmbeddedCluster
from geo.store.database import Database, make_engine
from geo.store.migrate import migrate
from geo.tables import Base, StandardAddress, StandardAddressHistory

OWN_TABLES = set(Base.metadata.tables)


def test_migrations_and_tables_agree(session: Session) -> None:
    context = MigrationContext.configure(
        session.connection(),
        opts={
            "include_object": lambda thing, name, kind, reflected, other: (
                kind != "table" or name in OWN_TABLES
            ),
        },
    )
    assert compare_metadata(context, Base.metadata) == []


def test_migrating_again_changes_nothing(cluster: EmbeddedCluster, database: Database) -> None:
    name = str(database.engine.url.database)
    owner = make_engine(cluster.url(OWNER_ROLE, name), pool_size=1)
    migrate(owner)
    owner.dispose()
    with database.session() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) is not None


def test_schema_of_a_newer_program_is_refused(cluster: EmbeddedCluster, database: Database) -> None:
    owner = make_engine(cluster.url(OWNER_ROLE, str(database.engine.url.database)), pool_size=1)
    with owner.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseUnavailable, match="9999"):
        migrate(owner)
    owner.dispose()


def test_application_role_owns_nothing_and_cannot_unwrite_history(session: Session) -> None:
    owned = session.scalar(
        text("SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = current_user")
    )
    assert owned == 0
    with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
        session.execute(text("DELETE FROM standard_address_history"))
    with pytest.raises(ProgrammingError, match="must be owner"), session.begin_nested():
        session.execute(text("ALTER TABLE grid ADD COLUMN x int"))


def test_a_change_keeps_what_was_and_a_new_grid_alone_does_not(session: Session) -> None:
    row = StandardAddress(
        road="示例路", door="1号", canonical_text="示例路1号", search_key="示例路|1", level="door",
        source="test",
    )  # fmt: skip
    session.add(row)
    session.flush()
    row.grid_code = "999001001001001"
    session.flush()
    assert session.query(StandardAddressHistory).count() == 0
    row.canonical_text = "示例路1号（甲）"
    session.flush()
    session.refresh(row)
    kept = session.query(StandardAddressHistory).one()
    assert (kept.version, kept.was["canonical_text"], row.version) == (1, "示例路1号", 2)


def test_check_constraints_of_migrations_and_tables_agree(session: Session) -> None:
    """Alembic's comparison leaves check constraints out."""
    stored = session.execute(
        text(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint "
            "WHERE contype = 'c' AND conrelid::regclass::text = ANY(:tables)"
        ),
        {"tables": sorted(OWN_TABLES)},
    )
    declared = {
        (table.name, str(constraint.name))
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert {tuple(row) for row in stored} == declared


def test_history_watches_every_column_that_makes_an_address(session: Session) -> None:
    watched = set(
        session.scalars(
            text(
                "SELECT attname FROM pg_trigger, unnest(tgattr) AS number, pg_attribute "
                "WHERE tgname = 'keep_history' AND attrelid = tgrelid AND attnum = number"
            )
        )
    )
    unwatched = {column.name for column in StandardAddress.__table__.columns} - watched
    assert unwatched == {"id", "grid_id", "grid_code", "version", "created_at", "updated_at"}


def test_secrets_kept_as_they_were_are_sealed_where_they_lie(cluster: EmbeddedCluster) -> None:
    owner_of_all = make_engine(cluster.url(OWNER_ROLE, "postgres"), pool_size=1)
    autocommit = owner_of_all.execution_options(isolation_level="AUTOCOMMIT")
    with autocommit.connect() as connection:
        connection.execute(text("CREATE DATABASE before_sealing"))
    owner = make_engine(cluster.url(OWNER_ROLE, "before_sealing"), pool_size=1)
    secret, ring = b"a secret of 20 bytes", KeyRing.of_chance(now=datetime(2026, 6, 1, tzinfo=UTC))
    try:
        migrate(owner, upto="0008")
        with owner.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO account (name, shown_name, role, password_hash, totp_secret) "
                    "VALUES ('a', 'a', 'chief', 'x', NULL), ('b', 'b', 'chief', 'x', :secret)"
                ),
                {"secret": secret},
            )
        with pytest.raises(KeyMissing, match="1 secrets"):
            migrate(owner)
        migrate(owner, ring)
        with owner.connect() as connection:
            rows = connection.execute(
                text("SELECT id, totp_secret_sealed FROM account ORDER BY name")
            ).all()
        assert rows[0].totp_secret_sealed is None
        assert secret not in rows[1].totp_secret_sealed
        assert unseal(ring, TOTP_SECRET, rows[1].id, rows[1].totp_secret_sealed) == secret
    finally:
        owner.dispose()
        with autocommit.connect() as connection:
            connection.execute(text("DROP DATABASE before_sealing WITH (FORCE)"))
        owner_of_all.dispose()
