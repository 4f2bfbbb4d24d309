-- The tenant context is verified where a policy reads it, and not at the start of a transaction. The
-- server sets zava.context, and guard.allowed_stores() verifies the value at its first demand, once
-- per table reference (an InitPlan). A statement that reads no protected row verifies nothing and
-- shows nothing of anybody.
--
-- The function depends on no setting that SQL can change but zava.context: its body holds no
-- backslash and no literal of a date, a number with a fraction or a bytea, and nothing in it reads
-- or makes the text form of one.
SET LOCAL lock_timeout = '5s';

-- The stores whose rows this transaction may see, sorted by their ids; never NULL for a known
-- tenant. NULL without a context (zava.context is absent or empty), and NULL matches no row.
--
-- zava.context is '<key id>:<tenant>:<expiry>:<mac>', at most 200 bytes:
--   key id   a key of guard.signing_key, in decimal
--   tenant   a UUID in lower case
--   expiry   microseconds since 1970-01-01 UTC, in decimal; at most 120 s after the transaction began
--   mac      64 lower-case hexadecimal digits: HMAC-SHA-256 over
--            "zava/context/2" || key id || tenant || expiry || backend process id,
--            the tenant as 16 bytes, the numbers as big-endian integers of 4, 8 and 4 bytes
-- The expiry is compared with the start of the transaction: a long statement cannot expire midway,
-- and a copy is worth nothing in a transaction that begins after it.
--
-- Errors (SQLSTATE), in the order of the checks, so that none of them tells whether a tenant exists:
-- ZV002 malformed, ZV001 key unknown or not valid now, ZV002 wrong MAC, ZV004 expired or too far
-- ahead, ZV003 unknown tenant.
CREATE OR REPLACE FUNCTION guard.allowed_stores() RETURNS integer[]
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    context CONSTANT text := current_setting('zava.context', true);
    parts text[];
    expiry bigint;
    began bigint;
    inner_pad bytea;
    outer_pad bytea;
    is_known boolean;
    sees_all boolean;
    own_store integer;
BEGIN
    IF context IS NULL OR context = '' THEN
        RETURN NULL;
    END IF;
    parts := string_to_array(context, ':');
    -- A regular expression would take a quarter of the time of all of this. The MAC is compared as
    -- text, so its form need not be looked at.
    IF octet_length(context) > 200
        OR array_length(parts, 1) <> 4
        OR octet_length(parts[1]) NOT BETWEEN 1 AND 9 OR starts_with(parts[1], '0')
        OR octet_length(parts[3]) NOT BETWEEN 1 AND 18 OR starts_with(parts[3], '0')
        OR translate(parts[1] || parts[3], '0123456789', '') <> ''
        OR parts[2] NOT LIKE '________-____-____-____-____________'
        OR translate(parts[2], '0123456789abcdef', '') <> '----'
    THEN
        RAISE EXCEPTION 'the tenant context is malformed' USING ERRCODE = 'ZV002';
    END IF;
    expiry := parts[3]::bigint;
    -- The tenant's row is read with the key's, in one query, and looked at last.
    SELECT k.ipad, k.opad, t.tenant_id IS NOT NULL, t.all_stores, t.store_id
    INTO inner_pad, outer_pad, is_known, sees_all, own_store
    FROM ONLY guard.signing_key AS k
    LEFT JOIN ONLY guard.tenant AS t ON t.tenant_id = parts[2]::uuid
    WHERE k.key_id = parts[1]::integer AND k.not_before <= now() AND now() < k.not_after;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the signing key is not valid' USING ERRCODE = 'ZV001';
    END IF;
    -- Hashed once more, so that the time that a comparison takes tells nothing of the expected value.
    IF sha256(convert_to(parts[4], 'UTF8')) <> sha256(convert_to(encode(sha256(outer_pad || sha256(
        inner_pad
        || convert_to('zava/context/2', 'UTF8')
        || int4send(parts[1]::integer) || uuid_send(parts[2]::uuid) || int8send(expiry)
        || int4send(pg_backend_pid())
    )), 'hex'), 'UTF8')) THEN
        RAISE EXCEPTION 'the tenant context is not signed' USING ERRCODE = 'ZV002';
    END IF;
    began := (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint;
    IF expiry <= began OR expiry > began + 120000000 THEN
        RAISE EXCEPTION 'the tenant context is not valid at this time' USING ERRCODE = 'ZV004';
    END IF;
    IF NOT is_known THEN
        RAISE EXCEPTION 'the tenant is unknown' USING ERRCODE = 'ZV003';
    END IF;
    IF sees_all THEN
        RETURN ARRAY(SELECT s.store_id FROM ONLY retail.stores AS s ORDER BY s.store_id);
    END IF;
    RETURN ARRAY[own_store];
END;
$$;
COMMENT ON FUNCTION guard.allowed_stores() IS
    'The stores whose rows this transaction may see; an error when its tenant context is not valid';

-- The assortment is the same for every tenant, and for nobody else.
ALTER POLICY tenant_reads ON retail.stores USING ((SELECT guard.allowed_stores()) IS NOT NULL);
ALTER POLICY tenant_reads ON retail.categories USING ((SELECT guard.allowed_stores()) IS NOT NULL);
ALTER POLICY tenant_reads ON retail.product_types USING ((SELECT guard.allowed_stores()) IS NOT NULL);
ALTER POLICY tenant_reads ON retail.products USING ((SELECT guard.allowed_stores()) IS NOT NULL);
ALTER POLICY tenant_reads ON retail.product_description_embeddings
    USING ((SELECT guard.allowed_stores()) IS NOT NULL);

DROP FUNCTION guard.enter(integer, uuid, bigint, bytea);
DROP FUNCTION guard.tenant();
DROP FUNCTION guard.context_mac(integer, uuid);
