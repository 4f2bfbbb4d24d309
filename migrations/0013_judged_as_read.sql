-- Numbers in a text are looked for as PostgreSQL reads them; see 0004_bounded.sql. In an array or a
-- range it takes quotes and backslashes out first: '{9e13\1000}' and '[0,9e13"1000"]' hold a number
-- of 131,001 digits.
SET LOCAL lock_timeout = '5s';

CREATE OR REPLACE FUNCTION bounded.number(value anyelement, most integer) RETURNS anyelement
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN pg_catalog.octet_length($1::text) OPERATOR(pg_catalog.>) $2 THEN
            CASE WHEN bounded.refuse('a text that is read as a number has too many bytes', pg_catalog.octet_length($1::text), $2) IS NULL
                THEN NULL ELSE $1 END
        WHEN $1::text OPERATOR(pg_catalog.~) '[0-9.]["\\]*[eE]["\\]*[+]?(["\\]*[0-9_]){3}' THEN
            -- Nothing of it constant, or it would refuse while it is planned.
            CASE WHEN bounded.refuse(
                'a text is read as a number whose exponent has too many digits',
                pg_catalog.octet_length(pg_catalog.translate(
                    pg_catalog.substring($1::text, '[0-9.]["\\]*[eE]["\\+]*([0-9_]["\\0-9_]{2,})'), '"\', ''
                )), 2
            ) IS NULL THEN NULL ELSE $1 END
        ELSE $1
    END
$$;
