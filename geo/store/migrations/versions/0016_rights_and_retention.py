"""Requests of persons about their data, and receipts of what was deleted when its time was over.

Revision: 0016, after 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# A request tells that somebody asked: it is seen by who sees that person.
SEEN = (
    "(SELECT scope_is_everything()) OR (resident_id IS NOT NULL AND EXISTS "
    "(SELECT FROM resident AS owner WHERE owner.id = resident_id))"
)


def _id() -> sa.Column[object]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _text(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=nullable, server_default=default)


def _when(name: str, *, nullable: bool = False, default: bool = False) -> sa.Column[object]:
    server_default = sa.text("now()") if default else None
    return sa.Column(
        name, sa.DateTime(timezone=True), nullable=nullable, server_default=server_default
    )


def upgrade() -> None:
    op.create_table(
        "subject_request",
        _id(),
        _text("kind"),
        sa.Column("resident_id", sa.BigInteger(), nullable=True),
        _text("details", nullable=True),
        sa.Column("identity_checked", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        _text("received_by"),
        sa.Column("due_on", sa.Date(), nullable=False),
        _text("status", default="open"),
        _text("closed_by", nullable=True),
        _when("closed_at", nullable=True),
        _text("outcome", nullable=True),
        _text("refusal_reason", nullable=True),
        _when("created_at", default=True),
        sa.CheckConstraint(
            "kind IN ('access', 'correction', 'deletion')", name=op.f("ck_subject_request_kind")
        ),
        sa.CheckConstraint(
            "status IN ('open', 'fulfilled', 'refused', 'withdrawn')",
            name=op.f("ck_subject_request_status"),
        ),
        sa.CheckConstraint(
            "(status = 'open') = (closed_at IS NULL)", name=op.f("ck_subject_request_closed")
        ),
        sa.CheckConstraint(
            "status <> 'refused' OR refusal_reason IS NOT NULL",
            name=op.f("ck_subject_request_refusal"),
        ),
        sa.CheckConstraint("due_on >= received_on", name=op.f("ck_subject_request_due")),
        sa.PrimaryKeyConstraint("id", name="pk_subject_request"),
    )
    op.create_index("ix_subject_request_status", "subject_request", ["status", "due_on"])
    op.execute("ALTER TABLE subject_request ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE subject_request FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY scope ON subject_request USING ({SEEN}) WITH CHECK ({SEEN})")
    op.execute("GRANT SELECT, INSERT, UPDATE ON subject_request TO gridbeat_app")
    op.create_table(
        "retention_receipt",
        _id(),
        _text("rule"),
        sa.Column("keep_days", sa.Integer(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        _when("oldest_at"),
        _when("newest_at"),
        _text("deleted_by"),
        _when("deleted_at", default=True),
        sa.PrimaryKeyConstraint("id", name="pk_retention_receipt"),
    )
    # Receipts are only added, by the function that deletes.
    op.execute("REVOKE ALL ON retention_receipt FROM gridbeat_app")
    op.execute("GRANT SELECT ON retention_receipt TO gridbeat_app")


def downgrade() -> None:
    op.execute(
        "DROP FUNCTION IF EXISTS retention_delete, retention_note, retention_due, "
        "erase_resident, erase_residences"
    )
    op.drop_table("retention_receipt")
    op.drop_table("subject_request")
