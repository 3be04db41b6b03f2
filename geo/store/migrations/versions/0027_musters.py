"""Musters: units called to a place, what each answered, the log of it.

Revision: 0027, after 0026
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

EVERYTHING = "(SELECT scope_is_everything())"
SEEN_UNITS, SEEN_MUSTERS = "SELECT id FROM patrol_unit", "SELECT id FROM muster"
POLICIES = {
    "muster": f"{EVERYTHING} OR grid_codes && (SELECT scope_grid_codes())",
    "muster_call": f"{EVERYTHING} OR unit_id IN ({SEEN_UNITS})",
    # What is about the muster as a whole is seen with the muster.
    "muster_event": f"{EVERYTHING} OR CASE WHEN unit_id IS NULL "
    f"THEN muster_id IN ({SEEN_MUSTERS}) ELSE unit_id IN ({SEEN_UNITS}) END",
}


def _moment(name: str, **more: Any) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), **more)


def upgrade() -> None:
    op.create_table(
        "muster",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("place_name", sa.Text(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("within_m", sa.REAL(), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=True),
        sa.Column("grid_codes", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        _moment("called_at", server_default=sa.text("now()"), nullable=False),
        sa.Column("called_by", sa.Text(), nullable=False),
        _moment("ended_at", nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.CheckConstraint("within_m > 0", name=op.f("ck_muster_within_m")),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name="fk_muster_incident_id_incident"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_muster"),
    )
    op.create_index("ix_muster_grid_codes", "muster", ["grid_codes"], postgresql_using="gin")
    op.create_index("ix_muster_called_at", "muster", ["called_at"])
    op.create_table(
        "muster_call",
        sa.Column("muster_id", sa.BigInteger(), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        _moment("called_at", nullable=False),
        _moment("acknowledged_at", nullable=True),
        _moment("declined_at", nullable=True),
        sa.Column("decline_reason", sa.Text(), nullable=True),
        _moment("arrived_at", nullable=True),
        sa.Column("arrived_how", sa.Text(), nullable=True),
        _moment("stood_down_at", nullable=True),
        sa.CheckConstraint(
            "arrived_how IN ('position', 'check_in')", name=op.f("ck_muster_call_arrived_how")
        ),
        sa.CheckConstraint(
            "(arrived_at IS NULL) = (arrived_how IS NULL)", name=op.f("ck_muster_call_arrived")
        ),
        sa.ForeignKeyConstraint(
            ["muster_id"], ["muster.id"], name="fk_muster_call_muster_id_muster"
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["patrol_unit.id"], name="fk_muster_call_unit_id_patrol_unit"
        ),
        sa.PrimaryKeyConstraint("muster_id", "unit_id", name="pk_muster_call"),
    )
    op.create_index("ix_muster_call_unit_id", "muster_call", ["unit_id"])
    op.create_table(
        "muster_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("muster_id", sa.BigInteger(), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        _moment("at", nullable=False),
        sa.Column("told_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "what IN ('called', 'acknowledged', 'declined', 'arrived', 'stood_down', 'ended')",
            name=op.f("ck_muster_event_what"),
        ),
        sa.ForeignKeyConstraint(
            ["muster_id"], ["muster.id"], name="fk_muster_event_muster_id_muster"
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["patrol_unit.id"], name="fk_muster_event_unit_id_patrol_unit"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_muster_event"),
    )
    op.create_index("ix_muster_event_muster_id", "muster_event", ["muster_id"])
    for table, condition in POLICIES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY scope ON {table} USING ({condition}) WITH CHECK ({condition})")
    op.execute("GRANT SELECT, INSERT, UPDATE ON muster, muster_call TO gridbeat_app")
    # The log can't be changed by the application.
    op.execute("GRANT SELECT, INSERT ON muster_event TO gridbeat_app")


def downgrade() -> None:
    op.drop_table("muster_event")
    op.drop_table("muster_call")
    op.drop_table("muster")
