-- The posture rules: returns a row for each violation.
--   $1 the exposed tables of schema retail, as text[]
-- Columns: rule (a name in rule.rs), object, problem, fix (the statement that fixes it).
-- Run by the query login in a read-only transaction without a tenant. Reads pg_catalog only: the
-- objects under examination are never called. Privileges are read from the access control lists and
-- not with has_table_privilege(). The lists tell who granted what to whom, which a REVOKE must
-- name, and the names of privileges differ between versions. The lists are complete: every other
-- source of a privilege (superuser, ownership, membership in another role) is a violation of its
-- own.
WITH
role AS MATERIALIZED (
    SELECT r.oid, r.rolname, r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolcanlogin
    FROM pg_catalog.pg_roles AS r
    WHERE r.rolname IN (SESSION_USER, 'zava_reader', 'zava_owner')
),
-- The roles whose privileges the login has; 0 is PUBLIC.
grantee AS MATERIALIZED (
    SELECT r.oid, quote_ident(r.rolname) AS name FROM role AS r WHERE r.rolname <> 'zava_owner'
    UNION ALL SELECT 0, 'PUBLIC'
),
-- The role that writes the search index, and its members that may connect to this database. The
-- role's creator is not meant: PostgreSQL makes it a member that can administer the role, or by
-- createrole_self_grant one that has granted the role to itself. The options are read as JSON,
-- because an unsupported old version lacks these columns, and must still be reported.
index_writer AS MATERIALIZED (
    SELECT r.oid, r.rolname, quote_ident(r.rolname) AS name, r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb,
        r.rolreplication, r.rolcanlogin
    FROM pg_catalog.pg_roles AS r
    WHERE r.rolname = 'zava_index_writer'
        OR r.oid IN (
            SELECT m.member
            FROM pg_catalog.pg_auth_members AS m
            JOIN pg_catalog.pg_roles AS g ON g.oid = m.roleid
            CROSS JOIN pg_catalog.pg_database AS d
            CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
            WHERE g.rolname = 'zava_index_writer' AND m.grantor <> m.member
                AND (to_jsonb(m) ->> 'inherit_option' = 'true' OR to_jsonb(m) ->> 'set_option' = 'true')
                AND d.datname = current_database() AND a.privilege_type = 'CONNECT' AND a.grantee IN (0, m.member)
        )
),
-- What they may read of products, and the tables that they may write.
index_source (name, columns) AS (
    VALUES
        ('retail.products', ARRAY['product_id', 'sku', 'product_name', 'product_description', 'type_id', 'category_id']),
        ('retail.product_types', ARRAY['type_id', 'type_name']),
        ('retail.categories', ARRAY['category_id', 'category_name'])
),
index_target (name) AS (
    VALUES
        ('retail.product_description_embeddings'), ('retail.product_search'), ('retail.search_words'), ('retail.embedding_models')
),
database AS MATERIALIZED (
    SELECT d.oid, d.datname, d.datdba, d.datacl FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()
),
schema AS MATERIALIZED (
    SELECT n.oid, n.nspname, n.nspowner, n.nspacl, n.nspname IN ('pg_catalog', 'pg_toast', 'information_schema') AS is_system
    FROM pg_catalog.pg_namespace AS n
),
-- The functions of migrations/0002_guard.sql, 0007_callers.sql, 0008_audit.sql,
-- 0010_pinned_and_bounded.sql, 0015_posture_verdict.sql and 0017_tenant_after_mac.sql, with the
-- properties that must not change. `pinned` lists settings other than the search path.
guard_function AS MATERIALIZED (
    SELECT format('guard.%s(%s)', e.name, e.arguments) AS signature, e.name, e.volatility, e.parallel, e.callable, e.pinned,
        p.oid, p.proowner, p.provolatile, p.proparallel, p.prosecdef, p.proconfig, p.prolang, p.prosrc,
        p.proisstrict, p.proleakproof, p.prosupport, p.proretset, p.prorettype, p.proallargtypes, p.proargmodes, p.proargnames,
        p.pronargdefaults
    FROM (VALUES
        ('allowed_stores', '', 'STABLE', 'RESTRICTED', true, '{}'::text[]),
        ('entitlements', 'integer, text, bigint, bytea', 'STABLE', 'RESTRICTED', true, '{}'),
        ('api_key', 'integer, text, bigint, bytea', 'STABLE', 'RESTRICTED', true, '{}'),
        ('record', 'integer, text, bigint, bytea', 'VOLATILE', 'UNSAFE', true, '{}'),
        ('posture_verdict', 'integer, bytea', 'STABLE', 'RESTRICTED', true, '{}'),
        ('record_verdict', 'integer, text, bigint, bytea', 'VOLATILE', 'UNSAFE', true, '{}'),
        ('append_audit', 'json', 'VOLATILE', 'UNSAFE', false, '{}'),
        ('audit_act', '', 'VOLATILE', 'UNSAFE', false, '{}'),
        ('refuse_change', '', 'VOLATILE', 'UNSAFE', false, '{}'),
        ('must_be_asked', 'integer, text, text, bigint, bytea', 'STABLE', 'RESTRICTED', false, '{}'),
        ('mac', 'integer, bytea', 'STABLE', 'RESTRICTED', false, '{}'),
        ('row_as_json', 'anyelement', 'STABLE', 'RESTRICTED', false, '{TimeZone=UTC,bytea_output=hex}')
    ) AS e (name, arguments, volatility, parallel, callable, pinned)
    LEFT JOIN schema AS n ON n.nspname = 'guard'
    LEFT JOIN pg_catalog.pg_proc AS p
        ON p.pronamespace = n.oid AND p.proname = e.name AND oidvectortypes(p.proargtypes) = e.arguments
),
-- The SHA-256 of their declarations and bodies: return type, arguments, support function, language
-- and body, separated by spaces. A test recomputes them from the migrations and prints those that
-- differ.
guard_body (name, digest) AS (
    VALUES
        ('allowed_stores', '923085a42b47ccb0247250a6e8f1aadf694988a8ac4f746caad9da2c611deac6'),
        ('api_key', '9654f969f5c10d67db1b2214009dff2978bae3f8a0ab52d76c23af2ba62497d0'),
        ('append_audit', 'fe21749f865e460b2d29ce60e8c08ef60bb99544bc568fb2395e25641fa7b01d'),
        ('audit_act', '94ac6c4fe643f66f9e6ba9621d396e05c5a8c7b2321b3d6d200fa49f33d8ae83'),
        ('entitlements', '0bdc3b24665e5dfc086df639fdf2934a445e1d39718c318743eb0a13bea913bf'),
        ('mac', '09da0144271440303dae8fb031517dc7fd80eda0c2c818c050a9e8bbd4b0e785'),
        ('must_be_asked', 'e4f410b14e117b98b58341d1b781fe90ea09c3e56b870ef60db26859661dca24'),
        ('posture_verdict', 'dc9d1894075741f3f8e4ef2df513684a539da261883f9641f6f29cbadacdbced'),
        ('record', '964a5ba93bbc6a05c1de4b6ab9b26ddff834d3ce7d68361d6c6d782760e23713'),
        ('record_verdict', 'fad2da42b8001e692247fe28dd247fc629b51571b051d0db08a0f9bd989b26ee'),
        ('refuse_change', '497f3fb7d26af40dfc9c7b971efd3992eb911e1f31b6652659341f7a8141870f'),
        ('row_as_json', '63a3e618e7f93626171e58e96dec22b119efeb7826e0ef757f082d2cbf574f2d')
),
relation AS MATERIALIZED (
    SELECT c.oid, c.relname, c.relowner, c.relacl, c.relkind, c.relpersistence, c.reloptions, c.relrowsecurity, c.relforcerowsecurity,
        n.nspname, n.is_system, format('%I.%I', n.nspname, c.relname) AS name, n.nspname IN ('retail', 'guard') AS is_ours
    FROM pg_catalog.pg_class AS c
    JOIN schema AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 't')
),
-- The tables of migrations/0019_search.sql and 0020_search_upkeep.sql, which the server's own
-- statements read without a tenant. They hold no tenant's data, and no client may name them.
shared (name, columns) AS (
    VALUES
        ('retail.product_search', '{product_id,document}'::text[]),
        ('retail.search_words', '{word,products,trigrams}'),
        ('retail.search_synonyms', '{synonym,term_query,synonym_query,synonym_words}'),
        ('retail.embedding_models', '{model,dimensions,products,embedded,refreshed_at}')
),
-- Every table of schemas retail and guard, whether a client may name it, and whether it is shared.
held AS MATERIALIZED (
    SELECT r.oid, r.relname, format('%I.%I', r.nspname, r.relname) AS name, r.relrowsecurity AND r.relforcerowsecurity AS is_forced,
        r.nspname = 'retail' AND r.relname = ANY ($1::text[]) AS exposed,
        r.name IN (SELECT s.name FROM shared AS s) AS is_shared
    FROM relation AS r
    WHERE r.nspname IN ('retail', 'guard') AND r.relkind IN ('r', 'p')
),
-- The triggers of migrations/0008_audit.sql: the only ones allowed in schema guard.
audit_trigger AS MATERIALIZED (
    SELECT a.relation, o.name, o.event, o.each, 'audit_act' AS function, o.type
    FROM unnest(ARRAY['guard.entitlement', 'guard.api_key', 'guard.signing_key', 'guard.tenant']) AS a (relation)
    -- Bits of pg_trigger.tgtype: 1 each row, 2 before, 4 insert, 8 delete, 16 update, 32 truncate.
    CROSS JOIN (VALUES
        ('audit_act', 'AFTER INSERT OR UPDATE OR DELETE', 'ROW', 29),
        ('audit_truncate', 'AFTER TRUNCATE', 'STATEMENT', 32)
    ) AS o (name, event, each, type)
    UNION ALL
    SELECT 'guard.audit', 'append_only', 'BEFORE UPDATE OR DELETE OR TRUNCATE', 'STATEMENT', 'refuse_change', 58
),
policy AS MATERIALIZED (
    SELECT p.polname, p.polrelid, p.polcmd::text AS command, p.polpermissive, p.polroles,
        p.polroles && ARRAY(SELECT g.oid FROM grantee AS g) AS applies,
        -- The node tree of the constant false. pg_get_expr() is not used: it opens the table.
        coalesce(CASE WHEN p.polcmd = 'a' THEN p.polwithcheck ELSE p.polqual END::text
            LIKE '{CONST :consttype 16 % :constvalue 1 [ 0 0 0 0 0 0 0 0 ]}', false) AS admits_nothing,
        p.polqual::text AS condition,
        -- The node types of the tree, without their fields.
        regexp_replace(p.polqual::text, '[^{]*([{][A-Z]+)?', '\1', 'g') AS nodes
    FROM pg_catalog.pg_policy AS p
),
-- Functions created or changed after the bootstrap of initdb, whose rows have xmin 1. Of these: the
-- leakproof ones, and in the system schemas those that are SECURITY DEFINER or were not created by
-- initdb, which assigns OIDs below 16384.
changed_function AS MATERIALIZED (
    SELECT p.oid, format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)) AS signature,
        n.is_system, p.proleakproof, p.prosecdef
    FROM pg_catalog.pg_proc AS p
    JOIN schema AS n ON n.oid = p.pronamespace
    WHERE p.xmin <> 1 AND (p.proleakproof OR n.is_system AND (p.prosecdef OR p.oid >= 16384))
),
-- Those in the system schemas that neither initdb nor an extension has created.
added_function AS MATERIALIZED (
    SELECT f.oid, f.signature
    FROM changed_function AS f
    WHERE f.is_system AND f.oid >= 16384
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend AS d
            WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e'
        )
),
-- The settings of the login in roles.sql. For a limit, any integer above 0 is accepted, with a unit
-- from ms to d.
pinned (name, wanted, any_limit) AS (
    VALUES
        ('default_transaction_read_only', 'on', false),
        ('search_path', 'retail, public', false),
        ('statement_timeout', '''15s''', true),
        ('idle_in_transaction_session_timeout', '''30s''', true),
        ('lock_timeout', '''2s''', true),
        ('work_mem', '''4MB''', false),
        ('jit', 'off', false),
        ('max_parallel_workers_per_gather', '0', false),
        ('row_security', 'on', false),
        ('TimeZone', '''UTC''', false),
        ('DateStyle', '''ISO, MDY''', false),
        ('IntervalStyle', '''postgres''', false),
        ('bytea_output', '''hex''', false),
        ('extra_float_digits', '1', false)
),
-- The settings with which sessions of the login in this database start, and the statements that
-- reset them.
stored AS MATERIALIZED (
    SELECT s.setrole, s.setdatabase, c.name, c.value,
        CASE
            WHEN s.setrole = 0 AND s.setdatabase = 0 THEN 'ALTER ROLE ALL'
            WHEN s.setrole = 0 THEN format('ALTER DATABASE %I', current_database())
            WHEN s.setdatabase = 0 THEN format('ALTER ROLE %I', SESSION_USER)
            ELSE format('ALTER ROLE %I IN DATABASE %I', SESSION_USER, current_database())
        END
        -- The name of a custom setting may contain keywords, so each part is quoted.
        || ' RESET ' || (SELECT string_agg(quote_ident(n.part), '.') FROM unnest(string_to_array(c.name, '.')) AS n (part)) AS reset
    FROM pg_catalog.pg_db_role_setting AS s
    CROSS JOIN LATERAL unnest(s.setconfig) AS e (entry)
    CROSS JOIN LATERAL (SELECT split_part(e.entry, '=', 1) AS name, substr(e.entry, strpos(e.entry, '=') + 1) AS value) AS c
    WHERE s.setrole IN (SELECT r.oid FROM role AS r WHERE r.rolname = SESSION_USER UNION ALL SELECT 0)
        AND s.setdatabase IN (SELECT d.oid FROM database AS d UNION ALL SELECT 0)
),
-- Access control lists. `before` holds the privileges that initdb or an extension granted in the
-- system schemas; those are allowed.
listed (rule, kind, name, owner, list, before, attribute, is_allowed) AS (
    SELECT
        CASE
            WHEN r.is_system THEN 'system'
            WHEN r.relkind IN ('m', 'f') THEN 'views'
            WHEN r.relkind = 'v' AND NOT EXISTS (
                SELECT FROM pg_options_to_table(r.reloptions) AS o WHERE o.option_name = 'security_invoker' AND o.option_value::boolean
            ) THEN 'views'
            ELSE 'reads'
        END,
        CASE WHEN r.relkind = 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
        format('%I.%I', r.nspname, r.relname), r.relowner, a.list, i.before, a.attribute,
        EXISTS (SELECT FROM shared AS s WHERE s.name = r.name AND a.attribute::text = ANY (s.columns))
            OR r.nspname = 'retail' AND r.relname = ANY ($1::text[])
                AND (r.relname <> 'stores' OR coalesce(a.attribute IN ('store_id', 'store_name', 'is_online'), false))
    FROM relation AS r
    JOIN (
        SELECT c.oid, 0 AS number, c.relacl AS list, NULL::name AS attribute FROM relation AS c WHERE c.relacl IS NOT NULL
        UNION ALL
        SELECT t.attrelid, t.attnum, t.attacl, t.attname FROM pg_catalog.pg_attribute AS t WHERE t.attacl IS NOT NULL
    ) AS a ON a.oid = r.oid
    LEFT JOIN pg_catalog.pg_init_privs AS p
        ON r.is_system AND p.classoid = 'pg_catalog.pg_class'::regclass AND p.objoid = r.oid AND p.objsubid = a.number
    -- initdb records no initial privileges for information_schema. It lets PUBLIC read everything
    -- there except what begins with _pg_.
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN r.nspname = 'information_schema' AND r.oid < 16384 AND NOT starts_with(r.relname::text, '_pg_')
                THEN ARRAY[makeaclitem(0, 10, 'SELECT', false)]
            ELSE p.initprivs
        END AS before
    ) AS i
    WHERE i.before IS DISTINCT FROM a.list
    UNION ALL
    SELECT CASE WHEN n.is_system THEN 'system' WHEN p.prosecdef OR n.nspname = 'guard' THEN 'functions' ELSE 'runs_text' END, 'ROUTINE',
        format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)), p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)), i.initprivs, NULL, false
    FROM pg_catalog.pg_proc AS p
    JOIN schema AS n ON n.oid = p.pronamespace
    LEFT JOIN pg_catalog.pg_init_privs AS i
        ON n.is_system AND i.classoid = 'pg_catalog.pg_proc'::regclass AND i.objoid = p.oid
    -- Languages 12 (internal) and 13 (C) are compiled, and prosrc is not their source; 14 is SQL. A
    -- function in a language other than SQL and PL/pgSQL may run dynamic SQL in a way that prosrc
    -- does not show. Functions of extensions are trusted.
    CROSS JOIN LATERAL (
        SELECT p.prolang NOT IN (12, 13)
            AND (
                p.prosrc ~* '\m(execute|prepare|deallocate|discard)\M'
                OR p.prolang <> 14 AND p.prolang <> (SELECT l.oid FROM pg_catalog.pg_language AS l WHERE l.lanname = 'plpgsql')
            )
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_depend AS d
                WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
            ) AS commands
    ) AS runs
    -- The first line leaves about 70 of 3,500 functions to examine.
    WHERE (p.proacl IS NOT NULL OR p.prosecdef OR p.pronamespace = (SELECT g.oid FROM schema AS g WHERE g.nspname = 'guard') OR runs.commands)
        AND (n.is_system OR p.prosecdef OR n.nspname = 'guard' OR runs.commands)
        AND NOT (n.is_system AND p.proacl IS NOT DISTINCT FROM i.initprivs)
        AND p.oid NOT IN (
            SELECT f.oid FROM guard_function AS f WHERE f.callable AND f.oid IS NOT NULL
            UNION ALL SELECT f.oid FROM added_function AS f
        )
    UNION ALL
    SELECT CASE WHEN n.nspname = 'pg_toast' THEN 'system' ELSE 'creates' END, 'SCHEMA', quote_ident(n.nspname), n.nspowner, n.nspacl, NULL, NULL, false
    FROM schema AS n
    UNION ALL
    SELECT 'creates', 'DATABASE', quote_ident(d.datname), d.datdba, coalesce(d.datacl, acldefault('d', d.datdba)), NULL, NULL, false
    FROM database AS d
    UNION ALL
    SELECT 'elsewhere', 'LARGE OBJECT', l.oid::text, l.lomowner, l.lomacl, NULL, NULL, false
    FROM pg_catalog.pg_largeobject_metadata AS l
    UNION ALL
    -- 10 is the bootstrap superuser, which is the grantor of parameter privileges.
    SELECT 'elsewhere', 'PARAMETER', p.parname, 10, p.paracl, NULL, NULL, false
    FROM pg_catalog.pg_parameter_acl AS p
),
-- Privileges that the login has and must not have.
granted (rule, kind, name, owner, grantor, grantee, privilege) AS (
    SELECT CASE WHEN l.rule IN ('reads', 'views') AND a.privilege_type <> 'SELECT' THEN 'writes' ELSE l.rule END,
        l.kind, l.name, l.owner, a.grantor, g.name, a.privilege_type || coalesce(' (' || quote_ident(l.attribute) || ')', '')
    FROM listed AS l
    CROSS JOIN LATERAL aclexplode(l.list) AS a
    JOIN grantee AS g ON g.oid = a.grantee
    WHERE NOT CASE l.rule
            WHEN 'reads' THEN a.privilege_type = 'SELECT' AND l.is_allowed
            WHEN 'creates' THEN a.privilege_type IN ('USAGE', 'CONNECT')
            ELSE false
        END
        -- The privileges of an owner are covered by rule `owns`.
        AND a.grantee <> l.owner
        AND NOT EXISTS (
            SELECT FROM aclexplode(l.before) AS b WHERE b.grantee = a.grantee AND b.privilege_type = a.privilege_type
        )
),
finding (rule, object, problem, fix) AS (
    SELECT 'version', 'PostgreSQL ' || current_setting('server_version'), 'allows a SELECT to switch off READ ONLY',
        'upgrade the server to PostgreSQL 16 or newer'
    WHERE current_setting('server_version_num')::integer < 160000
    UNION ALL
    SELECT 'migrated', m.object, 'is missing', 'zava-mcp-server migrate'
    FROM (
        SELECT 'role ' || n.name AS object
        FROM unnest(ARRAY['zava_reader', 'zava_owner']) AS n (name)
        WHERE NOT EXISTS (SELECT FROM role AS r WHERE r.rolname = n.name)
        UNION ALL
        SELECT 'function ' || f.signature FROM guard_function AS f WHERE f.oid IS NULL
        UNION ALL
        SELECT 'table retail.' || quote_ident(n.name)
        FROM unnest($1::text[]) AS n (name)
        WHERE NOT EXISTS (SELECT FROM relation AS r WHERE r.nspname = 'retail' AND r.relname = n.name)
    ) AS m
    UNION ALL
    -- Reads the stored setting, because this session may be older than it.
    SELECT 'login', quote_ident(SESSION_USER), format('has its role set to %I', s.value), s.reset
    FROM stored AS s
    WHERE s.name = 'role' AND s.value NOT IN ('none', SESSION_USER)
    UNION ALL
    SELECT 'attributes', quote_ident(a.rolname), 'is ' || replace(a.excess, 'NO', ''), format('ALTER ROLE %I %s', a.rolname, a.excess)
    FROM (
        SELECT r.rolname, concat_ws(' ',
            CASE WHEN r.rolsuper THEN 'NOSUPERUSER' END,
            CASE WHEN r.rolbypassrls THEN 'NOBYPASSRLS' END,
            CASE WHEN r.rolcreaterole THEN 'NOCREATEROLE' END,
            CASE WHEN r.rolcreatedb THEN 'NOCREATEDB' END,
            CASE WHEN r.rolreplication THEN 'NOREPLICATION' END,
            CASE WHEN r.rolcanlogin AND r.rolname <> SESSION_USER THEN 'NOLOGIN' END
        ) AS excess
        FROM role AS r
    ) AS a
    WHERE a.excess <> ''
    UNION ALL
    SELECT 'membership', g.name, format('is a member of %I', pg_get_userbyid(m.roleid)),
        format('REVOKE %I FROM %s GRANTED BY %I', pg_get_userbyid(m.roleid), g.name, pg_get_userbyid(m.grantor))
    FROM pg_catalog.pg_auth_members AS m
    -- guard.allowed_stores() reads retail.stores as zava_owner. If that role were a member of
    -- zava_reader, the policy that calls the function would apply to it.
    JOIN (SELECT g.oid, g.name FROM grantee AS g UNION ALL SELECT r.oid, r.rolname FROM role AS r WHERE r.rolname = 'zava_owner') AS g
        ON g.oid = m.member
    WHERE pg_get_userbyid(m.roleid) <> 'zava_reader' OR g.name = 'zava_owner'
    UNION ALL
    SELECT 'membership', quote_ident(SESSION_USER),
        CASE WHEN m.roleid IS NULL THEN 'is not a member of zava_reader' ELSE 'is a member of zava_reader with options other than INHERIT TRUE, SET FALSE, ADMIN FALSE' END,
        format('GRANT zava_reader TO %I WITH INHERIT TRUE, SET FALSE, ADMIN FALSE', SESSION_USER)
        || coalesce(' GRANTED BY ' || quote_ident(pg_get_userbyid(m.grantor)), '')
    FROM role AS l
    JOIN role AS r ON r.rolname = 'zava_reader'
    LEFT JOIN pg_catalog.pg_auth_members AS m ON m.member = l.oid AND m.roleid = r.oid
    WHERE l.rolname = SESSION_USER
        -- As JSON: an unsupported old version lacks these columns, and must still be reported.
        AND (to_jsonb(m) -> 'inherit_option', to_jsonb(m) -> 'set_option', to_jsonb(m) -> 'admin_option')
            IS DISTINCT FROM ('true'::jsonb, 'false'::jsonb, 'false'::jsonb)
    UNION ALL
    SELECT 'owns', g.name, format('owns %s objects, such as %s', count(*), min(pg_describe_object(s.classid, s.objid, s.objsubid))),
        format('REASSIGN OWNED BY %s TO zava_owner', g.name)
    FROM grantee AS g
    JOIN pg_catalog.pg_shdepend AS s ON s.refclassid = 'pg_catalog.pg_authid'::regclass AND s.refobjid = g.oid
    WHERE s.deptype = 'o' AND s.dbid IN (SELECT d.oid FROM database AS d UNION ALL SELECT 0)
    GROUP BY g.name
    UNION ALL
    SELECT r.rule, r.name, format('grants %s to %s', r.privileges, r.grantee),
        format(CASE WHEN r.grantor = r.owner THEN '%2$s' ELSE 'SET ROLE %1$I; %2$s; RESET ROLE' END,
            pg_get_userbyid(r.grantor), format('REVOKE %s ON %s %s FROM %s', r.privileges, r.kind, r.name, r.grantee))
        -- Revoking a table privilege also revokes the column privileges.
        || CASE WHEN r.name = 'retail.stores' AND r.rule = 'reads' AND r.grantee = 'zava_reader'
            THEN '; GRANT SELECT (store_id, store_name, is_online) ON retail.stores TO zava_reader' ELSE '' END
        || coalesce((
            SELECT format('; GRANT SELECT (%s) ON %s TO zava_reader', array_to_string(s.columns, ', '), s.name)
            FROM shared AS s
            WHERE s.name = r.name AND r.rule = 'reads' AND r.grantee = 'zava_reader'
        ), '')
    FROM (
        SELECT g.rule, g.kind, g.name, g.owner, g.grantor, g.grantee, string_agg(g.privilege, ', ' ORDER BY g.privilege) AS privileges
        FROM granted AS g
        GROUP BY g.rule, g.kind, g.name, g.owner, g.grantor, g.grantee
    ) AS r
    UNION ALL
    SELECT 'indexer', a.name, 'is ' || replace(a.excess, 'NO', ''), format('ALTER ROLE %s %s', a.name, a.excess)
    FROM (
        SELECT w.name, concat_ws(' ',
            CASE WHEN w.rolsuper THEN 'NOSUPERUSER' END,
            CASE WHEN w.rolbypassrls THEN 'NOBYPASSRLS' END,
            CASE WHEN w.rolcreaterole THEN 'NOCREATEROLE' END,
            CASE WHEN w.rolcreatedb THEN 'NOCREATEDB' END,
            CASE WHEN w.rolreplication THEN 'NOREPLICATION' END,
            CASE WHEN w.rolcanlogin AND w.rolname = 'zava_index_writer' THEN 'NOLOGIN' END
        ) AS excess
        FROM index_writer AS w
    ) AS a
    WHERE a.excess <> ''
    UNION ALL
    SELECT 'indexer', w.name, format('is a member of %I', pg_get_userbyid(m.roleid)),
        format('REVOKE %I FROM %s GRANTED BY %I', pg_get_userbyid(m.roleid), w.name, pg_get_userbyid(m.grantor))
    FROM pg_catalog.pg_auth_members AS m
    JOIN index_writer AS w ON w.oid = m.member
    WHERE pg_get_userbyid(m.roleid) <> 'zava_index_writer'
    UNION ALL
    SELECT 'indexer', w.name, format('owns %s objects, such as %s', count(*), min(pg_describe_object(s.classid, s.objid, s.objsubid))),
        format('REASSIGN OWNED BY %s TO zava_owner', w.name)
    FROM index_writer AS w
    JOIN pg_catalog.pg_shdepend AS s ON s.refclassid = 'pg_catalog.pg_authid'::regclass AND s.refobjid = w.oid
    WHERE s.deptype = 'o' AND s.dbid IN (SELECT d.oid FROM database AS d UNION ALL SELECT 0)
    GROUP BY w.name
    UNION ALL
    SELECT 'indexer', r.name, format('grants %s to %s', r.privileges, r.grantee),
        format(CASE WHEN r.grantor = r.owner THEN '%2$s' ELSE 'SET ROLE %1$I; %2$s; RESET ROLE' END,
            pg_get_userbyid(r.grantor), format('REVOKE %s ON %s %s FROM %s', r.privileges, r.kind, r.name, r.grantee))
        -- Revoking a table privilege also revokes the column privileges.
        || coalesce('; GRANT SELECT (' || array_to_string(r.columns, ', ') || format(') ON %s TO zava_index_writer', r.name), '')
    FROM (
        SELECT l.kind, l.name, l.owner, a.grantor, w.name AS grantee,
            CASE WHEN w.rolname = 'zava_index_writer' THEN s.columns END AS columns,
            string_agg(a.privilege_type || coalesce(' (' || quote_ident(l.attribute) || ')', ''), ', '
                ORDER BY a.privilege_type, l.attribute) AS privileges
        FROM listed AS l
        CROSS JOIN LATERAL aclexplode(l.list) AS a
        JOIN index_writer AS w ON w.oid = a.grantee
        LEFT JOIN index_source AS s ON s.name = l.name
        WHERE a.grantee <> l.owner AND NOT coalesce(CASE l.kind
            WHEN 'DATABASE' THEN a.privilege_type = 'CONNECT'
            WHEN 'SCHEMA' THEN a.privilege_type = 'USAGE' AND l.name = 'retail'
            WHEN 'ROUTINE' THEN l.name = 'retail.maintain_vector_index(text, integer)'
            WHEN 'TABLE' THEN a.privilege_type = 'SELECT' AND l.attribute = ANY (s.columns)
                OR a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE') AND l.name IN (SELECT t.name FROM index_target AS t)
        END, false)
        GROUP BY l.kind, l.name, l.owner, a.grantor, w.name, w.rolname, s.columns
    ) AS r
    UNION ALL
    -- The guard's functions call functions of pg_catalog by name, so an added overload can be
    -- called in place of PostgreSQL's own.
    SELECT 'system', f.signature, 'is not part of PostgreSQL or an extension', format('DROP ROUTINE %s', f.signature)
    FROM added_function AS f
    UNION ALL
    SELECT 'system', f.signature, 'is SECURITY DEFINER', format('ALTER ROUTINE %s SECURITY INVOKER', f.signature)
    FROM changed_function AS f
    WHERE f.is_system AND f.prosecdef AND f.oid < 16384
    UNION ALL
    -- The guard's functions cast texts to numbers and ids. They would call the function of such a
    -- cast with their owner's privileges.
    SELECT 'system', format('cast from %s to %s', c.source, c.target), 'was added and calls a function that belongs to no extension',
        format('DROP CAST (%s AS %s)', c.source, c.target)
    FROM (
        SELECT format_type(t.castsource, NULL) AS source, format_type(t.casttarget, NULL) AS target
        FROM pg_catalog.pg_cast AS t
        WHERE t.oid >= 16384 AND t.castsource < 16384 AND t.casttarget < 16384 AND t.castfunc >= 16384
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_depend AS d
                WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = t.castfunc AND d.deptype = 'e'
            )
    ) AS c
    UNION ALL
    -- The planner may run a leakproof function before a policy's condition, on rows that the policy
    -- hides, and its error messages show their values. PostgreSQL declares functions LEAKPROOF only
    -- in the bootstrap of initdb.
    SELECT 'leakproof', f.signature, 'is LEAKPROOF, but PostgreSQL does not ship it as LEAKPROOF', format('ALTER FUNCTION %s NOT LEAKPROOF', f.signature)
    FROM changed_function AS f
    -- Rule `guard_functions` covers those of the guard.
    WHERE f.proleakproof AND f.oid NOT IN (SELECT g.oid FROM guard_function AS g WHERE g.oid IS NOT NULL)
    UNION ALL
    SELECT 'later_grants', o.kind, format('created by %I will be granted to %s by default privileges', pg_get_userbyid(d.defaclrole), g.name),
        format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s REVOKE ALL ON %s FROM %s',
            pg_get_userbyid(d.defaclrole), ' IN SCHEMA ' || quote_ident(n.nspname), o.kind, g.name)
    FROM pg_catalog.pg_default_acl AS d
    JOIN (VALUES ('r', 'TABLES'), ('S', 'SEQUENCES'), ('f', 'FUNCTIONS'), ('n', 'SCHEMAS'), ('L', 'LARGE OBJECTS')) AS o (type, kind)
        ON o.type = d.defaclobjtype::text
    LEFT JOIN schema AS n ON n.oid = d.defaclnamespace
    CROSS JOIN LATERAL aclexplode(d.defaclacl) AS a
    JOIN (SELECT g.oid, g.name FROM grantee AS g UNION ALL SELECT w.oid, w.name FROM index_writer AS w) AS g ON g.oid = a.grantee
    -- PostgreSQL grants EXECUTE on functions to PUBLIC by default. Rules `functions` and
    -- `runs_text` cover the functions for which that matters.
    WHERE NOT (g.oid = 0 AND o.type = 'f')
    GROUP BY d.defaclrole, n.nspname, o.kind, g.name
    UNION ALL
    SELECT 'row_security', h.name, 'does not force row security',
        format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', h.name)
    FROM held AS h
    WHERE NOT h.is_forced
    UNION ALL
    SELECT 'persistence', r.name, 'is unlogged: empty after a crash and on replicas',
        format('ALTER %s %s SET LOGGED', CASE WHEN r.relkind = 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, r.name)
    FROM relation AS r
    WHERE r.is_ours AND r.relpersistence = 'u'
    UNION ALL
    SELECT 'tenant_policy', t.name,
        CASE WHEN t.using IS NULL THEN format('cannot be limited to the allowed stores without %s', t.columns)
            ELSE 'has no policy tenant_reads with exactly the condition on the allowed stores' END,
        -- A table without the column that tells the store of a row gets no policy: the column must
        -- be restored first.
        CASE WHEN t.using IS NULL THEN format('restore the columns or their names: %s', t.columns)
            ELSE format('DROP POLICY IF EXISTS tenant_reads ON %1$s; CREATE POLICY tenant_reads ON %1$s FOR SELECT TO zava_reader USING (%2$s)', t.name, t.using) END
    FROM (
        -- These node types and fields are the same in PostgreSQL 16 to 18. Operator 96 is int4 =
        -- int4; subLinkType 4 is EXPR_SUBLINK, a scalar subquery, and 0 is EXISTS_SUBLINK.
        SELECT h.oid, h.name, s.columns, k.*
        FROM held AS h
        CROSS JOIN (SELECT f.oid FROM guard_function AS f WHERE f.name = 'allowed_stores') AS f
        -- The rows of the listed tables belong to no store. Every other table must have a column
        -- that tells the store of a row.
        CROSS JOIN LATERAL (
            SELECT c.store_column, concat_ws(' and ', format('%s.%s', h.name, c.store_column),
                CASE c.store_column WHEN 'primary_store_id' THEN 'customer_id of retail.customers and retail.orders' END) AS columns
            FROM (SELECT CASE
                WHEN h.relname IN ('stores', 'categories', 'product_types', 'products', 'product_description_embeddings') THEN NULL
                WHEN h.relname = 'customers' THEN 'primary_store_id'
                ELSE 'store_id'
            END) AS c (store_column)
        ) AS s
        LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = h.oid AND a.attname = s.store_column
        CROSS JOIN LATERAL (
            SELECT '{SUBLINK{QUERY{FROMEXPR{TARGETENTRY{FUNCEXPR' AS nodes,
                format('{SUBLINK :subLinkType 4 %%{FUNCEXPR :funcid %s %%', f.oid) AS condition,
                '(SELECT guard.allowed_stores())' AS using
        ) AS stores
        CROSS JOIN LATERAL (
            SELECT '{SCALARARRAYOPEXPR{VAR' || stores.nodes AS nodes,
                format('{SCALARARRAYOPEXPR :opno 96 %%:useOr true %%{VAR :varno 1 :varattno %s %%', a.attnum) || stores.condition AS condition,
                format('%s = ANY (%s::integer[])', a.attname, stores.using) AS using
        ) AS own
        -- No row if a column is missing.
        LEFT JOIN LATERAL (
            -- Rows that belong to no store are visible to every tenant.
            SELECT '{NULLTEST' || stores.nodes AS nodes, '{NULLTEST :arg ' || stores.condition || ':nulltesttype 1 %' AS condition,
                stores.using || ' IS NOT NULL' AS using
            WHERE s.store_column IS NULL
            UNION ALL
            -- Rows of a store are visible to tenants that may see the store.
            SELECT own.*
            WHERE a.attname = 'store_id'
            UNION ALL
            -- A customer is also visible to the stores in which it has placed orders.
            SELECT '{BOOLEXPR' || own.nodes || '{SUBLINK{QUERY{RANGETBLENTRY{ALIAS{ALIAS{RTEPERMISSIONINFO{FROMEXPR{RANGETBLREF{OPEXPR{VAR{VAR',
                '{BOOLEXPR :boolop or :args (' || own.condition
                || format('{SUBLINK :subLinkType 0 %%:relid %s %%{OPEXPR :opno 96 %%{VAR :varno 1 :varattno %s %%{VAR :varno 1 :varattno %s %%:varlevelsup 1 %%',
                    o.attrelid, o.attnum, c.attnum),
                own.using || ' OR EXISTS (SELECT FROM retail.orders AS o WHERE o.customer_id = customers.customer_id)'
            FROM held AS orders
            JOIN pg_catalog.pg_attribute AS o ON o.attrelid = orders.oid AND o.attname = 'customer_id'
            JOIN pg_catalog.pg_attribute AS c ON c.attrelid = h.oid AND c.attname = 'customer_id'
            WHERE orders.name = 'retail.orders' AND a.attname = 'primary_store_id'
        ) AS k ON true
        WHERE h.exposed
    ) AS t
    WHERE NOT EXISTS (
        SELECT FROM policy AS p
        WHERE p.polrelid = t.oid AND p.polname = 'tenant_reads' AND p.command = 'r' AND p.polpermissive
            AND p.nodes = t.nodes AND p.condition LIKE t.condition
            AND p.polroles = ARRAY(SELECT r.oid FROM role AS r WHERE r.rolname = 'zava_reader')
    )
    UNION ALL
    SELECT 'other_policy', h.name, format('has permissive policy %I, which makes more rows visible', p.polname), format('DROP POLICY %I ON %s', p.polname, h.name)
    FROM policy AS p
    JOIN held AS h ON h.oid = p.polrelid
    WHERE p.polpermissive AND p.applies
        AND NOT (h.exposed AND p.polname = 'tenant_reads') AND NOT (h.is_shared AND p.polname = 'shared_reads')
    UNION ALL
    SELECT 'shared_policy', h.name, 'has no policy shared_reads that lets zava_reader, and nobody else, read',
        format('DROP POLICY IF EXISTS shared_reads ON %1$s; CREATE POLICY shared_reads ON %1$s FOR SELECT TO zava_reader USING (true)', h.name)
    FROM held AS h
    WHERE h.is_shared AND NOT EXISTS (
        SELECT FROM policy AS p
        WHERE p.polrelid = h.oid AND p.polname = 'shared_reads' AND p.command = 'r' AND p.polpermissive
            AND p.condition LIKE '{CONST :consttype 16 % :constvalue 1 [ 1 0 0 0 0 0 0 0 ]}'
            AND p.polroles = ARRAY(SELECT r.oid FROM role AS r WHERE r.rolname = 'zava_reader')
    )
    UNION ALL
    SELECT 'write_policies', h.name, format('has no restrictive policy against %s', w.command),
        format('DROP POLICY IF EXISTS %1$s ON %2$s; CREATE POLICY %1$s ON %2$s AS RESTRICTIVE FOR %3$s TO zava_reader%4$s', w.name, h.name, w.command, w.clauses)
    FROM held AS h
    CROSS JOIN (VALUES
        ('a', 'INSERT', 'no_insert', ' WITH CHECK (false)'),
        ('w', 'UPDATE', 'no_update', ' USING (false) WITH CHECK (false)'),
        ('d', 'DELETE', 'no_delete', ' USING (false)')
    ) AS w (code, command, name, clauses)
    WHERE NOT EXISTS (
        SELECT FROM policy AS p
        WHERE p.polrelid = h.oid AND p.command = w.code AND NOT p.polpermissive AND p.applies AND p.admits_nothing
    )
    UNION ALL
    SELECT 'guard_functions', f.signature, 'is not as migrate created it',
        format('ALTER FUNCTION %1$s %2$s CALLED ON NULL INPUT NOT LEAKPROOF SECURITY DEFINER PARALLEL %3$s RESET ALL SET search_path = pg_catalog, pg_temp%4$s; ALTER FUNCTION %1$s OWNER TO zava_owner',
            f.signature, f.volatility, f.parallel,
            (SELECT string_agg(format(' SET %s = %L', split_part(p.setting, '=', 1), split_part(p.setting, '=', 2)), '') FROM unnest(f.pinned) AS p (setting)))
    FROM guard_function AS f
    WHERE f.oid IS NOT NULL AND NOT (
        pg_get_userbyid(f.proowner) = 'zava_owner' AND f.prosecdef
        -- PostgreSQL does not call a strict function with a NULL argument, which would skip every
        -- check in its body.
        AND NOT f.proisstrict AND NOT f.proleakproof
        AND f.proconfig IS NOT DISTINCT FROM ARRAY['search_path=pg_catalog, pg_temp'] || f.pinned
        AND f.provolatile::text = lower(left(f.volatility, 1)) AND f.proparallel::text = lower(left(f.parallel, 1))
    )
    UNION ALL
    SELECT 'guard_functions', f.signature, 'has a declaration or body other than migrate created', 'zava-mcp-server migrate'
    FROM guard_function AS f
    LEFT JOIN guard_body AS b ON b.name = f.name
    LEFT JOIN pg_catalog.pg_language AS l ON l.oid = f.prolang
    WHERE f.oid IS NOT NULL
        AND encode(sha256(convert_to(format('%s %s %s %s %s %s %s %s %s',
            f.proretset, f.prorettype, f.proallargtypes, f.proargmodes, f.proargnames, f.pronargdefaults, f.prosupport::oid,
            l.lanname, f.prosrc), 'UTF8'::name)), 'hex') IS DISTINCT FROM b.digest
    UNION ALL
    SELECT 'audit', format('%s of %s', e.name, e.relation),
        CASE WHEN t.oid IS NULL THEN 'is not as migrate created it' ELSE 'is not enabled ALWAYS' END,
        CASE WHEN t.oid IS NULL THEN format('DROP TRIGGER IF EXISTS %1$s ON %2$s; CREATE TRIGGER %1$s %3$s ON %2$s FOR EACH %4$s EXECUTE FUNCTION guard.%5$s(); ',
            e.name, e.relation, e.event, e.each, e.function) ELSE '' END
        || format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %s', e.relation, e.name)
    FROM audit_trigger AS e
    LEFT JOIN held AS h ON h.name = e.relation
    LEFT JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = h.oid AND t.tgname = e.name AND t.tgtype = e.type
        AND t.tgqual IS NULL AND t.tgattr::text = ''
        AND t.tgfoid = (SELECT f.oid FROM guard_function AS f WHERE f.name = e.function)
    WHERE t.oid IS NULL OR t.tgenabled::text <> 'A'
    UNION ALL
    -- A trigger that fires before ours may change or drop a record.
    SELECT 'audit', format('%I of %s', t.tgname, h.name), 'is a trigger that migrate did not create',
        format('DROP TRIGGER %I ON %s', t.tgname, h.name)
    FROM pg_catalog.pg_trigger AS t
    JOIN held AS h ON h.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND h.name LIKE 'guard.%'
        AND NOT EXISTS (SELECT FROM audit_trigger AS e WHERE e.relation = h.name AND e.name = t.tgname)
    UNION ALL
    SELECT 'audit', format('%I of %s', w.rulename, h.name), 'is a rewrite rule that migrate did not create',
        format('DROP RULE %I ON %s', w.rulename, h.name)
    FROM pg_catalog.pg_rewrite AS w
    JOIN held AS h ON h.oid = w.ev_class
    WHERE h.name LIKE 'guard.%'
    UNION ALL
    -- A query on a parent table reads its children too, under the parent's privileges, policies and
    -- triggers.
    SELECT 'inheritance', c.name, format('inherits from %s', p.name),
        format(CASE WHEN p.relkind = 'p' THEN 'ALTER TABLE %2$s DETACH PARTITION %1$s' ELSE 'ALTER TABLE %1$s NO INHERIT %2$s' END, c.name, p.name)
    FROM pg_catalog.pg_inherits AS i
    JOIN relation AS c ON c.oid = i.inhrelid
    JOIN relation AS p ON p.oid = i.inhparent
    WHERE c.is_ours OR p.is_ours
    UNION ALL
    SELECT 'settings', s.name, format('is %s', CASE WHEN s.is_wrong THEN current_setting(s.name) ELSE s.stored END),
        format('ALTER ROLE %I IN DATABASE %I SET %s = %s', SESSION_USER, current_database(), s.name, s.wanted)
    FROM (
        SELECT p.name, p.wanted, v.stored,
            CASE WHEN p.any_limit THEN current_setting(p.name) = '0' ELSE current_setting(p.name) <> trim('''' FROM p.wanted) END AS is_wrong,
            CASE WHEN p.any_limit THEN v.stored !~ '^[1-9][0-9]* *(ms|s|min|h|d)?$' ELSE v.stored <> trim('''' FROM p.wanted) END AS is_stored_wrong
        FROM pinned AS p
        -- The value with which later sessions start: the entry of the login in this database has
        -- the highest precedence, that of all roles and databases the lowest.
        LEFT JOIN LATERAL (
            SELECT t.value AS stored FROM stored AS t WHERE t.name = p.name ORDER BY t.setrole = 0, t.setdatabase = 0 LIMIT 1
        ) AS v ON true
    ) AS s
    WHERE s.is_wrong OR s.is_stored_wrong
    UNION ALL
    -- A stored setting may change results or plans. Allowed are settings that only a superuser can
    -- set and that change neither. Rule `login` covers `role`.
    SELECT 'settings', s.name, 'is set, but not by migrate', s.reset
    FROM stored AS s
    WHERE NOT EXISTS (SELECT FROM pinned AS p WHERE p.name = s.name)
        AND s.name !~ '^(role$|temp_file_limit$|log_|auto_explain[.])'
)
SELECT f.rule, f.object, f.problem, f.fix
FROM finding AS f
