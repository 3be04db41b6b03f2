"""Units count their changes; a shift that hasn't begun can be taken off the roster.

Revision: 0029, after 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "patrol_unit", sa.Column("version", sa.Integer(), server_default="1", nullable=False)
    )
    op.execute("GRANT DELETE ON duty_shift TO gridbeat_app")


def downgrade() -> None:
    op.execute("REVOKE DELETE ON duty_shift FROM gridbeat_app")
    op.drop_column("patrol_unit", "version")
