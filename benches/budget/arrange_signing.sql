-- Lets the bench's pgbench enter as one tenant: a function that makes the MAC which guard.enter of 0002_guard.sql wants, bound
-- to the backend that calls it. Run in one transaction by a login that may act as zava_owner; prints the expiry.
-- psql variables: key_id, tenant, login (who may call it). Dropped with its schema at the end of the run.
SET ROLE zava_owner;
DROP SCHEMA IF EXISTS zava_bench CASCADE; -- of a run that was killed
CREATE SCHEMA zava_bench;

SELECT (extract(epoch FROM now())::bigint + 3600) * 1000000 AS expires \gset

CREATE FUNCTION zava_bench.entry_mac() RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog
BEGIN ATOMIC
    SELECT guard.mac(
        :key_id,
        '\x7a6176612f656e7465722f31'::bytea -- "zava/enter/1"
        || uuid_send(:'tenant'::uuid) || int8send(:expires) || int4send(pg_backend_pid())
    );
END;

REVOKE ALL ON FUNCTION zava_bench.entry_mac() FROM PUBLIC;
GRANT USAGE ON SCHEMA zava_bench TO :"login";
GRANT EXECUTE ON FUNCTION zava_bench.entry_mac() TO :"login";
\echo :expires
