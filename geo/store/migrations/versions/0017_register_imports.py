"""Imports of dwellings, residents and establishments are jobs.

Revision: 0017, after 0016
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

BEFORE = "'areas', 'grids', 'addresses', 'basemap', 'geocode', 'duplicates', 'incidents'"
NOW = f"{BEFORE}, 'dwellings', 'residents', 'establishments'"


def upgrade() -> None:
    _let_jobs_be(NOW)


def _let_jobs_be(kinds: str) -> None:
    op.drop_constraint(op.f("ck_import_job_kind"), "import_job", type_="check")
    op.create_check_constraint(op.f("ck_import_job_kind"), "import_job", f"kind IN ({kinds})")


def downgrade() -> None:
    op.execute("DELETE FROM import_job WHERE kind IN ('dwellings', 'residents', 'establishments')")
    _let_jobs_be(BEFORE)
