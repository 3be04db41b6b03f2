"""By which road network a day's coverage was computed.

Revision: 0030, after 0029
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "coverage_roads",
        sa.Column("day", sa.Date(), autoincrement=False, nullable=False),
        sa.Column("road_version_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("day", name="pk_coverage_roads"),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON coverage_roads TO gridbeat_app")


def downgrade() -> None:
    op.drop_table("coverage_roads")
