-- IN and EXISTS whose three values matter: under OR, NOT and CASE, and as columns; NULLs on both sides, empty subqueries.
-- setup
CREATE TABLE m0 (id integer PRIMARY KEY, k integer, v integer);
CREATE TABLE m1 (id integer PRIMARY KEY, k integer);
INSERT INTO m0 VALUES (1, 1, 1), (2, 2, 2), (3, NULL, 1), (4, 7, 7);
INSERT INTO m1 VALUES (1, 1), (2, 5);
-- view v_not_in_or
SELECT id FROM m0 WHERE k NOT IN (SELECT k FROM m1) OR v = 7
-- view v_not_and
SELECT id FROM m0 WHERE NOT (k IN (SELECT k FROM m1) AND v < 7)
-- view v_is_null
SELECT id FROM m0 WHERE (k IN (SELECT k FROM m1)) IS NULL
-- view v_case
SELECT id FROM m0 WHERE CASE WHEN k IN (SELECT k FROM m1) THEN v < 2 ELSE v > 1 END
-- view v_columns
SELECT id, k IN (SELECT k FROM m1) AS i, k NOT IN (SELECT k FROM m1) AS n, EXISTS (SELECT 1 FROM m1 WHERE m1.k = m0.k) AS e, NOT EXISTS (SELECT * FROM m1) AS none FROM m0
-- view v_word
SELECT id, CASE WHEN k IN (SELECT k FROM m1) THEN 'in' WHEN k NOT IN (SELECT k FROM m1) THEN 'out' END AS w FROM m0
-- view v_rank
SELECT id, (SELECT max(r.k) FROM (SELECT k, rank() OVER (ORDER BY k) AS w FROM m0) r WHERE r.w = m1.id) AS m FROM m1
-- view v_arrays
SELECT id, k = ANY ('{1,5,NULL}'::int[]) AS a, k <> ALL ('{1,5}'::int[]) AS b, k = ANY ('{}'::int[]) AS c FROM m0
-- step
INSERT INTO m1 VALUES (3, NULL);
-- step
UPDATE m1 SET k = 2 WHERE id = 1;
DELETE FROM m1 WHERE k IS NULL;
-- step
DELETE FROM m1;
-- step
INSERT INTO m1 VALUES (1, NULL), (2, 2);
UPDATE m0 SET k = NULL WHERE id = 4;
