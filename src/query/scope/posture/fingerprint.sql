-- A digest of everything that find.sql reads: while the digest is the same, so are the findings.
-- Columns: digest, a SHA-256; NULL if the text form of the catalogs would be ambiguous. The digest
-- covers one line for each row of pg_catalog that a rule depends on, with the columns that it
-- depends on, and one line for the settings. PostgreSQL quotes the text form of a record where
-- necessary, so different rows give different lines, and no two sets of lines give the same text.
-- Session settings do not change that form. At each catalog a comment says which rows are left out,
-- and why no rule depends on them.
-- Run by the query login in a read-only transaction without a tenant, often in a new backend:
-- there, looking up an operator or opening a catalog costs more than reading rows.
WITH
role AS MATERIALIZED (
    SELECT r.oid, r.rolname, r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolcanlogin
    FROM pg_catalog.pg_roles AS r
    WHERE r.rolname IN (SESSION_USER, 'zava_reader', 'zava_owner', 'zava_index_writer')
        -- The members of zava_index_writer that may connect to this database, but its creator.
        OR r.oid = ANY (ARRAY(
            SELECT m.member
            FROM pg_catalog.pg_auth_members AS m
            JOIN pg_catalog.pg_roles AS g ON g.oid = m.roleid
            CROSS JOIN pg_catalog.pg_database AS d
            CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
            WHERE g.rolname = 'zava_index_writer' AND m.grantor <> m.member
                AND (to_jsonb(m) ->> 'inherit_option' = 'true' OR to_jsonb(m) ->> 'set_option' = 'true')
                AND d.datname = current_database() AND a.privilege_type = 'CONNECT' AND a.grantee IN (0, m.member)
        ))
)
SELECT
    -- In an access control list, a role name of digits only looks like the OID of a dropped role.
    CASE WHEN translate(SESSION_USER, '0123456789', '') <> '' THEN
        -- The arguments have the exact types, so no overload is called instead.
        pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.string_agg(l.line, ''::text ORDER BY l.line COLLATE "C"), 'UTF8'::name))
    END AS digest
FROM (
    SELECT ROW(
        'session', SESSION_USER, CURRENT_USER, current_setting('server_version'), current_setting('server_version_num'),
        current_setting('default_transaction_read_only'), current_setting('search_path'),
        current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout'),
        current_setting('lock_timeout'), current_setting('work_mem'), current_setting('jit'),
        current_setting('max_parallel_workers_per_gather'), current_setting('row_security'),
        current_setting('TimeZone'), current_setting('DateStyle'), current_setting('IntervalStyle'),
        current_setting('bytea_output'), current_setting('extra_float_digits')
    )::text
    UNION ALL
    SELECT ROW('pg_roles', r.*)::text FROM role AS r
    UNION ALL
    -- The whole row instead of columns: PostgreSQL 15 has fewer columns, and must still be reported
    -- as too old.
    SELECT ROW('pg_auth_members', m.*)::text
    FROM pg_catalog.pg_auth_members AS m
    WHERE m.member = ANY (ARRAY(SELECT r.oid FROM role AS r))
    UNION ALL
    SELECT ROW('pg_db_role_setting', s.setdatabase, s.setrole, s.setconfig)::text
    FROM pg_catalog.pg_db_role_setting AS s
    WHERE s.setrole IN (0, (SELECT r.oid FROM role AS r WHERE r.rolname = SESSION_USER))
        AND s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()))
    UNION ALL
    SELECT ROW('pg_database', d.oid, d.datname, d.datdba, d.datacl)::text
    FROM pg_catalog.pg_database AS d
    WHERE d.datname = current_database()
    UNION ALL
    SELECT ROW('pg_namespace', n.oid, n.nspname, n.nspowner, n.nspacl)::text FROM pg_catalog.pg_namespace AS n
    UNION ALL
    SELECT ROW(
        'pg_class', c.oid, c.relname, c.relnamespace, c.relowner, c.relacl, c.relkind, c.relpersistence, c.reloptions,
        c.relrowsecurity, c.relforcerowsecurity
    )::text
    FROM pg_catalog.pg_class AS c
    -- Of TOAST tables the rules read only privileges; column privileges are in pg_attribute.
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') OR c.relkind = 't' AND c.relacl IS NOT NULL
    UNION ALL
    -- Of columns without privileges of their own, the rules read only those that policies use.
    SELECT ROW('pg_attribute', a.attrelid, a.attnum, a.attname, a.attacl)::text
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attacl IS NOT NULL
        OR a.attrelid = ANY (ARRAY(
            SELECT c.oid
            FROM pg_catalog.pg_class AS c
            JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            WHERE n.nspname = 'retail' AND c.relkind IN ('r', 'p')
        ))
    UNION ALL
    -- Left out are functions that no rule concerns: those outside schema guard that are compiled
    -- (languages 12 and 13), SECURITY INVOKER, not leakproof and without an access control list; in
    -- the system schemas, only those with OIDs of initdb. Also left out are rows unchanged since
    -- the bootstrap of initdb (xmin 1), which grants nothing: some 3,000 rows need not be read.
    SELECT ROW(
        'pg_proc', p.oid, p.proname, p.pronamespace, p.proowner, p.prolang, p.proargtypes, p.proacl, p.prosecdef,
        p.provolatile, p.proparallel, p.proconfig, p.prosrc, p.proisstrict, p.proleakproof, p.prosupport::oid, p.proretset,
        p.prorettype, p.proallargtypes, p.proargmodes, p.proargnames, p.pronargdefaults
    )::text
    FROM pg_catalog.pg_proc AS p
    WHERE p.xmin <> 1
        AND (
            p.proacl IS NOT NULL OR p.prosecdef OR p.proleakproof OR p.prolang NOT IN (12, 13)
            OR p.pronamespace = (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'guard')
            OR p.oid >= 16384 AND p.pronamespace = ANY (ARRAY(
                SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname IN ('pg_catalog', 'pg_toast', 'information_schema')
            ))
        )
    UNION ALL
    SELECT ROW('pg_language', l.oid, l.lanname)::text FROM pg_catalog.pg_language AS l
    UNION ALL
    SELECT ROW('pg_depend', d.objid)::text
    FROM pg_catalog.pg_depend AS d
    WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.deptype = 'e'
    UNION ALL
    SELECT ROW('pg_init_privs', i.classoid, i.objoid, i.objsubid, i.initprivs)::text FROM pg_catalog.pg_init_privs AS i
    UNION ALL
    SELECT ROW('pg_default_acl', d.defaclrole, d.defaclnamespace, d.defaclobjtype, d.defaclacl)::text
    FROM pg_catalog.pg_default_acl AS d
    UNION ALL
    SELECT ROW('pg_parameter_acl', p.parname, p.paracl)::text FROM pg_catalog.pg_parameter_acl AS p
    UNION ALL
    SELECT ROW('pg_largeobject_metadata', l.oid, l.lomowner, l.lomacl)::text
    FROM pg_catalog.pg_largeobject_metadata AS l
    WHERE l.lomacl IS NOT NULL
    UNION ALL
    -- The objects that the login or zava_reader owns. The rule needs fewer of these rows, but this
    -- condition can use an index.
    SELECT ROW('pg_shdepend', s.dbid, s.classid, s.objid, s.objsubid, s.refclassid, s.refobjid, s.deptype)::text
    FROM pg_catalog.pg_shdepend AS s
    WHERE s.refclassid = 'pg_catalog.pg_authid'::regclass AND s.deptype = 'o'
        AND s.refobjid = ANY (ARRAY(SELECT r.oid FROM role AS r WHERE r.rolname <> 'zava_owner'))
    UNION ALL
    SELECT ROW(
        'pg_policy', p.polname, p.polrelid, p.polcmd, p.polpermissive, p.polroles, p.polqual, p.polwithcheck
    )::text
    FROM pg_catalog.pg_policy AS p
    UNION ALL
    SELECT ROW(
        'pg_trigger', t.oid, t.tgname, t.tgrelid, t.tgfoid, t.tgtype, t.tgenabled, t.tgisinternal, t.tgattr, t.tgqual
    )::text
    FROM pg_catalog.pg_trigger AS t
    UNION ALL
    -- Tables of schema guard were created after initdb, which assigns OIDs below 16384.
    SELECT ROW('pg_rewrite', w.rulename, w.ev_class)::text
    FROM pg_catalog.pg_rewrite AS w
    WHERE w.ev_class >= 16384
    UNION ALL
    SELECT ROW('pg_cast', c.oid, c.castsource, c.casttarget, c.castfunc)::text
    FROM pg_catalog.pg_cast AS c
    WHERE c.oid >= 16384
    UNION ALL
    SELECT ROW('pg_inherits', i.inhrelid, i.inhparent)::text FROM pg_catalog.pg_inherits AS i
) AS l (line)
