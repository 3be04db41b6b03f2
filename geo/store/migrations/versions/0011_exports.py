"""Exports: requests, who decided about them, their files.

Revision: 0011, after 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# A request may hold any row of its scope, so it is seen by who sees all of that.
SEEN = (
    "(SELECT scope_is_everything()) OR "
    "(grid_codes IS NOT NULL AND grid_codes <@ (SELECT scope_grid_codes()))"
)


def _when(name: str, *, default: bool = False) -> sa.Column[object]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        server_default=sa.text("now()") if default else None,
        nullable=not default,
    )


def _text(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "export_request",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        _text("kind"),
        _text("format"),
        sa.Column("filters", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("grid_codes", postgresql.ARRAY(sa.Text()), nullable=True),
        _text("requested_by"),
        _text("purpose", nullable=True),
        _text("case_ref", nullable=True),
        _text("status"),
        sa.Column("rows_expected", sa.BigInteger(), nullable=False),
        sa.Column("rows_done", sa.BigInteger(), server_default="0", nullable=False),
        _text("decided_by", nullable=True),
        _when("decided_at"),
        _text("note", nullable=True),
        _text("message", nullable=True),
        _text("file_name", nullable=True),
        _text("file_sha256", nullable=True),
        sa.Column("file_bytes", sa.BigInteger(), nullable=True),
        _when("created_at", default=True),
        _when("started_at"),
        _when("finished_at"),
        _when("expires_at"),
        sa.CheckConstraint(
            "status IN ('asked', 'refused', 'waiting', 'running', 'ready', 'failed', 'stopped', "
            "'expired')",
            name=op.f("ck_export_request_status"),
        ),
        sa.CheckConstraint(
            "decided_by <> requested_by", name=op.f("ck_export_request_second_person")
        ),
        sa.CheckConstraint(
            "(status = 'ready') <= (file_name IS NOT NULL)", name=op.f("ck_export_request_file")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_export_request"),
    )
    op.create_index("ix_export_request_requested_by", "export_request", ["requested_by", "id"])
    op.execute("GRANT SELECT, INSERT, UPDATE ON export_request TO gridbeat_app")
    op.execute("ALTER TABLE export_request ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE export_request FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY scope ON export_request USING ({SEEN}) WITH CHECK ({SEEN})")


def downgrade() -> None:
    op.drop_table("export_request")
