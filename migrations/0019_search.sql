-- Search by words, and vectors of several models side by side. No client can name the three new
-- tables. They hold no tenant's data but words of products and their synonyms, so the query login
-- reads them without a tenant: PostgreSQL uses an index on words only where no policy must be
-- evaluated before it (row security and operators that are not leakproof,
-- https://www.postgresql.org/docs/18/rules-privileges.html).
SET LOCAL lock_timeout = '5s';

CREATE TABLE retail.product_search (
    product_id integer PRIMARY KEY REFERENCES retail.products (product_id) ON DELETE CASCADE,
    document tsvector NOT NULL,
    content_hash bytea NOT NULL CHECK (octet_length(content_hash) = 32)
);
COMMENT ON TABLE retail.product_search IS 'The words of each product, for search by words';
COMMENT ON COLUMN retail.product_search.document IS 'Weights: A name and SKU, B type and category, D description';
COMMENT ON COLUMN retail.product_search.content_hash IS 'SHA-256 of the texts, to tell which documents are out of date';
CREATE INDEX product_search_document ON retail.product_search USING gin (document);

CREATE TABLE retail.search_words (
    word text PRIMARY KEY,
    products integer NOT NULL CHECK (products > 0),
    trigrams text[] NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE retail.search_words IS 'In how many products each word occurs; the word '''' stands for all products';
COMMENT ON COLUMN retail.search_words.trigrams IS 'The parts of three letters of a word of letters, with two spaces before it and one after';
CREATE INDEX search_words_prefix ON retail.search_words (word text_pattern_ops);
CREATE INDEX search_words_trigrams ON retail.search_words USING gin (trigrams);

-- The configuration `english` without stop words, which a term may contain (`trash can`).
CREATE TEXT SEARCH DICTIONARY retail.all_words (TEMPLATE = pg_catalog.snowball, LANGUAGE = english);
CREATE TEXT SEARCH CONFIGURATION retail.all_words (COPY = pg_catalog.english);
ALTER TEXT SEARCH CONFIGURATION retail.all_words
    ALTER MAPPING FOR asciiword, word, asciihword, hword, hword_asciipart, hword_part WITH retail.all_words;

CREATE TABLE retail.search_synonyms (
    term text NOT NULL CHECK (term <> ''),
    synonym text NOT NULL CHECK (synonym <> ''),
    is_built_in boolean NOT NULL DEFAULT false,
    term_query tsquery NOT NULL GENERATED ALWAYS AS (phraseto_tsquery('retail.all_words'::regconfig, term)) STORED,
    synonym_query tsquery NOT NULL GENERATED ALWAYS AS (phraseto_tsquery('pg_catalog.english'::regconfig, synonym)) STORED,
    synonym_words text[] NOT NULL
        GENERATED ALWAYS AS (tsvector_to_array(to_tsvector('pg_catalog.english'::regconfig, synonym))) STORED,
    PRIMARY KEY (term, synonym)
);
COMMENT ON TABLE retail.search_synonyms IS 'What a search text with a term also means; operators may add rows';
COMMENT ON COLUMN retail.search_synonyms.is_built_in IS 'Whether migrate has inserted the row; it replaces such rows';

ALTER TABLE retail.product_description_embeddings
    ADD COLUMN dimensions integer NOT NULL GENERATED ALWAYS AS (public.vector_dims(description_embedding)) STORED,
    DROP CONSTRAINT product_description_embeddings_pkey,
    ADD PRIMARY KEY (model, dimensions, product_id),
    DROP CONSTRAINT product_description_embeddings_product_id_fkey,
    ADD FOREIGN KEY (product_id) REFERENCES retail.products (product_id) ON DELETE CASCADE;
COMMENT ON COLUMN retail.product_description_embeddings.dimensions IS 'How many numbers the vector has';
CREATE INDEX product_description_embeddings_product_id ON retail.product_description_embeddings (product_id);

DO $$
DECLARE
    relation regclass;
BEGIN
    FOREACH relation IN ARRAY ARRAY['retail.product_search', 'retail.search_words', 'retail.search_synonyms']::regclass[] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', relation);
        EXECUTE format('CREATE POLICY owner_all ON %s TO zava_owner USING (true) WITH CHECK (true)', relation);
        EXECUTE format('CREATE POLICY no_insert ON %s AS RESTRICTIVE FOR INSERT TO zava_reader WITH CHECK (false)', relation);
        EXECUTE format('CREATE POLICY no_update ON %s AS RESTRICTIVE FOR UPDATE TO zava_reader USING (false) WITH CHECK (false)', relation);
        EXECUTE format('CREATE POLICY no_delete ON %s AS RESTRICTIVE FOR DELETE TO zava_reader USING (false)', relation);
        EXECUTE format('CREATE POLICY shared_reads ON %s FOR SELECT TO zava_reader USING (true)', relation);
    END LOOP;
END;
$$;
-- Column by column: a column that is added later is not readable.
GRANT SELECT (product_id, document) ON retail.product_search TO zava_reader;
GRANT SELECT (word, products, trigrams) ON retail.search_words TO zava_reader;
GRANT SELECT (synonym, term_query, synonym_query, synonym_words) ON retail.search_synonyms TO zava_reader;
