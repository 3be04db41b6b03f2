-- The audit log as the application may use it: append, read with the reading logged, ask for the heads.
-- All run as the owner: the application's role has no right on the tables, so that it can neither
-- change nor delete an entry nor choose its time, its place in the chain or its hash.

-- The bytes a hash is made of: each value as its length in bytes, ':' and its UTF-8, '-' where it is
-- missing. The twin of geo.audit.canonical_bytes. Time is microseconds since 1970: a text would change
-- with the time zone.
CREATE OR REPLACE FUNCTION audit_canonical(VARIADIC given text[]) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT convert_to(string_agg(
        CASE WHEN value IS NULL THEN '-' ELSE octet_length(value) || ':' || value END,
        '' ORDER BY place), 'UTF8')
    FROM unnest(given) WITH ORDINALITY AS parts (value, place)
);

CREATE OR REPLACE FUNCTION audit_append(
    p_actor text, p_origin text, p_action text, p_object_kind text, p_object_ref text,
    p_purpose text, p_case_ref text, p_row_count int, p_request_id text
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$$
DECLARE
    wanted smallint := (pg_backend_pid() % 64)::smallint;
    head public.audit_head;
    moment timestamptz := clock_timestamp();
    made bytea;
BEGIN
    -- The chain is held until the transaction ends. Each connection has one it prefers; where that is
    -- held, any free one will do, and where none is free, the preferred one is waited for.
    SELECT * INTO head FROM public.audit_head WHERE chain = wanted FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        SELECT * INTO head FROM public.audit_head LIMIT 1 FOR UPDATE SKIP LOCKED;
    END IF;
    IF NOT FOUND THEN
        SELECT * INTO head FROM public.audit_head WHERE chain = wanted FOR UPDATE;
    END IF;
    made := sha256(head.hash || public.audit_canonical(
        head.chain::text, (head.number + 1)::text,
        (extract(epoch FROM moment) * 1000000)::bigint::text,
        p_actor, p_origin, p_action, p_object_kind, p_object_ref, p_purpose, p_case_ref,
        p_row_count::text, p_request_id));
    INSERT INTO public.audit_entry VALUES (
        moment, head.chain, head.number + 1, p_actor, p_origin, p_action, p_object_kind,
        p_object_ref, p_purpose, p_case_ref, p_row_count, p_request_id, head.hash, made);
    UPDATE public.audit_head SET number = head.number + 1, hash = made WHERE chain = head.chain;
END
$$;

-- A page of the log, newest first, and an entry that it was read. It goes on after an entry.
DROP FUNCTION IF EXISTS audit_read(text, text, text, text, timestamptz, timestamptz, text, text, boolean,
                                   int);
CREATE OR REPLACE FUNCTION audit_read(
    p_reader text, p_origin text, p_purpose text, p_request_id text,
    p_from timestamptz, p_to timestamptz, p_actor text, p_action text, p_object_kind text,
    p_without_case boolean, p_after_at timestamptz, p_after_chain int, p_after_number bigint, p_limit int
) RETURNS SETOF audit_entry
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$$
BEGIN
    RETURN QUERY
        SELECT * FROM public.audit_entry AS e
        WHERE e.at >= p_from AND e.at < p_to AND (p_actor IS NULL OR e.actor = p_actor)
            AND (p_action IS NULL OR e.action = p_action OR starts_with(e.action, p_action || '.'))
            AND (p_object_kind IS NULL OR e.object_kind = p_object_kind)
            AND (NOT p_without_case OR e.case_ref IS NULL)
            AND (p_after_at IS NULL
                 OR (e.at, e.chain, e.number) < (p_after_at, p_after_chain, p_after_number))
        ORDER BY e.at DESC, e.chain DESC, e.number DESC LIMIT p_limit;
    PERFORM public.audit_append(p_reader, p_origin, 'audit.read', 'audit_entry', p_actor, p_purpose,
                                NULL, NULL, p_request_id);
END
$$;

-- What each actor did on each day, counted, and an entry that it was asked.
CREATE OR REPLACE FUNCTION audit_volumes(
    p_reader text, p_origin text, p_request_id text, p_from timestamptz, p_to timestamptz, p_zone text
) RETURNS TABLE (actor text, day date, entries bigint, rows_read bigint, cases bigint, refused bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$$
BEGIN
    RETURN QUERY
        SELECT e.actor, (e.at AT TIME ZONE p_zone)::date, count(*), coalesce(sum(e.row_count), 0)::bigint,
            count(DISTINCT e.case_ref),
            count(*) FILTER (WHERE starts_with(e.action, 'refused.'))
        FROM public.audit_entry AS e
        WHERE e.at >= p_from AND e.at < p_to
        GROUP BY 1, 2 ORDER BY 1, 2;
    PERFORM public.audit_append(p_reader, p_origin, 'audit.read', 'audit_volumes', NULL, NULL, NULL, NULL,
                                p_request_id);
END
$$;

-- Whether a record is at an address, and of a residence, whether it was at a moment; by the caller's
-- scope.
CREATE OR REPLACE FUNCTION audit_is_at(
    p_kind text, p_id bigint, p_address_id bigint, p_at timestamptz
) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS
$$
    SELECT CASE p_kind
        WHEN 'dwelling' THEN EXISTS (
            SELECT FROM public.dwelling AS d
            WHERE d.id = p_id AND d.standard_address_id = p_address_id)
        WHEN 'establishment' THEN EXISTS (
            SELECT FROM public.establishment AS s
            WHERE s.id = p_id AND s.standard_address_id = p_address_id)
        ELSE EXISTS (
            SELECT FROM public.residence AS r
            WHERE (CASE WHEN p_kind = 'resident' THEN r.resident_id ELSE r.id END) = p_id
                AND r.standard_address_id = p_address_id
                AND r.lived_from <= p_at::date + 1
                AND (r.lived_to IS NULL OR r.lived_to >= p_at::date - 1))
    END
$$;

-- Who read what is at the address they live at, and an entry that it was asked. Only accounts whose
-- address is known can be judged. The scope must be everything, or records are not found by number.
CREATE OR REPLACE FUNCTION audit_own_addresses(
    p_reader text, p_origin text, p_request_id text, p_from timestamptz, p_to timestamptz, p_limit int
) RETURNS SETOF audit_entry
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$$
BEGIN
    RETURN QUERY
        SELECT e.* FROM public.audit_entry AS e
        JOIN public.account AS a ON a.name = e.actor
        WHERE e.at >= p_from AND e.at < p_to AND (
            (e.object_kind = 'address' AND e.object_ref = a.home_address_id::text)
            -- By number, too: what is at the address, and who lived there when it was read.
            OR (e.object_kind IN ('dwelling', 'establishment', 'resident', 'residence')
                AND e.object_ref ~ '^[0-9]{1,18}$'
                AND public.audit_is_at(e.object_kind, e.object_ref::bigint, a.home_address_id,
                                       e.at))
        )
        ORDER BY e.at DESC, e.chain DESC, e.number DESC LIMIT p_limit;
    PERFORM public.audit_append(p_reader, p_origin, 'audit.read', 'audit_own_address', NULL, NULL, NULL,
                                NULL, p_request_id);
END
$$;

-- All of it, chain by chain, to be checked, and an entry that it was; that entry is among them.
CREATE OR REPLACE FUNCTION audit_read_all(p_reader text, p_origin text) RETURNS SETOF audit_entry
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$$
BEGIN
    PERFORM public.audit_append(p_reader, p_origin, 'audit.verify', 'audit_entry', NULL, NULL, NULL,
                                NULL, NULL);
    RETURN QUERY SELECT * FROM public.audit_entry AS e ORDER BY e.chain, e.number;
END
$$;

CREATE OR REPLACE FUNCTION audit_heads() RETURNS SETOF audit_head
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$$ SELECT * FROM public.audit_head ORDER BY chain $$;

-- A partition for this month and some ahead; called at each start and each day.
CREATE OR REPLACE FUNCTION audit_make_partitions(ahead int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$$
DECLARE
    month date;
BEGIN
    FOR month IN SELECT generate_series(
        date_trunc('month', now() AT TIME ZONE 'UTC'),
        date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => least(ahead, 24)),
        interval '1 month')
    LOOP
        CONTINUE WHEN to_regclass('public.audit_entry_' || to_char(month, 'YYYY_MM')) IS NOT NULL;
        BEGIN
            EXECUTE format(
                'CREATE TABLE public.%I PARTITION OF public.audit_entry FOR VALUES FROM (%L) TO (%L)',
                'audit_entry_' || to_char(month, 'YYYY_MM'), month::text || ' 00:00:00+00',
                (month + interval '1 month')::date::text || ' 00:00:00+00');
        EXCEPTION WHEN check_violation THEN
            NULL;  -- entries of that month are in the default partition already, and stay there
        END;
    END LOOP;
END
$$;
SELECT audit_make_partitions(3);

REVOKE ALL ON FUNCTION audit_append, audit_read, audit_volumes, audit_own_addresses, audit_read_all,
    audit_heads, audit_make_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_append, audit_read, audit_volumes, audit_own_addresses, audit_read_all,
    audit_heads, audit_make_partitions TO gridbeat_app;
