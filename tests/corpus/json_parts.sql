-- json and jsonb taken apart, searched, changed and built, in projections, filters, join keys and groups.
-- setup
CREATE TABLE events (id int PRIMARY KEY, kind text, body jsonb, raw json);
CREATE TABLE people (id int PRIMARY KEY, name text, tags jsonb);
INSERT INTO people VALUES (1, 'Ann', '["a", "b"]'), (2, 'Bob "B"', '[]'), (3, NULL, NULL);
INSERT INTO events VALUES
  (1, 'order', '{"user": {"id": 1}, "items": [{"sku": "x", "n": 2}, {"sku": "y", "n": 1}], "total": 12.50}', '{"a" : 1, "b":[1, 2 ,3]}'),
  (2, 'order', '{"user": {"id": 2}, "items": [], "total": 0}', '{"a":null}'),
  (3, 'click', '{"user": {"id": 1}, "at": "top\nleft", "ok": true}', '{"a" : "\u00e9", "a" : 2}'),
  (4, 'click', '[1, "two", null]', '[{"a": 1}, 2]'),
  (5, NULL, NULL, NULL);
-- view parts
SELECT id, body -> 'user' AS usr, body #> '{user,id}' AS uid, body ->> 'at' AS at, body -> 'items' -> 0 ->> 'sku' AS sku,
  body #>> '{items,-1,n}' AS last_n, body -> 1 AS second, body ->> 2 AS third, raw -> 'a' AS a, raw ->> 'a' AS a_text,
  raw -> 'b' -> -1 AS b_last, raw #>> '{b,1}' AS b1, raw -> 0 AS first
FROM events
-- view by_user
SELECT (body -> 'user' ->> 'id')::int AS usr, count(*) AS n, sum((body ->> 'total')::numeric(12,2)) AS total
FROM events WHERE body ? 'user' GROUP BY (body -> 'user' ->> 'id')::int
-- view joined
SELECT e.id, p.name, p.tags ? 'a' AS tagged FROM events e LEFT JOIN people p ON p.id = (e.body #>> '{user,id}')::int
-- view searched
SELECT id, body @> '{"user": {"id": 1}}' AS is_one, body <@ '[1, 2, "two", null]' AS within, body ?| '{at,ok}' AS some,
  body ?& ARRAY['user', 'total'] AS both, jsonb_typeof(body) AS kind, json_typeof(raw) AS raw_kind, jsonb_typeof(body -> 'ok') AS ok
FROM events
-- view changed
SELECT id, body || '{"seen": true}' AS seen, body - 'user' AS anonymous, body || body AS doubled,
  jsonb_array_length(body -> 'items') AS items, jsonb_extract_path_text(body, 'user', 'id') AS path
FROM events WHERE jsonb_typeof(body) = 'object'
-- view built
SELECT id, jsonb_build_object('id', id, 'name', name, 'tags', tags, 'on', DATE '2024-02-29', 'x', 1.5) AS o,
  json_build_array(id, name, true, NULL) AS a, to_jsonb(name) AS j, to_json(id) AS n, json_build_object('k', name) AS k
FROM people
-- view arrays
SELECT id, to_json(ARRAY[tags, '[1]']) AS j, to_jsonb(ARRAY[tags, NULL]) AS b, json_build_array(ARRAY[id, 2], ARRAY[tags]) AS a,
  to_json(ARRAY[name, 'x,y']) AS t, to_json(ARRAY[[1, 2], [3, id]]) AS n FROM people
-- view gathered_arrays
SELECT kind, to_jsonb(array_agg(body ORDER BY id)) AS bodies, to_json(array_agg(raw ORDER BY id DESC)) AS raws,
  jsonb_build_object('all', array_agg(body -> 'user' ORDER BY id)) AS users FROM events GROUP BY kind
-- view gathered
SELECT kind, jsonb_agg(id ORDER BY id) AS ids, json_agg(body -> 'user' ORDER BY id DESC) FILTER (WHERE id < 4) AS users,
  jsonb_object_agg(id, kind) AS kinds
FROM events GROUP BY kind
-- step
UPDATE events SET body = '{"user": {"id": 3}, "total": 7}' WHERE id = 2;
INSERT INTO events VALUES (6, 'order', '{"user": {"id": 2}, "items": [3], "total": 1e2}', '{}');
-- step
UPDATE people SET tags = tags || '["z"]' WHERE id = 1;
DELETE FROM events WHERE id = 1;
-- step
UPDATE events SET body = body - 'at' || '{"late": {"deep": [[1], {"k": -0.10}]}}' WHERE id = 3;
INSERT INTO people VALUES (4, 'é', '{"a": 1}');
-- step
DELETE FROM events WHERE kind = 'click';
UPDATE events SET kind = 'order' WHERE kind IS NULL;
