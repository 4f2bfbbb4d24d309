-- Counts the loaded rows. Run by the owner, who sees all rows.
-- Columns: stores, customers, orders.
SELECT
    (SELECT count(*) FROM retail.stores),
    (SELECT count(*) FROM retail.customers),
    (SELECT count(*) FROM retail.orders);
