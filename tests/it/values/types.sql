-- Every type of the database whose values a statement of the query login could return.
-- Columns: name to look samples up by, name to cast to, kind, delimiter ('' for a type that is not an
-- array), columns (of a composite type), whether it has its own encoding (arrays of composite types,
-- domains, enums and user-defined types have none), name of the type whose encoding it has.
-- A domain reaches a client as its base type, so it has that type's encoding.
SELECT COALESCE(element.typname, named.typname)::text,
       format('%I.%I', schema.nspname, named.typname),
       COALESCE(element.typtype, shown.typtype)::text,
       COALESCE(element.typdelim, '')::text,
       (
           SELECT count(*)
           FROM pg_catalog.pg_attribute
           WHERE attrelid = COALESCE(element.typrelid, named.typrelid) AND attnum > 0 AND NOT attisdropped
       ),
       element.oid IS NULL OR (shown.oid < 16384 AND element.typtype IN ('b', 'r', 'm', 'p')),
       COALESCE(element.typname, shown.typname)::text
FROM pg_catalog.pg_type AS named
JOIN pg_catalog.pg_namespace AS schema ON schema.oid = named.typnamespace
JOIN pg_catalog.pg_type AS shown
    ON shown.oid = CASE named.typtype WHEN 'd' THEN named.typbasetype ELSE named.oid END
LEFT JOIN pg_catalog.pg_type AS element
    ON element.oid = shown.typelem AND shown.typoutput = 'pg_catalog.array_out'::regproc
WHERE named.typtype <> 'p' AND has_schema_privilege('zava_query', schema.oid, 'USAGE')
ORDER BY named.oid
