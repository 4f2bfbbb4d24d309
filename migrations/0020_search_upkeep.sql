-- Who keeps the search index up to date, and how far each model's vectors are. The role
-- zava_index_writer holds the privileges of the login of `embed`: it reads the texts of products and
-- writes the search index, nothing else.
SET LOCAL lock_timeout = '5s';

CREATE TABLE retail.embedding_models (
    model text NOT NULL,
    dimensions integer NOT NULL,
    products integer NOT NULL CHECK (products >= 0),
    embedded integer NOT NULL CHECK (embedded >= 0),
    refreshed_at timestamptz,
    PRIMARY KEY (model, dimensions)
);
COMMENT ON TABLE retail.embedding_models IS 'How many products have vectors of each model, as of the last refresh';
COMMENT ON COLUMN retail.embedding_models.products IS 'How many products there were';
COMMENT ON COLUMN retail.embedding_models.embedded IS 'How many of them have a vector';
COMMENT ON COLUMN retail.embedding_models.refreshed_at IS 'When the last refresh finished that embedded every product; NULL if none has';

-- Like the tables of 0019_search.sql: no tenant's data, and no client can name it.
ALTER TABLE retail.embedding_models ENABLE ROW LEVEL SECURITY;
ALTER TABLE retail.embedding_models FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON retail.embedding_models TO zava_owner USING (true) WITH CHECK (true);
CREATE POLICY no_insert ON retail.embedding_models AS RESTRICTIVE FOR INSERT TO zava_reader WITH CHECK (false);
CREATE POLICY no_update ON retail.embedding_models AS RESTRICTIVE FOR UPDATE TO zava_reader USING (false) WITH CHECK (false);
CREATE POLICY no_delete ON retail.embedding_models AS RESTRICTIVE FOR DELETE TO zava_reader USING (false);
CREATE POLICY shared_reads ON retail.embedding_models FOR SELECT TO zava_reader USING (true);
GRANT SELECT (model, dimensions, products, embedded, refreshed_at) ON retail.embedding_models TO zava_reader;

INSERT INTO retail.embedding_models (model, dimensions, products, embedded)
SELECT e.model, e.dimensions, (SELECT count(*) FROM retail.products), count(*)
FROM retail.product_description_embeddings AS e
GROUP BY e.model, e.dimensions;

-- Products belong to no tenant, and the login has no tenant.
GRANT USAGE ON SCHEMA retail TO zava_index_writer;
GRANT SELECT (product_id, sku, product_name, product_description, type_id, category_id) ON retail.products TO zava_index_writer;
GRANT SELECT (type_id, type_name) ON retail.product_types TO zava_index_writer;
GRANT SELECT (category_id, category_name) ON retail.categories TO zava_index_writer;
CREATE POLICY indexer_reads ON retail.products FOR SELECT TO zava_index_writer USING (true);
CREATE POLICY indexer_reads ON retail.product_types FOR SELECT TO zava_index_writer USING (true);
CREATE POLICY indexer_reads ON retail.categories FOR SELECT TO zava_index_writer USING (true);

DO $$
DECLARE
    relation regclass;
BEGIN
    FOREACH relation IN ARRAY ARRAY[
        'retail.product_description_embeddings', 'retail.product_search', 'retail.search_words', 'retail.embedding_models'
    ]::regclass[] LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO zava_index_writer', relation);
        EXECUTE format('CREATE POLICY indexer_writes ON %s TO zava_index_writer USING (true) WITH CHECK (true)', relation);
    END LOOP;
END;
$$;
