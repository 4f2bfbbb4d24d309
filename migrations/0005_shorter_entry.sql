-- The signed context, with the same checks in fewer steps: entering cost two thirds of what PostgreSQL does for `SELECT 1`. One
-- query reads the key and whether the tenant is known, and the MAC is an expression instead of calls of SQL functions:
-- 153 to 142 microseconds a transaction by the best of seven runs, 190 to 148 by the second best.
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
        || '\x7a6176612f656e7465722f31'::bytea -- "zava/enter/1"
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
            || '\x7a6176612f636f6e746578742f31'::bytea -- "zava/context/1"
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
        || '\x7a6176612f636f6e746578742f31'::bytea -- "zava/context/1"
        || uuid_send(parts[2]::uuid) || int4send(pg_backend_pid()) || timestamptz_send(transaction_timestamp())
    )), 'hex'), 'UTF8')) THEN
        RETURN NULL;
    END IF;
    RETURN parts[2]::uuid;
END;
$$;
