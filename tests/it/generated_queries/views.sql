-- One tenant's rows, defined independently of the policies: a store's orders, order items and
-- stock; the customers who chose the store or bought there; all products. {tenant} is replaced by a
-- UUID, only_t by the schema's name.
CREATE SCHEMA only_t;

CREATE VIEW only_t.stores AS SELECT store_id, store_name, is_online FROM retail.stores;
CREATE VIEW only_t.categories AS SELECT * FROM retail.categories;
CREATE VIEW only_t.product_types AS SELECT * FROM retail.product_types;
CREATE VIEW only_t.products AS SELECT * FROM retail.products;

CREATE VIEW only_t.own AS
SELECT s.store_id FROM retail.stores AS s, guard.tenant AS t
WHERE t.tenant_id = '{tenant}' AND (t.all_stores OR t.store_id = s.store_id);

CREATE VIEW only_t.orders AS SELECT * FROM retail.orders WHERE store_id IN (SELECT store_id FROM only_t.own);
CREATE VIEW only_t.order_items AS SELECT * FROM retail.order_items WHERE store_id IN (SELECT store_id FROM only_t.own);
CREATE VIEW only_t.inventory AS SELECT * FROM retail.inventory WHERE store_id IN (SELECT store_id FROM only_t.own);
CREATE VIEW only_t.customers AS
SELECT * FROM retail.customers
WHERE primary_store_id IN (SELECT store_id FROM only_t.own) OR customer_id IN (SELECT customer_id FROM only_t.orders);
