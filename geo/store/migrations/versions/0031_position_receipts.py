"""Receipts of purged positions stand with those of all other rules, and say what was kept.

Revision: 0031, after 0030
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("retention_receipt", "row_count", type_=sa.BigInteger())
    op.add_column("retention_receipt", sa.Column("unit_count", sa.Integer(), nullable=True))
    op.add_column("retention_receipt", sa.Column("kept_row_count", sa.BigInteger(), nullable=True))
    op.add_column("retention_receipt", sa.Column("kept_sha256", sa.Text(), nullable=True))
    # Of those before it was kept that they were older than a day, and no more.
    op.execute(
        "INSERT INTO retention_receipt "
        "(rule, keep_days, row_count, oldest_at, newest_at, deleted_by, deleted_at) "
        "SELECT 'positions', greatest(1, round(extract(epoch FROM purged_at - before) / 86400)), "
        "position_count, before, before, purged_by, purged_at "
        "FROM position_purge WHERE position_count > 0 ORDER BY id"
    )
    op.drop_table("position_purge")


def downgrade() -> None:
    op.create_table(
        "position_purge",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("purged_at", sa.DateTime(timezone=True), server_default=sa.text("now()"),
                  nullable=False),
        sa.Column("before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("position_count", sa.BigInteger(), nullable=False),
        sa.Column("purged_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_position_purge"),
    )  # fmt: skip
    op.execute("GRANT SELECT, INSERT ON position_purge TO gridbeat_app")
    op.execute("DROP FUNCTION IF EXISTS retention_note_positions")
    op.drop_column("retention_receipt", "kept_sha256")
    op.drop_column("retention_receipt", "kept_row_count")
    op.drop_column("retention_receipt", "unit_count")
    op.alter_column("retention_receipt", "row_count", type_=sa.Integer())
