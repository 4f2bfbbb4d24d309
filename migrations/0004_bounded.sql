-- Twins of functions whose results only the running statement knows the size of. The guard writes them into a statement in the
-- place of the original, with one argument more: the most bytes or rows. They read nothing, and nobody sees more by them; what
-- they are for is that a short statement cannot fill the server's memory.
--
-- In SQL, so that the planner puts them into the query and a call costs no more than its two comparisons. A condition that it
-- can decide while planning is decided before its branch is computed; each refusal takes what was too large, or the planner would
-- compute it, and so refuse, in advance. SQLSTATE ZV101: the text is written for the client.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA bounded;
COMMENT ON SCHEMA bounded IS 'Functions that refuse what would be too large';

CREATE FUNCTION bounded.refuse(what text, size bigint, most bigint) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RAISE EXCEPTION '% (% is more than %)', what, size, most USING ERRCODE = 'ZV101';
END;
$$;

-- Texts.

CREATE FUNCTION bounded.repeat(string text, times integer, most integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN octet_length(string)::bigint * times > most THEN bounded.refuse('repeat would make a text of too many bytes', octet_length(string)::bigint * times, most)
        ELSE pg_catalog.repeat(string, times)
    END;
END;

CREATE FUNCTION bounded.lpad(string text, length integer, most integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN length::bigint * 4 > most THEN bounded.refuse('lpad would make a text of too many bytes', length::bigint * 4, most)
        ELSE pg_catalog.lpad(string, length)
    END;
END;

CREATE FUNCTION bounded.lpad(string text, length integer, fill text, most integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN length::bigint * 4 > most THEN bounded.refuse('lpad would make a text of too many bytes', length::bigint * 4, most)
        ELSE pg_catalog.lpad(string, length, fill)
    END;
END;

CREATE FUNCTION bounded.rpad(string text, length integer, most integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN length::bigint * 4 > most THEN bounded.refuse('rpad would make a text of too many bytes', length::bigint * 4, most)
        ELSE pg_catalog.rpad(string, length)
    END;
END;

CREATE FUNCTION bounded.rpad(string text, length integer, fill text, most integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN length::bigint * 4 > most THEN bounded.refuse('rpad would make a text of too many bytes', length::bigint * 4, most)
        ELSE pg_catalog.rpad(string, length, fill)
    END;
END;

-- A regular expression that is not written in the statement: short, and without bounds such as {1,255}, which multiply.
CREATE FUNCTION bounded.pattern(expression text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN octet_length(expression) > 500
            THEN bounded.refuse('a regular expression has too many bytes', octet_length(expression), 500)
        WHEN position('{' IN expression) > 0
            THEN bounded.refuse('a regular expression that is computed may hold no {', position('{' IN expression), 0)
        ELSE expression
    END;
END;

-- substring(text, …) takes a place as well, which is no regular expression.
CREATE FUNCTION bounded.pattern(place integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN place;

-- Numbers: eight bytes of text, 1e131000, spell one of 131,001 digits.

CREATE FUNCTION bounded.number(value anyelement, most integer) RETURNS anyelement
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN pg_catalog.octet_length($1::text) OPERATOR(pg_catalog.>) $2
            AND bounded.refuse('a text that is read as a number has too many bytes', pg_catalog.octet_length($1::text), $2) IS NULL THEN NULL
        WHEN $1::text OPERATOR(pg_catalog.~) '[0-9.][eE][+]?[0-9]{3}'
            -- Nothing of it constant, or it would refuse while it is planned.
            AND bounded.refuse(
                'a text is read as a number whose exponent has too many digits',
                pg_catalog.octet_length(pg_catalog.substring($1::text, '[0-9.][eE][+]?([0-9]{3,})')), 2
            ) IS NULL THEN NULL
        ELSE $1
    END
$$;

CREATE FUNCTION bounded.exponent(value anyelement, most integer) RETURNS anyelement
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN pg_catalog.abs($1::numeric) OPERATOR(pg_catalog.>) $2
            AND bounded.refuse('an exponent is too large', least(pg_catalog.abs($1::numeric), 1e18)::bigint, $2) IS NULL THEN NULL
        ELSE $1
    END
$$;

-- What a recursion adds to a value at each turn.
CREATE FUNCTION bounded.fits(value anyelement, most integer) RETURNS anyelement
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN pg_catalog.pg_column_size($1) OPERATOR(pg_catalog.>) $2
            AND bounded.refuse('a recursion makes a value of too many bytes', pg_catalog.pg_column_size($1), $2) IS NULL THEN NULL
        ELSE $1
    END
$$;

-- Rows.

CREATE FUNCTION bounded.counted(place bigint, most bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN place > most
            THEN bounded.refuse('a sub-select in a condition gives too many rows; use EXISTS or NOT EXISTS', place, most) IS NULL
        ELSE true
    END;
END;

-- A step of nothing is the original's to refuse.
CREATE FUNCTION bounded.short_enough(rows numeric, most integer) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN rows > most THEN bounded.refuse('generate_series would make too many rows', least(rows, 1e18)::bigint, most) IS NULL
        ELSE true
    END;
END;

CREATE FUNCTION bounded.generate_series(start integer, stop integer, most integer) RETURNS SETOF integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.generate_series(start, stop)
    WHERE bounded.short_enough(stop::numeric - start, most);
END;

CREATE FUNCTION bounded.generate_series(start integer, stop integer, step integer, most integer) RETURNS SETOF integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.generate_series(start, stop, step)
    WHERE bounded.short_enough((stop::numeric - start) / nullif(step, 0), most);
END;

CREATE FUNCTION bounded.generate_series(start bigint, stop bigint, most integer) RETURNS SETOF bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.generate_series(start, stop)
    WHERE bounded.short_enough(stop::numeric - start, most);
END;

CREATE FUNCTION bounded.generate_series(start bigint, stop bigint, step bigint, most integer) RETURNS SETOF bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.generate_series(start, stop, step)
    WHERE bounded.short_enough((stop::numeric - start) / nullif(step, 0), most);
END;

CREATE FUNCTION bounded.generate_series(start numeric, stop numeric, most integer) RETURNS SETOF numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.generate_series(start, stop)
    WHERE bounded.short_enough(stop - start, most);
END;

CREATE FUNCTION bounded.generate_series(start numeric, stop numeric, step numeric, most integer) RETURNS SETOF numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.generate_series(start, stop, step)
    WHERE bounded.short_enough((stop - start) / nullif(step, 0), most);
END;

CREATE FUNCTION bounded.generate_series(start timestamp, stop timestamp, step interval, most integer) RETURNS SETOF timestamp
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.generate_series(start, stop, step)
    WHERE bounded.short_enough(extract(epoch FROM stop - start) / nullif(extract(epoch FROM step), 0), most);
END;

CREATE FUNCTION bounded.generate_series(start timestamptz, stop timestamptz, step interval, most integer) RETURNS SETOF timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.generate_series(start, stop, step)
    WHERE bounded.short_enough(extract(epoch FROM stop - start) / nullif(extract(epoch FROM step), 0), most);
END;

-- Beside an aggregate that collects: true as long as what was collected is within 10 MiB, as the guard weighs it. The sum begins
-- so near the largest bigint that it overflows there: an addition that is built in costs 0.05 microseconds a row, a function
-- that counts and refuses 0.6. Its error, "bigint out of range", is explained to the client where it can come from here.

CREATE FUNCTION bounded.admitted(sum bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT sum IS NOT NULL;
END;

CREATE AGGREGATE bounded.admits(weight bigint) (
    SFUNC = int8pl,
    STYPE = bigint,
    INITCOND = '9223372036844290047', -- 2^63 - 1 - 10 MiB
    FINALFUNC = bounded.admitted
);

-- For an aggregate over distinct values, each of which counts once.
CREATE FUNCTION bounded.add_distinct(sum bigint, value anyelement, weight bigint) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN sum + weight;
END;
$$;

CREATE AGGREGATE bounded.admits_distinct(value anyelement, weight bigint) (
    SFUNC = bounded.add_distinct,
    STYPE = bigint,
    INITCOND = '9223372036844290047',
    FINALFUNC = bounded.admitted
);

GRANT USAGE ON SCHEMA bounded TO zava_reader;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA bounded FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA bounded TO zava_reader;
