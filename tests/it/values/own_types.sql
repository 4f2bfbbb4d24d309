-- One of each kind of user-defined type.
CREATE TYPE public.mood AS ENUM ('fine', 'so so');
CREATE DOMAIN public.short_text AS text CHECK (length(VALUE) < 9);
CREATE DOMAIN public.list AS integer[];
CREATE TYPE public.pair AS (number integer, words text);
CREATE TYPE public.floatrange AS RANGE (subtype = float8);
