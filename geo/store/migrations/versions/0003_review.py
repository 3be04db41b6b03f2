"""The review queue of address texts.

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "review_item",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("address_text", sa.Text(), nullable=False),
        sa.Column("text_key", sa.Text(collation="C"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("asked_count", sa.Integer(), server_default="1", nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("grid_code", sa.Text(collation="C"), nullable=True),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("standard_address_id", sa.BigInteger(), nullable=True),
        sa.Column("alias_id", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "status IN ('open', 'matched', 'rejected')", name=op.f("ck_review_item_status")
        ),
        sa.CheckConstraint(
            "(status = 'matched') = (standard_address_id IS NOT NULL)",
            name=op.f("ck_review_item_decision"),
        ),
        sa.ForeignKeyConstraint(
            ["alias_id"], ["address_alias.id"], name="fk_review_item_alias_id_address_alias"
        ),
        sa.ForeignKeyConstraint(
            ["standard_address_id"],
            ["standard_address.id"],
            name="fk_review_item_standard_address_id_standard_address",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_review_item"),
    )
    op.create_index("ix_review_item_status", "review_item", ["status", "id"])
    op.create_index(
        "uq_review_item_open_text",
        "review_item",
        ["text_key"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON review_item TO gridbeat_app")


def downgrade() -> None:
    op.drop_table("review_item")
