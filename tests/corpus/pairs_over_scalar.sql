-- Each operator above one lower operator (scalar): keyless tables with NULL keys, NULL values and duplicates.
-- setup
CREATE TABLE t1 (k integer, v integer);
CREATE TABLE t2 (k integer, w integer);
CREATE TABLE t3 (k integer, u integer);
INSERT INTO t1 VALUES (NULL, 1), (NULL, 1), (5, 1), (3, NULL), (1, 4), (2, 5), (NULL, 1), (3, 5), (1, 3);
INSERT INTO t2 VALUES (2, 3), (1, 2), (1, 2), (2, 3), (2, 4), (3, 5);
INSERT INTO t3 VALUES (3, 5), (3, 1), (3, NULL), (3, NULL), (5, NULL), (2, 1);
-- view filter_over
SELECT k, v FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q WHERE v > 2 OR k IS NULL
-- view project_over
SELECT COALESCE(k, -1) * 10 AS kk, CASE WHEN v > 2 THEN 'hi' ELSE 'lo' END AS c FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q
-- view join_over
SELECT q.k, q.v, t2.w FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q JOIN t2 ON t2.k = q.k
-- view self_over
SELECT a.k, b.k AS k2, a.v FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) a JOIN (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) b ON a.v = b.v AND a.k < b.k
-- view left_of_over
SELECT q.k, q.v, t2.w FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q LEFT JOIN t2 ON t2.k = q.k AND t2.w > q.v
-- view right_of_over
SELECT t2.k, t2.w, q.v FROM t2 LEFT JOIN (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q ON q.k = t2.k
-- view full_over
SELECT q.k, q.v, t2.w FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q FULL JOIN t2 ON t2.k = q.k
-- view semi_over
SELECT k, v FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q WHERE k IN (SELECT k FROM t2)
-- view semi_of_over
SELECT k, w FROM t2 WHERE EXISTS (SELECT 1 FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q WHERE q.k = t2.k AND q.v >= t2.w)
-- view anti_over
SELECT k, v FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q WHERE NOT EXISTS (SELECT 1 FROM t2 WHERE t2.k = q.k)
-- view not_in_over
SELECT k, w FROM t2 WHERE w NOT IN (SELECT v FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q)
-- view agg_over
SELECT k, count(*) AS c, sum(v) AS s, min(v) AS mn, max(v) AS mx FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q GROUP BY k
-- view agg_v_over
SELECT v, count(k) AS c, count(DISTINCT k) AS d FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q GROUP BY v
-- view total_over
SELECT count(*) AS c, sum(v) AS s, count(DISTINCT v) AS d, max(k) AS m FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q
-- view distinct_over
SELECT DISTINCT v FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q
-- view union_all_over
SELECT k, v FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q UNION ALL SELECT k, w FROM t2
-- view union_over
SELECT k, v FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q UNION SELECT k, w FROM t2
-- view except_over
SELECT k, v FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q EXCEPT SELECT k, w FROM t2
-- view except_of_over
SELECT k, w FROM t2 EXCEPT ALL SELECT k, v FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q
-- view intersect_over
SELECT k FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q INTERSECT SELECT k FROM t2
-- view topk_over
SELECT k, v FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q ORDER BY v DESC NULLS LAST, k LIMIT 3
-- view window_over
SELECT k, v, rank() OVER (PARTITION BY k ORDER BY v) AS r, count(*) OVER (PARTITION BY k) AS n FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q
-- view scalar_over
SELECT k, w, w - (SELECT max(v) FROM (SELECT k, v - (SELECT min(u) FROM t3) AS v FROM t1) q) AS d FROM t2
-- step
UPDATE t1 SET v = v + 1;
-- step
INSERT INTO t2 VALUES (4, 2);
UPDATE t3 SET u = 3 WHERE u IS NULL;
-- step
INSERT INTO t1 VALUES (1, 5), (1, 5), (1, 5), (1, 5);
UPDATE t2 SET w = w + 1;
-- step
UPDATE t3 SET k = NULL WHERE k = 4;
UPDATE t1 SET v = 3 WHERE v = 5;
-- step
UPDATE t1 SET v = v + 1;
DELETE FROM t3 WHERE k IS NULL;
-- step
DELETE FROM t1;
-- step
INSERT INTO t1 VALUES (1, 4), (5, 2), (1, 4), (1, 4), (1, 4);
INSERT INTO t3 VALUES (3, 2), (2, 2), (2, 1), (4, 1), (1, NULL);
