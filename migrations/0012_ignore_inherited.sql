-- A table that inherits from one of schema guard would grant without a record: reading the parent
-- reads the child too, and the triggers that record acts are the parent's. So whatever reads a
-- table here reads that table alone. The posture check finds such a child as well; this holds until
-- it has been found.
--
-- Definitions are taken as they stand and not written out again, so that this is no second copy of
-- them.
SET LOCAL lock_timeout = '5s';

DO $$
DECLARE
    -- A table after FROM or JOIN, and parentheses around a join; what is followed by one is a
    -- function.
    reads CONSTANT text := E'\\m(FROM|JOIN)(\\s+\\(*)((?:guard|retail)\\.\\w+)\\M(?!\\s*\\()';
    alone CONSTANT text := E'\\1\\2ONLY \\3';
    definition text;
    relation regclass;
BEGIN
    FOR definition IN
        SELECT pg_get_functiondef(p.oid)
        FROM pg_proc AS p
        WHERE p.pronamespace = 'guard'::regnamespace AND pg_get_functiondef(p.oid) ~ reads
    LOOP
        EXECUTE regexp_replace(definition, reads, alone, 'g');
    END LOOP;
    FOR relation IN
        SELECT c.oid FROM pg_class AS c WHERE c.relnamespace = 'guard'::regnamespace AND c.relkind = 'v'
    LOOP
        EXECUTE format('CREATE OR REPLACE VIEW %s AS %s', relation,
            regexp_replace(pg_get_viewdef(relation), reads, alone, 'g'));
    END LOOP;
END;
$$;
