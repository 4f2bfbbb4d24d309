-- Denser indexes of vectors: a search finds more of the nearest (docs/search.md). An index that exists
-- stays as it is; if you drop it, the next run of `embed` creates a denser one.
SET LOCAL lock_timeout = '5s';

CREATE OR REPLACE FUNCTION retail.maintain_vector_index(model text, dimensions integer) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    min_numbers CONSTANT bigint := 2500000;
    -- pgvector indexes at most 2,000 dimensions of `vector`, and 4,000 of `halfvec`.
    vector_type CONSTANT text := CASE WHEN dimensions <= 2000 THEN 'vector' WHEN dimensions <= 4000 THEN 'halfvec' END;
    wanted text; -- the name of the index, if the vectors are many
    kept text[]; -- the names of all indexes that are worth their place
    unwanted text;
    action text;
BEGIN
    -- An index goes at half the number at which it comes, or one product could make it come and go.
    SELECT
        array_agg(v.name),
        min(v.name) FILTER (
            WHERE v.model = maintain_vector_index.model AND v.dimensions = maintain_vector_index.dimensions AND v.numbers >= min_numbers
        )
    INTO kept, wanted
    FROM (
        SELECT e.model, e.dimensions, count(*) * e.dimensions AS numbers,
            format('vectors_%s_%s', e.dimensions, left(encode(sha256(convert_to(e.model, 'UTF8')), 'hex'), 16)) AS name
        FROM retail.product_description_embeddings AS e
        GROUP BY e.model, e.dimensions
    ) AS v
    WHERE v.numbers >= min_numbers / 2;

    IF wanted IS NOT NULL AND vector_type IS NOT NULL AND to_regclass(format('retail.%I', wanted)) IS NULL THEN
        EXECUTE format(
            'CREATE INDEX %I ON retail.product_description_embeddings'
            ' USING hnsw ((description_embedding::public.%s(%s)) public.%2$s_cosine_ops) WITH (m = 24, ef_construction = 128)'
            ' WHERE model = %4$L AND dimensions = %3$s',
            wanted, vector_type, dimensions, model
        );
        RETURN 'created';
    END IF;

    PERFORM set_config('lock_timeout', '200ms', true);
    FOREACH unwanted IN ARRAY ARRAY(
        SELECT c.relname
        FROM pg_index AS i
        JOIN pg_class AS c ON c.oid = i.indexrelid
        WHERE i.indrelid = 'retail.product_description_embeddings'::regclass
            AND c.relname ~ '^vectors_[0-9]+_[0-9a-f]{16}$' AND c.relname <> ALL (coalesce(kept, '{}'))
    ) LOOP
        BEGIN
            EXECUTE format('DROP INDEX retail.%I', unwanted);
            action := coalesce(action, 'dropped');
        EXCEPTION WHEN lock_not_available THEN
            action := 'locked';
        END;
    END LOOP;
    RETURN action;
END;
$$;
