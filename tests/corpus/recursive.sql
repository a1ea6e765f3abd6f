-- WITH RECURSIVE over integers: series, a tree walked from its roots, and a join with the result.
-- setup
CREATE TABLE tree (id integer PRIMARY KEY, parent integer, name text);
INSERT INTO tree VALUES (1, NULL, 'root'), (2, 1, 'a'), (3, 1, 'b'), (4, 2, 'aa'), (5, 4, 'aaa');
-- view v_series
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 6) SELECT n, n * 2 AS twice FROM t
-- view v_tree
WITH RECURSIVE w AS (SELECT id, name, 0 AS depth FROM tree WHERE parent IS NULL UNION ALL SELECT c.id, c.name, w.depth + 1 FROM tree c JOIN w ON c.parent = w.id) SELECT id, name, depth FROM w
-- view v_levels
WITH RECURSIVE w AS (SELECT id, 1 AS depth FROM tree WHERE parent IS NULL UNION ALL SELECT c.id, depth + 1 FROM tree c JOIN w ON c.parent = w.id) SELECT depth, count(*) AS n FROM w GROUP BY depth
-- step
INSERT INTO tree VALUES (6, 3, 'ba'), (7, NULL, 'other');
-- step
UPDATE tree SET parent = 7 WHERE id = 2;
-- step
DELETE FROM tree WHERE id = 4;
