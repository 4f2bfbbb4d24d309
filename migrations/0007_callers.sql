-- Who may ask for which tenant, and the keys of machines that ask. The server asks it before it opens a tenant's transaction.
-- A question is signed like an entry (0002_guard.sql), so that SQL which got past everything else cannot ask who may what.
SET LOCAL lock_timeout = '5s';

CREATE TABLE guard.entitlement (
    -- Who: entra:<directory>:<object id>, group:<directory>:<group id>, apikey:<key id>.
    principal text NOT NULL CHECK (principal ~ '^[a-z]+:[!-~]{1,200}$'),
    -- No foreign key: loading the sample data anew empties guard.tenant and must not take the grants away. Of a tenant that
    -- is not there nobody sees anything.
    tenant_id uuid NOT NULL,
    role text NOT NULL CHECK (role IN ('reader', 'analyst', 'operator')),
    granted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, tenant_id)
);
COMMENT ON TABLE guard.entitlement IS 'Who may ask for which tenant, in which role';

CREATE TABLE guard.api_key (
    api_key_id text PRIMARY KEY CHECK (api_key_id ~ '^[a-z0-9]{12}$'),
    -- Not like an id: keys are revoked by either.
    key_name text NOT NULL UNIQUE CHECK (key_name ~ '^[^[:cntrl:]]{1,100}$' AND key_name !~ '^[a-z0-9]{12}$'),
    -- SHA-256 of 32 random bytes: nothing that could be guessed, so it needs no slow hash.
    secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
COMMENT ON TABLE guard.api_key IS 'Keys of machines; what a key may stands in guard.entitlement under apikey:<api_key_id>';

-- Ends in an error unless the server asked: see guard.enter for the errors.
--   purpose   what is asked, so that a signature for one question is worth nothing for another
--   question  what exactly, as the function that asks defines it
--   expires   when the MAC loses its worth, in microseconds since 1970-01-01 UTC
--   mac       HMAC-SHA-256 over "zava/" || purpose || "/1" || sha256(question) || expires || backend pid, integers big-endian
CREATE FUNCTION guard.must_be_asked(key_id integer, purpose text, question text, expires bigint, mac bytea) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
    IF NOT EXISTS (
        SELECT FROM guard.signing_key AS k
        WHERE k.key_id = key_id AND k.not_before <= now() AND now() < k.not_after
    ) THEN
        RAISE EXCEPTION 'the signing key is not valid' USING ERRCODE = 'ZV001';
    END IF;
    -- Hashed once more, so that the time a comparison takes says nothing about the expected value. A NULL anywhere is no
    -- signature either.
    IF mac IS NULL OR sha256(mac) IS DISTINCT FROM sha256(guard.mac(
        key_id,
        convert_to('zava/' || purpose || '/1', 'UTF8') || sha256(convert_to(question, 'UTF8'))
        || int8send(expires) || int4send(pg_backend_pid())
    )) THEN
        RAISE EXCEPTION 'the question is not signed' USING ERRCODE = 'ZV002';
    END IF;
    IF expires <= (extract(epoch FROM clock_timestamp()) * 1000000)::bigint THEN
        RAISE EXCEPTION 'the question has expired' USING ERRCODE = 'ZV004';
    END IF;
END;
$$;

-- The tenants that a caller may ask for.
--   question  JSON: "principals", an array of text, each as in guard.entitlement; "stores", an array of text, each the name of a
--             tenant in lower case with hyphens between its words, or "all" for a tenant that sees every store; "role", the
--             role that goes with "stores"
CREATE FUNCTION guard.entitlements(key_id integer, question text, expires bigint, mac bytea)
RETURNS TABLE (tenant_id uuid, role text)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    asked jsonb;
BEGIN
    PERFORM guard.must_be_asked($1, 'entitlements', $2, $3, $4);
    asked := question::jsonb;
    RETURN QUERY
    SELECT t.tenant_id, e.role
    FROM guard.entitlement AS e
    JOIN guard.tenant AS t ON t.tenant_id = e.tenant_id
    WHERE e.principal IN (SELECT jsonb_array_elements_text(asked -> 'principals'))
    UNION
    SELECT t.tenant_id, asked ->> 'role'
    FROM guard.tenant AS t
    JOIN jsonb_array_elements_text(asked -> 'stores') AS s (store)
        ON CASE
            WHEN t.all_stores THEN s.store = 'all'
            ELSE s.store = btrim(regexp_replace(lower(t.tenant_name COLLATE "C"), '[^a-z0-9]+', '-', 'g'), '-')
        END;
END;
$$;

-- What stands of an API key: a row if the secret is its own, and no row otherwise.
--   question  JSON: "key", its id; "hash", the SHA-256 of the secret that was presented, in base64
CREATE FUNCTION guard.api_key(key_id integer, question text, expires bigint, mac bytea)
RETURNS TABLE (state text)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    asked jsonb;
BEGIN
    PERFORM guard.must_be_asked($1, 'api-key', $2, $3, $4);
    asked := question::jsonb;
    RETURN QUERY
    SELECT CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked' WHEN k.expires_at <= now() THEN 'expired' ELSE 'valid' END
    FROM guard.api_key AS k
    WHERE k.api_key_id = asked ->> 'key' AND sha256(k.secret_hash) = sha256(decode(asked ->> 'hash', 'base64'));
END;
$$;

DO $$
DECLARE
    relation regclass;
BEGIN
    FOREACH relation IN ARRAY ARRAY['guard.entitlement', 'guard.api_key']::regclass[] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', relation);
        EXECUTE format('CREATE POLICY owner_all ON %s TO zava_owner USING (true) WITH CHECK (true)', relation);
        EXECUTE format('CREATE POLICY no_insert ON %s AS RESTRICTIVE FOR INSERT TO zava_reader WITH CHECK (false)', relation);
        EXECUTE format('CREATE POLICY no_update ON %s AS RESTRICTIVE FOR UPDATE TO zava_reader USING (false) WITH CHECK (false)', relation);
        EXECUTE format('CREATE POLICY no_delete ON %s AS RESTRICTIVE FOR DELETE TO zava_reader USING (false)', relation);
    END LOOP;
END;
$$;

REVOKE ALL ON FUNCTION guard.must_be_asked(integer, text, text, bigint, bytea),
    guard.entitlements(integer, text, bigint, bytea), guard.api_key(integer, text, bigint, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION guard.entitlements(integer, text, bigint, bytea), guard.api_key(integer, text, bigint, bytea) TO zava_reader;
