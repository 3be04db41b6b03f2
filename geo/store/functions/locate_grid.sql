-- The id of the grid that holds a point (EPSG:4326) on a day, NULL where none does.
-- The border rule of geo.assignment: of several, the one with the smallest code, by bytes.
CREATE OR REPLACE FUNCTION locate_grid(point geometry, on_date date) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE AS
$$
    SELECT id
    FROM grid
    WHERE covers_point(geom, point)
        AND valid_from <= on_date AND (valid_to IS NULL OR on_date < valid_to)
    ORDER BY grid_code COLLATE "C"
    LIMIT 1
$$;
