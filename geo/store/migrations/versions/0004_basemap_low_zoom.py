"""Base map: an index of what the low zooms draw, so that their tiles don't look at every house.

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_basemap_feature_low_zoom",
        "basemap_feature",
        ["geom"],
        postgresql_using="gist",
        postgresql_where=sa.text("min_zoom <= 11"),
    )


def downgrade() -> None:
    op.drop_index("ix_basemap_feature_low_zoom", table_name="basemap_feature")
