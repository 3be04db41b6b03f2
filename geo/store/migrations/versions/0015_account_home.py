"""Where an account's person lives, so that reading one's own address is seen.

Revision: 0015, after 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("home_address_id", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("account", "home_address_id")
