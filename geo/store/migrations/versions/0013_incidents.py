"""Incidents, their categories, their history, and profiles of how files of them are read.

Revision: 0013, after 0012
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

EVERYTHING = "(SELECT scope_is_everything())"
POLICIES = {
    "incident": f"{EVERYTHING} OR grid_code IN (SELECT unnest(scope_grid_codes()))",
    "incident_history": (
        f"{EVERYTHING} OR EXISTS (SELECT FROM incident AS owner WHERE owner.id = "
        "incident_history.incident_id)"
    ),
}
JOB_KINDS = ("areas", "grids", "addresses", "basemap", "geocode", "duplicates")


def _text(name: str, *, nullable: bool = False, collation: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(collation=collation), nullable=nullable)


def _when(name: str, *, nullable: bool = True, default: bool = False) -> sa.Column[Any]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        server_default=sa.text("now()") if default else None,
        nullable=nullable,
    )


def _id() -> sa.Column[Any]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=True)


def upgrade() -> None:
    op.create_table(
        "incident_category",
        _text("code", collation="C"),
        _text("parent_code", nullable=True, collation="C"),
        _text("name"),
        _text("name_en", nullable=True),
        sa.Column("point_roles", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("is_repeat_flagged", sa.Boolean(), server_default="false", nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_code"],
            ["incident_category.code"],
            name="fk_incident_category_parent_code_incident_category",
        ),
        sa.PrimaryKeyConstraint("code", name="pk_incident_category"),
    )
    _create_incidents()
    op.create_table(
        "incident_history",
        _id(),
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("was", postgresql.JSONB(), nullable=False),
        _when("recorded_from", nullable=False),
        _when("recorded_to", nullable=False, default=True),
        sa.PrimaryKeyConstraint("id", name="pk_incident_history"),
    )
    op.create_index("ix_incident_history_incident", "incident_history", ["incident_id", "version"])
    op.create_table(
        "incident_profile",
        _text("name", collation="C"),
        sa.Column("reading", postgresql.JSONB(), nullable=False),
        _when("created_at", nullable=False, default=True),
        sa.PrimaryKeyConstraint("name", name="pk_incident_profile"),
    )
    _keep_history()
    for table, condition in POLICIES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY scope ON {table} USING ({condition}) WITH CHECK ({condition})")
    op.execute("GRANT SELECT, INSERT, UPDATE ON incident, incident_category TO gridbeat_app")
    op.execute("GRANT SELECT, INSERT ON incident_history TO gridbeat_app")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON incident_profile TO gridbeat_app")
    _let_jobs_be((*JOB_KINDS, "incidents"))


def _create_incidents() -> None:
    op.create_table(
        "incident",
        _id(),
        _text("category_code", collation="C"),
        _text("source"),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        _when("reported_at", nullable=False),
        _when("occurred_from", nullable=False),
        _when("occurred_to", nullable=False),
        _when("dispatched_at"),
        _when("arrived_at"),
        _when("cleared_at"),
        _text("address_text", nullable=True),
        _number("standard_address_id"),
        _text("match_level", nullable=True),
        sa.Column("match_confidence", sa.REAL(), nullable=True),
        sa.Column("geom", Geometry("POINT", 4326, spatial_index=False), nullable=True),
        _text("point_method", nullable=True),
        sa.Column("accuracy_m", sa.REAL(), nullable=True),
        _text("origin_datum", nullable=True),
        _text("grid_code", nullable=True, collation="C"),
        _number("h3_cell"),
        _number("establishment_id"),
        _number("duplicate_of"),
        _text("dataset"),
        _text("source_ref", nullable=True, collation="C"),
        _text("fingerprint", nullable=True),
        _text("recorded_by"),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        _when("created_at", nullable=False, default=True),
        _when("updated_at", nullable=False, default=True),
        sa.CheckConstraint(
            "source IN ('resident_reported', 'officer_initiated', 'sensor', 'transferred')",
            name=op.f("ck_incident_source"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'closed', 'annulled')", name=op.f("ck_incident_status")
        ),
        sa.CheckConstraint(
            "point_method IN ('given', 'geocoded')", name=op.f("ck_incident_point_method")
        ),
        sa.CheckConstraint(
            "(geom IS NULL) = (point_method IS NULL)", name=op.f("ck_incident_point")
        ),
        sa.CheckConstraint("occurred_to >= occurred_from", name=op.f("ck_incident_occurred")),
        sa.ForeignKeyConstraint(
            ["category_code"],
            ["incident_category.code"],
            name="fk_incident_category_code_incident_category",
        ),
        sa.ForeignKeyConstraint(
            ["standard_address_id"],
            ["standard_address.id"],
            name="fk_incident_standard_address_id_standard_address",
        ),
        sa.ForeignKeyConstraint(
            ["establishment_id"],
            ["establishment.id"],
            name="fk_incident_establishment_id_establishment",
        ),
        sa.ForeignKeyConstraint(
            ["duplicate_of"], ["incident.id"], name="fk_incident_duplicate_of_incident"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_incident"),
    )
    op.create_index("ix_incident_grid_code", "incident", ["grid_code", "id"])
    op.create_index("ix_incident_occurred_from", "incident", ["occurred_from"])
    op.create_index("ix_incident_category_code", "incident", ["category_code", "occurred_from"])
    op.create_index("ix_incident_h3_cell", "incident", ["h3_cell"])
    op.create_index("ix_incident_standard_address_id", "incident", ["standard_address_id"])
    op.create_index("ix_incident_geom", "incident", ["geom"], postgresql_using="gist")
    op.create_index(
        "uq_incident_source_ref",
        "incident",
        ["dataset", "source_ref"],
        unique=True,
        postgresql_where=sa.text("source_ref IS NOT NULL"),
    )


def _keep_history() -> None:
    op.execute(
        """
        CREATE FUNCTION incident_keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            aside text[] := ARRAY['version', 'updated_at', 'recorded_by', 'fingerprint',
                'grid_code', 'h3_cell'];
        BEGIN
            IF to_jsonb(OLD) - aside = to_jsonb(NEW) - aside THEN
                RETURN NEW;
            END IF;
            INSERT INTO incident_history (incident_id, version, was, recorded_from, recorded_to)
            VALUES (OLD.id, OLD.version, to_jsonb(OLD), OLD.updated_at, now());
            NEW.version := OLD.version + 1;
            NEW.updated_at := now();
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER keep_history BEFORE UPDATE ON incident "
        "FOR EACH ROW EXECUTE FUNCTION incident_keep_history()"
    )


def _let_jobs_be(kinds: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_import_job_kind"), "import_job", type_="check")
    op.create_check_constraint(op.f("ck_import_job_kind"), "import_job", f"kind IN {kinds}")


def downgrade() -> None:
    for table in ("incident_profile", "incident_history", "incident", "incident_category"):
        op.drop_table(table)
    op.execute("DROP FUNCTION incident_keep_history()")
    op.execute("DELETE FROM import_job WHERE kind = 'incidents'")
    _let_jobs_be(JOB_KINDS)
