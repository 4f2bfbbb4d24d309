-- Creates or repairs the roles of one deployment. Idempotent.
--   zava_owner         owns the schemas; NOLOGIN
--   zava_reader        holds the privileges of a query login; NOLOGIN
--   zava_index_writer  holds the privileges of the login that writes the search index; NOLOGIN
--   zava.login         (session setting) the login that `serve` uses: owns nothing, writes nothing
--   zava.indexer       (session setting) the login that `embed` uses: owns nothing, writes the
--                      search index; '' to create none
-- The session settings zava.login_password and zava.indexer_password hold the logins' SCRAM
-- verifiers, or '' to leave the password unchanged (on a server that authenticates logins by tokens
-- instead).
-- Run by an administrator with CREATEROLE; neither superuser nor BYPASSRLS is needed.
DO $$
DECLARE
    login text := current_setting('zava.login');
    verifier text := current_setting('zava.login_password');
    indexer text := current_setting('zava.indexer');
    indexer_verifier text := current_setting('zava.indexer_password');
    setting text;
BEGIN
    IF login IN ('zava_owner', 'zava_reader', 'zava_index_writer', current_user::text) THEN
        RAISE EXCEPTION 'POSTGRES_USER must name a dedicated login, not %', login;
    END IF;
    IF indexer IN ('zava_owner', 'zava_reader', 'zava_index_writer', login, current_user::text) THEN
        RAISE EXCEPTION 'POSTGRES_INDEXER_USER must name a dedicated login, not %', indexer;
    END IF;

    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'zava_owner') THEN
        CREATE ROLE zava_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOINHERIT;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'zava_reader') THEN
        CREATE ROLE zava_reader NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOINHERIT;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'zava_index_writer') THEN
        CREATE ROLE zava_index_writer NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOINHERIT;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) THEN
        EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOINHERIT', login);
    END IF;

    -- The administrator migrates as the owner (SET ROLE); it does not inherit the owner's
    -- privileges.
    IF NOT pg_has_role(current_user, 'zava_owner', 'SET') THEN
        EXECUTE format('GRANT zava_owner TO %I WITH SET TRUE, INHERIT FALSE', current_user);
    END IF;
    -- The login inherits the reader's privileges and cannot SET ROLE to it.
    EXECUTE format('GRANT zava_reader TO %I WITH INHERIT TRUE, SET FALSE, ADMIN FALSE', login);

    IF verifier <> '' THEN
        EXECUTE format('ALTER ROLE %I PASSWORD %L', login, verifier);
    END IF;

    -- Defense in depth for sessions that `serve` did not open; `serve` sets its own limits in each
    -- transaction.
    FOREACH setting IN ARRAY ARRAY[
        'default_transaction_read_only = on',
        'search_path = retail, public',
        'statement_timeout = ''15s''',
        'idle_in_transaction_session_timeout = ''30s''',
        'lock_timeout = ''2s''',
        'work_mem = ''4MB''',
        'jit = off',
        'max_parallel_workers_per_gather = 0',
        'row_security = on',
        'TimeZone = ''UTC''',
        'DateStyle = ''ISO, MDY''',
        'IntervalStyle = ''postgres''',
        'bytea_output = ''hex''',
        'extra_float_digits = 1'
    ] LOOP
        EXECUTE format('ALTER ROLE %I SET %s', login, setting);
    END LOOP;

    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), login);
    EXECUTE format('GRANT CONNECT, CREATE, TEMPORARY ON DATABASE %I TO zava_owner', current_database());

    IF indexer = '' THEN
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = indexer) THEN
        EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOINHERIT', indexer);
    END IF;
    -- The indexer inherits the privileges on the search index and cannot SET ROLE.
    EXECUTE format('GRANT zava_index_writer TO %I WITH INHERIT TRUE, SET FALSE, ADMIN FALSE', indexer);
    IF indexer_verifier <> '' THEN
        EXECUTE format('ALTER ROLE %I PASSWORD %L', indexer, indexer_verifier);
    END IF;
    -- A session that hangs, or whose machine is lost, must not hold the lock of the search index for
    -- long.
    FOREACH setting IN ARRAY ARRAY[
        'tcp_keepalives_idle = 30',
        'tcp_keepalives_interval = 10',
        'tcp_keepalives_count = 3',
        'search_path = pg_catalog, public',
        'statement_timeout = ''5min''',
        'idle_in_transaction_session_timeout = ''30s''',
        'lock_timeout = ''10s''',
        'jit = off',
        'row_security = on'
    ] LOOP
        EXECUTE format('ALTER ROLE %I SET %s', indexer, setting);
    END LOOP;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), indexer);
END;
$$;
