-- Session state that a statement could leave, read through the same pool: the next request must see
-- what the first saw.
SELECT current_user, session_user, current_setting('transaction_read_only'), current_setting('statement_timeout'),
    current_setting('search_path'), current_setting('row_security'), current_setting('work_mem'),
    current_setting('default_transaction_read_only'), current_setting('client_min_messages'), current_setting('client_encoding'),
    current_setting('app.current_rls_user_id', true) IS NULL OR current_setting('app.current_rls_user_id', true) = '' AS no_other_context,
    (SELECT count(*) FROM pg_prepared_statements WHERE from_sql) AS prepared,
    (SELECT count(*) FROM pg_listening_channels()) AS channels,
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks,
    (SELECT count(*) FROM retail.orders) AS orders
