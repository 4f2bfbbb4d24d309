/// Violations of the posture that `migrate` sets up: the rule that must find each, and the
/// statements that cause it. `{login}`, `{indexer}` and `{database}` stand for the test's own.
pub(crate) const VIOLATIONS: &[(&str, &str)] = &[
    ("login", "ALTER ROLE {login} SET role = 'zava_reader'"),
    ("attributes", "ALTER ROLE {login} SUPERUSER"),
    ("attributes", "ALTER ROLE {login} BYPASSRLS"),
    ("attributes", "ALTER ROLE {login} CREATEROLE CREATEDB"),
    ("attributes", "ALTER ROLE {login} REPLICATION"),
    ("membership", "GRANT pg_read_all_data TO {login}"),
    (
        "membership",
        "GRANT pg_execute_server_program TO {login} WITH INHERIT FALSE, SET TRUE",
    ),
    (
        "membership",
        "CREATE ROLE {login}_other; GRANT {login}_other TO {login}",
    ),
    ("membership", "GRANT zava_reader TO {login} WITH SET TRUE"),
    (
        "membership",
        "GRANT zava_reader TO {login} WITH ADMIN TRUE GRANTED BY zava_admin",
    ),
    (
        "membership",
        "REVOKE zava_reader FROM {login} GRANTED BY zava_admin; REVOKE zava_reader FROM {login} GRANTED BY postgres",
    ),
    (
        "owns",
        "CREATE TABLE public.mine (); ALTER TABLE public.mine OWNER TO {login}",
    ),
    ("owns", "CREATE SCHEMA theirs AUTHORIZATION {login}"),
    (
        "owns",
        "SELECT lo_create(4710); ALTER LARGE OBJECT 4710 OWNER TO {login}",
    ),
    (
        "writes",
        "GRANT INSERT, UPDATE ON retail.orders TO zava_reader",
    ),
    (
        "writes",
        "GRANT UPDATE (email), REFERENCES (phone) ON retail.customers TO {login}",
    ),
    (
        "writes",
        "GRANT USAGE ON SEQUENCE retail.orders_order_id_seq TO PUBLIC",
    ),
    (
        "writes",
        "GRANT TRUNCATE, TRIGGER ON retail.products TO {login}",
    ),
    ("writes", "GRANT MAINTAIN ON retail.products TO {login}"),
    (
        "writes",
        r#"CREATE TABLE public."odd; name" (); GRANT DELETE ON public."odd; name" TO {login}"#,
    ),
    (
        "writes",
        "CREATE ROLE {login}_lender; GRANT INSERT ON retail.orders TO {login}_lender WITH GRANT OPTION; GRANT USAGE ON SCHEMA retail TO {login}_lender; \
                SET ROLE {login}_lender; GRANT INSERT ON retail.orders TO {login}; RESET ROLE",
    ),
    ("creates", "GRANT CREATE ON SCHEMA public TO PUBLIC"),
    ("creates", "GRANT CREATE ON SCHEMA retail TO zava_reader"),
    (
        "creates",
        "GRANT TEMPORARY ON DATABASE {database} TO PUBLIC",
    ),
    ("reads", "GRANT SELECT ON guard.signing_key TO zava_reader"),
    ("reads", "GRANT SELECT ON retail.stores TO zava_reader"),
    (
        "reads",
        "GRANT SELECT (rls_user_id) ON retail.stores TO {login}",
    ),
    (
        "reads",
        "CREATE TABLE public.notes (); GRANT SELECT ON public.notes TO PUBLIC",
    ),
    // A column that is added to a table which is read without a tenant.
    (
        "reads",
        "ALTER TABLE retail.product_search ADD COLUMN note text; GRANT SELECT (note) ON retail.product_search TO zava_reader",
    ),
    (
        "reads",
        "GRANT SELECT ON retail.search_words, retail.embedding_models TO zava_reader",
    ),
    (
        "shared_policy",
        "DROP POLICY shared_reads ON retail.search_synonyms",
    ),
    (
        "shared_policy",
        "ALTER POLICY shared_reads ON retail.search_words TO PUBLIC",
    ),
    (
        "shared_policy",
        "DROP POLICY shared_reads ON retail.product_search; \
         CREATE POLICY shared_reads ON retail.product_search TO zava_reader USING (true) WITH CHECK (true)",
    ),
    (
        "other_policy",
        "CREATE POLICY shared_reads ON retail.orders FOR SELECT TO zava_reader USING (true)",
    ),
    (
        "later_grants",
        "ALTER DEFAULT PRIVILEGES FOR ROLE zava_owner GRANT SELECT ON TABLES TO zava_index_writer",
    ),
    ("indexer", "ALTER ROLE {indexer} SUPERUSER"),
    (
        "indexer",
        "ALTER ROLE {indexer} BYPASSRLS CREATEROLE CREATEDB REPLICATION",
    ),
    ("indexer", "GRANT pg_read_all_data TO {indexer}"),
    (
        "indexer",
        "GRANT zava_reader TO {indexer} WITH INHERIT FALSE, SET TRUE",
    ),
    (
        "indexer",
        "CREATE TABLE public.indexed (); ALTER TABLE public.indexed OWNER TO {indexer}",
    ),
    ("indexer", "GRANT SELECT ON retail.orders TO {indexer}"),
    (
        "indexer",
        "GRANT INSERT, UPDATE ON retail.products TO zava_index_writer",
    ),
    (
        "indexer",
        "GRANT SELECT ON retail.products, retail.categories TO zava_index_writer",
    ),
    (
        "indexer",
        "GRANT SELECT (base_price), UPDATE (product_name) ON retail.products TO {indexer}",
    ),
    (
        "indexer",
        "GRANT SELECT (store_name) ON retail.stores TO zava_index_writer",
    ),
    (
        "indexer",
        "GRANT SELECT, INSERT ON retail.search_synonyms TO zava_index_writer",
    ),
    (
        "indexer",
        "GRANT TRUNCATE, REFERENCES, TRIGGER ON retail.product_search TO zava_index_writer",
    ),
    ("indexer", "GRANT SELECT ON guard.signing_key TO {indexer}"),
    (
        "functions",
        "GRANT EXECUTE ON FUNCTION retail.maintain_vector_index(text, integer) TO PUBLIC",
    ),
    (
        "indexer",
        "CREATE FUNCTION retail.maintain_vector_index(text, bigint) RETURNS text LANGUAGE sql SECURITY DEFINER RETURN $1; \
         REVOKE ALL ON FUNCTION retail.maintain_vector_index(text, bigint) FROM PUBLIC; \
         GRANT EXECUTE ON FUNCTION retail.maintain_vector_index(text, bigint) TO zava_index_writer",
    ),
    (
        "indexer",
        "GRANT USAGE ON SCHEMA guard TO zava_index_writer; GRANT EXECUTE ON FUNCTION guard.append_audit(json) TO {indexer}",
    ),
    (
        "indexer",
        "GRANT CREATE ON SCHEMA retail TO {indexer}; GRANT TEMPORARY, CREATE ON DATABASE {database} TO {indexer}",
    ),
    (
        "indexer",
        "CREATE ROLE {login}_second LOGIN; GRANT zava_index_writer TO {login}_second; \
         GRANT CONNECT ON DATABASE {database} TO {login}_second; ALTER ROLE {login}_second BYPASSRLS",
    ),
    (
        "reads",
        "CREATE VIEW retail.mine WITH (security_invoker) AS SELECT 1 AS one; GRANT SELECT ON retail.mine TO zava_reader",
    ),
    (
        "views",
        "CREATE VIEW retail.totals AS SELECT count(*) FROM retail.orders; GRANT SELECT ON retail.totals TO zava_reader",
    ),
    (
        "views",
        "CREATE VIEW public.seen WITH (security_invoker = off) AS SELECT 1 AS one; GRANT SELECT (one) ON public.seen TO {login}",
    ),
    (
        "views",
        "CREATE MATERIALIZED VIEW public.kept AS SELECT store_id FROM retail.orders; GRANT SELECT ON public.kept TO PUBLIC",
    ),
    (
        "functions",
        "CREATE FUNCTION public.peek(n integer) RETURNS bigint SECURITY DEFINER LANGUAGE sql AS 'SELECT count(*) FROM retail.orders'",
    ),
    (
        "functions",
        "GRANT EXECUTE ON FUNCTION guard.mac(integer, bytea) TO zava_reader",
    ),
    (
        "functions",
        "CREATE FUNCTION guard.more() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    ),
    (
        "runs_text",
        "CREATE FUNCTION public.run(command text) RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE command; END'",
    ),
    (
        "runs_text",
        "CREATE FUNCTION public.keep() RETURNS void LANGUAGE sql AS 'PREPARE kept AS SELECT 1'",
    ),
    (
        "system",
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO PUBLIC",
    ),
    ("system", "GRANT SELECT ON pg_catalog.pg_authid TO {login}"),
    (
        "system",
        "GRANT SELECT (rolpassword) ON pg_catalog.pg_authid TO PUBLIC",
    ),
    (
        "system",
        "CREATE VIEW information_schema.secrets AS SELECT ipad FROM guard.signing_key; \
         GRANT SELECT ON information_schema.secrets TO PUBLIC",
    ),
    (
        "system",
        "GRANT INSERT ON information_schema.sql_features TO PUBLIC; \
         GRANT SELECT ON information_schema._pg_user_mappings TO {login}",
    ),
    (
        "system",
        "CREATE FUNCTION pg_catalog.peek() RETURNS bigint SECURITY DEFINER LANGUAGE sql AS 'SELECT count(*) FROM retail.orders'",
    ),
    (
        "system",
        "CREATE FUNCTION pg_catalog.convert_to(text, text) RETURNS bytea IMMUTABLE LANGUAGE sql AS 'SELECT convert_to($1, $2::name)'",
    ),
    (
        "system",
        "CREATE FUNCTION information_schema.peek() RETURNS bigint STRICT LANGUAGE internal AS 'pg_backend_pid'; \
         GRANT EXECUTE ON FUNCTION information_schema.peek() TO {login}",
    ),
    (
        "system",
        "ALTER FUNCTION pg_catalog.query_to_xml(text, boolean, boolean, text) SECURITY DEFINER",
    ),
    (
        "system",
        "GRANT USAGE ON SCHEMA pg_toast TO zava_reader; DO $$ BEGIN EXECUTE format('GRANT SELECT ON %s TO zava_reader', \
         (SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 'retail.customers'::regclass)); \
         EXECUTE format('GRANT SELECT (chunk_data) ON %s TO PUBLIC', \
         (SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 'retail.products'::regclass)); END $$",
    ),
    (
        "system",
        "CREATE FUNCTION public.to_uuid(text) RETURNS uuid LANGUAGE sql RETURN uuid_in(textout($1)); \
         CREATE CAST (text AS uuid) WITH FUNCTION public.to_uuid(text)",
    ),
    ("leakproof", "ALTER FUNCTION int4in(cstring) LEAKPROOF"),
    (
        "leakproof",
        "ALTER FUNCTION pg_catalog.textout(text) LEAKPROOF; \
         CREATE FUNCTION public.seen(value text) RETURNS boolean LANGUAGE sql LEAKPROOF RETURN value IS NOT NULL",
    ),
    (
        "elsewhere",
        "GRANT SET ON PARAMETER session_replication_role TO {login}",
    ),
    (
        "elsewhere",
        "SELECT lo_from_bytea(4711, 'x'); GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC",
    ),
    (
        "later_grants",
        "ALTER DEFAULT PRIVILEGES FOR ROLE zava_owner IN SCHEMA retail GRANT SELECT ON TABLES TO zava_reader",
    ),
    (
        "later_grants",
        "ALTER DEFAULT PRIVILEGES FOR ROLE zava_owner GRANT INSERT ON TABLES TO PUBLIC",
    ),
    (
        "row_security",
        "ALTER TABLE retail.orders NO FORCE ROW LEVEL SECURITY",
    ),
    (
        "row_security",
        "ALTER TABLE guard.tenant DISABLE ROW LEVEL SECURITY",
    ),
    (
        "row_security",
        "CREATE TABLE retail.plain (); ALTER TABLE retail.plain OWNER TO zava_owner; \
                      CREATE POLICY no_insert ON retail.plain AS RESTRICTIVE FOR INSERT TO zava_reader WITH CHECK (false); \
                      CREATE POLICY no_update ON retail.plain AS RESTRICTIVE FOR UPDATE TO zava_reader USING (false); \
                      CREATE POLICY no_delete ON retail.plain AS RESTRICTIVE FOR DELETE TO zava_reader USING (false)",
    ),
    ("persistence", "ALTER TABLE guard.audit SET UNLOGGED"),
    ("persistence", "ALTER TABLE retail.order_items SET UNLOGGED"),
    (
        "persistence",
        "ALTER SEQUENCE retail.orders_order_id_seq SET UNLOGGED",
    ),
    (
        "tenant_policy",
        "DROP POLICY tenant_reads ON retail.customers",
    ),
    (
        "tenant_policy",
        "ALTER POLICY tenant_reads ON retail.inventory USING (true)",
    ),
    (
        "tenant_policy",
        "ALTER POLICY tenant_reads ON retail.orders USING ((SELECT guard.allowed_stores()) IS NOT NULL)",
    ),
    (
        "tenant_policy",
        "ALTER POLICY tenant_reads ON retail.orders USING (store_id = ANY ((SELECT guard.allowed_stores())::integer[]) OR true)",
    ),
    (
        "tenant_policy",
        "ALTER POLICY tenant_reads ON retail.orders USING (store_id <> ALL ((SELECT guard.allowed_stores())::integer[]))",
    ),
    (
        "tenant_policy",
        "ALTER POLICY tenant_reads ON retail.orders USING (store_id <> ANY ((SELECT guard.allowed_stores())::integer[]))",
    ),
    (
        "tenant_policy",
        "ALTER POLICY tenant_reads ON retail.order_items USING (quantity = ANY ((SELECT guard.allowed_stores())::integer[]))",
    ),
    (
        "tenant_policy",
        "DO $$ BEGIN EXECUTE format('ALTER POLICY tenant_reads ON retail.orders USING \
         (store_id = ANY ((SELECT ARRAY[1,2,3,4,5,6,7,8] AS \"x{FUNCEXPR :funcid %s y\")::integer[]))', \
         'guard.allowed_stores()'::regprocedure::oid); END $$",
    ),
    (
        "tenant_policy",
        "ALTER POLICY tenant_reads ON retail.products USING ((SELECT guard.allowed_stores()) IS NULL)",
    ),
    (
        "tenant_policy",
        "ALTER POLICY tenant_reads ON retail.customers USING (primary_store_id = ANY ((SELECT guard.allowed_stores())::integer[]) \
         OR EXISTS (SELECT FROM retail.orders AS o WHERE o.order_id = customers.customer_id))",
    ),
    (
        "tenant_policy",
        "ALTER POLICY tenant_reads ON retail.customers USING (primary_store_id = ANY ((SELECT guard.allowed_stores())::integer[]) \
         OR EXISTS (SELECT FROM retail.stores AS o WHERE o.store_id = customers.primary_store_id))",
    ),
    (
        "tenant_policy",
        "ALTER POLICY tenant_reads ON retail.products TO zava_reader, PUBLIC",
    ),
    (
        "other_policy",
        "CREATE POLICY more ON retail.orders FOR SELECT USING (true)",
    ),
    (
        "other_policy",
        "CREATE POLICY keys ON guard.signing_key TO zava_reader USING (true)",
    ),
    (
        "other_policy",
        "CREATE POLICY mine ON retail.order_items FOR SELECT TO {login} USING (true)",
    ),
    ("write_policies", "DROP POLICY no_update ON retail.orders"),
    (
        "write_policies",
        "ALTER POLICY no_insert ON retail.stores WITH CHECK (true)",
    ),
    (
        "guard_functions",
        "ALTER FUNCTION guard.allowed_stores() RESET search_path",
    ),
    (
        "guard_functions",
        "ALTER FUNCTION guard.allowed_stores() SET search_path = public, pg_catalog",
    ),
    (
        "guard_functions",
        "ALTER FUNCTION guard.allowed_stores() OWNER TO postgres",
    ),
    (
        "guard_functions",
        "ALTER FUNCTION guard.allowed_stores() SECURITY INVOKER",
    ),
    (
        "guard_functions",
        "ALTER FUNCTION guard.allowed_stores() IMMUTABLE PARALLEL SAFE",
    ),
    (
        "guard_functions",
        "ALTER FUNCTION guard.row_as_json(anyelement) RESET bytea_output",
    ),
    (
        "guard_functions",
        "ALTER FUNCTION guard.must_be_asked(integer, text, text, bigint, bytea) STRICT",
    ),
    (
        "guard_functions",
        "ALTER FUNCTION guard.mac(integer, bytea) LEAKPROOF",
    ),
    ("audit", "DROP TRIGGER append_only ON guard.audit"),
    (
        "audit",
        "ALTER TABLE guard.entitlement DISABLE TRIGGER audit_act",
    ),
    (
        "audit",
        "ALTER TABLE guard.tenant ENABLE REPLICA TRIGGER audit_truncate",
    ),
    (
        "audit",
        "DROP TRIGGER audit_act ON guard.signing_key; \
         CREATE TRIGGER audit_act AFTER INSERT OR UPDATE OR DELETE ON guard.signing_key FOR EACH ROW EXECUTE FUNCTION guard.refuse_change(); \
         ALTER TABLE guard.signing_key ENABLE ALWAYS TRIGGER audit_act",
    ),
    (
        "audit",
        "DROP TRIGGER audit_act ON guard.api_key; \
         CREATE TRIGGER audit_act AFTER INSERT OR UPDATE OR DELETE ON guard.api_key FOR EACH ROW WHEN (false) EXECUTE FUNCTION guard.audit_act(); \
         ALTER TABLE guard.api_key ENABLE ALWAYS TRIGGER audit_act",
    ),
    (
        "audit",
        "DROP TRIGGER audit_act ON guard.api_key; \
         CREATE TRIGGER audit_act AFTER INSERT OR DELETE OR UPDATE OF key_name ON guard.api_key FOR EACH ROW EXECUTE FUNCTION guard.audit_act(); \
         ALTER TABLE guard.api_key ENABLE ALWAYS TRIGGER audit_act",
    ),
    (
        "audit",
        "CREATE FUNCTION public.lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
         CREATE TRIGGER lose BEFORE INSERT ON guard.audit FOR EACH ROW EXECUTE FUNCTION public.lose()",
    ),
    (
        "audit",
        "CREATE RULE lose AS ON INSERT TO guard.audit DO INSTEAD NOTHING",
    ),
    (
        "inheritance",
        "CREATE TABLE public.more () INHERITS (guard.entitlement)",
    ),
    (
        "inheritance",
        "CREATE TABLE public.wider (LIKE guard.signing_key); ALTER TABLE guard.signing_key INHERIT public.wider",
    ),
    (
        "inheritance",
        r#"CREATE TABLE public."odd; child" () INHERITS (retail.orders)"#,
    ),
    (
        "settings",
        "ALTER ROLE {login} IN DATABASE {database} SET default_transaction_read_only = off",
    ),
    ("settings", "ALTER ROLE {login} SET statement_timeout = 0"),
    ("settings", "ALTER ROLE {login} SET row_security = off"),
    (
        "settings",
        "ALTER ROLE {login} SET search_path = public, retail",
    ),
    // Settings that the login can change itself; only sessions that begin later are affected.
    (
        "settings",
        "ALTER ROLE {login} IN DATABASE {database} SET extra_float_digits = -14",
    ),
    (
        "settings",
        "ALTER ROLE {login} SET TimeZone = 'Asia/Tokyo'; ALTER ROLE {login} SET DateStyle = 'German'; \
         ALTER ROLE {login} SET IntervalStyle = 'iso_8601'; ALTER ROLE {login} SET bytea_output = 'escape'",
    ),
    (
        "settings",
        "ALTER ROLE {login} IN DATABASE {database} SET work_mem = '1GB'; ALTER ROLE {login} SET jit = on; \
         ALTER ROLE {login} SET max_parallel_workers_per_gather = 8",
    ),
    (
        "settings",
        "ALTER ROLE {login} SET enable_seqscan = off; ALTER ROLE {login} IN DATABASE {database} SET a.\"end\" = 'x'",
    ),
    (
        "settings",
        "ALTER DATABASE {database} SET enable_hashjoin = off",
    ),
];
