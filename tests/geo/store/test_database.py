"""Sessions: whole or not at all, by a role that owns nothing, with the platform's errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from geo.errors import DatabaseUnavailable, InvalidInput
from geo.settings import Settings, load_settings
from geo.store.cluster import APPLICATION_ROLE, OWNER_ROLE, EmbeddedCluster
from geo.store.database import Database, open_database
from tests.conftest import copied_database


def given(url: str) -> Settings:
    return Settings(database_url=url, data_folder=Path("/nonexistent"))


def test_given_server_is_used_by_the_application_role(cluster: EmbeddedCluster) -> None:
    with copied_database(cluster) as copied:
        name = copied.engine.url.database
        url = f"postgresql://{OWNER_ROLE}@/{name}?host={cluster.socket_folder}"
        with open_database(given(url)) as database, database.session() as session:
            assert session.scalar(text("SELECT current_user")) == APPLICATION_ROLE


@pytest.mark.parametrize("url", ["mysql://root@localhost/x", "sqlite:///x.db", "not a url"])
def test_given_url_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="postgresql://"), open_database(given(url)):
        pass


def test_given_server_that_is_not_there(tmp_path: Path) -> None:
    url = f"postgresql://nobody@/none?host={tmp_path}"
    with pytest.raises(DatabaseUnavailable), open_database(given(url)):
        pass


def test_error_in_a_session_stores_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.session() as session:
        session.execute(text("INSERT INTO store_note (name, value) VALUES ('half', '1')"))
        raise ZeroDivisionError
    with database.session() as session:
        assert session.scalar(text("SELECT count(*) FROM store_note")) == 0


def test_connection_cut_in_a_transaction(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable), database.session() as session:
        session.execute(text("INSERT INTO store_note (name, value) VALUES ('half', '1')"))
        pid = session.scalar(text("SELECT pg_backend_pid()"))
        with database.session() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        session.execute(text("SELECT 1"))
    with database.session() as session:  # the pool has recovered
        assert session.scalar(text("SELECT count(*) FROM store_note")) == 0


def test_setting_of_the_wrong_kind_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDBEAT_PORT", "eighty")
    with pytest.raises(InvalidInput, match="GRIDBEAT_PORT='eighty'"):
        load_settings()
