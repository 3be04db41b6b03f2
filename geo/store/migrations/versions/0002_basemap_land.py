"""Base map: ground of uses other than water and green.

Revision: 0002, after 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NAME = "ck_basemap_feature_kind"
BEFORE = "kind IN ('road', 'building', 'water', 'green', 'place', 'house_number')"
AFTER = "kind IN ('road', 'building', 'water', 'green', 'land', 'place', 'house_number')"


def upgrade() -> None:
    op.drop_constraint(op.f(NAME), "basemap_feature", type_="check")
    op.create_check_constraint(op.f(NAME), "basemap_feature", AFTER)


def downgrade() -> None:
    op.execute("UPDATE basemap_feature SET kind = 'green' WHERE kind = 'land'")
    op.drop_constraint(op.f(NAME), "basemap_feature", type_="check")
    op.create_check_constraint(op.f(NAME), "basemap_feature", BEFORE)
