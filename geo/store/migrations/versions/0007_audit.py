"""The audit log: entries by month in chains of hashes, and the heads of the chains.

Revision: 0007, after 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("chain", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object_kind", sa.Text(), nullable=True),
        sa.Column("object_ref", sa.Text(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("case_ref", sa.Text(), nullable=True),
        sa.Column("row_count", sa.Integer(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "greatest(length(actor), length(origin), length(action), length(object_kind), "
            "length(object_ref), length(purpose), length(case_ref), length(request_id)) <= 200",
            name=op.f("ck_audit_entry_text_lengths"),
        ),
        sa.PrimaryKeyConstraint("at", "chain", "number", name="pk_audit_entry"),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index("ix_audit_entry_chain", "audit_entry", ["chain", "number"])
    op.create_index("ix_audit_entry_actor", "audit_entry", ["actor", "at"])
    # Takes what no month takes, such as entries under a clock set wrong: none is refused for that.
    op.execute("CREATE TABLE audit_entry_other PARTITION OF audit_entry DEFAULT")
    op.create_table(
        "audit_head",
        sa.Column("chain", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain", name="pk_audit_head"),
    )
    # Room on the page for the versions of the rows, which change with each entry.
    op.execute("ALTER TABLE audit_head SET (fillfactor = 10)")
    op.execute(
        "INSERT INTO audit_head SELECT chain, 0, decode(repeat('00', 32), 'hex') "
        "FROM generate_series(0, 63) AS chain"
    )
    op.execute("REVOKE ALL ON audit_entry, audit_entry_other, audit_head FROM PUBLIC")
    op.execute("REVOKE ALL ON audit_entry, audit_entry_other, audit_head FROM gridbeat_app")


def downgrade() -> None:
    op.execute(
        "DROP FUNCTION IF EXISTS audit_append, audit_read, audit_read_all, audit_heads, "
        "audit_make_partitions"
    )
    op.drop_table("audit_head")
    op.drop_table("audit_entry")
