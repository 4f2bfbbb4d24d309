-- Lets pgbench read as one tenant. Creates a function that signs a context for the backend that
-- calls it, and a login that may call it. The server's own login must not be able to, and its
-- posture check would refuse such a grant. Run in one transaction by a login that may create roles
-- and act as zava_owner.
-- psql variables: key_id, tenant, password (of the login zava_bench). drop_signing.sql removes it at
-- the end of the run.
CREATE ROLE zava_bench LOGIN NOINHERIT PASSWORD :'password';
GRANT zava_reader TO zava_bench WITH INHERIT TRUE, SET FALSE, ADMIN FALSE;
SELECT format('GRANT CONNECT ON DATABASE %I TO zava_bench', current_database()) \gexec
-- The settings of the server's login (src/database/roles.sql), for equal plans.
ALTER ROLE zava_bench SET search_path = retail, public;
ALTER ROLE zava_bench SET work_mem = '4MB';
ALTER ROLE zava_bench SET jit = off;
ALTER ROLE zava_bench SET max_parallel_workers_per_gather = 0;
ALTER ROLE zava_bench SET TimeZone = 'UTC';

SET ROLE zava_owner;
CREATE SCHEMA zava_bench;

-- A context is valid for two minutes at most; a run of pgbench takes some seconds.
CREATE FUNCTION zava_bench.context() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog
BEGIN ATOMIC
    SELECT format('%s:%s:%s:%s', :key_id, :'tenant', e.expires, encode(guard.mac(
        :key_id,
        convert_to('zava/context/2', 'UTF8') || int4send(:key_id)
        || uuid_send(:'tenant'::uuid) || int8send(e.expires) || int4send(pg_backend_pid())
    ), 'hex'))
    FROM (SELECT ((extract(epoch FROM now()) + 110) * 1000000)::bigint AS expires) AS e;
END;

REVOKE ALL ON FUNCTION zava_bench.context() FROM PUBLIC;
GRANT USAGE ON SCHEMA zava_bench TO zava_bench;
GRANT EXECUTE ON FUNCTION zava_bench.context() TO zava_bench;
