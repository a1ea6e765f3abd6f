-- Outer joins above aggregates, unions, other outer joins, top-k and semi joins; nested parentheses; a join above an outer join.
-- setup
CREATE TABLE a (k integer, v text);
CREATE TABLE b (k integer, w integer);
CREATE TABLE c (w integer, z text);
INSERT INTO a VALUES (1, 'p'), (2, 'q'), (2, 'q'), (3, 'r'), (NULL, 's');
INSERT INTO b VALUES (1, 10), (2, 20), (2, 21), (NULL, 30), (4, 40);
INSERT INTO c VALUES (10, 'ten'), (20, 'twenty'), (20, 'vingt'), (NULL, 'null');
-- view ll
SELECT a.v, b.w, c.z FROM a LEFT JOIN b ON a.k = b.k LEFT JOIN c ON b.w = c.w
-- view l_paren
SELECT a.v, x.w, x.z FROM a LEFT JOIN (SELECT b.k, b.w, c.z FROM b JOIN c ON b.w = c.w) x ON a.k = x.k
-- view l_paren2
SELECT a.v, b.w, c.z FROM a LEFT JOIN (b LEFT JOIN c ON b.w = c.w) ON a.k = b.k
-- view li
SELECT a.v, c.z FROM a LEFT JOIN b ON a.k = b.k JOIN c ON c.w = b.w
-- view lf
SELECT a.v, b.w, c.z FROM a FULL JOIN b ON a.k = b.k LEFT JOIN c ON c.w = b.w
-- view l_agg
SELECT a.v, x.s, x.n FROM a LEFT JOIN (SELECT k, sum(w) AS s, count(*) AS n FROM b GROUP BY k) x ON x.k = a.k
-- view l_union
SELECT a.v, x.w FROM a LEFT JOIN (SELECT k, w FROM b UNION ALL SELECT w, w FROM c) x ON x.k = a.k
-- view l_semi
SELECT a.v, x.w FROM a LEFT JOIN (SELECT k, w FROM b WHERE w IN (SELECT w FROM c)) x ON x.k = a.k
-- view l_top
SELECT a.v, x.w FROM a LEFT JOIN (SELECT k, w FROM b ORDER BY w DESC, k LIMIT 2) x ON x.k = a.k
-- view full_aggs
SELECT x.k, x.n, y.w, y.m FROM (SELECT k, count(*) AS n FROM a GROUP BY k) x FULL JOIN (SELECT w, count(*) AS m FROM c GROUP BY w) y ON x.n = y.m
-- step
INSERT INTO b VALUES (3, 10), (1, 20);
-- step
DELETE FROM c WHERE w = 20;
-- step
UPDATE a SET k = 4 WHERE k IS NULL;
INSERT INTO c VALUES (40, 'forty');
-- step
DELETE FROM b WHERE k = 2;
-- step
UPDATE b SET w = 40 WHERE w = 10;
UPDATE c SET w = 20 WHERE w = 10;
-- step
TRUNCATE b;
-- step
INSERT INTO b VALUES (2, 20), (3, 40), (3, NULL);
DELETE FROM a WHERE v = 'p';
