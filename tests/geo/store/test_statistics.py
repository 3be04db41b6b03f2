"""Statistics for the planner after bulk loads, gathered by a role that owns no table."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from geo.store.bulk import analyze_tables
from geo.store.cluster import APPLICATION_ROLE
from geo.store.database import Database
from geo.tables import AddressAlias, Area, BasemapFeature, Grid, GridH3Cell, StandardAddress
from tests.factories import add_area


def test_statistics_are_gathered_by_the_applications_role(database: Database) -> None:
    with database.session() as session:
        assert session.scalar(text("SELECT current_user")) == APPLICATION_ROLE
        for code in ("A", "B", "C"):
            add_area(session, code)
        analyze_tables(session, Area)
        rows = session.scalar(text("SELECT reltuples FROM pg_class WHERE relname = 'area'"))
    assert rows == 3
    for table in (StandardAddress, AddressAlias, Grid, GridH3Cell, BasemapFeature):
        with database.session() as session:
            analyze_tables(session, table)


@pytest.mark.parametrize("name", ["pg_authid", "store_note", "grid; DROP TABLE grid", "", None])
def test_statistics_of_other_tables_are_refused(session: Session, name: str | None) -> None:
    with pytest.raises(DBAPIError, match="no table that is loaded in bulk"), session.begin_nested():
        session.execute(select(func.analyze_table(name)))


def test_nothing_of_the_callers_own_is_run_in_the_owners_name(session: Session) -> None:
    # A temporary table or operator of the same name must not be found first.
    session.execute(text("CREATE TEMPORARY TABLE area (code text)"))
    session.execute(text("INSERT INTO area VALUES ('A'), ('B')"))
    analyze_tables(session, Area)
    counted = "SELECT reltuples FROM pg_class WHERE oid = CAST('pg_temp.area' AS regclass)"
    assert session.scalar(text(counted)) == -1  # never gathered
    settings = "SELECT proconfig, prosecdef FROM pg_proc WHERE proname = 'analyze_table'"
    path, is_definer = session.execute(text(settings)).one()
    assert is_definer and path == ["search_path=pg_catalog, public, pg_temp"]
