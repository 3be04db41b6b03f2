-- The coarser H3 cell a cell belongs to, by bit arithmetic; the twin of geo.h3_cells.h3_cell_parent.
-- Bits 52-55 hold the resolution, below them stand 15 digits of 3 bits, the unused ones all 7.
-- NULL where the resolution is out of range or finer than the cell's own. Fit for an index.
-- Not STRICT: PostgreSQL would call it for each row instead of writing it into the query, which
-- takes three times as long. A missing argument gives NULL all the same.
CREATE OR REPLACE FUNCTION h3_cell_parent(h3_cell bigint, resolution int) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN resolution BETWEEN 0 AND ((h3_cell >> 52) & 15) THEN
    (h3_cell & ~(15::bigint << 52))
    | (resolution::bigint << 52)
    | ((1::bigint << (3 * (15 - resolution))) - 1)
END;
