-- What was refused, what was done to who may ask, and how much each caller has read: a chain of records, in which each holds the
-- hash of the one before. Who changes or deletes one, or puts one in between, breaks the chain (`zava-mcp-server audit verify`).
-- What the chain cannot show is that its last records are missing; for that, servers log its end each time they have written.
SET LOCAL lock_timeout = '5s';

CREATE TABLE guard.audit (
    -- 1, 2, 3, without gaps.
    audit_id bigint PRIMARY KEY CHECK (audit_id > 0),
    recorded_at timestamptz NOT NULL,
    -- json and not jsonb: the hash is over the text as it was written.
    record json NOT NULL CHECK (json_typeof(record) = 'object' AND octet_length(record::text) <= 524288),
    previous_hash bytea NOT NULL CHECK (octet_length(previous_hash) = 32),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32)
);
COMMENT ON TABLE guard.audit IS 'Append-only, a chain of hashes: refusals, administrative acts, and how much was read by whom';

ALTER TABLE guard.audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE guard.audit FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_reads ON guard.audit FOR SELECT TO zava_owner USING (true);
CREATE POLICY owner_appends ON guard.audit FOR INSERT TO zava_owner WITH CHECK (true);
CREATE POLICY no_insert ON guard.audit AS RESTRICTIVE FOR INSERT TO zava_reader WITH CHECK (false);
CREATE POLICY no_update ON guard.audit AS RESTRICTIVE FOR UPDATE TO zava_reader USING (false) WITH CHECK (false);
CREATE POLICY no_delete ON guard.audit AS RESTRICTIVE FOR DELETE TO zava_reader USING (false);

-- Adds a record to the end of the chain.
--   hash   SHA-256 over "zava/audit/1" || audit_id || recorded_at in microseconds since 1970-01-01 UTC || the hash before, or 32 zero
--          bytes || the record's text in UTF-8; integers big-endian
CREATE FUNCTION guard.append_audit(record json) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    next_id bigint;
    previous bytea;
    recorded timestamptz;
BEGIN
    -- One at a time, until the end of the transaction; readers do not wait.
    LOCK TABLE guard.audit IN SHARE ROW EXCLUSIVE MODE;
    SELECT a.audit_id + 1, a.hash INTO next_id, previous FROM guard.audit AS a ORDER BY a.audit_id DESC LIMIT 1;
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
$$;

-- Appends what a server has to record, and tells the end of the chain then.
--   question  JSON: an array of objects, each a record
CREATE FUNCTION guard.record(key_id integer, question text, expires bigint, mac bytea)
RETURNS TABLE (audit_id bigint, hash text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    one json;
BEGIN
    PERFORM guard.must_be_asked($1, 'record', $2, $3, $4);
    FOR one IN SELECT r.value FROM json_array_elements($2::json) AS r LOOP
        PERFORM guard.append_audit(one);
    END LOOP;
    RETURN QUERY SELECT a.audit_id, encode(a.hash, 'hex') FROM guard.audit AS a ORDER BY a.audit_id DESC LIMIT 1;
END;
$$;

-- Records an act on who may ask, whoever does it and by whichever program. No secret is part of a record; the digests, over whole
-- rows, tell whether one was replaced.
CREATE FUNCTION guard.audit_act() RETURNS trigger
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
        'before', CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN to_jsonb(OLD) - secrets END,
        'before_digest', CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN encode(sha256(convert_to(to_jsonb(OLD)::text, 'UTF8')), 'hex') END,
        'after', CASE WHEN TG_OP IN ('INSERT', 'UPDATE') THEN to_jsonb(NEW) - secrets END,
        'after_digest', CASE WHEN TG_OP IN ('INSERT', 'UPDATE') THEN encode(sha256(convert_to(to_jsonb(NEW)::text, 'UTF8')), 'hex') END
    )));
    RETURN NULL;
END;
$$;

CREATE FUNCTION guard.refuse_change() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'guard.audit is append-only' USING ERRCODE = 'ZV005';
END;
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON guard.audit
FOR EACH STATEMENT EXECUTE FUNCTION guard.refuse_change();
ALTER TABLE guard.audit ENABLE ALWAYS TRIGGER append_only;

DO $$
DECLARE
    relation regclass;
BEGIN
    FOREACH relation IN ARRAY ARRAY['guard.entitlement', 'guard.api_key', 'guard.signing_key', 'guard.tenant']::regclass[] LOOP
        -- What is there already.
        EXECUTE format('SELECT guard.append_audit(json_build_object(''kind'', ''act'', ''act'', ''found'', ''object'', %L, ''principal'', %L, ''after'', '
            'to_jsonb(t) - ARRAY[''secret_hash'', ''ipad'', ''opad''])) FROM %s AS t',
            substring(relation::text FROM '[^.]+$'), 'login:' || SESSION_USER, relation);
        EXECUTE format('CREATE TRIGGER audit_act AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION guard.audit_act()', relation);
        EXECUTE format('CREATE TRIGGER audit_truncate AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION guard.audit_act()', relation);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER audit_act, ENABLE ALWAYS TRIGGER audit_truncate', relation);
    END LOOP;
END;
$$;

CREATE VIEW guard.failed_authentications AS
SELECT a.audit_id, a.recorded_at, a.record ->> 'reason' AS reason, a.record ->> 'principal' AS principal,
    (a.record ->> 'address')::inet AS address, (a.record ->> 'count')::bigint AS times, a.record ->> 'trace_id' AS trace_id
FROM guard.audit AS a
WHERE a.record ->> 'kind' = 'authentication' AND a.record ->> 'decision' = 'refused';
COMMENT ON VIEW guard.failed_authentications IS 'Requests that did not prove who sent them, or asked for a tenant that is not theirs';

CREATE VIEW guard.refused_statements AS
SELECT a.audit_id, a.recorded_at, a.record ->> 'principal' AS principal, t.tenant_name AS tenant, a.record ->> 'tool' AS tool,
    a.record ->> 'reason' AS reason, a.record ->> 'fingerprint' AS fingerprint, a.record ->> 'sql' AS sql,
    (a.record ->> 'count')::bigint AS times, a.record ->> 'trace_id' AS trace_id
FROM guard.audit AS a
LEFT JOIN guard.tenant AS t ON t.tenant_id = (a.record ->> 'tenant')::uuid
WHERE a.record ->> 'kind' = 'call' AND a.record ->> 'decision' = 'refused';
COMMENT ON VIEW guard.refused_statements IS 'Tool calls that were refused, and by which rule; sql is there with ZAVA_AUDIT_SQL=on';

CREATE VIEW guard.access_by_store AS
SELECT ((a.record ->> 'first_at')::timestamptz AT TIME ZONE 'UTC')::date AS day, t.tenant_name AS tenant, a.record ->> 'principal' AS principal, a.record ->> 'tool' AS tool,
    sum((a.record ->> 'count')::bigint) FILTER (WHERE a.record ->> 'decision' = 'allowed') AS answered,
    sum((a.record ->> 'count')::bigint) FILTER (WHERE a.record ->> 'decision' = 'refused') AS refused,
    sum((a.record ->> 'count')::bigint) FILTER (WHERE a.record ->> 'decision' IN ('failed', 'cancelled')) AS failed,
    sum((a.record ->> 'rows')::bigint) AS rows, sum((a.record ->> 'bytes')::bigint) AS bytes
FROM guard.audit AS a
LEFT JOIN guard.tenant AS t ON t.tenant_id = (a.record ->> 'tenant')::uuid
WHERE a.record ->> 'kind' = 'call'
GROUP BY 1, 2, 3, 4;
COMMENT ON VIEW guard.access_by_store IS 'How much each caller has read of each store, by day (UTC)';

REVOKE ALL ON FUNCTION guard.append_audit(json), guard.record(integer, text, bigint, bytea), guard.audit_act(), guard.refuse_change() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION guard.record(integer, text, bigint, bytea) TO zava_reader;
