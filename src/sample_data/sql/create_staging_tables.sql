-- Creates the staging tables for COPY, which is not allowed on the sample's tables because their
-- row security applies even to the owner. Run by the owner, who needs the privilege TEMPORARY, in
-- the load's transaction; the tables are dropped when it ends.
CREATE TEMPORARY TABLE staged_customers (
    customer_id integer,
    first_name text,
    last_name text,
    email text,
    phone text,
    primary_store_id integer,
    created_at timestamp
) ON COMMIT DROP;
CREATE TEMPORARY TABLE staged_orders (
    order_id integer,
    customer_id integer,
    store_id integer,
    order_date date
) ON COMMIT DROP;
CREATE TEMPORARY TABLE staged_order_items (
    order_item_id integer,
    order_id integer,
    store_id integer,
    product_id integer,
    quantity integer,
    unit_price numeric,
    discount_percent integer,
    discount_amount numeric,
    total_amount numeric
) ON COMMIT DROP;
