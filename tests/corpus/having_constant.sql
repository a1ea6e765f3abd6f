-- Conditions without columns above aggregates: a total has a row for no input, so they must not move below it.
-- setup
CREATE TABLE h (id integer PRIMARY KEY, k integer);
INSERT INTO h VALUES (1, 1), (2, NULL);
-- view v_total
SELECT x.c0 FROM (SELECT 2 AS c0 FROM (SELECT count(*) AS c FROM h) a) x WHERE x.c0 >= 99
-- view v_kept
SELECT x.c0 FROM (SELECT 2 AS c0 FROM (SELECT count(*) AS c FROM h) a) x WHERE x.c0 >= 1
-- view v_case
SELECT x.c0, x.c FROM (SELECT CASE WHEN c > 99 THEN 1 ELSE 2 END AS c0, c FROM (SELECT sum(k) AS c FROM h) a) x WHERE x.c0 = 2
-- view v_sets
SELECT k, n FROM (SELECT k, count(*) AS n, 5 AS five FROM h GROUP BY ROLLUP (k)) x WHERE five = 6
-- view v_groups
SELECT k, n FROM (SELECT k, count(*) AS n, 5 AS five FROM h GROUP BY k) x WHERE five = 5
-- step
INSERT INTO h VALUES (3, 7), (4, 7);
-- step
DELETE FROM h;
