-- Functions callable with one argument of any row type, except those in $1 (text[]) and those with
-- the prefix pg_.
SELECT DISTINCT p.proname::text
FROM pg_proc AS p
WHERE p.pronargs >= 1
    AND p.pronargs - p.pronargdefaults <= 1
    AND (
        p.proargtypes[0] = ANY (ARRAY['record', '"any"', 'anyelement', 'anynonarray', 'anycompatible', 'anycompatiblenonarray']::regtype[])
        OR p.provariadic = '"any"'::regtype
    )
    AND p.proname !~ '^pg_'
    AND p.proname <> ALL ($1::text[])
