"""The ground: areas, grids, standard addresses, import jobs, base map.

Revision: 0001, the first
"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("standard_address_history", "register_change")


def upgrade() -> None:
    op.create_table(
        "area",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent_code", sa.Text(), nullable=True),
        sa.Column("aliases", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("former_names", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("former_codes", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("successor_code", sa.Text(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column(
            "geom",
            Geometry(geometry_type="MULTIPOLYGON", srid=4326, spatial_index=False),
            nullable=True,
        ),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        postgresql.ExcludeConstraint(
            (sa.column("code"), "="),
            (sa.text("daterange(valid_from, valid_to)"), "&&"),
            using="gist",
            name="ex_area_one_at_a_time",
        ),
        sa.CheckConstraint(
            "level IN ('province', 'city', 'county', 'township', 'community')",
            name=op.f("ck_area_level"),
        ),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_area_period")),
        sa.PrimaryKeyConstraint("id", name="pk_area"),
    )
    op.create_index("ix_area_geom", "area", ["geom"], unique=False, postgresql_using="gist")
    op.create_index("ix_area_parent_code", "area", ["parent_code"], unique=False)
    op.create_table(
        "basemap_source",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("origin_datum", sa.Text(), nullable=False),
        sa.Column("attribution", sa.Text(), nullable=True),
        sa.Column("is_generated", sa.Boolean(), server_default="false", nullable=False),
        sa.Column(
            "imported_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_basemap_source"),
        sa.UniqueConstraint("name", name="uq_basemap_source_name"),
    )
    op.create_table(
        "grid_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("grid_count", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column(
            "imported_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_grid_version"),
    )
    op.create_table(
        "import_job",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column("options", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("rows_total", sa.BigInteger(), nullable=True),
        sa.Column("rows_done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_failed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("report", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('areas', 'grids', 'addresses', 'basemap', 'geocode')",
            name=op.f("ck_import_job_kind"),
        ),
        sa.CheckConstraint(
            "status IN ('waiting', 'running', 'done', 'failed', 'stopped')",
            name=op.f("ck_import_job_status"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_import_job"),
    )
    op.create_table(
        "register_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("address_ids", postgresql.ARRAY(sa.BigInteger()), nullable=True),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_register_change"),
    )
    op.create_table(
        "standard_address_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("standard_address_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("was", postgresql.JSONB(), nullable=False),
        sa.Column("recorded_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "recorded_to",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_standard_address_history"),
    )
    op.create_index(
        "ix_standard_address_history_address",
        "standard_address_history",
        ["standard_address_id", "version"],
        unique=False,
    )
    op.create_table(
        "store_note",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("name", name="pk_store_note"),
    )
    op.create_table(
        "basemap_feature",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("feature_class", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("min_zoom", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("geom", Geometry(srid=4326, spatial_index=False), nullable=False),
        sa.CheckConstraint(
            "kind IN ('road', 'building', 'water', 'green', 'place', 'house_number')",
            name=op.f("ck_basemap_feature_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["source_id"],
            ["basemap_source.id"],
            name="fk_basemap_feature_source_id_basemap_source",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_basemap_feature"),
    )
    op.create_index(
        "ix_basemap_feature_geom",
        "basemap_feature",
        ["geom"],
        unique=False,
        postgresql_using="gist",
    )
    op.create_index("ix_basemap_feature_source_id", "basemap_feature", ["source_id"], unique=False)
    op.create_table(
        "grid",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("grid_code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="base", nullable=False),
        sa.Column("community_code", sa.Text(), nullable=False),
        sa.Column("person_in_charge", sa.Text(), nullable=True),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("household_count", sa.Integer(), nullable=True),
        sa.Column("area_m2", sa.Double(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column(
            "geom",
            Geometry(geometry_type="MULTIPOLYGON", srid=4326, spatial_index=False),
            nullable=False,
        ),
        postgresql.ExcludeConstraint(
            (sa.column("grid_code"), "="),
            (sa.text("daterange(valid_from, valid_to)"), "&&"),
            using="gist",
            name="ex_grid_one_at_a_time",
        ),
        sa.CheckConstraint("kind IN ('base', 'dedicated')", name=op.f("ck_grid_kind")),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_grid_period")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["grid_version.id"], name="fk_grid_version_id_grid_version"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_grid"),
    )
    op.create_index("ix_grid_community_code", "grid", ["community_code"], unique=False)
    op.create_index("ix_grid_geom", "grid", ["geom"], unique=False, postgresql_using="gist")
    op.create_index("ix_grid_version_id", "grid", ["version_id"], unique=False)
    op.create_table(
        "grid_h3_cell",
        sa.Column("grid_id", sa.BigInteger(), nullable=False),
        sa.Column("h3_cell", sa.BigInteger(), nullable=False),
        sa.Column("resolution", sa.SmallInteger(), nullable=False),
        sa.Column("share_of_grid", sa.Double(), nullable=False),
        sa.Column("share_of_h3_cell", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["grid_id"], ["grid.id"], name="fk_grid_h3_cell_grid_id_grid", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("grid_id", "h3_cell", name="pk_grid_h3_cell"),
    )
    op.create_index("ix_grid_h3_cell_h3_cell", "grid_h3_cell", ["h3_cell"], unique=False)
    op.create_table(
        "standard_address",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("province", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("county", sa.Text(), nullable=True),
        sa.Column("township", sa.Text(), nullable=True),
        sa.Column("development_zone", sa.Text(), nullable=True),
        sa.Column("community", sa.Text(), nullable=True),
        sa.Column("village_group", sa.Text(), nullable=True),
        sa.Column("road", sa.Text(), nullable=True),
        sa.Column("door", sa.Text(), nullable=True),
        sa.Column("estate", sa.Text(), nullable=True),
        sa.Column("building", sa.Text(), nullable=True),
        sa.Column("entrance", sa.Text(), nullable=True),
        sa.Column("floor", sa.Text(), nullable=True),
        sa.Column("room", sa.Text(), nullable=True),
        sa.Column("point_of_interest", sa.Text(), nullable=True),
        sa.Column("canonical_text", sa.Text(), nullable=False),
        sa.Column("search_key", sa.Text(collation="C"), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column(
            "geom", Geometry(geometry_type="POINT", srid=4326, spatial_index=False), nullable=True
        ),
        sa.Column("point_method", sa.Text(), nullable=True),
        sa.Column("accuracy_m", sa.REAL(), nullable=True),
        sa.Column("origin_datum", sa.Text(), nullable=True),
        sa.Column("grid_id", sa.BigInteger(), nullable=True),
        sa.Column("grid_code", sa.Text(collation="C"), nullable=True),
        sa.Column("h3_cell", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), server_default="current", nullable=False),
        sa.Column("merged_into", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_ref", sa.Text(collation="C"), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "point_method IN ('surveyed', 'imported', 'geocoded', 'interpolated', 'centroid', "
            "'generated')",
            name=op.f("ck_standard_address_point_method"),
        ),
        sa.CheckConstraint(
            "status IN ('current', 'ended', 'merged')", name=op.f("ck_standard_address_status")
        ),
        sa.CheckConstraint(
            "(geom IS NULL) = (point_method IS NULL)", name=op.f("ck_standard_address_point")
        ),
        sa.ForeignKeyConstraint(["grid_id"], ["grid.id"], name="fk_standard_address_grid_id_grid"),
        sa.ForeignKeyConstraint(
            ["merged_into"],
            ["standard_address.id"],
            name="fk_standard_address_merged_into_standard_address",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_standard_address"),
    )
    op.create_index(
        "ix_standard_address_geom",
        "standard_address",
        ["geom"],
        unique=False,
        postgresql_using="gist",
    )
    op.create_index("ix_standard_address_grid_id", "standard_address", ["grid_id"], unique=False)
    op.create_index("ix_standard_address_h3_cell", "standard_address", ["h3_cell"], unique=False)
    op.create_index(
        "uq_standard_address_search_key",
        "standard_address",
        ["search_key"],
        unique=True,
        postgresql_where=sa.text("status = 'current'"),
    )
    op.create_index(
        "uq_standard_address_source_ref",
        "standard_address",
        ["source", "source_ref"],
        unique=True,
        postgresql_where=sa.text("status = 'current' AND source_ref IS NOT NULL"),
    )
    op.create_table(
        "address_alias",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("standard_address_id", sa.BigInteger(), nullable=False),
        sa.Column("alias_text", sa.Text(), nullable=False),
        sa.Column("alias_key", sa.Text(collation="C"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["standard_address_id"],
            ["standard_address.id"],
            name="fk_address_alias_standard_address_id_standard_address",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_address_alias"),
    )
    op.create_index(
        "ix_address_alias_standard_address_id",
        "address_alias",
        ["standard_address_id"],
        unique=False,
    )
    op.create_index(
        "uq_address_alias_key",
        "address_alias",
        ["alias_key", "standard_address_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    _keep_history()
    _grant_to_application()


def _keep_history() -> None:
    """Each change of an address leaves what it was; a new grid alone is no change."""
    op.execute(
        """
        CREATE FUNCTION standard_address_keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            moved_only text[] := ARRAY['grid_id', 'grid_code', 'version', 'updated_at'];
        BEGIN
            IF to_jsonb(OLD) - moved_only = to_jsonb(NEW) - moved_only THEN
                RETURN NEW;
            END IF;
            INSERT INTO standard_address_history
                (standard_address_id, version, was, recorded_from, recorded_to)
            VALUES (OLD.id, OLD.version, to_jsonb(OLD), OLD.updated_at, now());
            NEW.version := OLD.version + 1;
            NEW.updated_at := now();
            RETURN NEW;
        END $$
        """
    )
    # Not for grid_id and grid_code alone: new grids move many rows, and calling the function for
    # each took 70 % of that time.
    op.execute(
        """
        CREATE TRIGGER keep_history BEFORE UPDATE OF
            province, city, county, township, development_zone, community, village_group, road,
            door, estate, building, entrance, floor, room, point_of_interest, canonical_text,
            search_key, level, geom, point_method, accuracy_m, origin_datum, h3_cell, status,
            merged_into, source, source_ref
        ON standard_address
        FOR EACH ROW EXECUTE FUNCTION standard_address_keep_history()
        """
    )


def _grant_to_application() -> None:
    """The application's role owns nothing. It may read and write rows, but not unwrite history."""
    op.execute(
        """
        DO $$ BEGIN
            CREATE ROLE gridbeat_app LOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$
        """
    )
    op.execute(
        """
        DO $$ BEGIN
            IF NOT pg_has_role(current_user, 'gridbeat_app', 'MEMBER') THEN
                EXECUTE format('GRANT gridbeat_app TO %I', current_user);
            END IF;
        END $$
        """
    )
    op.execute("GRANT USAGE ON SCHEMA public TO gridbeat_app")
    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO gridbeat_app"
    )
    op.execute(
        "REVOKE INSERT, UPDATE, DELETE ON alembic_version, spatial_ref_sys FROM gridbeat_app"
    )
    for table in APPEND_ONLY:
        op.execute(f"REVOKE UPDATE, DELETE ON {table} FROM gridbeat_app")


def downgrade() -> None:
    op.drop_table("address_alias")
    op.drop_table("standard_address")
    op.drop_table("grid_h3_cell")
    op.drop_table("grid")
    op.drop_table("basemap_feature")
    op.drop_table("store_note")
    op.drop_table("standard_address_history")
    op.drop_table("register_change")
    op.drop_table("import_job")
    op.drop_table("grid_version")
    op.drop_table("basemap_source")
    op.drop_table("area")
    op.execute("DROP FUNCTION standard_address_keep_history()")
