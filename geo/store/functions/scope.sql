-- What the policies ask: the scope of this transaction, from the setting that geo.store.scope makes.
-- After a commit a setting made for one transaction reads as '', not as NULL: both see nothing.
CREATE OR REPLACE FUNCTION scope_is_everything() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(current_setting('gridbeat.scope', true) = '*', false);

CREATE OR REPLACE FUNCTION scope_grid_codes() RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN current_setting('gridbeat.scope', true) <> '*'
    THEN CAST(NULLIF(current_setting('gridbeat.scope', true), '') AS text[]) END;

-- Without this, && on a table under row-level security can't use the index on its geometry: the
-- condition might tell of rows that the caller may not see. This one compares two boxes and raises
-- nothing. Only a superuser may say so; where the owner of the store is none, docs/access.md has
-- the statement for the database's administrator. An upgrade of PostGIS undoes it, a start repeats it.
DO $$ BEGIN
    EXECUTE (
        SELECT format('ALTER FUNCTION %I.geometry_overlaps(%1$I.geometry, %1$I.geometry) LEAKPROOF',
                      nspname)
        FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'postgis'
    );
EXCEPTION WHEN insufficient_privilege THEN NULL;
END $$;
