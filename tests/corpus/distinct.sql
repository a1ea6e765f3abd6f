-- DISTINCT over duplicates, NULLs and expressions; the last copy of a row goes and comes back.
-- setup
CREATE TABLE t (a integer, b text, c numeric(6,2));
INSERT INTO t VALUES (1, 'x', 1.00), (1, 'x', 1.00), (1, 'x', 2.00), (2, NULL, NULL), (2, NULL, NULL), (NULL, NULL, NULL), (3, '', 0.00);
-- view d_all
SELECT DISTINCT * FROM t
-- view d_one
SELECT DISTINCT a FROM t
-- view d_expr
SELECT DISTINCT a % 2 AS p, b IS NULL AS n FROM t
-- view d_filter
SELECT DISTINCT b, c FROM t WHERE a IS NOT NULL
-- view d_group
SELECT b, c FROM t GROUP BY b, c
-- view d_of_group
SELECT DISTINCT count(*) AS n FROM t GROUP BY a
-- step
INSERT INTO t VALUES (1, 'x', 1.00), (4, 'x', 1.00);
-- step
DELETE FROM t WHERE c = 1.00;
-- step
INSERT INTO t VALUES (1, 'x', 1.00);
DELETE FROM t WHERE a = 2;
-- step
UPDATE t SET a = 7, b = NULL;
-- step
DELETE FROM t;
-- step
INSERT INTO t VALUES (NULL, '', NULL), (NULL, '', NULL), (0, 'é', 9.99);
