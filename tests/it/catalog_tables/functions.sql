-- All overloads of the functions named in $1 (text[]), of the schemas that a statement can reach.
SELECT
    p.proname::text AS name,
    p.prokind::text AS kind,
    p.proretset AS returns_set,
    p.provolatile = 'v' AS is_volatile,
    p.prorettype::regtype::text AS result,
    t.typlen > 0 AND t.typtype <> 'p' AS has_fixed_result,
    ARRAY(
        SELECT u.type::regtype::text
        FROM unnest(p.proargtypes) WITH ORDINALITY AS u (type, position)
        ORDER BY u.position
    ) AS arguments,
    p.prosrc AS source,
    coalesce(a.aggkind <> 'n', false) AS is_sorted,
    coalesce(a.aggtransfn::text, '') AS transition,
    coalesce(s.typlen > 0 AND s.typtype <> 'p' OR a.aggtranstype = 'float8[]'::regtype, false) AS has_fixed_state,
    coalesce(a.aggsortop <> 0, false) AS has_sort_operator,
    coalesce(
        (
            SELECT array_agg(o.name)
            FROM unnest(p.proargnames, p.proargmodes) AS o (name, mode)
            WHERE o.mode IN ('o', 'b', 't')
        ),
        '{}'
    ) AS out_columns,
    EXISTS (
        SELECT
        FROM pg_proc AS w
        WHERE w.proname = p.proname AND w.pronamespace = 'bounded'::regnamespace
    ) AS has_wrapper
FROM pg_proc AS p
INNER JOIN pg_type AS t ON t.oid = p.prorettype
LEFT JOIN pg_aggregate AS a ON a.aggfnoid = p.oid
LEFT JOIN pg_type AS s ON s.oid = a.aggtranstype
WHERE p.proname = ANY ($1::text[])
    AND p.pronamespace IN ('pg_catalog'::regnamespace, 'public'::regnamespace)
