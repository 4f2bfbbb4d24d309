-- Truncates the sample's tables, in one statement because of their foreign keys. Run by their owner
-- in a transaction; readers are blocked until it ends.
SET LOCAL lock_timeout = '10s';
TRUNCATE
    guard.tenant,
    retail.embedding_models,
    retail.search_words,
    retail.product_search,
    retail.product_description_embeddings,
    retail.order_items,
    retail.orders,
    retail.inventory,
    retail.products,
    retail.product_types,
    retail.categories,
    retail.customers,
    retail.stores
RESTART IDENTITY;
