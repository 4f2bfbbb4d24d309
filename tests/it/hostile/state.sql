-- Database state besides the tables' rows that a statement could leave, as one text to compare
-- before and after.
SELECT concat_ws(' ',
    'relations', (SELECT sum(hashtextextended(concat(oid, relname, relkind, relowner, relacl, relrowsecurity, relforcerowsecurity), 0)) FROM pg_class WHERE relnamespace <> 'pg_toast'::regnamespace),
    'functions', (SELECT sum(hashtextextended(concat(oid, proname, prosrc, proowner, proacl), 0)) FROM pg_proc),
    'policies', (SELECT sum(hashtextextended(concat(polname, polrelid, polroles, pg_get_expr(polqual, polrelid)), 0)) FROM pg_policy),
    'comments', (SELECT count(*) FROM pg_description),
    -- Roles belong to the whole cluster: other tests create some and change passwords meanwhile.
    'roles', (SELECT sum(hashtextextended(concat(rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil), 0)) FROM pg_authid WHERE rolname IN ('postgres', 'zava_admin', 'zava_owner', 'zava_reader', 'zava_query')),
    'memberships', (SELECT sum(hashtextextended(m::text, 0)) FROM pg_auth_members AS m WHERE member IN ('zava_owner'::regrole, 'zava_reader'::regrole, 'zava_query'::regrole)),
    'settings', (SELECT sum(hashtextextended(concat(setrole, setconfig), 0)) FROM pg_db_role_setting WHERE setrole IN (0, 'zava_query'::regrole) AND (setdatabase = 0 OR setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))),
    'sequences', (SELECT sum(hashtextextended(concat(sequencename, last_value), 0)) FROM pg_sequences),
    'large objects', (SELECT count(*) FROM pg_largeobject_metadata),
    'advisory locks', (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
    -- Without the locks of autovacuum, which runs at any time.
    'table locks', (SELECT count(*) FROM pg_locks WHERE locktype = 'relation' AND mode <> 'AccessShareLock' AND pid IN (SELECT pid FROM pg_stat_activity WHERE usename = 'zava_query') AND relation = ANY (ARRAY['retail.orders', 'retail.stores']::regclass[]) AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
    'prepared transactions', (SELECT count(*) FROM pg_prepared_xacts),
    'replication slots', (SELECT count(*) FROM pg_replication_slots)
)
