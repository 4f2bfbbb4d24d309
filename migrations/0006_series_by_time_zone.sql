-- The twin of a series whose steps follow a time zone; see 0004_bounded.sql.
SET LOCAL lock_timeout = '5s';

CREATE FUNCTION bounded.generate_series(start timestamptz, stop timestamptz, step interval, zone text, most integer)
RETURNS SETOF timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.generate_series(start, stop, step, zone)
    WHERE bounded.short_enough(extract(epoch FROM stop - start) / nullif(extract(epoch FROM step), 0), most);
END;

REVOKE ALL ON FUNCTION bounded.generate_series(timestamptz, timestamptz, interval, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bounded.generate_series(timestamptz, timestamptz, interval, text, integer) TO zava_reader;
