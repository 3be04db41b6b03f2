"""Each statement that writes incidents leaves their numbers: who keeps them in memory follows.

Revision: 0023, after 0022
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incident_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("incident_ids", postgresql.ARRAY(sa.BigInteger()), nullable=True),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_incident_change"),
    )
    # Of more than a thousand no numbers are kept: then all is read again.
    op.execute(
        """
        CREATE FUNCTION incident_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            written bigint := (SELECT count(*) FROM changed);
        BEGIN
            IF written > 1000 THEN
                INSERT INTO incident_change (incident_ids) VALUES (NULL);
            ELSIF written > 0 THEN
                INSERT INTO incident_change (incident_ids) SELECT array_agg(id) FROM changed;
            END IF;
            RETURN NULL;
        END $$
        """
    )
    for event in ("INSERT", "UPDATE"):
        op.execute(
            f"CREATE TRIGGER note_{event.lower()} AFTER {event} ON incident "
            "REFERENCING NEW TABLE AS changed "
            "FOR EACH STATEMENT EXECUTE FUNCTION incident_note_change()"
        )
    op.execute("GRANT SELECT, INSERT ON incident_change TO gridbeat_app")


def downgrade() -> None:
    for event in ("insert", "update"):
        op.execute(f"DROP TRIGGER note_{event} ON incident")
    op.execute("DROP FUNCTION incident_note_change()")
    op.drop_table("incident_change")
