"""Accounts, assignments, sessions and tokens.

Revision: 0008, after 0007
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = "account, account_assignment, account_session, api_token"


def _when(name: str, *, nullable: bool = False, default: bool = False) -> sa.Column[Any]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        server_default=sa.text("now()") if default else None,
        nullable=nullable,
    )


def _id() -> sa.Column[Any]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _account(table: str) -> tuple[sa.Column[Any], sa.ForeignKeyConstraint, sa.PrimaryKeyConstraint]:
    return (
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=f"fk_{table}_account_id_account"
        ),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
    )


def upgrade() -> None:
    op.create_table(
        "account",
        _id(),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("shown_name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("totp_secret", sa.LargeBinary(), nullable=True),
        sa.Column("totp_last_step", sa.BigInteger(), nullable=True),
        sa.Column("failed_count", sa.Integer(), server_default="0", nullable=False),
        _when("locked_until", nullable=True),
        sa.Column("is_demo", sa.Boolean(), server_default="false", nullable=False),
        _when("created_at", default=True),
        _when("ended_at", nullable=True),
        sa.CheckConstraint(
            "role IN ('grid_worker', 'patrol_leader', 'chief', 'analyst', "
            "'system_administrator', 'security_administrator', 'audit_administrator')",
            name=op.f("ck_account_role"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
    )
    op.create_index("uq_account_name", "account", ["name"], unique=True)
    op.create_table(
        "account_assignment",
        _id(),
        *_account("account_assignment"),
        sa.Column("area_code", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        _when("created_at", default=True),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_account_assignment_period")),
    )
    op.create_index("ix_account_assignment_account_id", "account_assignment", ["account_id"])
    op.create_table(
        "account_session",
        _id(),
        *_account("account_session"),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=True),
        _when("created_at"),
        _when("seen_at"),
        _when("ended_at", nullable=True),
    )
    op.create_index("uq_account_session_token_hash", "account_session", ["token_hash"], unique=True)
    op.create_index("ix_account_session_account_id", "account_session", ["account_id"])
    op.create_table(
        "api_token",
        _id(),
        *_account("api_token"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        _when("created_at"),
        _when("expires_at"),
        _when("ended_at", nullable=True),
    )
    op.create_index("uq_api_token_token_hash", "api_token", ["token_hash"], unique=True)
    op.create_index("ix_api_token_account_id", "api_token", ["account_id"])
    # Nothing is deleted: accounts, assignments, sessions and tokens end.
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {TABLES} TO gridbeat_app")


def downgrade() -> None:
    for name in reversed(TABLES.split(", ")):
        op.drop_table(name)
