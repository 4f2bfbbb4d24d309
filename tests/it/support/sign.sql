-- What the server signs, made by a superuser with key 1.
--   $1 text: the tenant, $2 integer: the backend
SELECT e.expires, guard.mac(1, convert_to('zava/enter/1', 'UTF8') || uuid_send($1::uuid) || int8send(e.expires) || int4send($2))
FROM (SELECT (extract(epoch FROM now() + interval '60 s') * 1000000)::bigint AS expires) AS e
