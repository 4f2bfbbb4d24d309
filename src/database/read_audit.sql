-- Reads the records of the audit log, in order, in the form in which they are hashed.
--   $1 bigint: the first audit_id to read
-- Columns: audit_id, record (as text), previous_hash, hash, recorded_at (microseconds since
-- 1970-01-01 UTC; NULL for infinity).
-- Run by zava_owner; the plan is an index scan on the primary key.
SELECT
    a.audit_id,
    a.record::text AS record,
    a.previous_hash,
    a.hash,
    CASE WHEN isfinite(a.recorded_at) THEN (extract(epoch FROM a.recorded_at) * 1000000)::bigint END AS recorded_at
FROM ONLY guard.audit AS a
WHERE a.audit_id >= $1
ORDER BY a.audit_id
