-- How much is loaded. Run by the owner, who sees all rows.
SELECT
    (SELECT count(*) FROM retail.stores),
    (SELECT count(*) FROM retail.customers),
    (SELECT count(*) FROM retail.orders);
