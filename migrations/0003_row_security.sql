-- Who sees which rows. Row security is forced, so that the owner too is held by a policy of its own: managed servers
-- grant neither superuser nor BYPASSRLS, and a policy shows in the catalogue where those would not.
-- zava_reader carries every right of the querying login; a role that is neither finds no policy and sees nothing.
SET LOCAL lock_timeout = '5s';

DO $$
DECLARE
    relation regclass;
BEGIN
    FOR relation IN
        SELECT c.oid FROM pg_class AS c
        WHERE c.relnamespace IN ('retail'::regnamespace, 'guard'::regnamespace) AND c.relkind = 'r'
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', relation);
        EXECUTE format('CREATE POLICY owner_all ON %s TO zava_owner USING (true) WITH CHECK (true)', relation);
        -- Restrictive: no permissive policy and no grant that slips in later can make a reader a writer.
        EXECUTE format('CREATE POLICY no_insert ON %s AS RESTRICTIVE FOR INSERT TO zava_reader WITH CHECK (false)', relation);
        EXECUTE format('CREATE POLICY no_update ON %s AS RESTRICTIVE FOR UPDATE TO zava_reader USING (false) WITH CHECK (false)', relation);
        EXECUTE format('CREATE POLICY no_delete ON %s AS RESTRICTIVE FOR DELETE TO zava_reader USING (false)', relation);
    END LOOP;
END;
$$;

-- The sub-selects make the functions run once a query (an InitPlan) instead of once a row.
CREATE POLICY tenant_reads ON retail.orders FOR SELECT TO zava_reader
    USING (store_id = ANY ((SELECT guard.allowed_stores())::integer[]));
CREATE POLICY tenant_reads ON retail.order_items FOR SELECT TO zava_reader
    USING (store_id = ANY ((SELECT guard.allowed_stores())::integer[]));
CREATE POLICY tenant_reads ON retail.inventory FOR SELECT TO zava_reader
    USING (store_id = ANY ((SELECT guard.allowed_stores())::integer[]));
-- A customer belongs to a store by choice or by having bought there; the inner table is under its own policy.
CREATE POLICY tenant_reads ON retail.customers FOR SELECT TO zava_reader
    USING (
        primary_store_id = ANY ((SELECT guard.allowed_stores())::integer[])
        OR EXISTS (SELECT FROM retail.orders AS o WHERE o.customer_id = customers.customer_id)
    );

-- The assortment is the same for every tenant, and for nobody else.
CREATE POLICY tenant_reads ON retail.stores FOR SELECT TO zava_reader USING ((SELECT guard.tenant()) IS NOT NULL);
CREATE POLICY tenant_reads ON retail.categories FOR SELECT TO zava_reader USING ((SELECT guard.tenant()) IS NOT NULL);
CREATE POLICY tenant_reads ON retail.product_types FOR SELECT TO zava_reader USING ((SELECT guard.tenant()) IS NOT NULL);
CREATE POLICY tenant_reads ON retail.products FOR SELECT TO zava_reader USING ((SELECT guard.tenant()) IS NOT NULL);
CREATE POLICY tenant_reads ON retail.product_description_embeddings FOR SELECT TO zava_reader
    USING ((SELECT guard.tenant()) IS NOT NULL);

GRANT USAGE ON SCHEMA retail, guard TO zava_reader;
GRANT SELECT ON retail.customers, retail.categories, retail.product_types, retail.products, retail.inventory,
    retail.orders, retail.order_items, retail.product_description_embeddings TO zava_reader;
-- Column by column: rls_user_id is every store manager's tenant id.
GRANT SELECT (store_id, store_name, is_online) ON retail.stores TO zava_reader;
GRANT EXECUTE ON FUNCTION guard.enter(integer, uuid, bigint, bytea), guard.tenant(), guard.allowed_stores() TO zava_reader;
