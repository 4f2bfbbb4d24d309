-- Functions that can be called with one row of any kind, but for those of $1 (text[]) and those that begin with pg_.
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
