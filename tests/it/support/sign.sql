-- The value of zava.context that the server would sign, computed by a superuser with key 1.
--   $1 text: the tenant; $2 integer: the backend; $3 bigint: the expiry in microseconds from now
SELECT format('1:%s:%s:%s', $1, e.expires, encode(guard.mac(1,
    convert_to('zava/context/2', 'UTF8') || int4send(1) || uuid_send($1::uuid) || int8send(e.expires) || int4send($2)), 'hex'))
FROM (SELECT (extract(epoch FROM now()) * 1000000)::bigint + $3 AS expires) AS e
