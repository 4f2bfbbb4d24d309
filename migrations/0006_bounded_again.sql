-- Twins mended; see 0004_bounded.sql. A condition that is NULL does not keep AND from looking at what follows it, so that NULL was
-- refused: it is a CASE of its own now. PostgreSQL 16 and newer read 1e1_31000 as a number. And a value's size in memory says little
-- of its text: an array keeps a NULL in one bit, a number 131,001 digits in ten bytes.
SET LOCAL lock_timeout = '5s';

CREATE OR REPLACE FUNCTION bounded.number(value anyelement, most integer) RETURNS anyelement
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN pg_catalog.octet_length($1::text) OPERATOR(pg_catalog.>) $2 THEN
            CASE WHEN bounded.refuse('a text that is read as a number has too many bytes', pg_catalog.octet_length($1::text), $2) IS NULL
                THEN NULL ELSE $1 END
        WHEN $1::text OPERATOR(pg_catalog.~) '[0-9.][eE][+]?[0-9_]{3}' THEN
            -- Nothing of it constant, or it would refuse while it is planned.
            CASE WHEN bounded.refuse(
                'a text is read as a number whose exponent has too many digits',
                pg_catalog.octet_length(pg_catalog.substring($1::text, '[0-9.][eE][+]?([0-9_]{3,})')), 2
            ) IS NULL THEN NULL ELSE $1 END
        ELSE $1
    END
$$;

CREATE OR REPLACE FUNCTION bounded.exponent(value anyelement, most integer) RETURNS anyelement
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN pg_catalog.abs($1::numeric) OPERATOR(pg_catalog.>) $2 THEN
            CASE WHEN bounded.refuse('an exponent is too large', least(pg_catalog.abs($1::numeric), 1e18)::bigint, $2) IS NULL
                THEN NULL ELSE $1 END
        ELSE $1
    END
$$;

CREATE OR REPLACE FUNCTION bounded.fits(value anyelement, most integer) RETURNS anyelement
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN pg_catalog.octet_length($1::text) OPERATOR(pg_catalog.>) $2 THEN
            CASE WHEN bounded.refuse('a recursion makes a value of too many bytes', pg_catalog.octet_length($1::text), $2) IS NULL
                THEN NULL ELSE $1 END
        ELSE $1
    END
$$;

CREATE FUNCTION bounded.generate_series(start timestamptz, stop timestamptz, step interval, zone text, most integer)
RETURNS SETOF timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.generate_series(start, stop, step, zone)
    WHERE bounded.short_enough(extract(epoch FROM stop - start) / nullif(extract(epoch FROM step), 0), most);
END;

REVOKE ALL ON FUNCTION bounded.generate_series(timestamptz, timestamptz, interval, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bounded.generate_series(timestamptz, timestamptz, interval, text, integer) TO zava_reader;
