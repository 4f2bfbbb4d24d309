CREATE OR REPLACE FUNCTION guard.allowed_stores()
 RETURNS integer[]
 LANGUAGE plpgsql
 STABLE PARALLEL RESTRICTED SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    context CONSTANT text := current_setting('zava.context', true);
    parts text[];
    expiry bigint;
    began bigint;
    inner_pad bytea;
    outer_pad bytea;
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
    SELECT k.ipad, k.opad
    INTO inner_pad, outer_pad
    FROM ONLY guard.signing_key AS k
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
    -- Only for a context that the server has signed: what a session has read is counted where SQL
    -- can see it, and would tell whether a tenant exists.
    SELECT t.all_stores, t.store_id
    INTO sees_all, own_store
    FROM ONLY guard.tenant AS t
    WHERE t.tenant_id = parts[2]::uuid;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the tenant is unknown' USING ERRCODE = 'ZV003';
    END IF;
    IF sees_all THEN
        RETURN ARRAY(SELECT s.store_id FROM ONLY retail.stores AS s ORDER BY s.store_id);
    END IF;
    RETURN ARRAY[own_store];
END;
$function$
;
CREATE OR REPLACE FUNCTION guard.api_key(key_id integer, question text, expires bigint, mac bytea)
 RETURNS TABLE(state text)
 LANGUAGE plpgsql
 STABLE PARALLEL RESTRICTED SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
    asked jsonb;
BEGIN
    PERFORM guard.must_be_asked($1, 'api-key', $2, $3, $4);
    asked := question::jsonb;
    RETURN QUERY
    SELECT CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked' WHEN k.expires_at <= now() THEN 'expired' ELSE 'valid' END
    FROM ONLY guard.api_key AS k
    WHERE k.api_key_id = asked ->> 'key' AND sha256(k.secret_hash) = sha256(decode(asked ->> 'hash', 'base64'));
END;
$function$
;
CREATE OR REPLACE FUNCTION guard.append_audit(record json)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
    next_id bigint;
    previous bytea;
    recorded timestamptz;
BEGIN
    -- One at a time, until the end of the transaction; readers do not wait.
    LOCK TABLE guard.audit IN SHARE ROW EXCLUSIVE MODE;
    SELECT a.audit_id + 1, a.hash INTO next_id, previous FROM ONLY guard.audit AS a ORDER BY a.audit_id DESC LIMIT 1;
    IF NOT FOUND THEN
        next_id := 1;
        previous := decode(repeat('00', 32), 'hex');
    END IF;
    recorded := clock_timestamp();
    INSERT INTO guard.audit (audit_id, recorded_at, record, previous_hash, hash)
    VALUES (next_id, recorded, $1, previous, sha256(
        convert_to('zava/audit/1', 'UTF8') || int8send(next_id)
        || int8send((extract(epoch FROM recorded) * 1000000)::bigint) || previous || convert_to($1::text, 'UTF8')
    ));
END;
$function$
;
CREATE OR REPLACE FUNCTION guard.audit_act()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$
;
CREATE OR REPLACE FUNCTION guard.entitlements(key_id integer, question text, expires bigint, mac bytea)
 RETURNS TABLE(tenant_id uuid, role text)
 LANGUAGE plpgsql
 STABLE PARALLEL RESTRICTED SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
    asked jsonb;
BEGIN
    PERFORM guard.must_be_asked($1, 'entitlements', $2, $3, $4);
    asked := question::jsonb;
    RETURN QUERY
    SELECT t.tenant_id, e.role
    FROM ONLY guard.entitlement AS e
    JOIN ONLY guard.tenant AS t ON t.tenant_id = e.tenant_id
    WHERE e.principal IN (SELECT jsonb_array_elements_text(asked -> 'principals'))
    UNION
    SELECT t.tenant_id, asked ->> 'role'
    FROM ONLY guard.tenant AS t
    JOIN jsonb_array_elements_text(asked -> 'stores') AS s (store)
        ON CASE
            WHEN t.all_stores THEN s.store = 'all'
            ELSE s.store = btrim(regexp_replace(lower(t.tenant_name COLLATE "C"), '[^a-z0-9]+', '-', 'g'), '-')
        END;
END;
$function$
;
CREATE OR REPLACE FUNCTION guard.mac(key_id integer, message bytea)
 RETURNS bytea
 LANGUAGE sql
 STABLE PARALLEL RESTRICTED SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    SELECT sha256(k.opad || sha256(k.ipad || $2))
    FROM ONLY guard.signing_key AS k
    WHERE k.key_id = $1
$function$
;
CREATE OR REPLACE FUNCTION guard.must_be_asked(key_id integer, purpose text, question text, expires bigint, mac bytea)
 RETURNS void
 LANGUAGE plpgsql
 STABLE PARALLEL RESTRICTED SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_variable
BEGIN
    IF NOT EXISTS (
        SELECT FROM ONLY guard.signing_key AS k
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
$function$
;
CREATE OR REPLACE FUNCTION guard.posture_verdict(key_id integer, subject bytea)
 RETURNS TABLE(fingerprint bytea, examined_at bigint, mac bytea)
 LANGUAGE sql
 STABLE PARALLEL RESTRICTED SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    SELECT v.fingerprint, v.examined_at, v.mac
    FROM ONLY guard.posture_verdict AS v
    WHERE v.key_id = $1 AND v.subject = $2
$function$
;
CREATE OR REPLACE FUNCTION guard.record(key_id integer, question text, expires bigint, mac bytea)
 RETURNS TABLE(audit_id bigint, hash text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
    one json;
BEGIN
    PERFORM guard.must_be_asked($1, 'record', $2, $3, $4);
    FOR one IN SELECT r.value FROM json_array_elements($2::json) AS r LOOP
        PERFORM guard.append_audit(one);
    END LOOP;
    RETURN QUERY SELECT a.audit_id, encode(a.hash, 'hex') FROM ONLY guard.audit AS a ORDER BY a.audit_id DESC LIMIT 1;
END;
$function$
;
CREATE OR REPLACE FUNCTION guard.record_verdict(key_id integer, question text, expires bigint, mac bytea)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
    verdict CONSTANT json := question;
BEGIN
    PERFORM guard.must_be_asked($1, 'record-verdict', $2, $3, $4);
    DELETE FROM ONLY guard.posture_verdict AS v WHERE v.stored_at < now() - interval '24 hours';
    INSERT INTO guard.posture_verdict AS v (key_id, subject, fingerprint, examined_at, mac)
    VALUES (
        $1, decode(verdict ->> 'subject', 'base64'), decode(verdict ->> 'fingerprint', 'base64'),
        (verdict ->> 'examined_at')::bigint, decode(verdict ->> 'mac', 'base64')
    )
    ON CONFLICT (key_id, subject) DO UPDATE
    SET fingerprint = excluded.fingerprint, examined_at = excluded.examined_at, mac = excluded.mac, stored_at = excluded.stored_at;
END;
$function$
;
CREATE OR REPLACE FUNCTION guard.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    RAISE EXCEPTION 'guard.audit is append-only' USING ERRCODE = 'ZV005';
END;
$function$
;
CREATE OR REPLACE FUNCTION guard.row_as_json(record anyelement)
 RETURNS jsonb
 LANGUAGE sql
 STABLE PARALLEL RESTRICTED SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET bytea_output TO 'hex'
AS $function$SELECT to_jsonb($1)$function$
;
