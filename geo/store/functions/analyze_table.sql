-- Gather the planner's statistics of a table, right after it was loaded in bulk: the application's
-- role doesn't own the tables, and PostgreSQL refuses ANALYZE to anybody else with a mere warning.
-- Runs as the owner, so: a fixed list of names, nothing of the argument in what is executed but a
-- name of the list, and the system's own schema searched first, temporary tables last.
CREATE OR REPLACE FUNCTION analyze_table(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$$
BEGIN
    IF name IS NULL OR name NOT IN (
        'area', 'grid', 'grid_h3_cell', 'standard_address', 'address_alias', 'basemap_feature',
        'incident', 'dwelling', 'resident', 'residence', 'establishment',
        'road_line'
    ) THEN
        RAISE EXCEPTION 'analyze_table: % is no table that is loaded in bulk', quote_nullable(name)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format('ANALYZE public.%I', name);
END
$$;
REVOKE ALL ON FUNCTION analyze_table(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analyze_table(text) TO gridbeat_app;
