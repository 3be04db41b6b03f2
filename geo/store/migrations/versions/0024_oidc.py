"""Whom an account belongs to at the sign-in provider, and by which way a sign-in came about.

Revision: 0024, after 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("oidc_issuer", sa.Text(), nullable=True))
    op.add_column("account", sa.Column("oidc_subject", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_account_oidc"), "account", "(oidc_issuer IS NULL) = (oidc_subject IS NULL)"
    )
    op.create_index("uq_account_oidc", "account", ["oidc_issuer", "oidc_subject"], unique=True)
    op.add_column(
        "account_session",
        sa.Column("signed_in_by", sa.Text(), server_default="password", nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_account_session_signed_in_by"),
        "account_session",
        "signed_in_by IN ('password', 'oidc')",
    )


def downgrade() -> None:
    op.drop_column("account_session", "signed_in_by")
    op.drop_column("account", "oidc_subject")
    op.drop_column("account", "oidc_issuer")
