-- uuid and jsonb as they are stored: one form, whatever form they come in; json as it is.
-- setup
CREATE TABLE uj (id uuid PRIMARY KEY, doc jsonb, raw json);
INSERT INTO uj VALUES ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '{"b":1,"aa":{"y":[1,2.50,-0],"x":null},"b":2}', '{"b":1}'), ('{550e8400e29b41d4a716446655440000}', ' [true, "q\u00e9\n", 1.5e3] ', NULL);
-- view v_all
SELECT id, doc, raw FROM uj
-- view v_text
SELECT id::text AS id, doc::text AS doc FROM uj
-- view v_groups
SELECT doc::text AS doc, count(*) AS n FROM uj GROUP BY doc::text
-- view v_cast
SELECT id, 'A0EEBC999C0B4EF8BB6D6BB9BD380A11'::uuid AS u, (raw::text)::jsonb AS j, raw::jsonb::text AS t FROM uj
-- view v_equal
SELECT id FROM uj WHERE id = 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11' OR id IN ('{650E8400-e29b-41d4-a716-446655440000}') OR doc = '{"z":{},"a":[]}'
-- step
INSERT INTO uj VALUES ('650e8400-e29b-41d4-a716-446655440000', '{"b":2,"aa":{"x":null,"y":[1,2.50,0]}}', '[ 1 ]'), ('750e8400e29b41d4a716446655440000', '{}', '{}');
-- step
UPDATE uj SET doc = '{"z": {}, "a": []}' WHERE doc IS NOT NULL;
