"""Secrets of second factors are sealed; those kept as they were are sealed now.

Revision: 0009, after 0008
"""

import sqlalchemy as sa
from alembic import context, op

from geo.encryption import seal
from geo.errors import KeyMissing
from geo.sealed_columns import TOTP_SECRET

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("totp_secret_sealed", sa.LargeBinary(), nullable=True))
    connection = op.get_bind()
    plain = connection.execute(
        sa.text("SELECT id, totp_secret FROM account WHERE totp_secret IS NOT NULL")
    ).all()
    ring = context.config.attributes.get("ring")
    if not plain:
        op.drop_column("account", "totp_secret")
        return
    if ring is None:
        raise KeyMissing(
            f"{len(plain)} secrets of second factors wait to be sealed, and no key file was given. "
            "Start with it: gridbeat run."
        )
    for account_id, secret in plain:
        connection.execute(
            sa.text("UPDATE account SET totp_secret_sealed = :sealed WHERE id = :id"),
            {"id": account_id, "sealed": seal(ring, TOTP_SECRET, account_id, bytes(secret))},
        )
    op.drop_column("account", "totp_secret")


def downgrade() -> None:
    # Without keys the secrets can't be told: administrators get new ones (gridbeat accounts totp).
    op.add_column("account", sa.Column("totp_secret", sa.LargeBinary(), nullable=True))
    op.drop_column("account", "totp_secret_sealed")
