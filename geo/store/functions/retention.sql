-- What may go when its time is over, and the only way in which it goes. The application's role has no
-- right to delete these rows: it names a rule, and the function deletes what that rule says and leaves
-- a receipt in the same transaction. Nothing here touches the audit log.

-- The rows that a rule lets go, oldest first, with the moment from which their time ran.
CREATE OR REPLACE FUNCTION retention_due(p_rule text, p_before timestamptz)
RETURNS TABLE (id bigint, at timestamptz) LANGUAGE plpgsql STABLE AS
$$
BEGIN
    CASE p_rule
    WHEN 'sessions' THEN RETURN QUERY
        SELECT s.id, coalesce(s.ended_at, s.seen_at) FROM account_session AS s
        WHERE coalesce(s.ended_at, s.seen_at) < p_before;
    WHEN 'tokens' THEN RETURN QUERY
        SELECT t.id, least(t.ended_at, t.expires_at) FROM api_token AS t
        WHERE least(t.ended_at, t.expires_at) < p_before;
    WHEN 'exports' THEN RETURN QUERY
        -- Those with a file wait until that is deleted.
        SELECT e.id, coalesce(e.finished_at, e.decided_at, e.created_at) FROM export_request AS e
        WHERE e.status IN ('refused', 'failed', 'stopped', 'expired')
            AND coalesce(e.finished_at, e.decided_at, e.created_at) < p_before;
    WHEN 'residences' THEN RETURN QUERY
        -- The day of leaving, or of being known to be wrong.
        SELECT r.id, coalesce(r.annulled_at, r.lived_to::timestamptz) FROM residence AS r
        WHERE coalesce(r.annulled_at, r.lived_to::timestamptz) < p_before;
    WHEN 'subject_requests' THEN RETURN QUERY
        SELECT q.id, q.closed_at FROM subject_request AS q WHERE q.closed_at < p_before;
    ELSE
        RAISE EXCEPTION 'no such rule of retention: %', p_rule;
    END CASE;
END
$$;

-- One person with all that hangs on them. They must be seen as a whole: every scope, or nothing.
CREATE OR REPLACE FUNCTION erase_residences(p_ids bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$$
BEGIN
    IF NOT public.scope_is_everything() THEN
        RAISE EXCEPTION 'erasing takes the scope of everything';
    END IF;
    DELETE FROM public.record_report WHERE record_kind = 'residence' AND record_id = ANY (p_ids);
    DELETE FROM public.record_verification WHERE record_kind = 'residence' AND record_id = ANY (p_ids);
    DELETE FROM public.record_history WHERE record_kind = 'residence' AND record_id = ANY (p_ids);
    DELETE FROM public.write_key WHERE record_kind = 'residence' AND record_id = ANY (p_ids);
    DELETE FROM public.residence WHERE id = ANY (p_ids);
END
$$;

CREATE OR REPLACE FUNCTION erase_resident(p_id bigint) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$$
DECLARE
    gone bigint[];
BEGIN
    IF NOT public.scope_is_everything() THEN
        RAISE EXCEPTION 'erasing takes the scope of everything';
    END IF;
    SELECT coalesce(array_agg(id), '{}') INTO gone FROM public.residence WHERE resident_id = p_id;
    PERFORM public.erase_residences(gone);
    DELETE FROM public.record_report WHERE record_kind = 'resident' AND record_id = p_id;
    DELETE FROM public.record_verification WHERE record_kind = 'resident' AND record_id = p_id;
    DELETE FROM public.record_history WHERE record_kind = 'resident' AND record_id = p_id;
    DELETE FROM public.write_key WHERE record_kind = 'resident' AND record_id = p_id;
    DELETE FROM public.resident WHERE id = p_id;
    RETURN cardinality(gone);
END
$$;

-- One batch of a rule, with its receipt; a row count of 0 says that nothing is left, and leaves none.
CREATE OR REPLACE FUNCTION retention_delete(
    p_rule text, p_before timestamptz, p_keep_days int, p_by text, p_limit int
) RETURNS TABLE (row_count int, oldest timestamptz, newest timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$$
DECLARE
    gone bigint[];
    persons bigint[];
    person bigint;
BEGIN
    IF NOT public.scope_is_everything() THEN
        RAISE EXCEPTION 'retention takes the scope of everything';
    END IF;
    -- Whatever the settings and the caller's clock say, what is of today and yesterday stays.
    IF p_before > now() - interval '1 day' OR p_keep_days < 1 THEN
        RAISE EXCEPTION 'nothing that is a day old is deleted by a rule of retention';
    END IF;
    SELECT array_agg(due.id), min(due.at), max(due.at), count(*)
        INTO gone, oldest, newest, row_count
        FROM (SELECT d.id, d.at FROM public.retention_due(p_rule, p_before) AS d
              ORDER BY d.at, d.id LIMIT p_limit) AS due;
    IF row_count > 0 THEN
        CASE p_rule
        WHEN 'sessions' THEN DELETE FROM public.account_session WHERE id = ANY (gone);
        WHEN 'tokens' THEN DELETE FROM public.api_token WHERE id = ANY (gone);
        WHEN 'exports' THEN DELETE FROM public.export_request WHERE id = ANY (gone);
        WHEN 'subject_requests' THEN DELETE FROM public.subject_request WHERE id = ANY (gone);
        WHEN 'residences' THEN
            persons := ARRAY(
                SELECT DISTINCT resident_id FROM public.residence WHERE id = ANY (gone));
            PERFORM public.erase_residences(gone);
            -- Who lives nowhere any more that is known has no reason to be kept.
            FOREACH person IN ARRAY persons LOOP
                IF NOT EXISTS (SELECT FROM public.residence WHERE resident_id = person) THEN
                    PERFORM public.erase_resident(person);
                END IF;
            END LOOP;
        END CASE;
        INSERT INTO public.retention_receipt
            (rule, keep_days, row_count, oldest_at, newest_at, deleted_by, deleted_at)
        VALUES (p_rule, p_keep_days, row_count, oldest, newest, p_by, clock_timestamp());
    END IF;
    RETURN NEXT;
END
$$;

-- Files of imports that failed: the program deletes them, and says so here.
CREATE OR REPLACE FUNCTION retention_note(
    p_rule text, p_keep_days int, p_by text, p_row_count int, p_oldest timestamptz,
    p_newest timestamptz
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$$
    INSERT INTO public.retention_receipt
        (rule, keep_days, row_count, oldest_at, newest_at, deleted_by, deleted_at)
    VALUES (p_rule, p_keep_days, p_row_count, p_oldest, p_newest, p_by, clock_timestamp())
$$;

-- Positions are purged by days: the receipt says of how many units, and what stays of those hours.
CREATE OR REPLACE FUNCTION retention_note_positions(
    p_keep_days int, p_by text, p_row_count bigint, p_oldest timestamptz, p_newest timestamptz,
    p_unit_count int, p_kept_row_count bigint, p_kept_sha256 text
) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$$
    INSERT INTO public.retention_receipt
        (rule, keep_days, row_count, oldest_at, newest_at, deleted_by, deleted_at, unit_count,
         kept_row_count, kept_sha256)
    VALUES ('positions', p_keep_days, p_row_count, p_oldest, p_newest, p_by, clock_timestamp(),
        p_unit_count, p_kept_row_count, p_kept_sha256)
    RETURNING id
$$;

REVOKE ALL ON FUNCTION retention_delete, retention_note, retention_note_positions, erase_resident, erase_residences
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retention_delete, retention_note, retention_note_positions, erase_resident
    TO gridbeat_app;
