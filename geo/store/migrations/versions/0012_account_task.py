"""Tasks: why somebody reads about persons.

Revision: 0012, after 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def _when(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "account_task",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("case_ref", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        _when("started_at"),
        _when("ends_at"),
        _when("ended_at", nullable=True),
        sa.CheckConstraint("ends_at > started_at", name=op.f("ck_account_task_period")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_account_task_account_id_account"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["account_session.id"],
            name="fk_account_task_session_id_account_session",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_account_task"),
    )
    op.create_index(
        "uq_account_task_session_id",
        "account_task",
        ["session_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_account_task_account_id", "account_task", ["account_id"])
    op.execute("GRANT SELECT, INSERT, UPDATE ON account_task TO gridbeat_app")


def downgrade() -> None:
    op.drop_table("account_task")
