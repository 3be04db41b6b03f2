"""Registers: dwellings, residents with their residences, establishments; their quality and history.

Revision: 0010, after 0009
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

EVERYTHING = "(SELECT scope_is_everything())"
OWN_GRID = f"{EVERYTHING} OR grid_code IN (SELECT unnest(scope_grid_codes()))"
KINDS = ("dwelling", "resident", "residence", "establishment")
KIND_CHECK = f"record_kind IN {KINDS}"
HOW_CHECK = "verified_how IN ('visit', 'call', 'import')"
# The record is seen: the policy of its own table answers.
_RECORD_SEEN = " OR ".join(
    f"(record_kind = '{kind}' AND EXISTS (SELECT FROM {kind} AS owner WHERE owner.id = record_id))"
    for kind in KINDS
)
POLICIES = {
    "dwelling": OWN_GRID,
    "establishment": OWN_GRID,
    "residence": OWN_GRID,
    # A person has no place but by a residence.
    "resident": (
        f"{EVERYTHING} OR EXISTS (SELECT FROM residence AS owner WHERE owner.resident_id = "
        "resident.id)"
    ),
    "record_history": f"{EVERYTHING} OR {_RECORD_SEEN}",
    "record_verification": f"{EVERYTHING} OR {_RECORD_SEEN}",
    "record_report": f"{EVERYTHING} OR {_RECORD_SEEN}",
}
# A change of these is a change of the record. Grid and quality follow from other things.
CHANGES = {
    "dwelling": (
        "standard_address_id", "use", "room_count", "landlord_name", "landlord_phone_index",
        "registered_on", "safety_findings", "note", "ended_on",
    ),
    "resident": ("name", "identity_kind", "identity_index", "birth_year", "phone_index"),
    "residence": (
        "resident_id", "standard_address_id", "kind", "household_ref", "lived_from", "lived_to",
        "annulled_at",
    ),
    "establishment": (
        "standard_address_id", "name", "credit_code", "establishment_class", "trade",
        "contact_name", "contact_phone_index", "note", "occupied_from", "occupied_to",
    ),
}  # fmt: skip
AT_ADDRESS = ("dwelling", "residence", "establishment")


def _id() -> sa.Column[Any]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _text(name: str, *, nullable: bool = False, collation: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(collation=collation), nullable=nullable)


def _day(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.Date(), nullable=nullable)


def _when(name: str, *, nullable: bool = False, default: bool = False) -> sa.Column[Any]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        server_default=sa.text("now()") if default else None,
        nullable=nullable,
    )


def _record() -> Sequence[sa.Column[Any]]:
    """The columns of `RegisterRecord` but the number."""
    return (
        sa.Column("missing", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        _text("source"),
        _text("recorded_by"),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        _when("created_at", default=True),
        _when("updated_at", default=True),
    )


def _verified(table: str) -> Sequence[Any]:
    """The columns of `Verified`, with their checks."""
    return (
        _day("verified_on"),
        _text("verified_by", nullable=True),
        _text("verified_how", nullable=True),
        _day("due_on", nullable=False),
        sa.CheckConstraint(HOW_CHECK, name=op.f(f"ck_{table}_verified_how")),
        sa.CheckConstraint(
            "(verified_on IS NULL) = (verified_how IS NULL)", name=op.f(f"ck_{table}_verified")
        ),
    )


def _at_address(table: str) -> Sequence[Any]:
    return (
        sa.Column("standard_address_id", sa.BigInteger(), nullable=False),
        _text("grid_code", nullable=True, collation="C"),
        sa.ForeignKeyConstraint(
            ["standard_address_id"],
            ["standard_address.id"],
            name=f"fk_{table}_standard_address_id_standard_address",
        ),
    )


def upgrade() -> None:
    _create_dwellings()
    _create_residents()
    _create_establishments()
    _create_quality()
    for table in AT_ADDRESS:
        op.create_index(f"ix_{table}_standard_address_id", table, ["standard_address_id"])
        op.create_index(f"ix_{table}_grid_code", table, ["grid_code", "id"])
        op.create_index(f"ix_{table}_due_on", table, ["grid_code", "due_on"])
    _follow_addresses()
    _keep_history()
    for table, condition in POLICIES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY scope ON {table} USING ({condition}) WITH CHECK ({condition})")
    # Nothing is deleted or unwritten; a key by which a write was known may go when it is old.
    for table in (*KINDS, "record_report"):
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO gridbeat_app")
    for table in KINDS:  # what is sealed is bound to the row's number, which must be known before
        op.execute(f"GRANT USAGE ON SEQUENCE {table}_id_seq TO gridbeat_app")
    for table in ("record_history", "record_verification"):
        op.execute(f"GRANT SELECT, INSERT ON {table} TO gridbeat_app")
    op.execute("GRANT SELECT, INSERT, DELETE ON write_key TO gridbeat_app")


def _create_dwellings() -> None:
    op.create_table(
        "dwelling",
        _id(),
        *_at_address("dwelling"),
        _text("use"),
        sa.Column("room_count", sa.SmallInteger(), nullable=True),
        _text("landlord_name", nullable=True),
        sa.Column("landlord_phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("landlord_phone_index", sa.LargeBinary(), nullable=True),
        _day("registered_on"),
        sa.Column(
            "safety_findings", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False
        ),
        _text("note", nullable=True),
        _day("ended_on"),
        *_verified("dwelling"),
        *_record(),
        sa.CheckConstraint(
            "use IN ('owner_occupied', 'rented_whole', 'rented_shared', 'vacant', 'mixed', "
            "'other')",
            name=op.f("ck_dwelling_use"),
        ),
        sa.CheckConstraint("room_count BETWEEN 1 AND 500", name=op.f("ck_dwelling_room_count")),
        sa.PrimaryKeyConstraint("id", name="pk_dwelling"),
    )


def _create_residents() -> None:
    op.create_table(
        "resident",
        _id(),
        _text("name"),
        _text("identity_kind", nullable=True),
        sa.Column("identity_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("identity_index", sa.LargeBinary(), nullable=True),
        sa.Column("birth_year", sa.SmallInteger(), nullable=True),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("phone_index", sa.LargeBinary(), nullable=True),
        *_record(),
        sa.CheckConstraint(
            "identity_kind IN ('resident_identity', 'other_document')",
            name=op.f("ck_resident_identity_kind"),
        ),
        sa.CheckConstraint(
            "(identity_sealed IS NULL) = (identity_index IS NULL) "
            "AND (identity_sealed IS NULL) = (identity_kind IS NULL)",
            name=op.f("ck_resident_identity"),
        ),
        sa.CheckConstraint("birth_year BETWEEN 1880 AND 2200", name=op.f("ck_resident_birth_year")),
        sa.PrimaryKeyConstraint("id", name="pk_resident"),
    )
    op.create_index(
        "uq_resident_identity_index",
        "resident",
        ["identity_index"],
        unique=True,
        postgresql_where=sa.text("identity_index IS NOT NULL"),
    )
    op.create_index("ix_resident_phone_index", "resident", ["phone_index"])
    op.create_table(
        "residence",
        _id(),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        *_at_address("residence"),
        _text("kind"),
        _text("household_ref", nullable=True),
        _day("lived_from", nullable=False),
        _day("lived_to"),
        _when("annulled_at", nullable=True),
        _text("annulled_by", nullable=True),
        *_verified("residence"),
        *_record(),
        sa.CheckConstraint(
            "kind IN ('registered', 'floating', 'lodging', 'overseas', 'unregistered')",
            name=op.f("ck_residence_kind"),
        ),
        sa.CheckConstraint("lived_to > lived_from", name=op.f("ck_residence_period")),
        sa.ForeignKeyConstraint(
            ["resident_id"], ["resident.id"], name="fk_residence_resident_id_resident"
        ),
        *(
            postgresql.ExcludeConstraint(
                (sa.column("resident_id"), "="),
                (sa.text("daterange(lived_from, lived_to)"), "&&"),
                where=sa.text(f"kind {which} 'registered' AND annulled_at IS NULL"),
                using="gist",
                name=name,
            )
            for which, name in (
                ("=", "ex_residence_registered_once"),
                ("<>", "ex_residence_lives_once"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name="pk_residence"),
    )
    op.create_index("ix_residence_resident_id", "residence", ["resident_id"])


def _create_establishments() -> None:
    op.create_table(
        "establishment",
        _id(),
        *_at_address("establishment"),
        _text("name"),
        _text("credit_code", nullable=True, collation="C"),
        _text("establishment_class"),
        _text("trade", nullable=True),
        _text("contact_name", nullable=True),
        sa.Column("contact_phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("contact_phone_index", sa.LargeBinary(), nullable=True),
        _text("note", nullable=True),
        _day("occupied_from", nullable=False),
        _day("occupied_to"),
        sa.Column("moved_from_id", sa.BigInteger(), nullable=True),
        *_verified("establishment"),
        *_record(),
        sa.CheckConstraint(
            "establishment_class IN ('key', 'ordinary', 'nine_small', 'other')",
            name=op.f("ck_establishment_class"),
        ),
        sa.CheckConstraint("occupied_to >= occupied_from", name=op.f("ck_establishment_period")),
        sa.ForeignKeyConstraint(
            ["moved_from_id"],
            ["establishment.id"],
            name="fk_establishment_moved_from_id_establishment",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_establishment"),
    )
    op.create_index("ix_establishment_credit_code", "establishment", ["credit_code"])


def _create_quality() -> None:
    op.create_table(
        "record_history",
        _id(),
        _text("record_kind"),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("was", postgresql.JSONB(), nullable=False),
        _when("recorded_from"),
        _when("recorded_to", default=True),
        sa.CheckConstraint(KIND_CHECK, name=op.f("ck_record_history_record_kind")),
        sa.PrimaryKeyConstraint("id", name="pk_record_history"),
    )
    op.create_index(
        "ix_record_history_record", "record_history", ["record_kind", "record_id", "version"]
    )
    op.create_table(
        "record_verification",
        _id(),
        _text("record_kind"),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("record_version", sa.Integer(), nullable=False),
        _day("verified_on", nullable=False),
        _text("verified_by"),
        _text("verified_how"),
        _text("note", nullable=True),
        _when("created_at", default=True),
        sa.CheckConstraint(KIND_CHECK, name=op.f("ck_record_verification_record_kind")),
        sa.CheckConstraint(HOW_CHECK, name=op.f("ck_record_verification_verified_how")),
        sa.PrimaryKeyConstraint("id", name="pk_record_verification"),
    )
    op.create_index(
        "ix_record_verification_record", "record_verification", ["record_kind", "record_id", "id"]
    )
    op.create_table(
        "record_report",
        _id(),
        _text("record_kind"),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        _text("field", nullable=True),
        _text("note"),
        _text("reported_by"),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        _text("settled_by", nullable=True),
        _when("settled_at", nullable=True),
        _text("settled_note", nullable=True),
        _when("created_at", default=True),
        sa.CheckConstraint(KIND_CHECK, name=op.f("ck_record_report_record_kind")),
        sa.CheckConstraint(
            "status IN ('open', 'mended', 'unfounded')", name=op.f("ck_record_report_status")
        ),
        sa.CheckConstraint(
            "(status = 'open') = (settled_at IS NULL)", name=op.f("ck_record_report_settled")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_record_report"),
    )
    op.create_index("ix_record_report_record", "record_report", ["record_kind", "record_id", "id"])
    op.create_index("ix_record_report_status", "record_report", ["status", "id"])
    op.create_table(
        "write_key",
        _text("account", collation="C"),
        _text("key", collation="C"),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        _text("record_kind"),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("answer", postgresql.JSONB(), nullable=False),
        _when("created_at", default=True),
        sa.PrimaryKeyConstraint("account", "key", name="pk_write_key"),
    )


def _follow_addresses() -> None:
    """A record lies in the grid of its address, whatever is written and wherever that moves."""
    op.execute(
        """
        CREATE FUNCTION record_take_grid() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.grid_code := (
                SELECT grid_code FROM standard_address WHERE id = NEW.standard_address_id
            );
            RETURN NEW;
        END $$
        """
    )
    for table in AT_ADDRESS:
        op.execute(
            f"""
            CREATE TRIGGER take_grid BEFORE INSERT OR UPDATE OF standard_address_id, grid_code
            ON {table} FOR EACH ROW EXECUTE FUNCTION record_take_grid()
            """
        )
    # Once a statement, not once a row: new grids move many addresses at a time. Most updates of
    # addresses move none.
    op.execute(
        """
        CREATE FUNCTION standard_address_move_records() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT EXISTS (SELECT FROM now_in JOIN was_in USING (id)
                           WHERE now_in.grid_code IS DISTINCT FROM was_in.grid_code) THEN
                RETURN NULL;
            END IF;
            UPDATE dwelling AS record SET grid_code = now_in.grid_code
            FROM now_in JOIN was_in USING (id)
            WHERE record.standard_address_id = now_in.id
                AND now_in.grid_code IS DISTINCT FROM was_in.grid_code;
            UPDATE residence AS record SET grid_code = now_in.grid_code
            FROM now_in JOIN was_in USING (id)
            WHERE record.standard_address_id = now_in.id
                AND now_in.grid_code IS DISTINCT FROM was_in.grid_code;
            UPDATE establishment AS record SET grid_code = now_in.grid_code
            FROM now_in JOIN was_in USING (id)
            WHERE record.standard_address_id = now_in.id
                AND now_in.grid_code IS DISTINCT FROM was_in.grid_code;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER move_records AFTER UPDATE ON standard_address
        REFERENCING OLD TABLE AS was_in NEW TABLE AS now_in
        FOR EACH STATEMENT EXECUTE FUNCTION standard_address_move_records()
        """
    )


def _keep_history() -> None:
    """Each change of a record leaves what it was, without sealed numbers."""
    op.execute(
        """
        CREATE FUNCTION record_keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            sealed text[] := ARRAY['identity_sealed', 'phone_sealed', 'landlord_phone_sealed',
                                   'contact_phone_sealed'];
            aside text[] := sealed || ARRAY['version', 'updated_at', 'recorded_by', 'source',
                'grid_code', 'missing', 'verified_on', 'verified_by', 'verified_how', 'due_on'];
        BEGIN
            -- Sealed anew under another key, the number is what it was.
            IF coalesce(current_setting('gridbeat.resealing', true), '') = 'on'
                OR to_jsonb(OLD) - aside = to_jsonb(NEW) - aside THEN
                RETURN NEW;
            END IF;
            INSERT INTO record_history
                (record_kind, record_id, version, was, recorded_from, recorded_to)
            VALUES (TG_TABLE_NAME, OLD.id, OLD.version, to_jsonb(OLD) - sealed, OLD.updated_at,
                    now());
            NEW.version := OLD.version + 1;
            NEW.updated_at := now();
            RETURN NEW;
        END $$
        """
    )
    for table, columns in CHANGES.items():
        op.execute(
            f"""
            CREATE TRIGGER keep_history BEFORE UPDATE OF {", ".join(columns)} ON {table}
            FOR EACH ROW EXECUTE FUNCTION record_keep_history()
            """
        )


def downgrade() -> None:
    op.execute("DROP TRIGGER move_records ON standard_address")
    op.execute("DROP FUNCTION standard_address_move_records()")
    for table in (
        "write_key", "record_report", "record_verification", "record_history", "residence",
        "resident", "establishment", "dwelling",
    ):  # fmt: skip
        op.drop_table(table)
    op.execute("DROP FUNCTION record_take_grid(), record_keep_history()")
