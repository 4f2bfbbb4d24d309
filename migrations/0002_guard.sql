-- Who a transaction speaks for. The database believes a tenant only if guard.enter saw a MAC made with a key that the
-- querying login cannot read; guard.tenant() then proves it again for every statement of that transaction, and of no other.
--
-- Every function here runs with the owner's rights: a pinned search_path (pg_temp last, or it would be searched first),
-- nothing granted to PUBLIC.
-- HMAC-SHA-256 (RFC 2104) is built from sha256(bytea) with the two pads stored, because pgcrypto is not on every server.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA guard;

CREATE TABLE guard.tenant (
    tenant_id uuid PRIMARY KEY,
    tenant_name text NOT NULL UNIQUE,
    store_id integer UNIQUE REFERENCES retail.stores (store_id),
    all_stores boolean NOT NULL DEFAULT false,
    CONSTRAINT one_store_or_all CHECK (all_stores = (store_id IS NULL))
);
COMMENT ON TABLE guard.tenant IS 'Who may ask: a store''s manager sees that store, head office sees all';

CREATE TABLE guard.signing_key (
    key_id integer PRIMARY KEY CHECK (key_id > 0),
    ipad bytea NOT NULL CHECK (octet_length(ipad) = 64),
    opad bytea NOT NULL CHECK (octet_length(opad) = 64),
    not_before timestamptz NOT NULL DEFAULT now(),
    not_after timestamptz NOT NULL DEFAULT 'infinity',
    CONSTRAINT valid_for_a_while CHECK (not_before < not_after)
);
COMMENT ON TABLE guard.signing_key IS 'HMAC keys as precomputed pads; two are valid at once while a key is being rotated';

CREATE FUNCTION guard.mac(key_id integer, message bytea) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT sha256(k.opad || sha256(k.ipad || mac.message))
    FROM guard.signing_key AS k
    WHERE k.key_id = mac.key_id;
END;
COMMENT ON FUNCTION guard.mac(integer, bytea) IS 'HMAC-SHA-256 of a message under a stored key; NULL when there is no such key';

-- The context that the policies read: bound to this backend and to this transaction's start, so that a copy is worth
-- nothing in another one.
CREATE FUNCTION guard.context_mac(key_id integer, tenant_id uuid) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT guard.mac(
        context_mac.key_id,
        '\x7a6176612f636f6e746578742f31'::bytea -- "zava/context/1"
        || uuid_send(context_mac.tenant_id)
        || int4send(pg_backend_pid())
        || timestamptz_send(transaction_timestamp())
    );
END;

-- Opens this transaction for a tenant.
--   key_id   the key that made the MAC
--   tenant   who asks
--   expires  when the MAC loses its worth, in microseconds since 1970-01-01 UTC
--   mac      HMAC-SHA-256 over "zava/enter/1" || tenant || expires || backend pid, integers big-endian
-- Errors (SQLSTATE): ZV001 key unknown or not valid now, ZV002 wrong MAC, ZV003 unknown tenant, ZV004 expired.
CREATE FUNCTION guard.enter(key_id integer, tenant uuid, expires bigint, mac bytea) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    expected bytea;
BEGIN
    IF NOT EXISTS (
        SELECT FROM guard.signing_key AS k
        WHERE k.key_id = key_id AND k.not_before <= now() AND now() < k.not_after
    ) THEN
        RAISE EXCEPTION 'the signing key is not valid' USING ERRCODE = 'ZV001';
    END IF;
    expected := guard.mac(
        key_id,
        '\x7a6176612f656e7465722f31'::bytea -- "zava/enter/1"
        || uuid_send(tenant) || int8send(expires) || int4send(pg_backend_pid())
    );
    -- Hashed once more, so that the time a comparison takes says nothing about the expected value.
    IF mac IS NULL OR sha256(mac) IS DISTINCT FROM sha256(expected) THEN
        RAISE EXCEPTION 'the tenant context is not signed' USING ERRCODE = 'ZV002';
    END IF;
    IF expires <= (extract(epoch FROM clock_timestamp()) * 1000000)::bigint THEN
        RAISE EXCEPTION 'the tenant context has expired' USING ERRCODE = 'ZV004';
    END IF;
    IF NOT EXISTS (SELECT FROM guard.tenant AS t WHERE t.tenant_id = tenant) THEN
        RAISE EXCEPTION 'the tenant is unknown' USING ERRCODE = 'ZV003';
    END IF;
    PERFORM set_config(
        'zava.context',
        key_id || ':' || tenant || ':' || encode(guard.context_mac(key_id, tenant), 'hex'),
        true
    );
END;
$$;

-- The tenant this transaction was opened for, or NULL: never entered, forged, or copied from elsewhere.
CREATE FUNCTION guard.tenant() RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    parts text[] := string_to_array(current_setting('zava.context', true), ':');
BEGIN
    IF parts IS NULL
        OR array_length(parts, 1) IS DISTINCT FROM 3
        OR parts[1] !~ '^[0-9]{1,9}$'
        OR parts[2] !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        OR sha256(convert_to(parts[3], 'UTF8')) IS DISTINCT FROM
            sha256(convert_to(encode(guard.context_mac(parts[1]::integer, parts[2]::uuid), 'hex'), 'UTF8'))
    THEN
        RETURN NULL;
    END IF;
    RETURN parts[2]::uuid;
END;
$$;

-- The stores whose rows this transaction may see; NULL without a tenant, and NULL matches no row.
CREATE FUNCTION guard.allowed_stores() RETURNS integer[]
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE
        WHEN t.all_stores THEN (SELECT array_agg(s.store_id ORDER BY s.store_id) FROM retail.stores AS s)
        ELSE ARRAY[t.store_id]
    END
    FROM guard.tenant AS t
    WHERE t.tenant_id = (SELECT guard.tenant());
END;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA guard FROM PUBLIC;
