-- Views created over empty tables; tables filled, emptied (DELETE, TRUNCATE) and refilled, also within one step.
-- setup
CREATE TABLE a (k integer, v integer);
CREATE TABLE b (k integer, w text);
-- view cnt
SELECT count(*) AS c, sum(v) AS s, min(v) AS m FROM a
-- view grp
SELECT k, count(*) AS c FROM a GROUP BY k
-- view jn
SELECT a.k, a.v, b.w FROM a JOIN b ON a.k = b.k
-- view fj
SELECT a.v, b.w FROM a FULL JOIN b ON a.k = b.k
-- view un
SELECT k FROM a UNION SELECT k FROM b
-- view tk
SELECT k, v FROM a ORDER BY v DESC NULLS LAST, k LIMIT 2
-- view nx
SELECT v FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.k = a.k)
-- view cross_cnt
SELECT x.c AS ca, y.c AS cb FROM (SELECT count(*) AS c FROM a) x CROSS JOIN (SELECT count(*) AS c FROM b) y
-- view sc
SELECT w, (SELECT max(v) FROM a) AS mx FROM b
-- step
INSERT INTO a VALUES (1, 10), (1, 10), (NULL, 5);
-- step
INSERT INTO b VALUES (1, 'x'), (2, 'y'), (NULL, 'n');
-- step
TRUNCATE a;
-- step
INSERT INTO a VALUES (2, 20), (3, 30);
DELETE FROM b WHERE k = 1;
-- step
TRUNCATE b;
INSERT INTO b VALUES (3, 'z');
TRUNCATE a;
INSERT INTO a VALUES (3, 33), (3, 33);
-- step
DELETE FROM a;
DELETE FROM b;
-- step
INSERT INTO a VALUES (NULL, NULL);
INSERT INTO b VALUES (NULL, NULL);
