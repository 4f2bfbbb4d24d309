-- Lets every identity column of the sample's tables continue after its highest id. Uses ALTER TABLE
-- because setval would not be rolled back with the transaction.
DO $$
DECLARE
    identity record;
    next_id bigint;
BEGIN
    FOR identity IN
        SELECT a.attrelid::regclass AS relation, a.attname AS name
        FROM pg_attribute AS a
        JOIN pg_class AS c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'retail'::regnamespace AND c.relkind = 'r' AND a.attidentity <> ''
    LOOP
        EXECUTE format('SELECT coalesce(max(%I), 0) + 1 FROM %s', identity.name, identity.relation) INTO next_id;
        EXECUTE format(
            'ALTER TABLE %s ALTER COLUMN %I RESTART WITH %s', identity.relation, identity.name, next_id
        );
    END LOOP;
END;
$$;
