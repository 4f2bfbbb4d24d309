-- Lets the bench's pgbench read as one tenant: a function that makes a context for the backend that calls
-- it, and a login of its own that may call it: the server's must not be able to, and the server would notice. Run in one transaction by a
-- login that may create roles and act as zava_owner.
-- psql variables: key_id, tenant, password (of the login zava_bench). Removed by forget_signing.sql at the end of the run.
CREATE ROLE zava_bench LOGIN NOINHERIT PASSWORD :'password';
GRANT zava_reader TO zava_bench WITH INHERIT TRUE, SET FALSE, ADMIN FALSE;
SELECT format('GRANT CONNECT ON DATABASE %I TO zava_bench', current_database()) \gexec
-- As the server's login has them (src/database/roles.sql), so that both are planned alike.
ALTER ROLE zava_bench SET search_path = retail, public;
ALTER ROLE zava_bench SET work_mem = '4MB';
ALTER ROLE zava_bench SET jit = off;
ALTER ROLE zava_bench SET max_parallel_workers_per_gather = 0;
ALTER ROLE zava_bench SET TimeZone = 'UTC';

SET ROLE zava_owner;
CREATE SCHEMA zava_bench;

-- A context is valid for two minutes at most; a turn of pgbench takes some seconds.
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
