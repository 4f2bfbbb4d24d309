SELECT value,
       format('%s', value),
       array_dims(value),
       (
           SELECT COALESCE(
               json_agg(CASE WHEN num_nulls(element) = 0 THEN format('%s', element) END ORDER BY place),
               '[]'
           )
           FROM unnest(value) WITH ORDINALITY AS elements(element, place)
       )
FROM (VALUES {values}) AS given(value)
