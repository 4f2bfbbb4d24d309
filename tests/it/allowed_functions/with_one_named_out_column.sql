-- The functions of $1 (text[]) that name their single output column: exactly one OUT, INOUT or
-- TABLE argument.
SELECT DISTINCT p.proname::text
FROM pg_proc AS p
WHERE p.proname = ANY ($1::text[])
    AND (SELECT count(*) FROM unnest(p.proargmodes) AS m (mode) WHERE m.mode IN ('o', 'b', 't')) = 1
