"""Pairs of addresses that are probably one place, and merges that can be undone.

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "address_merge",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kept_id", sa.BigInteger(), nullable=False),
        sa.Column("merged_id", sa.BigInteger(), nullable=False),
        sa.Column("moved", postgresql.JSONB(), nullable=False),
        sa.Column("alias_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("point_taken", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("merged_by", sa.Text(), nullable=True),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("kept_id <> merged_id", name=op.f("ck_address_merge_two_addresses")),
        sa.ForeignKeyConstraint(
            ["kept_id"], ["standard_address.id"], name="fk_address_merge_kept_id_standard_address"
        ),
        sa.ForeignKeyConstraint(
            ["merged_id"],
            ["standard_address.id"],
            name="fk_address_merge_merged_id_standard_address",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_address_merge"),
    )
    op.create_index(
        "uq_address_merge_in_force",
        "address_merge",
        ["merged_id"],
        unique=True,
        postgresql_where=sa.text("undone_at IS NULL"),
    )
    op.create_index("ix_address_merge_kept_id", "address_merge", ["kept_id"])
    op.create_table(
        "duplicate_pair",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("second_id", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.REAL(), nullable=False),
        sa.Column("distance_m", sa.REAL(), nullable=True),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("merge_id", sa.BigInteger(), nullable=True),
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
            "status IN ('open', 'later', 'merged', 'apart')", name=op.f("ck_duplicate_pair_status")
        ),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_duplicate_pair_order")),
        sa.CheckConstraint(
            "(status = 'merged') = (merge_id IS NOT NULL)", name=op.f("ck_duplicate_pair_decision")
        ),
        sa.ForeignKeyConstraint(
            ["first_id"],
            ["standard_address.id"],
            name="fk_duplicate_pair_first_id_standard_address",
        ),
        sa.ForeignKeyConstraint(
            ["second_id"],
            ["standard_address.id"],
            name="fk_duplicate_pair_second_id_standard_address",
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["import_job.id"], name="fk_duplicate_pair_job_id_import_job"
        ),
        sa.ForeignKeyConstraint(
            ["merge_id"], ["address_merge.id"], name="fk_duplicate_pair_merge_id_address_merge"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_duplicate_pair"),
        sa.UniqueConstraint("first_id", "second_id", name="uq_duplicate_pair_addresses"),
    )
    op.create_index("ix_duplicate_pair_status", "duplicate_pair", ["status", "id"])
    op.create_index("ix_duplicate_pair_second_id", "duplicate_pair", ["second_id"])
    op.create_index(
        "ix_standard_address_merged_key",
        "standard_address",
        ["search_key"],
        postgresql_where=sa.text("status = 'merged'"),
    )
    _let_jobs_be("'areas', 'grids', 'addresses', 'basemap', 'geocode', 'duplicates'")
    # Suggestions that no longer hold are deleted; merges are history.
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON duplicate_pair TO gridbeat_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON address_merge TO gridbeat_app")


def _let_jobs_be(kinds: str) -> None:
    op.drop_constraint(op.f("ck_import_job_kind"), "import_job", type_="check")
    op.create_check_constraint(op.f("ck_import_job_kind"), "import_job", f"kind IN ({kinds})")


def downgrade() -> None:
    op.drop_table("duplicate_pair")
    op.drop_table("address_merge")
    op.drop_index("ix_standard_address_merged_key", table_name="standard_address")
    op.execute("DELETE FROM import_job WHERE kind = 'duplicates'")
    _let_jobs_be("'areas', 'grids', 'addresses', 'basemap', 'geocode'")
