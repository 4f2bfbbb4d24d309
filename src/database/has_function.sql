-- Whether schema guard has a function with exactly this definition.
--   $1 text: the definition as pg_get_functiondef() prints it, without the final newline
WITH function AS MATERIALIZED (
    SELECT p.oid FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = 'guard'::regnamespace AND p.prokind = 'f'
)
SELECT EXISTS (SELECT FROM function AS f WHERE rtrim(pg_get_functiondef(f.oid), E'\n') = $1)
