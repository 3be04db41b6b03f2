"""Patrol units, their duty, their devices and their positions.

Revision: 0014, after 0013
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

EVERYTHING = "(SELECT scope_is_everything())"
# The unit is seen: the policy of its own table answers, once a statement.
SEEN_UNITS = "SELECT id FROM patrol_unit"
OF_UNIT = f"{EVERYTHING} OR unit_id IN ({SEEN_UNITS})"
POLICIES = {
    "patrol_unit": f"{EVERYTHING} OR grid_codes && (SELECT scope_grid_codes())",
    "patrol_unit_member": OF_UNIT,
    "patrol_unit_status": OF_UNIT,
    "duty_shift": OF_UNIT,
    "patrol_position": OF_UNIT,
    "patrol_latest": OF_UNIT,
}
STATUS_CHECK = "status IN ('free', 'en_route', 'on_scene', 'busy', 'off')"


def _id() -> sa.Column[Any]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _text(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), server_default=default, nullable=nullable)


def _when(name: str, *, nullable: bool = False, default: bool = False) -> sa.Column[Any]:
    made = sa.text("now()") if default else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=made, nullable=nullable)


def _real(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.REAL(), nullable=nullable)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False)


def _refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}")


def _of_unit(table: str) -> tuple[sa.Column[Any], sa.ForeignKeyConstraint]:
    return (
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        _refers(table, "unit_id", "patrol_unit"),
    )


def upgrade() -> None:
    _units()
    _positions()
    for table, condition in POLICIES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY scope ON {table} USING ({condition}) WITH CHECK ({condition})")
    # Nothing is deleted but by a purge, whose function belongs to the owner.
    op.execute(
        "GRANT SELECT, INSERT, UPDATE ON patrol_unit, patrol_unit_member, duty_shift, "
        "patrol_device, patrol_latest, position_drop TO gridbeat_app"
    )
    op.execute(
        "GRANT SELECT, INSERT ON patrol_unit_status, patrol_position, position_purge "
        "TO gridbeat_app"
    )


def _units() -> None:
    op.create_table(
        "patrol_unit",
        _id(),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        _text("name"),
        _text("kind"),
        sa.Column("grid_codes", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.Column("skills", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("kit", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("home", Geometry("POINT", srid=4326, spatial_index=False), nullable=True),
        _text("status", default="off"),
        _when("created_at", default=True),
        _when("ended_at", nullable=True),
        sa.CheckConstraint(
            "kind IN ('foot', 'car', 'motorcycle', 'volunteer', 'emergency_unit')",
            name=op.f("ck_patrol_unit_kind"),
        ),
        sa.CheckConstraint(STATUS_CHECK, name=op.f("ck_patrol_unit_status")),
        sa.PrimaryKeyConstraint("id", name="pk_patrol_unit"),
    )
    op.create_index("uq_patrol_unit_code", "patrol_unit", ["code"], unique=True)
    op.create_index(
        "ix_patrol_unit_grid_codes", "patrol_unit", ["grid_codes"], postgresql_using="gin"
    )
    op.create_table(
        "patrol_unit_member",
        _id(),
        *_of_unit("patrol_unit_member"),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        _refers("patrol_unit_member", "account_id", "account"),
        _text("role"),
        _when("joined_at", default=True),
        _when("left_at", nullable=True),
        sa.CheckConstraint(
            "role IN ('leader', 'member', 'driver')", name=op.f("ck_patrol_unit_member_role")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_patrol_unit_member"),
    )
    op.create_index("ix_patrol_unit_member_unit_id", "patrol_unit_member", ["unit_id"])
    op.create_index("ix_patrol_unit_member_account_id", "patrol_unit_member", ["account_id"])
    op.create_table(
        "duty_shift",
        _id(),
        *_of_unit("duty_shift"),
        _when("starts_at"),
        _when("ends_at"),
        _text("planned_by"),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_duty_shift_period")),
        sa.PrimaryKeyConstraint("id", name="pk_duty_shift"),
    )
    op.create_index("ix_duty_shift_unit_id", "duty_shift", ["unit_id", "starts_at"])
    op.create_table(
        "patrol_unit_status",
        _id(),
        *_of_unit("patrol_unit_status"),
        _text("status"),
        _when("since"),
        _text("told_by"),
        sa.CheckConstraint(STATUS_CHECK, name=op.f("ck_patrol_unit_status_status")),
        sa.PrimaryKeyConstraint("id", name="pk_patrol_unit_status"),
    )
    op.create_index("ix_patrol_unit_status_unit_id", "patrol_unit_status", ["unit_id", "since"])


def _positions() -> None:
    op.create_table(
        "patrol_device",
        _id(),
        *_of_unit("patrol_device"),
        _text("name", nullable=True),
        sa.Column("rank", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        _real("skew_s"),
        _when("created_at", default=True),
        _when("ended_at", nullable=True),
        sa.CheckConstraint("rank BETWEEN 0 AND 7", name=op.f("ck_patrol_device_rank")),
        sa.PrimaryKeyConstraint("id", name="pk_patrol_device"),
    )
    op.create_index("uq_patrol_device_token_hash", "patrol_device", ["token_hash"], unique=True)
    op.create_index("ix_patrol_device_unit_id", "patrol_device", ["unit_id"])
    op.create_table(
        "patrol_position",
        _number("unit_id"),
        _when("fixed_at"),
        _number("device_id"),
        _when("sent_at", nullable=True),
        _when("received_at"),
        _real("skew_s", nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        _real("accuracy_m"),
        _real("speed_mps"),
        _real("course_deg"),
        _real("altitude_m"),
        _real("battery_share"),
        _text("alarm", nullable=True),
        _text("source"),
        sa.PrimaryKeyConstraint("unit_id", "fixed_at", "device_id", name="pk_patrol_position"),
        postgresql_partition_by="RANGE (fixed_at)",
    )
    # Takes what no day takes, so that no position is refused for that.
    op.execute("CREATE TABLE patrol_position_other PARTITION OF patrol_position DEFAULT")
    op.execute("REVOKE ALL ON patrol_position_other FROM PUBLIC, gridbeat_app")
    op.create_table(
        "patrol_latest",
        _number("unit_id"),
        _refers("patrol_latest", "unit_id", "patrol_unit"),
        _when("at"),
        _when("received_at"),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        _real("accuracy_m"),
        _real("speed_mps"),
        _real("course_deg"),
        _real("battery_share"),
        _text("alarm", nullable=True),
        sa.PrimaryKeyConstraint("unit_id", name="pk_patrol_latest"),
    )
    op.create_table(
        "position_drop",
        _number("device_id"),
        _refers("position_drop", "device_id", "patrol_device"),
        sa.Column("day", sa.Date(), nullable=False),
        _text("reason"),
        sa.Column("fix_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "day", "reason", name="pk_position_drop"),
    )
    op.create_table(
        "position_purge",
        _id(),
        _when("purged_at", default=True),
        _when("before"),
        sa.Column("position_count", sa.BigInteger(), nullable=False),
        _text("purged_by"),
        sa.PrimaryKeyConstraint("id", name="pk_position_purge"),
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION IF EXISTS position_make_partitions, position_purge_before")
    for table in (
        "position_purge", "position_drop", "patrol_latest", "patrol_position", "patrol_device",
        "patrol_unit_status", "duty_shift", "patrol_unit_member", "patrol_unit",
    ):  # fmt: skip
        op.drop_table(table)
