-- Composite keys with NULL in one part or all parts: joins never match them, grouping and DISTINCT and set operations do.
-- setup
CREATE TABLE a (x integer, y text, v integer);
CREATE TABLE b (x integer, y text, w integer);
INSERT INTO a VALUES (1, 'a', 1), (1, NULL, 2), (NULL, 'a', 3), (NULL, NULL, 4), (NULL, NULL, 4), (2, 'b', 5);
INSERT INTO b VALUES (1, 'a', 10), (1, NULL, 20), (NULL, NULL, 40), (2, 'b', 50), (2, 'b', 51);
-- view n_join
SELECT a.v, b.w FROM a JOIN b ON a.x = b.x AND a.y = b.y
-- view n_left
SELECT a.v, b.w FROM a LEFT JOIN b USING (x, y)
-- view n_full
SELECT a.x, b.y, v, w FROM a FULL JOIN b ON a.x = b.x AND a.y = b.y
-- view n_safe
SELECT a.v, b.w FROM a JOIN b ON a.x IS NOT DISTINCT FROM b.x AND a.y IS NOT DISTINCT FROM b.y
-- view n_group
SELECT x, y, sum(v) AS s, count(*) AS c FROM a GROUP BY x, y
-- view n_in
SELECT v FROM a WHERE (x, y) IN (SELECT x, y FROM b)
-- view n_inter
SELECT x, y FROM a INTERSECT SELECT x, y FROM b
-- view n_except
SELECT x, y FROM a EXCEPT SELECT x, y FROM b
-- view n_distinct
SELECT DISTINCT x, y FROM b
-- step
UPDATE a SET y = 'a' WHERE v = 2;
-- step
UPDATE b SET x = NULL WHERE w = 10;
INSERT INTO a VALUES (2, 'b', 6);
-- step
UPDATE a SET x = 2, y = 'b' WHERE x IS NULL AND y IS NULL;
-- step
DELETE FROM b WHERE x IS NULL;
UPDATE a SET x = NULL WHERE x = 2;
-- step
UPDATE b SET y = NULL;
-- step
UPDATE a SET x = 1, y = COALESCE(y, 'b');
UPDATE b SET y = 'b';
