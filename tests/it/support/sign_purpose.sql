-- A MAC for another purpose over the fields of a context, in their order.
--   $1 text: the purpose; $2 text: the context without its MAC; $3 bigint: the backend
SELECT encode(guard.mac(1, convert_to($1, 'UTF8') || int4send(split_part($2, ':', 1)::integer)
    || uuid_send(split_part($2, ':', 2)::uuid) || int8send(split_part($2, ':', 3)::bigint) || int4send($3::integer)), 'hex')
