-- The verdicts of the posture check: a fingerprint of the catalogue, and when a full examination of
-- it passed. A server that finds the same fingerprint need not examine the catalogue before it
-- serves. What the table says is worth nothing by itself: the server that reads a verdict verifies
-- its MAC.
SET LOCAL lock_timeout = '5s';

CREATE TABLE guard.posture_verdict (
    -- The key of the MAC; a server verifies verdicts of its own key only.
    key_id integer NOT NULL,
    -- SHA-256 of what the verdict holds for: the server's version, its rules, the exposed tables, the
    -- database, the login.
    subject bytea NOT NULL CHECK (octet_length(subject) = 32),
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    -- When the examination began, in microseconds since 1970-01-01 UTC, by the server's clock.
    examined_at bigint NOT NULL,
    -- HMAC-SHA-256 over "zava/verdict/1" || subject || fingerprint || examined_at (big-endian).
    mac bytea NOT NULL CHECK (octet_length(mac) = 32),
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (key_id, subject)
);
COMMENT ON TABLE guard.posture_verdict IS 'What was examined and found fit to serve from; signed by the server that found it';

ALTER TABLE guard.posture_verdict ENABLE ROW LEVEL SECURITY;
ALTER TABLE guard.posture_verdict FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON guard.posture_verdict TO zava_owner USING (true) WITH CHECK (true);
CREATE POLICY no_insert ON guard.posture_verdict AS RESTRICTIVE FOR INSERT TO zava_reader WITH CHECK (false);
CREATE POLICY no_update ON guard.posture_verdict AS RESTRICTIVE FOR UPDATE TO zava_reader USING (false) WITH CHECK (false);
CREATE POLICY no_delete ON guard.posture_verdict AS RESTRICTIVE FOR DELETE TO zava_reader USING (false);

-- The last verdict on a subject, signed with a key; no row when there is none. Nothing of it is
-- secret, so the call is not signed.
CREATE FUNCTION guard.posture_verdict(key_id integer, subject bytea)
RETURNS TABLE (fingerprint bytea, examined_at bigint, mac bytea)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT v.fingerprint, v.examined_at, v.mac
    FROM ONLY guard.posture_verdict AS v
    WHERE v.key_id = $1 AND v.subject = $2
$$;

-- Keeps a verdict in place of the last one on the same subject, and forgets those that no server
-- accepts any more, so the table holds one row for each kind of server that was started in a day.
--   question  JSON: "subject", "fingerprint" and "mac" in base64, "examined_at" as a number
CREATE FUNCTION guard.record_verdict(key_id integer, question text, expires bigint, mac bytea) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- The same body as before, as text: the posture check compares digests of texts, and PostgreSQL
-- prints a parsed body in another form in each version.
CREATE OR REPLACE FUNCTION guard.mac(key_id integer, message bytea) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT sha256(k.opad || sha256(k.ipad || $2))
    FROM ONLY guard.signing_key AS k
    WHERE k.key_id = $1
$$;

REVOKE ALL ON FUNCTION guard.posture_verdict(integer, bytea), guard.record_verdict(integer, text, bigint, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION guard.posture_verdict(integer, bytea), guard.record_verdict(integer, text, bigint, bytea) TO zava_reader;
