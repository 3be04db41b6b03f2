"""Road networks in versions, their lines, and roads closed for a time.

Revision: 0021, after 0020
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def _column(name: str, kind: Any, *, nullable: bool = False, default: str | None = None) -> Any:
    value = sa.text(default) if default else None
    return sa.Column(name, kind, server_default=value, nullable=nullable)


def _id() -> sa.Column[Any]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _when(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[Any]:
    when: sa.Column[Any] = _column(
        name, sa.DateTime(timezone=True), nullable=nullable, default=default
    )
    return when


def upgrade() -> None:
    op.create_table(
        "road_network",
        _id(),
        _column("name", sa.Text()),
        _column("file_name", sa.Text(), nullable=True),
        _column("origin_datum", sa.Text()),
        _column("attribution", sa.Text(), nullable=True),
        _column("is_generated", sa.Boolean(), default="false"),
        _column("has_own_numbers", sa.Boolean()),
        _column("content_digest", sa.Text()),
        _column("node_count", sa.Integer()),
        _column("edge_count", sa.Integer()),
        _column("line_count", sa.Integer()),
        _column("report", postgresql.JSONB()),
        _column("valid_from", sa.Date()),
        _column("valid_to", sa.Date(), nullable=True),
        _when("imported_at", default="now()"),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_road_network_period")),
        sa.PrimaryKeyConstraint("id", name="pk_road_network"),
    )
    op.create_index("uq_road_network_valid_from", "road_network", ["valid_from"], unique=True)
    op.create_table(
        "road_line",
        sa.Column("network_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        _column("tail_node", sa.Integer()),
        _column("head_node", sa.Integer()),
        _column("road_class", sa.Text()),
        _column("name", sa.Text(), nullable=True),
        _column("source_id", sa.BigInteger()),
        _column("forward_modes", sa.SmallInteger()),
        _column("backward_modes", sa.SmallInteger()),
        _column("limit_kmh", sa.REAL()),
        _column("is_round", sa.Boolean()),
        _column("length_m", sa.Double()),
        _column("geom", Geometry("LINESTRING", 4326, spatial_index=False)),
        sa.ForeignKeyConstraint(
            ["network_id"],
            ["road_network.id"],
            name="fk_road_line_network_id_road_network",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("network_id", "position", name="pk_road_line"),
    )
    op.create_index("ix_road_line_source_id", "road_line", ["network_id", "source_id"])
    op.create_index("ix_road_line_geom", "road_line", ["geom"], postgresql_using="gist")
    op.create_table(
        "road_closure",
        _id(),
        _column("road_ids", postgresql.ARRAY(sa.BigInteger())),
        _column("modes", postgresql.ARRAY(sa.Text())),
        _when("starts_at"),
        _when("ends_at", nullable=True),
        _column("reason", sa.Text()),
        _column("recorded_by", sa.Text()),
        _when("created_at", default="now()"),
        sa.CheckConstraint("ends_at >= starts_at", name=op.f("ck_road_closure_period")),
        sa.PrimaryKeyConstraint("id", name="pk_road_closure"),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON road_network, road_line TO gridbeat_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON road_closure TO gridbeat_app")


def downgrade() -> None:
    for table in ("road_closure", "road_line", "road_network"):
        op.drop_table(table)
