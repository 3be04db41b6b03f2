"""A residence that never was lets nobody see the person.

Revision: 0018, after 0017
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SEEN = (
    "(SELECT scope_is_everything()) OR EXISTS (SELECT FROM residence AS owner "
    "WHERE owner.resident_id = resident.id{})"
)


def upgrade() -> None:
    _let_see(SEEN.format(" AND owner.annulled_at IS NULL"))


def _let_see(condition: str) -> None:
    op.execute(f"ALTER POLICY scope ON resident USING ({condition}) WITH CHECK ({condition})")


def downgrade() -> None:
    _let_see(SEEN.format(""))
