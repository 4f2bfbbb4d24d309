-- All overloads of the operators named in $1 (text[]), of the schemas that a statement can reach.
SELECT
    o.oprname::text AS name,
    o.oprkind = 'b' AS is_binary,
    coalesce(o.oprleft::regtype::text, '') AS left,
    o.oprright::regtype::text AS right,
    o.oprresult::regtype::text AS result,
    t.typlen > 0 AND t.typtype <> 'p' AS has_fixed_result,
    p.prosrc AS source,
    o.oprcanmerge OR o.oprcanhash AS is_equality,
    coalesce(n.oprcanmerge OR n.oprcanhash, false) AS negates_equality
FROM pg_operator AS o
INNER JOIN pg_type AS t ON t.oid = o.oprresult
INNER JOIN pg_proc AS p ON p.oid = o.oprcode
LEFT JOIN pg_operator AS n ON n.oid = o.oprnegate
WHERE o.oprname = ANY ($1::text[])
    AND o.oprnamespace IN ('pg_catalog'::regnamespace, 'public'::regnamespace)
