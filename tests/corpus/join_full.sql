-- Full joins with NULL keys, duplicates on both keyless sides, sides emptied and refilled, both sides changed at once.
-- setup
CREATE TABLE f1 (k integer, x integer);
CREATE TABLE f2 (k integer, y integer);
INSERT INTO f1 VALUES (1, 1), (1, 1), (2, 2), (NULL, 3), (NULL, 3), (4, 4);
INSERT INTO f2 VALUES (2, 20), (3, 30), (3, 30), (NULL, 99), (4, 40);
-- view v_full
SELECT f1.k AS k1, f1.x, f2.k AS k2, f2.y FROM f1 FULL JOIN f2 ON f1.k = f2.k
-- view v_full_coalesce
SELECT COALESCE(f1.k, f2.k, -1) AS k, COALESCE(x, 0) + COALESCE(y, 0) AS s FROM f1 FULL OUTER JOIN f2 ON f1.k = f2.k
-- view v_only_one
SELECT f1.x, f2.y FROM f1 FULL JOIN f2 ON f1.k = f2.k WHERE f1.k IS NULL OR f2.k IS NULL
-- view v_full_agg
SELECT COALESCE(f1.k, f2.k) AS k, count(f1.x) AS nx, count(f2.y) AS ny, sum(x) AS sx, sum(y) AS sy FROM f1 FULL JOIN f2 ON f1.k = f2.k GROUP BY COALESCE(f1.k, f2.k)
-- view v_full_full
SELECT a.k AS ka, b.k AS kb, c.k AS kc FROM f1 a FULL JOIN f2 b ON a.k = b.k FULL JOIN f1 c ON c.k = b.k
-- step
INSERT INTO f2 VALUES (1, 10);
-- step
INSERT INTO f1 VALUES (3, 5), (NULL, 3);
DELETE FROM f2 WHERE k = 4;
-- step
UPDATE f1 SET k = 3 WHERE k = 1;
UPDATE f2 SET k = 1 WHERE k = 3;
-- step
DELETE FROM f1;
-- step
INSERT INTO f1 VALUES (1, 7), (2, 8), (NULL, 9);
DELETE FROM f2;
-- step
INSERT INTO f2 SELECT k, x * 10 FROM f1;
UPDATE f1 SET k = NULL WHERE x = 7;
