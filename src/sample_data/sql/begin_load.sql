-- Begins a load. The lock excludes other loads and does not block readers; lock_timeout bounds the
-- wait for it.
SET LOCAL lock_timeout = '10s';
SET LOCAL statement_timeout = 0;
LOCK TABLE retail.stores IN SHARE ROW EXCLUSIVE MODE;
