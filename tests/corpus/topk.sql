-- ORDER BY .. LIMIT/OFFSET: rows enter and leave the first k; NULLS FIRST/LAST, DESC, ties only between identical rows, k larger than the table.
-- setup
CREATE TABLE s (id integer PRIMARY KEY, grp text, score integer, amt numeric(8,2));
INSERT INTO s VALUES (1, 'a', 50, 1.00), (2, 'a', 40, 2.50), (3, 'b', 50, 0.10), (4, NULL, NULL, NULL), (5, 'c', 10, 100.00), (6, '', 99, 3.33), (7, 'b', NULL, 7.00);
CREATE TABLE bag (x integer, y text);
INSERT INTO bag VALUES (3, 'c'), (3, 'c'), (1, 'a'), (1, 'a'), (2, NULL), (NULL, 'n');
-- view t_top3
SELECT id, score FROM s ORDER BY score DESC NULLS LAST, id LIMIT 3
-- view t_first
SELECT id, score FROM s ORDER BY score, id LIMIT 1
-- view t_nulls
SELECT id, score, grp FROM s ORDER BY score DESC, id DESC LIMIT 3
-- view t_offset
SELECT id, amt FROM s ORDER BY amt NULLS FIRST, id LIMIT 2 OFFSET 2
-- view t_text
SELECT grp, id FROM s ORDER BY grp DESC NULLS LAST, id LIMIT 4
-- view t_bag
SELECT x, y FROM bag ORDER BY x, y LIMIT 3
-- view t_bag_off
SELECT x, y FROM bag ORDER BY x DESC NULLS LAST, y OFFSET 1 LIMIT 3
-- view t_large
SELECT id FROM s ORDER BY id LIMIT 100
-- view t_expr
SELECT id, score * 2 AS d FROM s WHERE score IS NOT NULL ORDER BY score % 7, id LIMIT 2
-- step
INSERT INTO s VALUES (8, 'd', 75, 0.00), (9, 'a', 50, 1.00);
INSERT INTO bag VALUES (1, 'a'), (3, 'c');
-- step
DELETE FROM s WHERE score >= 75;
DELETE FROM bag WHERE x = 1;
-- step
UPDATE s SET score = 1000 - COALESCE(score, 0);
UPDATE bag SET x = 0 WHERE x IS NULL;
-- step
UPDATE s SET id = id + 100 WHERE id IN (1, 4);
-- step
DELETE FROM s;
DELETE FROM bag;
-- step
INSERT INTO s VALUES (2, 'z', 1, 1.10), (1, 'y', 1, 1.10);
INSERT INTO bag VALUES (5, 'e');
-- step
INSERT INTO s VALUES (3, NULL, 2, 0.50), (4, 'x', -1, NULL), (5, 'w', NULL, 2.00);
INSERT INTO bag VALUES (4, 'd'), (6, 'f'), (6, 'f'), (NULL, NULL);
