"""The statements of a merge: stage, compare, update, insert, add aliases."""

# ruff: noqa: S608 - only names of our own columns are put into these statements

from __future__ import annotations

from sqlalchemy import TEXT, BigInteger, Column, Integer, MetaData, Table, text

from geo.tables import ADDRESS_COMPONENTS, StandardAddress

OWN_COLUMNS = (
    *ADDRESS_COMPONENTS, "point_of_interest", "canonical_text", "search_key", "level", "geom",
    "point_method", "accuracy_m", "origin_datum", "grid_id", "grid_code", "h3_cell", "source_ref",
)  # fmt: skip
POINT_COLUMNS = (
    "geom", "point_method", "accuracy_m", "origin_datum", "grid_id", "grid_code", "h3_cell",
)  # fmt: skip
TEXT_COLUMNS = tuple(name for name in OWN_COLUMNS if name not in POINT_COLUMNS)

_COLUMNS = StandardAddress.__table__.c
STAGED = Table(
    "staged_address",
    MetaData(),
    Column("i", Integer),
    *(Column(name, _COLUMNS[name].type) for name in OWN_COLUMNS),
)
STAGED_ALIAS = Table(
    "staged_alias",
    MetaData(),
    Column("i", Integer),
    Column("search_key", TEXT),
    Column("alias_text", TEXT),
    Column("alias_key", TEXT),
)
STAGED_ACTION = Table(
    "staged_action", MetaData(), Column("i", Integer), Column("target_id", BigInteger)
)


def _listed(names: tuple[str, ...], prefix: str = "") -> str:
    return ", ".join(f"{prefix}{name}" for name in names)


# A temporary table has the register's own column types, so nothing is cast on the way.
CREATE_STAGING = (
    text(
        f"CREATE TEMP TABLE IF NOT EXISTS staged_address ON COMMIT DELETE ROWS AS "
        f"SELECT 0 AS i, {_listed(OWN_COLUMNS)} FROM standard_address WITH NO DATA"
    ),
    text(
        'CREATE TEMP TABLE IF NOT EXISTS staged_alias (i int, search_key text COLLATE "C", '
        'alias_text text, alias_key text COLLATE "C") ON COMMIT DELETE ROWS'
    ),
    text(
        "CREATE TEMP TABLE IF NOT EXISTS staged_action (i int, target_id bigint) "
        "ON COMMIT DELETE ROWS"
    ),
    text("TRUNCATE staged_address, staged_alias, staged_action"),
)
ANALYSE_STAGING = text("ANALYZE staged_address (search_key, source_ref)")

# The same place to a millimetre; a surveyed point stands against any import.
_SAME_POINT = """(s.geom IS NULL OR a.point_method = 'surveyed' OR (
    a.geom IS NOT NULL AND ST_Distance(a.geom, s.geom) < 1e-8
    AND (a.point_method, a.accuracy_m, a.origin_datum)
        IS NOT DISTINCT FROM (s.point_method, s.accuracy_m, s.origin_datum)))"""
_WRITTEN = tuple(name for name in TEXT_COLUMNS if name not in ("point_of_interest", "source_ref"))
_SAME = f"""(({_listed(_WRITTEN, "a.")}) IS NOT DISTINCT FROM ({_listed(_WRITTEN, "s.")})
    AND (s.point_of_interest IS NULL
         OR s.point_of_interest IS NOT DISTINCT FROM a.point_of_interest)
    AND (s.source_ref IS NULL OR s.source_ref IS NOT DISTINCT FROM a.source_ref)
    AND {_SAME_POINT})"""

FIND_BY_REF = text(
    f"""
    SELECT s.i, a.id, {_SAME} AS is_same, a.search_key = s.search_key AS has_same_key
    FROM staged_address s
    JOIN standard_address a
      ON a.source = :source AND a.source_ref = s.source_ref AND a.status = 'current'
    """
)
FIND_BY_KEY = text(
    f"""
    SELECT s.i, a.id, {_SAME} AS is_same, a.source = :source AS is_ours,
           a.source_ref IS NOT NULL AS has_ref, a.geom IS NULL AS lacks_point,
           a.point_of_interest,
           ST_DistanceSphere(a.geom, s.geom) AS apart_m
    FROM staged_address s
    JOIN standard_address a ON a.search_key = s.search_key AND a.status = 'current'
    """
)
# Rows whose text was merged into another address, however far; `search_key` is the kept one's.
FIND_MERGED = text(
    """
    WITH RECURSIVE step (i, id) AS (
        SELECT s.i, a.merged_into
        FROM staged_address s
        JOIN standard_address a ON a.search_key = s.search_key AND a.status = 'merged'
        UNION
        SELECT step.i, a.merged_into
        FROM step JOIN standard_address a ON a.id = step.id AND a.status = 'merged'
    )
    SELECT DISTINCT ON (step.i) step.i, a.id, a.search_key, a.point_of_interest
    FROM step JOIN standard_address a ON a.id = step.id AND a.status = 'current'
    ORDER BY step.i, a.id
    """
)

# What the source no longer says (a point, a name, a reference) is kept.
_KEEP_POINT = "s.geom IS NULL OR a.point_method = 'surveyed'"
_SET_TEXT = ", ".join(
    f"{name} = coalesce(s.{name}, a.{name})"
    if name in ("point_of_interest", "source_ref")
    else f"{name} = s.{name}"
    for name in TEXT_COLUMNS
)
_SET_POINT = ", ".join(
    f"{name} = CASE WHEN {_KEEP_POINT} THEN a.{name} ELSE s.{name} END" for name in POINT_COLUMNS
)
UPDATE_OWN = text(
    f"""
    UPDATE standard_address a SET {_SET_TEXT}, {_SET_POINT}
    FROM staged_action t JOIN staged_address s USING (i)
    WHERE a.id = t.target_id
    RETURNING a.id
    """
)
FILL_POINTS = text(
    f"""
    UPDATE standard_address a SET {", ".join(f"{name} = s.{name}" for name in POINT_COLUMNS)}
    FROM staged_action t JOIN staged_address s USING (i)
    WHERE a.search_key = s.search_key AND a.status = 'current' AND a.geom IS NULL
    RETURNING a.id
    """
)
INSERT_NEW = text(
    f"""
    INSERT INTO standard_address ({_listed(OWN_COLUMNS)}, source)
    SELECT {_listed(OWN_COLUMNS, "s.")}, :source
    FROM staged_action t JOIN staged_address s USING (i) ORDER BY i
    RETURNING id
    """
)
# An alias that is there stays as it is; one that somebody ended stays ended.
FIND_FRESH_ALIASES = text(
    """
    SELECT DISTINCT ON (a.id, s.alias_key) s.i, a.id, s.alias_text, s.alias_key
    FROM staged_alias s
    JOIN standard_address a ON a.search_key = s.search_key AND a.status = 'current'
    WHERE NOT EXISTS (SELECT FROM address_alias o
                      WHERE o.standard_address_id = a.id AND o.alias_key = s.alias_key)
    ORDER BY a.id, s.alias_key, s.i
    """
)
