-- FILTER clauses and DISTINCT aggregates, with duplicates coming and going, NULLs inside DISTINCT, and both together.
-- setup
CREATE TABLE h (k integer, u text, x integer, st text);
INSERT INTO h VALUES (1, 'u1', 5, 'ok'), (1, 'u1', 5, 'ok'), (1, 'u2', 5, 'bad'), (1, NULL, 6, NULL), (2, 'u1', NULL, 'ok'), (2, 'u3', 7, 'bad'), (NULL, 'u1', 1, 'ok'), (3, NULL, NULL, NULL);
-- view d_cnt
SELECT k, count(DISTINCT u) AS du, count(DISTINCT x) AS dx, count(*) AS c FROM h GROUP BY k
-- view d_sum
SELECT k, sum(DISTINCT x) AS s, min(DISTINCT x) AS m, max(x) AS mx FROM h GROUP BY k
-- view d_filter
SELECT k, count(*) FILTER (WHERE st = 'ok') AS ok, count(*) FILTER (WHERE st <> 'ok') AS nok, sum(x) FILTER (WHERE x > 5) AS s5, max(u) FILTER (WHERE st = 'bad') AS mb FROM h GROUP BY k
-- view d_both
SELECT k, count(DISTINCT u) FILTER (WHERE st = 'ok') AS uok, round(avg(DISTINCT x), 2) AS ad FROM h GROUP BY k
-- view d_having
SELECT u, count(*) AS c FROM h GROUP BY u HAVING count(DISTINCT k) > 1 OR bool_or(st = 'bad')
-- view d_global
SELECT count(DISTINCT u) AS du, count(*) FILTER (WHERE k IS NULL) AS nk, sum(x) FILTER (WHERE false) AS never FROM h
-- step
INSERT INTO h VALUES (1, 'u2', 6, 'ok'), (2, 'u3', 7, 'bad');
-- step
DELETE FROM h WHERE k = 1 AND x = 5 AND st = 'ok';
-- step
UPDATE h SET st = 'ok' WHERE st IS NULL;
UPDATE h SET k = 3 WHERE k = 2;
-- step
UPDATE h SET u = NULL WHERE u = 'u2';
UPDATE h SET x = 5 WHERE x IS NULL;
-- step
DELETE FROM h WHERE k = 3;
-- step
TRUNCATE h;
-- step
INSERT INTO h VALUES (3, 'a', 1, 'ok'), (3, 'a', 1, 'ok'), (3, 'a', 2, 'bad'), (4, 'a', 2, 'bad');
