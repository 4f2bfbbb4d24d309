-- What a server contains, for a login that has no other privileges than every login.
-- Columns:
--   whether it is a replica
--   the position in the write-ahead log, in bytes: flushed by a primary, replayed by a replica
--   the timeline; on a replica, the one of its control file, which may be behind but never ahead
--   the system identifier
--   its clock, in microseconds since 1970-01-01 UTC
SELECT
    s.is_replica::text,
    pg_catalog.pg_wal_lsn_diff(
        CASE
            WHEN s.is_replica THEN pg_catalog.pg_last_wal_replay_lsn()
            ELSE pg_catalog.pg_current_wal_flush_lsn()
        END,
        '0/0'
    )::text,
    CASE
        WHEN s.is_replica THEN greatest(c.timeline_id, r.min_recovery_end_timeline)
        -- The file name begins with the timeline, in hexadecimal.
        ELSE (
            'x' || pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_flush_lsn()), 8)
        )::bit(32)::integer
    END,
    i.system_identifier,
    (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::int8
FROM (SELECT pg_catalog.pg_is_in_recovery() AS is_replica) AS s
CROSS JOIN pg_catalog.pg_control_system() AS i
CROSS JOIN pg_catalog.pg_control_checkpoint() AS c
CROSS JOIN pg_catalog.pg_control_recovery() AS r
