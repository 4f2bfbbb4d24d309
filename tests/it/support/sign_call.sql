-- The expiry and the MAC of a signed call, computed by a superuser with key 1.
--   $1 text: the purpose; $2 text: the arguments; $3 integer: seconds until it expires;
--   $4 integer: the backend
SELECT e.expires, guard.mac(
    1,
    convert_to('zava/' || $1 || '/1', 'UTF8') || sha256(convert_to($2, 'UTF8')) || int8send(e.expires) || int4send($4)
)
FROM (SELECT (extract(epoch FROM now() + make_interval(secs => $3)) * 1000000)::bigint AS expires) AS e
