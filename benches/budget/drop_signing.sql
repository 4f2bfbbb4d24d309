-- Removes what create_signing.sql created, if it exists. Run by the same login.
SET ROLE zava_owner;
DROP SCHEMA IF EXISTS zava_bench CASCADE;
RESET ROLE;
SELECT format('REVOKE CONNECT ON DATABASE %I FROM zava_bench', current_database())
FROM pg_roles
WHERE rolname = 'zava_bench' \gexec
DROP ROLE IF EXISTS zava_bench;
