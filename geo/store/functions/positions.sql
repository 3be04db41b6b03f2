-- Days of positions: made ahead, purged with a count. The application can do neither by itself.

-- Until October 2026 it told nothing.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_proc WHERE proname = 'position_make_partitions'
            AND prorettype = 'void'::regtype) THEN
        DROP FUNCTION position_make_partitions;
    END IF;
END
$$;

-- Make room for the days from the first to the last, and for those whose positions had to go into
-- the default partition, and move them out of it. Returns how many days are still without.
-- Positions come in meanwhile: a new table is filled by itself and then attached. Whoever reads all
-- days holds the default partition; rather than let everybody wait behind, a later call tries again.
CREATE OR REPLACE FUNCTION position_make_partitions(first date, last date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET lock_timeout = '500ms' AS
$$
DECLARE
    without date[];
    each_day date;
    part text;
    begins text;
    ends text;
BEGIN
    IF last - first > 60 THEN
        RAISE EXCEPTION 'at most 60 days at a time';
    END IF;
    SELECT coalesce(array_agg(day ORDER BY day), '{}') INTO without FROM (
        SELECT generate_series(first, last, interval '1 day')::date AS day
        UNION SELECT DISTINCT (fixed_at AT TIME ZONE 'UTC')::date FROM public.patrol_position_other
    ) AS wanted
    WHERE to_regclass('public.patrol_position_' || to_char(day, 'YYYY_MM_DD')) IS NULL;
    FOREACH each_day IN ARRAY without[:60] LOOP
        part := 'patrol_position_' || to_char(each_day, 'YYYY_MM_DD');
        begins := each_day::text || ' 00:00:00+00';
        ends := (each_day + 1)::text || ' 00:00:00+00';
        BEGIN
            LOCK TABLE public.patrol_position_other IN ACCESS EXCLUSIVE MODE;
            EXECUTE format(
                'CREATE TABLE public.%I (LIKE public.patrol_position INCLUDING ALL, '
                'CONSTRAINT of_day CHECK (fixed_at >= %L AND fixed_at < %L))', part, begins, ends);
            EXECUTE format(
                'WITH moved AS (DELETE FROM public.patrol_position_other '
                'WHERE fixed_at >= %L AND fixed_at < %L RETURNING *) '
                'INSERT INTO public.%I SELECT * FROM moved', begins, ends, part);
            EXECUTE format(
                'ALTER TABLE public.patrol_position ATTACH PARTITION public.%I '
                'FOR VALUES FROM (%L) TO (%L)', part, begins, ends);
            EXECUTE format('ALTER TABLE public.%I DROP CONSTRAINT of_day', part);
            without := array_remove(without, each_day);
        EXCEPTION WHEN lock_not_available THEN
            EXIT;
        END;
    END LOOP;
    RETURN cardinality(without);
END
$$;

-- Whole days before a moment; returns how many positions they held. Never today's or yesterday's.
-- A day that somebody is reading is emptied, and its table is dropped by a later purge: to wait for
-- it would let all that comes in wait behind.
CREATE OR REPLACE FUNCTION position_purge_before(before date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET lock_timeout = '500ms' AS
$$
DECLARE
    part text;
    held bigint;
    total bigint := 0;
BEGIN
    IF before > (now() AT TIME ZONE 'UTC')::date - 1 THEN
        RAISE EXCEPTION 'positions of the last two days are not purged';
    END IF;
    -- The policies hold for the owner of the tables too.
    PERFORM set_config('gridbeat.scope', '*', true);
    FOR part IN
        SELECT relname FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid
        WHERE inhparent = 'public.patrol_position'::regclass
            AND relname ~ '^patrol_position_\d{4}_\d\d_\d\d$'
            AND to_date(right(relname, 10), 'YYYY_MM_DD') < before
    LOOP
        EXECUTE format('SELECT count(*) FROM public.%I', part) INTO held;
        BEGIN
            EXECUTE format('DROP TABLE public.%I', part);
            total := total + held;
        EXCEPTION WHEN lock_not_available THEN
            EXIT;
        END;
    END LOOP;
    DELETE FROM public.patrol_position WHERE fixed_at < before::timestamp AT TIME ZONE 'UTC';
    GET DIAGNOSTICS held = ROW_COUNT;
    RETURN total + held;
END
$$;

REVOKE ALL ON FUNCTION position_make_partitions, position_purge_before FROM PUBLIC;
GRANT EXECUTE ON FUNCTION position_make_partitions, position_purge_before TO gridbeat_app;
