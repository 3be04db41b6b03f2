"""Row-level security: what a transaction may see and write is held by the database.

An alias gets the grid of its address as a column of its own: looked up through the address for each
row, a search for a part of a text took twenty times as long.

Revision: 0006, after 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# The policies call these, so they must be there first; `geo/store/functions/scope.sql` keeps them.
FUNCTIONS = """
    CREATE OR REPLACE FUNCTION scope_is_everything() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('gridbeat.scope', true) = '*', false);
    CREATE OR REPLACE FUNCTION scope_grid_codes() RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN current_setting('gridbeat.scope', true) <> '*'
        THEN CAST(NULLIF(current_setting('gridbeat.scope', true), '') AS text[]) END;
"""
# Both are asked once a statement: the first as a value, the second as a hashed set of codes, which
# makes 500 grids as quick as one.
EVERYTHING = "(SELECT scope_is_everything())"
OWN_GRID = f"{EVERYTHING} OR grid_code IN (SELECT unnest(scope_grid_codes()))"


def _own(table: str, *columns: str) -> str:
    """The rows it belongs to are seen: that table's own policy answers."""
    seen = (f"EXISTS (SELECT FROM {table} AS owner WHERE owner.id = {each})" for each in columns)
    return f"{EVERYTHING} OR ({' AND '.join(seen)})"


POLICIES = {
    "standard_address": OWN_GRID,
    "review_item": OWN_GRID,
    "grid": OWN_GRID,
    "address_alias": OWN_GRID,
    "standard_address_history": _own("standard_address", "standard_address_id"),
    "address_merge": _own("standard_address", "kept_id", "merged_id"),
    "duplicate_pair": _own("standard_address", "first_id", "second_id"),
    "grid_h3_cell": _own("grid", "grid_id"),
    # Their reports hold rows of any grid.
    "import_job": EVERYTHING,
}


def upgrade() -> None:
    op.execute(FUNCTIONS)
    _give_aliases_their_grid()
    for table, condition in POLICIES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        # Else the policies would not hold for the owner of the tables.
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY scope ON {table} USING ({condition}) WITH CHECK ({condition})")
    # A caller of one grid among a thousand would look at a thousand addresses for each of theirs.
    op.create_index("ix_standard_address_grid_code", "standard_address", ["grid_code", "id"])


def _give_aliases_their_grid() -> None:
    op.add_column("address_alias", sa.Column("grid_code", sa.Text(collation="C"), nullable=True))
    op.execute(
        "UPDATE address_alias SET grid_code = a.grid_code FROM standard_address AS a "
        "WHERE a.id = standard_address_id AND a.grid_code IS NOT NULL"
    )
    op.execute(
        """
        CREATE FUNCTION address_alias_take_grid() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.grid_code := (
                SELECT grid_code FROM standard_address WHERE id = NEW.standard_address_id
            );
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER take_grid BEFORE INSERT OR UPDATE OF standard_address_id, grid_code
        ON address_alias FOR EACH ROW EXECUTE FUNCTION address_alias_take_grid()
        """
    )
    # Once a statement, not once a row: new grids move many addresses at a time.
    op.execute(
        """
        CREATE FUNCTION standard_address_move_aliases() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE address_alias AS alias SET grid_code = now_in.grid_code
            FROM now_in JOIN was_in USING (id)
            WHERE alias.standard_address_id = now_in.id
                AND now_in.grid_code IS DISTINCT FROM was_in.grid_code;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER move_aliases AFTER UPDATE ON standard_address
        REFERENCING OLD TABLE AS was_in NEW TABLE AS now_in
        FOR EACH STATEMENT EXECUTE FUNCTION standard_address_move_aliases()
        """
    )


def downgrade() -> None:
    op.drop_index("ix_standard_address_grid_code", table_name="standard_address")
    for table in POLICIES:
        op.execute(f"DROP POLICY scope ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute("DROP TRIGGER move_aliases ON standard_address")
    op.execute("DROP FUNCTION standard_address_move_aliases()")
    op.execute("DROP TRIGGER take_grid ON address_alias")
    op.execute("DROP FUNCTION address_alias_take_grid()")
    op.drop_column("address_alias", "grid_code")
    op.execute("DROP FUNCTION scope_is_everything(), scope_grid_codes()")
