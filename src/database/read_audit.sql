-- Every record of the audit trail from $1 on, in order, as it is hashed.
-- Columns: audit_id, record (its text), previous_hash, hash, recorded_at (microseconds since 1970-01-01 UTC; NULL for infinity).
-- Run by zava_owner; reads the primary key's index from end to end.
SELECT
    a.audit_id,
    a.record::text AS record,
    a.previous_hash,
    a.hash,
    CASE WHEN isfinite(a.recorded_at) THEN (extract(epoch FROM a.recorded_at) * 1000000)::bigint END AS recorded_at
FROM ONLY guard.audit AS a
WHERE a.audit_id >= $1
ORDER BY a.audit_id
