-- Creates or repairs the roles of one deployment. Idempotent.
--   zava_owner   owns the schemas; NOLOGIN
--   zava_reader  holds the privileges of a query login; NOLOGIN
--   zava.login   (session setting) the login that `serve` uses: owns nothing, writes nothing
-- The session setting zava.login_password holds the login's SCRAM verifier, or '' to leave the
-- password unchanged (on a server that authenticates logins by tokens instead).
-- Run by an administrator with CREATEROLE; neither superuser nor BYPASSRLS is needed.
DO $$
DECLARE
    login text := current_setting('zava.login');
    verifier text := current_setting('zava.login_password');
    setting text;
BEGIN
    IF login IN ('zava_owner', 'zava_reader', current_user::text) THEN
        RAISE EXCEPTION 'POSTGRES_USER must name a dedicated login, not %', login;
    END IF;

    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'zava_owner') THEN
        CREATE ROLE zava_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOINHERIT;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'zava_reader') THEN
        CREATE ROLE zava_reader NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOINHERIT;
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
END;
$$;
