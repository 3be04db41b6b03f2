"""Members of a unit who have no account: volunteers, mostly.

Revision: 0019, after 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

NAMED = "num_nonnulls(account_id, shown_name) > 0"


def upgrade() -> None:
    op.alter_column("patrol_unit_member", "account_id", nullable=True)
    op.add_column("patrol_unit_member", sa.Column("shown_name", sa.Text(), nullable=True))
    op.create_check_constraint(op.f("ck_patrol_unit_member_named"), "patrol_unit_member", NAMED)


def downgrade() -> None:
    op.drop_constraint(op.f("ck_patrol_unit_member_named"), "patrol_unit_member")
    op.execute("DELETE FROM patrol_unit_member WHERE account_id IS NULL")
    op.drop_column("patrol_unit_member", "shown_name")
    op.alter_column("patrol_unit_member", "account_id", nullable=False)
