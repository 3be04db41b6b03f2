-- Days of positions: made ahead, purged with a count. The application can do neither by itself.
CREATE OR REPLACE FUNCTION position_make_partitions(first date, last date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$$
DECLARE
    each_day date;
BEGIN
    IF last - first > 60 THEN
        RAISE EXCEPTION 'at most 60 days at a time';
    END IF;
    FOR each_day IN SELECT generate_series(first, last, interval '1 day')::date LOOP
        CONTINUE WHEN to_regclass('public.patrol_position_' || to_char(each_day, 'YYYY_MM_DD'))
            IS NOT NULL;
        BEGIN
            EXECUTE format(
                'CREATE TABLE public.%I PARTITION OF public.patrol_position FOR VALUES FROM (%L) TO (%L)',
                'patrol_position_' || to_char(each_day, 'YYYY_MM_DD'),
                each_day::text || ' 00:00:00+00', (each_day + 1)::text || ' 00:00:00+00');
        EXCEPTION WHEN check_violation THEN
            NULL;  -- positions of that day are in the default partition already, and stay there
        END;
    END LOOP;
END
$$;

-- Whole days before a moment; returns how many positions they held. Never today's or yesterday's.
CREATE OR REPLACE FUNCTION position_purge_before(before date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
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
        total := total + held;
        EXECUTE format('DROP TABLE public.%I', part);
    END LOOP;
    DELETE FROM public.patrol_position WHERE fixed_at < before::timestamp AT TIME ZONE 'UTC';
    GET DIAGNOSTICS held = ROW_COUNT;
    RETURN total + held;
END
$$;

REVOKE ALL ON FUNCTION position_make_partitions, position_purge_before FROM PUBLIC;
GRANT EXECUTE ON FUNCTION position_make_partitions, position_purge_before TO gridbeat_app;
