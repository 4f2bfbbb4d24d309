-- Bounded wrappers for times, see 0004_bounded.sql. PostgreSQL keeps each time zone it was asked
-- for, 28 KiB each, as long as the connection lives, and takes any letters followed by a number for
-- one (POSIX: `XYZ1`). So what is computed while the statement runs may name the zones that a file
-- describes, and few others. And a step of `generate_series` whose parts have different signs may
-- come to nothing: `12 months -365 days -6 hours`.
SET LOCAL lock_timeout = '5s';

CREATE FUNCTION bounded.refuse_text(message text, value text, fix text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RAISE EXCEPTION '%: "%"', message, pg_catalog.left(value, 60) USING ERRCODE = 'ZV101', HINT = fix;
END;
$$;

-- Names without a digit are files or unknown. Of the others: offsets of up to 15 hours, and the
-- four names of the United States.
CREATE FUNCTION bounded.zone(value anyelement, called text) RETURNS anyelement
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN $1::text OPERATOR(pg_catalog.~) '[0-9]' AND $1::text COLLATE "C" OPERATOR(pg_catalog.!~*)
            '^((etc/)?(gmt|utc|uct)?[+-]?(0?[0-9]|1[0-5])|[+-]?(0?[0-9]|1[0-5]):(00|15|30|45)|est5edt|cst6cdt|mst7mdt|pst8pdt)$'
        THEN
            CASE WHEN bounded.refuse_text(
                'a time zone that is computed for ' OPERATOR(pg_catalog.||) $2, $1::text,
                'name a region, as in America/New_York'
            ) IS NULL THEN NULL ELSE $1 END
        ELSE $1
    END
$$;

-- Whether a part of a text names a zone by its offset, should the text be read as a date or a time,
-- or as an array or a range of them: a digit follows a letter, and it is none of: a date and time
-- with T, a Julian day, a time with UTC, GMT or one of the four, a date with a month's name.
-- Nothing here depends on the database's collation.
CREATE FUNCTION bounded.names_offset(string text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT string COLLATE "C" ~* '(^|[^a-z0-9+/_.:-])(?!([0-9][0-9./-]*t[0-9][0-9:.]*(z|[+-][0-9:]+)?|j[0-9]+|[0-9:.]*((gmt|utc|uct|z)[+-]?(0?[0-9]|1[0-5])|est5edt|cst6cdt|mst7mdt|pst8pdt)|etc/gmt[+-]?(0?[0-9]|1[0-5])|[0-9]{1,4}-(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sep(tember)?|oct(ober)?|nov(ember)?|dec(ember)?)-[0-9]{1,4}|[0-9]{0,4}(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[0-9]{1,4}|(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[./-][0-9]{1,2}[./-][1-9][0-9]{3})([^a-z0-9+/_.:-]|$))[a-z0-9+/_.:-]*[a-z][a-z0-9+/_.:-]*[0-9]';
END;

CREATE FUNCTION bounded.moment(value anyelement, type text) RETURNS anyelement
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT CASE
        -- What is usual is seen at once.
        WHEN ($1::text COLLATE "C" OPERATOR(pg_catalog.~) '^([^A-Za-z]*|[0-9-]+T[0-9:.]*(Z|[+-][0-9:]*)?)$') IS NOT FALSE THEN $1
        -- Between quotes there may be quotes and backslashes, which are taken out before the rest
        -- is read.
        WHEN bounded.names_offset($1::text) OR pg_catalog.translate($1::text, '"\', '') OPERATOR(pg_catalog.<>) $1::text
            AND bounded.names_offset(pg_catalog.translate($1::text, '"\', '')) THEN
            CASE WHEN bounded.refuse_text(
                'a time zone by its offset in what is read as ' OPERATOR(pg_catalog.||) $2, $1::text,
                'write the offset as +05:30, or name a region, as in America/New_York'
            ) IS NULL THEN NULL ELSE $1 END
        ELSE $1
    END
$$;

-- The least time in seconds that a step moves on by, 0 when it may not move; NULL of none at all,
-- which is the original's to refuse.
CREATE FUNCTION bounded.advance(step interval) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN months = 0 AND days = 0 AND seconds = 0 THEN NULL
        WHEN months >= 0 AND days >= 0 AND seconds >= 0 THEN months * 28 * 86400 + days * 82800 + seconds
        WHEN months <= 0 AND days <= 0 AND seconds <= 0 THEN months * 28 * 86400 + days * 82800 + seconds
        -- Months have 28 to 31 days; two days are for what time zones do.
        WHEN months > 0 THEN greatest((months * 28 + days - 2) * 86400 + seconds, 0)
        WHEN months < 0 THEN least((months * 28 + days + 2) * 86400 + seconds, 0)
        ELSE 0
    END
    FROM (
        SELECT
            extract(year FROM step) * 12 + extract(month FROM step) AS months,
            extract(day FROM step) AS days,
            extract(hour FROM step) * 3600 + extract(minute FROM step) * 60 + extract(second FROM step) AS seconds
    ) AS parts;
END;

CREATE FUNCTION bounded.moves(step interval) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN bounded.advance(step) = 0 THEN bounded.refuse_text(
            'a step of generate_series has parts of different signs', step::text, 'write the step as one number, as in interval ''1 month'''
        ) IS NULL
        ELSE true
    END;
END;

CREATE OR REPLACE FUNCTION bounded.generate_series(start timestamp, stop timestamp, step interval, most integer) RETURNS SETOF timestamp
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.generate_series(start, stop, step)
    WHERE bounded.moves(step) AND bounded.short_enough(extract(epoch FROM stop - start) / nullif(bounded.advance(step), 0), most);
END;

CREATE OR REPLACE FUNCTION bounded.generate_series(start timestamptz, stop timestamptz, step interval, most integer) RETURNS SETOF timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.generate_series(start, stop, step)
    WHERE bounded.moves(step) AND bounded.short_enough(extract(epoch FROM stop - start) / nullif(bounded.advance(step), 0), most);
END;

CREATE OR REPLACE FUNCTION bounded.generate_series(start timestamptz, stop timestamptz, step interval, zone text, most integer)
RETURNS SETOF timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.generate_series(start, stop, step, zone)
    WHERE bounded.moves(step) AND bounded.short_enough(extract(epoch FROM stop - start) / nullif(bounded.advance(step), 0), most);
END;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA bounded FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA bounded TO zava_reader;
