-- Whether a polygon, its border included, holds a point: exactly, by GEOS, as geo.assignment does.
-- ST_Intersects, ST_Contains and ST_Covers answer a bare point by a shortcut with rounding, which
-- puts points on a sloped border into the wrong neighbour; a point wrapped in a collection takes
-- the way through GEOS. PostGIS keeps the prepared polygon between calls, so let polygons drive.
-- Not STRICT, so that it is inlined and the index on the geometry serves.
CREATE OR REPLACE FUNCTION covers_point(area geometry, point geometry) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT area && point AND ST_Intersects(area, ST_ForceCollection(point)) $$;
