-- The arguments of guard.enter that were signed for a tenant and a backend and are worth nothing any more.
--   $1 text: the tenant, $2 integer: the backend
SELECT format('1, %L::uuid, %s, %L::bytea', $1, e.expires,
    guard.mac(1, convert_to('zava/enter/1', 'UTF8') || uuid_send($1::uuid) || int8send(e.expires) || int4send($2)))
FROM (SELECT (extract(epoch FROM now() - interval '1 s') * 1000000)::bigint AS expires) AS e
