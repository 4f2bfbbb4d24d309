-- The next products, with the hashes of what is indexed of them.
--   $1 the last product that was read, $2 the name of a model, $3 its dimensions, $4 how many
SELECT p.product_id, p.sku, p.product_name, p.product_description, t.type_name, c.category_name,
    s.content_hash AS stored_document_hash, e.content_hash AS stored_vector_hash
FROM retail.products AS p
JOIN retail.product_types AS t ON t.type_id = p.type_id
JOIN retail.categories AS c ON c.category_id = p.category_id
LEFT JOIN retail.product_search AS s ON s.product_id = p.product_id
LEFT JOIN retail.product_description_embeddings AS e
    ON e.product_id = p.product_id AND e.model = $2 AND e.dimensions = $3
WHERE p.product_id > $1
ORDER BY p.product_id
LIMIT $4
