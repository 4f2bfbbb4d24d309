-- Numbers in a text, see 0004_bounded.sql. A negative exponent makes a long number as well: 1e-16000
-- is eight bytes, and its own text has 16,002. A number in another base than ten, as 0xFF, is read
-- in a time that grows with the square of its length, and nothing interrupts it: 108,000 digits take
-- 1.9 s.
--
-- Dates in a text, see 0009_bounded_time.sql. What stands before a digit is a month by any of its
-- names in PostgreSQL's own table (datetktbl of datetime.c), Sept among them, or a Julian day.
SET LOCAL lock_timeout = '5s';

CREATE OR REPLACE FUNCTION bounded.number(value anyelement, most integer) RETURNS anyelement
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN pg_catalog.octet_length($1::text) OPERATOR(pg_catalog.>) $2 THEN
            CASE WHEN bounded.refuse('a text that is read as a number has too many bytes', pg_catalog.octet_length($1::text), $2) IS NULL
                THEN NULL ELSE $1 END
        WHEN $1::text OPERATOR(pg_catalog.~) '[0-9.]["\\]*[eE]["\\]*[+-]?(["\\]*[0-9_]){3}' THEN
            -- Nothing of it constant, or it would refuse while it is planned.
            CASE WHEN bounded.refuse(
                'a text is read as a number whose exponent has too many digits',
                pg_catalog.octet_length(pg_catalog.translate(
                    pg_catalog.substring($1::text, '[0-9.]["\\]*[eE]["\\+-]*([0-9_]["\\0-9_]{2,})'), '"\', ''
                )), 2
            ) IS NULL THEN NULL ELSE $1 END
        WHEN pg_catalog.octet_length($1::text) OPERATOR(pg_catalog.>) 255
            AND $1::text OPERATOR(pg_catalog.~) '(^|[^0-9A-Za-z])0["\\]*[xXoObB](["\\]*[0-9A-Fa-f_]){255}'
        THEN
            CASE WHEN bounded.refuse('a text is read as a number in another base than ten that has too many digits', pg_catalog.octet_length($1::text), 255) IS NULL
                THEN NULL ELSE $1 END
        ELSE $1
    END
$$;

CREATE OR REPLACE FUNCTION bounded.is_plain_json(document text, most integer) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN octet_length(document) > most
            THEN bounded.refuse('a text that is read as JSON has too many bytes', octet_length(document), most) IS NULL
        WHEN document ~ '[0-9.][eE][+-]?[0-9]{3}' AND bounded.outside_quotes(document) ~ '[0-9.][eE][+-]?[0-9]{3}'
            THEN bounded.refuse(
                'a number in JSON has an exponent of too many digits',
                octet_length(substring(bounded.outside_quotes(document), '[0-9.][eE][+-]?([0-9]{3,})')), 2
            ) IS NULL
        ELSE true
    END;
END;

-- PostgreSQL takes a word that begins with a digit for no zone, nor one of its own words before a
-- digit. A month's name before a sign it may: so a day and a year follow, which no offset has.
CREATE OR REPLACE FUNCTION bounded.names_offset(string text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT string COLLATE "C" ~* replace(
        '(^|[^a-z0-9+/_.:-])(?!([0-9][0-9./-]*t[0-9][0-9:.]*(z|[+-][0-9:]+)?|j(d|ulian)?[0-9]+|[0-9:.]*((gmt|utc|uct|z)[+-]?(0?[0-9]|1[0-5])|est5edt|cst6cdt|mst7mdt|pst8pdt)|etc/gmt[+-]?(0?[0-9]|1[0-5])|[0-9]{1,4}(-MONTH-|/MONTH/|[.]MONTH[.])[0-9]{1,4}|[0-9]{0,4}MONTH[0-9]{1,4}|MONTH[./-][0-9]{1,2}[./-][1-9][0-9]{3})([^a-z0-9+/_.:-]|$))[a-z0-9+/_.:-]*[a-z][a-z0-9+/_.:-]*[0-9]',
        'MONTH',
        '(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sep(t(ember)?)?|oct(ober)?|nov(ember)?|dec(ember)?)'
    );
END;
