"""Scope in the database: which rows a transaction may see and write, held by PostgreSQL itself.

Each table that belongs to grids has a row-level security policy that asks the setting
`gridbeat.scope`. A session of `geo.store.database.Database` sets it when its transaction begins,
for that transaction alone: a connection that goes back to the pool keeps nothing. A transaction
without it sees no rows and can write none. docs/access.md tells what each table's policy asks.

This is the only file that sets the scope of a transaction.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from psycopg import pq
from sqlalchemy import Connection, bindparam, event, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Session, SessionTransaction

from geo.values import GridScope

SETTING = "gridbeat.scope"
EVERYTHING = "*"  # an array of grid codes, the other form, always begins with a brace

# Tables whose rows belong to grids, by the migration that gave them their policy.
SCOPED_TABLES = (
    "address_alias", "address_merge", "duplicate_pair", "duty_shift", "dwelling", "establishment",
    "export_request", "grid", "grid_coverage", "grid_h3_cell", "grid_set_draft", "import_job",
    "incident",
    "incident_history", "key_place", "key_place_dose", "muster", "muster_call", "muster_event",
    "patrol_latest", "patrol_position",
    "patrol_plan", "patrol_route", "patrol_unit", "patrol_unit_member", "patrol_unit_status",
    "record_history", "record_report",
    "record_verification", "residence", "resident", "review_item", "standard_address",
    "standard_address_history", "subject_request", "unit_presence",
)  # fmt: skip

# The database turns the codes into an array's text, whatever characters they hold.
_SET = text(
    f"SELECT set_config('{SETTING}', coalesce(CAST(:grid_codes AS text[])::text, '{EVERYTHING}'), "
    "true)"
).bindparams(bindparam("grid_codes", type_=ARRAY(TEXT)))
_READ = text(f"SELECT current_setting('{SETTING}', true)")
_SET_BACK = text(f"SELECT set_config('{SETTING}', coalesce(:was, ''), true)")


class ScopedSession(Session):
    """A session that tells the database its scope, `info["scope"]`, in each of its transactions."""


@event.listens_for(ScopedSession, "after_begin")
def _tell_scope(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    if not transaction.nested:
        set_scope(connection, session.info["scope"])


def set_scope(bind: Session | Connection, scope: GridScope) -> None:
    """Set what the rest of this transaction may see and write."""
    codes = None if scope.grid_codes is None else sorted(scope.grid_codes)
    bind.execute(_SET, {"grid_codes": codes})


@contextlib.contextmanager
def seeing_everything(session: Session) -> Iterator[None]:
    """Let a transaction see every grid for the block, and no longer.

    For what can't be decided from one's own rows: whether an address is taken anywhere, which of
    all grids holds a point. What the block finds is for the program alone; the caller is told only
    what lies in their scope. Changes that wait are written before, under the caller's own scope.
    """
    if session.info.get("scope") == GridScope.everything():
        yield
        return
    session.flush()
    was = session.scalar(_READ)
    set_scope(session, GridScope.everything())
    try:
        yield
    finally:
        if _can_execute(session):
            session.execute(_SET_BACK, {"was": was})


def _can_execute(session: Session) -> bool:
    """Whether the transaction lives; one that failed ends, and its scope with it."""
    if not session.is_active:
        return False
    driver = session.connection().connection.driver_connection
    status = driver.info.transaction_status if driver is not None else None
    return status == pq.TransactionStatus.INTRANS
