-- A digest of every row of every table, to compare before and after.
SELECT concat_ws(' ',
    (SELECT sum(hashtextextended(t::text, 0)) FROM retail.stores AS t),
    (SELECT sum(hashtextextended(t::text, 0)) FROM retail.customers AS t),
    (SELECT sum(hashtextextended(t::text, 0)) FROM retail.categories AS t),
    (SELECT sum(hashtextextended(t::text, 0)) FROM retail.product_types AS t),
    (SELECT sum(hashtextextended(t::text, 0)) FROM retail.products AS t),
    (SELECT sum(hashtextextended(t::text, 0)) FROM retail.orders AS t),
    (SELECT sum(hashtextextended(t::text, 0)) FROM retail.order_items AS t),
    (SELECT sum(hashtextextended(t::text, 0)) FROM retail.inventory AS t),
    (SELECT sum(hashtextextended(t::text, 0)) FROM retail.product_description_embeddings AS t),
    (SELECT sum(hashtextextended(t::text, 0)) FROM guard.tenant AS t),
    (SELECT sum(hashtextextended(t::text, 0)) FROM guard.signing_key AS t)
)
