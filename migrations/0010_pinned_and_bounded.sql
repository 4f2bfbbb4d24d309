-- Functions of schema guard that no setting changes. PL/pgSQL parses a body when a backend first
-- calls it, under the settings of that moment: with standard_conforming_strings off, '\x7a' in
-- quotes is the letter z. A statement that got past everything else could so make guard.tenant()
-- compute another MAC for as long as its backend lives, and later tenants saw no rows. The bodies
-- hold no backslash now. A digest of a row is over text whose form settings decide, so these are
-- pinned there.
SET LOCAL lock_timeout = '5s';

-- See 0002_guard.sql for the parameters, what is signed, and the errors; they are the same.
CREATE OR REPLACE FUNCTION guard.enter(key_id integer, tenant uuid, expires bigint, mac bytea) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    inner_pad bytea;
    outer_pad bytea;
    is_known boolean;
    context text;
BEGIN
    SELECT k.ipad, k.opad, EXISTS (SELECT FROM guard.tenant AS t WHERE t.tenant_id = tenant)
    INTO inner_pad, outer_pad, is_known
    FROM guard.signing_key AS k
    WHERE k.key_id = key_id AND k.not_before <= now() AND now() < k.not_after;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the signing key is not valid' USING ERRCODE = 'ZV001';
    END IF;
    -- Hashed once more, so that the time a comparison takes says nothing about the expected value.
    IF mac IS NULL OR sha256(mac) IS DISTINCT FROM sha256(sha256(outer_pad || sha256(
        inner_pad
        || decode('7a6176612f656e7465722f31', 'hex') -- "zava/enter/1"
        || uuid_send(tenant) || int8send(expires) || int4send(pg_backend_pid())
    ))) THEN
        RAISE EXCEPTION 'the tenant context is not signed' USING ERRCODE = 'ZV002';
    END IF;
    IF expires <= (extract(epoch FROM clock_timestamp()) * 1000000)::bigint THEN
        RAISE EXCEPTION 'the tenant context has expired' USING ERRCODE = 'ZV004';
    END IF;
    IF NOT is_known THEN
        RAISE EXCEPTION 'the tenant is unknown' USING ERRCODE = 'ZV003';
    END IF;
    -- An assignment: PERFORM would make a query of it.
    context := set_config(
        'zava.context',
        key_id || ':' || tenant || ':' || encode(sha256(outer_pad || sha256(
            inner_pad
            || decode('7a6176612f636f6e746578742f31', 'hex') -- "zava/context/1"
            || uuid_send(tenant) || int4send(pg_backend_pid()) || timestamptz_send(transaction_timestamp())
        )), 'hex'),
        true
    );
END;
$$;

CREATE OR REPLACE FUNCTION guard.tenant() RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    parts text[] := string_to_array(current_setting('zava.context', true), ':');
    inner_pad bytea;
    outer_pad bytea;
BEGIN
    IF parts IS NULL
        OR array_length(parts, 1) IS DISTINCT FROM 3
        OR parts[1] !~ '^[0-9]{1,9}$'
        OR parts[2] !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    THEN
        RETURN NULL;
    END IF;
    SELECT k.ipad, k.opad
    INTO inner_pad, outer_pad
    FROM guard.signing_key AS k
    WHERE k.key_id = parts[1]::integer;
    -- Without such a key both pads are NULL, and so is the MAC: distinct from whatever was given.
    IF sha256(convert_to(parts[3], 'UTF8')) IS DISTINCT FROM sha256(convert_to(encode(sha256(outer_pad || sha256(
        inner_pad
        || decode('7a6176612f636f6e746578742f31', 'hex') -- "zava/context/1"
        || uuid_send(parts[2]::uuid) || int4send(pg_backend_pid()) || timestamptz_send(transaction_timestamp())
    )), 'hex'), 'UTF8')) THEN
        RETURN NULL;
    END IF;
    RETURN parts[2]::uuid;
END;
$$;

-- A row as JSON, in the same words whatever the session's settings are.
CREATE FUNCTION guard.row_as_json(record anyelement) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
SET bytea_output = 'hex'
AS 'SELECT to_jsonb($1)';

REVOKE ALL ON FUNCTION guard.row_as_json(anyelement) FROM PUBLIC;

-- See 0008_audit.sql.
CREATE OR REPLACE FUNCTION guard.audit_act() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    secrets CONSTANT text[] := ARRAY['secret_hash', 'ipad', 'opad'];
BEGIN
    IF TG_OP = 'UPDATE' AND OLD IS NOT DISTINCT FROM NEW THEN
        RETURN NULL;
    END IF;
    PERFORM guard.append_audit(json_strip_nulls(json_build_object(
        'kind', 'act',
        'act', lower(TG_OP),
        'object', TG_TABLE_NAME,
        'principal', 'login:' || SESSION_USER,
        'before', CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN guard.row_as_json(OLD) - secrets END,
        'before_digest', CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN encode(sha256(convert_to(guard.row_as_json(OLD)::text, 'UTF8')), 'hex') END,
        'after', CASE WHEN TG_OP IN ('INSERT', 'UPDATE') THEN guard.row_as_json(NEW) - secrets END,
        'after_digest', CASE WHEN TG_OP IN ('INSERT', 'UPDATE') THEN encode(sha256(convert_to(guard.row_as_json(NEW)::text, 'UTF8')), 'hex') END
    )));
    RETURN NULL;
END;
$$;

-- JSON: a number in it may spell one of 131,001 digits in eight bytes, as 0004_bounded.sql says; a
-- text in it is no number.

CREATE FUNCTION bounded.outside_quotes(document text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT regexp_replace(document, '"(?:[^"\\]|\\.)*"', '""', 'g');
END;

CREATE FUNCTION bounded.is_plain_json(document text, most integer) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN octet_length(document) > most
            THEN bounded.refuse('a text that is read as JSON has too many bytes', octet_length(document), most) IS NULL
        WHEN document ~ '[0-9.][eE][+]?[0-9]{3}' AND bounded.outside_quotes(document) ~ '[0-9.][eE][+]?[0-9]{3}'
            THEN bounded.refuse(
                'a number in JSON has an exponent of too many digits',
                octet_length(substring(bounded.outside_quotes(document), '[0-9.][eE][+]?([0-9]{3,})')), 2
            ) IS NULL
        ELSE true
    END;
END;

CREATE FUNCTION bounded.json_text(value anyelement, most integer) RETURNS anyelement
LANGUAGE sql STABLE PARALLEL SAFE
AS 'SELECT CASE WHEN bounded.is_plain_json($1::text, $2) THEN $1 END';

CREATE FUNCTION bounded.jsonb_pretty(document jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN jsonb_path_exists(document, '$.**{11}')
            THEN bounded.refuse('jsonb_pretty would indent a document of too many bytes over ten levels', octet_length(document::text), 0)
        ELSE pg_catalog.jsonb_pretty(document)
    END;
END;

-- The bytes of the rows of a recursion by UNION so far, each of which PostgreSQL keeps.
CREATE FUNCTION bounded.recursed(size bigint, most bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN size > most
            THEN bounded.refuse('a recursion by UNION keeps rows of too many bytes; end it by a counter, as in WHERE n < 12', size, most) IS NULL
        ELSE true
    END;
END;

REVOKE ALL ON FUNCTION bounded.outside_quotes(text), bounded.is_plain_json(text, integer), bounded.json_text(anyelement, integer),
    bounded.jsonb_pretty(jsonb), bounded.recursed(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bounded.outside_quotes(text), bounded.is_plain_json(text, integer), bounded.json_text(anyelement, integer),
    bounded.jsonb_pretty(jsonb), bounded.recursed(bigint, bigint) TO zava_reader;
