-- Opens a load: one at a time (readers are not disturbed), and without waiting for ever.
SET LOCAL lock_timeout = '10s';
SET LOCAL statement_timeout = 0;
LOCK TABLE retail.stores IN SHARE ROW EXCLUSIVE MODE;
