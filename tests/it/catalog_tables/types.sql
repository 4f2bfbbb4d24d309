-- The types named in $1 (text[]), of the schemas that a statement can reach. For a range or a
-- multirange, subtype and subtype_category are those of its bounds.
SELECT
    t.typname::text AS name,
    n.nspname::text AS schema,
    format_type(t.oid, NULL) AS sql,
    t.typlen > 0 AS has_fixed_length,
    t.typmodin <> 0 AS takes_modifier,
    t.typcategory::text AS category,
    t.typtype::text AS kind,
    coalesce(s.typname::text, '') AS subtype,
    coalesce(s.typcategory::text, '') AS subtype_category
FROM pg_type AS t
INNER JOIN pg_namespace AS n ON n.oid = t.typnamespace
LEFT JOIN pg_range AS r ON t.oid IN (r.rngtypid, r.rngmultitypid)
LEFT JOIN pg_type AS s ON s.oid = r.rngsubtype
WHERE t.typname = ANY ($1::text[]) AND n.nspname IN ('pg_catalog', 'public')
