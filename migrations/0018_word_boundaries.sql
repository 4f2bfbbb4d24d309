-- Word boundaries of a computed regular expression are counted, as those of one that is written down:
-- PostgreSQL splits what stands around each of them in two. 20 in a row take 176 MiB.
SET LOCAL lock_timeout = '5s';

CREATE OR REPLACE FUNCTION bounded.pattern(expression text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN octet_length(expression) > 500
            THEN bounded.refuse('a regular expression has too many bytes', octet_length(expression), 500)
        WHEN position('{' IN expression) > 0
            THEN bounded.refuse('a regular expression that is computed may hold no {', position('{' IN expression), 0)
        WHEN octet_length(expression) - octet_length(replace(replace(expression, '\y', ''), '\Y', '')) > 2 * 8
            THEN bounded.refuse(
                'a regular expression has too many word boundaries',
                (octet_length(expression) - octet_length(replace(replace(expression, '\y', ''), '\Y', ''))) / 2, 8
            )
        ELSE expression
    END;
END;
