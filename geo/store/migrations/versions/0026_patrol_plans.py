"""Patrol plans and the routes that units are given by them.

Revision: 0026, after 0025
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

EVERYTHING = "(SELECT scope_is_everything())"
SEEN_UNITS = "SELECT id FROM patrol_unit"
POLICIES = {
    # All of them, not one: a plan tells places of each of its grids.
    "patrol_plan": f"{EVERYTHING} OR (grid_codes <> '{{}}' AND grid_codes <@ "
    "(SELECT scope_grid_codes()))",
    "patrol_route": f"{EVERYTHING} OR unit_id IN ({SEEN_UNITS})",
}


def upgrade() -> None:
    op.create_table(
        "patrol_plan",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("grid_codes", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"),
                  nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_patrol_plan_period")),
        sa.CheckConstraint(
            "status IN ('draft', 'assigned', 'ended')", name=op.f("ck_patrol_plan_status")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_patrol_plan"),
    )  # fmt: skip
    op.create_index("ix_patrol_plan_starts_at", "patrol_plan", ["starts_at"])
    op.create_table(
        "patrol_route",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stops", postgresql.JSONB(), nullable=False),
        sa.Column("legs", postgresql.JSONB(), nullable=False),
        sa.Column("is_ended", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), server_default=sa.text("now()"),
                  nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_patrol_route_period")),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["patrol_plan.id"], name="fk_patrol_route_plan_id_patrol_plan"
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["patrol_unit.id"], name="fk_patrol_route_unit_id_patrol_unit"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_patrol_route"),
    )  # fmt: skip
    op.create_index("ix_patrol_route_unit_id", "patrol_route", ["unit_id", "starts_at"])
    op.create_index("ix_patrol_route_plan_id", "patrol_route", ["plan_id"])
    for table, condition in POLICIES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY scope ON {table} USING ({condition}) WITH CHECK ({condition})")
    op.execute("GRANT SELECT, INSERT, UPDATE ON patrol_plan, patrol_route TO gridbeat_app")


def downgrade() -> None:
    op.drop_table("patrol_route")
    op.drop_table("patrol_plan")
