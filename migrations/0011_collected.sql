-- What aggregates collect is bounded while it grows (bounded.admits), to some MiB. Where it is
-- sorted, grouped, or put into JSON, the guard needs smaller bounds, which depend on what is done
-- with it: these hold the running statement to them.
SET LOCAL lock_timeout = '5s';

-- A value, by its text and by its size in memory: a number of 131,001 digits takes ten bytes there,
-- one of a digit in jsonb eight.
CREATE FUNCTION bounded.collected(value anyelement, most integer) RETURNS anyelement
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN pg_catalog.octet_length($1::text) OPERATOR(pg_catalog.>) $2 OR pg_catalog.pg_column_size($1) OPERATOR(pg_catalog.>) $2 THEN
            CASE WHEN bounded.refuse(
                'an aggregate collects too many bytes for how they are used: sorted, grouped, or put into another value',
                greatest(pg_catalog.octet_length($1::text), pg_catalog.pg_column_size($1)), $2
            ) IS NULL THEN NULL ELSE $1 END
        ELSE $1
    END
$$;

-- An array, by what its elements weigh together: no function of SQL returns an array of records.
-- Beside the bound, the sum overflows where that of bounded.admits does.
CREATE FUNCTION bounded.weight(sum bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT sum - 9223372036844290047;
END;

CREATE AGGREGATE bounded.weighs(weight bigint) (
    SFUNC = int8pl,
    STYPE = bigint,
    INITCOND = '9223372036844290047', -- 2^63 - 1 - 10 MiB
    FINALFUNC = bounded.weight
);

CREATE AGGREGATE bounded.weighs_distinct(value anyelement, weight bigint) (
    SFUNC = bounded.add_distinct,
    STYPE = bigint,
    INITCOND = '9223372036844290047',
    FINALFUNC = bounded.weight
);

CREATE FUNCTION bounded.few_collected(weight bigint, of_byte integer, most integer) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN weight / of_byte > most
            THEN bounded.refuse('an aggregate collects too many bytes for how they are used: sorted, grouped, or put into another value', weight / of_byte, most) IS NULL
        ELSE true
    END;
END;

REVOKE ALL ON FUNCTION bounded.collected(anyelement, integer), bounded.weight(bigint), bounded.weighs(bigint),
    bounded.weighs_distinct(anyelement, bigint), bounded.few_collected(bigint, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bounded.collected(anyelement, integer), bounded.weight(bigint), bounded.weighs(bigint),
    bounded.weighs_distinct(anyelement, bigint), bounded.few_collected(bigint, integer, integer) TO zava_reader;
