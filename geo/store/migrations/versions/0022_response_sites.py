"""Response sites, and when a unit was drilled.

Revision: 0022, after 0021
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def _text(name: str, collation: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(collation=collation), nullable=False)


def upgrade() -> None:
    op.create_table(
        "response_site",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        _text("code", "C"),
        _text("name"),
        _text("kind"),
        sa.Column("geom", Geometry("POINT", 4326, spatial_index=False), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.CheckConstraint(
            "kind IN ('station', 'post', 'box', 'emergency_point', 'candidate')",
            name=op.f("ck_response_site_kind"),
        ),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_response_site_period")),
        sa.PrimaryKeyConstraint("id", name="pk_response_site"),
    )
    op.create_index("uq_response_site_code", "response_site", ["code"], unique=True)
    op.execute("GRANT SELECT, INSERT, UPDATE ON response_site TO gridbeat_app")
    op.add_column("patrol_unit", sa.Column("drilled_on", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("patrol_unit", "drilled_on")
    op.drop_table("response_site")
