"""Coverage: what is due, where units were by the hour, coverage of grids, key places.

Revision: 0020, after 0019
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

EVERYTHING = "(SELECT scope_is_everything())"
IN_GRID = f"{EVERYTHING} OR grid_code IN (SELECT unnest(scope_grid_codes()))"
SEEN_UNITS, SEEN_PLACES = "SELECT id FROM patrol_unit", "SELECT id FROM key_place"
POLICIES = {
    "unit_presence": f"{EVERYTHING} OR unit_id IN ({SEEN_UNITS})",
    "grid_coverage": IN_GRID,
    "key_place": IN_GRID,
    "key_place_dose": f"{EVERYTHING} OR key_place_id IN ({SEEN_PLACES})",
}
KINDS = "kind IN ('cell', 'grid', 'street', 'key_place', 'known', 'beat', 'community')"

# By corrected time. One row a unit and statement: the intake writes many fixes in one.
NOTE_POSITIONS = """
CREATE FUNCTION coverage_note_positions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO coverage_due (unit_id, first_at, last_at)
    SELECT unit_id, min(fixed_at + make_interval(secs => skew_s)),
        max(fixed_at + make_interval(secs => skew_s))
    FROM new_rows GROUP BY unit_id;
    RETURN NULL;
END $$;
CREATE TRIGGER coverage_due AFTER INSERT ON patrol_position
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION coverage_note_positions();
"""
# What isn't on duty isn't told; a shift that is shortened takes away what lay in its end.
NOTE_SHIFTS = """
CREATE FUNCTION coverage_note_shift() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO coverage_due (unit_id, first_at, last_at)
        VALUES (OLD.unit_id, OLD.starts_at, OLD.ends_at);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO coverage_due (unit_id, first_at, last_at)
        VALUES (NEW.unit_id, NEW.starts_at, NEW.ends_at);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER coverage_due AFTER INSERT OR DELETE OR UPDATE OF starts_at, ends_at ON duty_shift
    FOR EACH ROW EXECUTE FUNCTION coverage_note_shift();
"""
NOTE_STATUS = """
CREATE FUNCTION coverage_note_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO coverage_due (unit_id, first_at, last_at)
    VALUES (NEW.unit_id, NEW.since, NEW.since);
    RETURN NULL;
END $$;
CREATE TRIGGER coverage_due AFTER INSERT ON patrol_unit_status
    FOR EACH ROW EXECUTE FUNCTION coverage_note_status();
"""


def _id() -> sa.Column[Any]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False)


def _whole(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _small(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.SmallInteger(), nullable=False)


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _code(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(collation="C"), nullable=False)


def _bytes(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _when(name: str, *, nullable: bool = False, default: bool = False) -> sa.Column[Any]:
    made = sa.text("now()") if default else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=made, nullable=nullable)


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def upgrade() -> None:
    _due()
    _presence()
    _key_places()
    for table, condition in POLICIES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY scope ON {table} USING ({condition}) WITH CHECK ({condition})")
    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON coverage_due, coverage_jump, unit_presence, "
        "grid_coverage, key_place_dose TO gridbeat_app"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON key_place TO gridbeat_app")
    for statement in (NOTE_POSITIONS, NOTE_SHIFTS, NOTE_STATUS):
        op.execute(statement)


def _due() -> None:
    op.create_table(
        "coverage_due",
        _id(),
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        _when("first_at"),
        _when("last_at"),
        sa.PrimaryKeyConstraint("id", name="pk_coverage_due"),
    )
    op.create_table(
        "coverage_jump",
        _number("unit_id"),
        _number("at_ms"),
        sa.PrimaryKeyConstraint("unit_id", "at_ms", name="pk_coverage_jump"),
    )


def _presence() -> None:
    op.create_table(
        "unit_presence",
        _number("unit_id"),
        _when("hour"),
        _text("kind"),
        _bytes("pieces"),
        _bytes("visits"),
        _whole("certain_ms"),
        _whole("uncertain_ms"),
        _whole("patrolling_ms"),
        _whole("stationary_ms"),
        _whole("responding_ms"),
        _check("unit_presence", "kind", KINDS),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["patrol_unit.id"], name="fk_unit_presence_unit_id_patrol_unit"
        ),
        sa.PrimaryKeyConstraint("unit_id", "hour", "kind", name="pk_unit_presence"),
    )
    op.create_index("ix_unit_presence_hour", "unit_presence", ["hour", "kind"])
    op.create_table(
        "grid_coverage",
        _when("hour"),
        _text("kind"),
        _code("grid_code"),
        _bytes("sums"),
        _bytes("visits"),
        sa.PrimaryKeyConstraint("hour", "kind", "grid_code", name="pk_grid_coverage"),
    )


def _key_places() -> None:
    op.create_table(
        "key_place",
        _id(),
        _code("code"),
        _text("name"),
        _code("grid_code"),
        sa.Column("geom", Geometry("POINT", srid=4326, spatial_index=False, nullable=False),
                  nullable=False),
        sa.Column("reach_m", sa.REAL(), nullable=False),
        _when("created_at", default=True),
        _text("created_by"),
        _when("ended_at", nullable=True),
        _check("key_place", "reach_m", "reach_m BETWEEN 5 AND 500"),
        sa.PrimaryKeyConstraint("id", name="pk_key_place"),
    )  # fmt: skip
    op.create_index("uq_key_place_code", "key_place", ["code"], unique=True)
    op.create_index("ix_key_place_grid_code", "key_place", ["grid_code"])
    op.create_table(
        "key_place_dose",
        _id(),
        sa.Column("key_place_id", sa.BigInteger(), nullable=False),
        _small("first_hour"),
        _small("end_hour"),
        sa.Column("weekdays", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        _whole("dose_s"),
        _check(
            "key_place_dose",
            "hours",
            "first_hour BETWEEN 0 AND 23 AND end_hour BETWEEN 1 AND 24 AND first_hour <> end_hour",
        ),
        _check("key_place_dose", "dose_s", "dose_s BETWEEN 60 AND 86400"),
        sa.ForeignKeyConstraint(
            ["key_place_id"], ["key_place.id"], name="fk_key_place_dose_key_place_id_key_place"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_key_place_dose"),
    )
    op.create_index("ix_key_place_dose_key_place_id", "key_place_dose", ["key_place_id"])


def downgrade() -> None:
    for table in ("patrol_position", "duty_shift", "patrol_unit_status"):
        op.execute(f"DROP TRIGGER coverage_due ON {table}")
    op.execute("DROP FUNCTION coverage_note_positions, coverage_note_shift, coverage_note_status")
    for table in (
        "key_place_dose", "key_place", "grid_coverage", "unit_presence", "coverage_jump",
        "coverage_due",
    ):  # fmt: skip
        op.drop_table(table)
