-- Makes the database accept a new signing key beside the others.
--   $1 key number, $2 inner HMAC pad, $3 outer HMAC pad (64 bytes each)
-- Fails if the number is taken. Run by zava_owner.
INSERT INTO guard.signing_key (key_id, ipad, opad)
VALUES ($1, $2, $3)
