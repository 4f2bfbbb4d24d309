-- Makes the database accept a signing key.
--   $1 key number, $2 inner HMAC pad, $3 outer HMAC pad (64 bytes each)
-- Keys with lower numbers stay valid for at most a day, for servers that still sign with them. One
-- with a higher number stays as it is: the caller may have read its key before a rotation.
-- For the same reason, the validity of a key that is known already does not change if there is one
-- with a higher number: it may have been withdrawn.
-- Columns: has_no_end, whether the key is valid until a later one is accepted.
-- Run by zava_owner.
WITH retired AS (
    UPDATE guard.signing_key
    SET not_after = least(not_after, now() + interval '1 day')
    WHERE key_id < $1
)
INSERT INTO guard.signing_key (key_id, ipad, opad)
VALUES ($1, $2, $3)
ON CONFLICT (key_id) DO UPDATE
SET ipad = excluded.ipad, opad = excluded.opad,
    not_after = CASE
        WHEN EXISTS (SELECT FROM guard.signing_key AS later WHERE later.key_id > excluded.key_id)
            THEN signing_key.not_after
        ELSE 'infinity'
    END
RETURNING not_after = 'infinity' AS has_no_end
