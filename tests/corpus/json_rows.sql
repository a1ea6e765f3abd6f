-- Rows out of json, arrays and series, for each row of a table: bronze becomes silver.
-- setup
CREATE TABLE raw (id int PRIMARY KEY, body jsonb, doc json, tags text, n int);
INSERT INTO raw VALUES
  (1, '{"user": "ann", "items": [{"sku": "x", "n": 2}, {"sku": "y", "n": 1}], "extra": {"a": 1, "b": null, "c": "q\"s"}}', '[1, "two", null, {"k": [3]}]', 'a,b,,c', 3),
  (2, '{"user": "bob", "items": [], "extra": {}}', '[]', 'single', 1),
  (3, '{"user": null, "items": [{"sku": "x"}, {"sku": "x"}]}', '["a", "a"]', '', 0),
  (4, NULL, NULL, NULL, NULL);
-- view v_items
SELECT r.id, i.value ->> 'sku' AS sku, (i.value ->> 'n')::int AS n FROM raw r CROSS JOIN LATERAL jsonb_array_elements(r.body -> 'items') AS i
-- view v_items_named
SELECT id, item, item ->> 'sku' AS sku FROM raw, jsonb_array_elements(body -> 'items') AS t(item)
-- view v_items_by_alias
SELECT id, i->>'sku' AS sku, (i->>'n')::int AS n FROM raw, jsonb_array_elements(body->'items') AS i WHERE i ? 'n' OR i->>'sku' = 'x'
-- view v_of_good_rows
SELECT id, i->>'k' AS k, j FROM raw, json_array_elements(doc) AS i, json_array_elements(i->'k') AS j WHERE id = 1 AND json_typeof(i) = 'object'
-- view v_exists_of_good_rows
SELECT id FROM raw WHERE EXISTS (SELECT 1 FROM jsonb_array_elements(body->'user') e WHERE e->>'a' = 'b') AND id > 4
-- view v_items_left
SELECT r.id, i.value ->> 'sku' AS sku FROM raw r LEFT JOIN LATERAL jsonb_array_elements(r.body -> 'items') AS i ON true
-- view v_items_on
SELECT r.id, i.value AS item FROM raw r LEFT JOIN LATERAL jsonb_array_elements(r.body -> 'items') AS i ON i.value ->> 'sku' = 'y'
-- view v_texts
SELECT id, x FROM raw, json_array_elements_text(doc) AS x
-- view v_docs
SELECT id, value, ordinality FROM raw, json_array_elements(doc) WITH ORDINALITY
-- view v_members
SELECT id, e.key, e.value FROM raw, LATERAL jsonb_each(body) AS e
-- view v_extra
SELECT id, k, v, v IS NULL AS no FROM raw, jsonb_each_text(body -> 'extra') AS e(k, v)
-- view v_keys
SELECT id, k FROM raw, jsonb_object_keys(body) AS k
-- view v_counted
SELECT k, count(*) AS n FROM raw r, jsonb_object_keys(r.body) AS k GROUP BY k HAVING count(*) > 1
-- view v_records
SELECT id, t.* FROM raw, jsonb_to_recordset(body -> 'items') AS t(sku text, n numeric(6,2), whole jsonb)
-- view v_record
SELECT id, t.user, t.extra FROM raw, jsonb_to_record(body) AS t("user" text, extra jsonb)
-- view v_tags
SELECT id, tag, place FROM raw, unnest(string_to_array(tags, ',')) WITH ORDINALITY AS u(tag, place)
-- view v_split
SELECT id, s FROM raw, regexp_split_to_table(tags, '[,]+') AS s
-- view v_table
SELECT id, s FROM raw, string_to_table(tags, ',') AS s WHERE s <> ''
-- view v_series
SELECT id, s FROM raw, generate_series(1, n) AS s
-- view v_series_sum
SELECT id, (SELECT sum(s) FROM generate_series(1, raw.n) AS s) AS sum FROM raw
-- view v_arrays
SELECT id, a, b FROM raw, unnest(ARRAY[id, n, 7], ARRAY[tags, 'z']) AS u(a, b)
-- view v_listed
SELECT id, jsonb_array_elements(body -> 'items') AS item, jsonb_array_length(body -> 'items') AS n FROM raw
-- view v_joined
SELECT r.id, i.value ->> 'sku' AS sku, o.id AS other FROM raw r, jsonb_array_elements(r.body -> 'items') AS i JOIN raw o ON o.body @> jsonb_build_object('items', jsonb_build_array(i.value))
-- view v_within
SELECT id, (SELECT string_agg(i.value ->> 'sku', '+' ORDER BY i.value ->> 'sku') FROM jsonb_array_elements(body -> 'items') AS i) AS skus,
  EXISTS (SELECT 1 FROM jsonb_array_elements(body -> 'items') AS i WHERE i.value ->> 'sku' = 'y') AS y FROM raw
-- view v_nested
SELECT id, k, e.value FROM raw, jsonb_array_elements(body -> 'items') AS i, jsonb_each(i.value) AS e(k, value) WHERE i.value ? 'n'
-- step
UPDATE raw SET body = '{"user": "eve", "items": [{"sku": "z", "n": 5}]}', n = 2 WHERE id = 2;
INSERT INTO raw VALUES (5, '{"items": [], "extra": {"d": [1]}}', '[[1], {}]', 'q,,', -1) ON CONFLICT DO NOTHING;
-- step
DELETE FROM raw WHERE id IN (1, 5);
-- step
UPDATE raw SET doc = '[true, 1.50]', tags = 'x,y' WHERE id = 4;
