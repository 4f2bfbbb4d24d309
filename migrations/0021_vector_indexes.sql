-- Search among many products: indexes of vectors, and one of the words in names.
SET LOCAL lock_timeout = '5s';

-- Products whose name has all words, among the many that have these words somewhere.
CREATE INDEX product_search_names ON retail.product_search USING gin (ts_filter(document, '{a}'));

-- Creates the index of a model's vectors if these are many, and drops it if they have become few.
-- Returns 'created', 'dropped', or NULL if nothing was to be done.
--
-- An index is worth its time beyond 2.5 million numbers, such as 10,000 vectors of 256: until then an
-- exact search takes about as long, and misses nothing. The expression is that of the searches
-- (src/search/statements/mod.rs).
--
-- SECURITY DEFINER, because only a table's owner can index it. CREATE INDEX takes a SHARE lock:
-- searches go on, and writers of vectors wait. DROP INDEX takes an ACCESS EXCLUSIVE lock, for which
-- searches wait, so it waits for 200 ms at most and then fails.
CREATE FUNCTION retail.maintain_vector_index(model text, dimensions integer) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    min_numbers CONSTANT bigint := 2500000;
    index_name CONSTANT text := format('vectors_%s_%s', dimensions, left(encode(sha256(convert_to(model, 'UTF8')), 'hex'), 16));
    -- pgvector indexes at most 2,000 dimensions of `vector`, and 4,000 of `halfvec`.
    vector_type CONSTANT text := CASE WHEN dimensions <= 2000 THEN 'vector' WHEN dimensions <= 4000 THEN 'halfvec' END;
    is_indexed CONSTANT boolean := to_regclass(format('retail.%I', index_name)) IS NOT NULL;
    numbers bigint;
BEGIN
    SELECT count(*) * maintain_vector_index.dimensions
    INTO numbers
    FROM retail.product_description_embeddings AS e
    WHERE e.model = maintain_vector_index.model AND e.dimensions = maintain_vector_index.dimensions;
    IF numbers >= min_numbers AND NOT is_indexed AND vector_type IS NOT NULL THEN
        EXECUTE format(
            'CREATE INDEX %I ON retail.product_description_embeddings'
            ' USING hnsw ((description_embedding::public.%s(%s)) public.%2$s_cosine_ops)'
            ' WHERE model = %4$L AND dimensions = %3$s',
            index_name, vector_type, dimensions, model
        );
        RETURN 'created';
    -- At half the number at which it comes, or one product could make it come and go.
    ELSIF numbers < min_numbers / 2 AND is_indexed THEN
        PERFORM set_config('lock_timeout', '200ms', true);
        EXECUTE format('DROP INDEX retail.%I', index_name);
        RETURN 'dropped';
    END IF;
    RETURN NULL;
END;
$$;
REVOKE ALL ON FUNCTION retail.maintain_vector_index(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retail.maintain_vector_index(text, integer) TO zava_index_writer;
