"""Drafts of sets of grids.

Revision: 0028, after 0027
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

# All of them, not one: a draft tells what each grid of its area holds.
POLICY = (
    "(SELECT scope_is_everything()) OR (grid_codes <> '{}' AND grid_codes <@ "
    "(SELECT scope_grid_codes()))"
)


def upgrade() -> None:
    op.create_table(
        "grid_set_draft",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("area_code", sa.Text(collation="C"), nullable=False),
        sa.Column("area_name", sa.Text(), nullable=False),
        sa.Column("area_level", sa.Text(), nullable=False),
        sa.Column("grid_codes", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("blocks", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"),
                  nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('draft', 'proposed', 'accepted', 'ended')",
            name=op.f("ck_grid_set_draft_status"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_grid_set_draft"),
    )  # fmt: skip
    op.execute("ALTER TABLE grid_set_draft ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE grid_set_draft FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY scope ON grid_set_draft USING ({POLICY}) WITH CHECK ({POLICY})")
    op.execute("GRANT SELECT, INSERT, UPDATE ON grid_set_draft TO gridbeat_app")


def downgrade() -> None:
    op.drop_table("grid_set_draft")
