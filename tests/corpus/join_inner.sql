-- Inner joins: one and several key columns, residual conditions, NULL keys, duplicates on both keyless sides.
-- setup
CREATE TABLE l (k integer, k2 text, x integer);
CREATE TABLE r (k integer, k2 text, y integer);
INSERT INTO l VALUES (1, 'a', 10), (1, 'a', 10), (1, 'b', 20), (2, 'a', 30), (NULL, 'a', 40), (3, NULL, 50), (3, 'c', 60);
INSERT INTO r VALUES (1, 'a', 5), (1, 'a', 15), (2, 'a', 30), (2, 'a', 30), (NULL, 'a', 1), (3, NULL, 2), (4, 'd', 3);
-- view j_one
SELECT l.k, l.x, r.y FROM l JOIN r ON l.k = r.k
-- view j_two
SELECT l.k, l.k2, l.x, r.y FROM l JOIN r ON l.k = r.k AND l.k2 = r.k2
-- view j_residual
SELECT l.k, l.x, r.y FROM l JOIN r ON l.k = r.k AND l.x > r.y
-- view j_comma
SELECT l.x + r.y AS s, l.k2 || r.k2 AS t FROM l, r WHERE l.k = r.k AND l.k2 <> r.k2
-- view j_nonequi
SELECT l.x, r.y FROM l JOIN r ON l.x < r.y
-- view j_null_safe
SELECT l.k, l.x, r.y FROM l JOIN r ON l.k IS NOT DISTINCT FROM r.k AND l.k2 = r.k2
-- step
INSERT INTO l VALUES (4, 'd', 70), (1, 'a', 10);
-- step
DELETE FROM r WHERE k = 2;
-- step
UPDATE l SET k = 2 WHERE k = 1 AND k2 = 'a';
INSERT INTO r VALUES (2, 'a', 7);
-- step
UPDATE l SET k = k + 1;
UPDATE r SET k = k + 1;
-- step
DELETE FROM l WHERE x = 10;
DELETE FROM r WHERE k2 IS NULL;
UPDATE r SET k2 = 'c' WHERE k2 = 'd';
-- step
TRUNCATE r;
-- step
INSERT INTO r VALUES (3, 'b', 100), (NULL, NULL, 55), (4, 'c', 65), (4, 'c', 65);
