-- Booleans: three-valued AND / OR / NOT, bool columns as keys and join conditions, bool_and / bool_or with NULLs, casts.
-- setup
CREATE TABLE b1 (id integer PRIMARY KEY, p boolean, q boolean);
INSERT INTO b1 VALUES (1, true, true), (2, true, false), (3, true, NULL), (4, false, true), (5, false, false), (6, false, NULL), (7, NULL, true), (8, NULL, false), (9, NULL, NULL);
-- view logic
SELECT id, p AND q AS a, p OR q AS o, NOT p AS n, p = q AS e, p <> q AS ne, p IS TRUE AS it, q IS NOT FALSE AS inf, p IS UNKNOWN AS u FROM b1
-- view filt
SELECT id FROM b1 WHERE p OR NOT q
-- view filt2
SELECT id FROM b1 WHERE NOT (p AND q)
-- view grp
SELECT p, count(*) AS c, bool_and(q) AS ba, bool_or(q) AS bo, count(q) AS cq, count(*) FILTER (WHERE q) AS t FROM b1 GROUP BY p
-- view sums
SELECT sum(CASE WHEN p THEN 1 ELSE 0 END) AS sp, sum(q::integer) AS sq, bool_and(p OR q) AS ba FROM b1
-- view jn
SELECT a.id AS x, b.id AS y FROM b1 a JOIN b1 b ON a.p = b.q AND a.id < b.id
-- view jn_cond
SELECT a.id AS x, b.id AS y FROM b1 a LEFT JOIN b1 b ON b.id = a.id + 1 AND b.p
-- step
UPDATE b1 SET p = NOT p;
-- step
UPDATE b1 SET q = p WHERE q IS NULL;
-- step
DELETE FROM b1 WHERE p;
-- step
UPDATE b1 SET p = q, q = p;
-- step
INSERT INTO b1 VALUES (20, true, NULL), (21, NULL, true), (10, false, false);
-- step
DELETE FROM b1 WHERE p IS NULL OR NOT p;
