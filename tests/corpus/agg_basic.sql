-- GROUP BY with count/sum/avg/min/max/bool_and/bool_or; NULL group keys and values, groups emptied and refilled, min/max deleted.
-- setup
CREATE TABLE g (k text, i integer, b bigint, n numeric(12,2), f boolean, d date);
INSERT INTO g VALUES ('a', 1, 10, 1.10, true, '2024-01-01'), ('a', 1, 10, 1.10, true, '2024-01-01'), ('a', 4, 20, 2.25, false, '2024-03-01'), ('b', NULL, NULL, NULL, NULL, NULL),
  ('b', 7, 1, 0.01, true, '2020-02-02'), (NULL, 2, 2, 2.00, false, NULL), (NULL, 3, 3, 3.00, NULL, '1999-12-31'), ('', 9, 9, 9.99, false, '2024-01-01');
-- view a_all
SELECT k, count(*) AS c, count(i) AS ci, sum(i) AS si, sum(b) AS sb, sum(n) AS sn, min(i) AS mi, max(n) AS mx, bool_and(f) AS ba, bool_or(f) AS bo, min(d) AS d1, max(d) AS d2 FROM g GROUP BY k
-- view a_avg
SELECT k, round(avg(i), 2) AS ai, round(avg(b), 2) AS ab, avg(n)::numeric(20,4) AS an FROM g GROUP BY k
-- view a_expr
SELECT i % 2 AS parity, count(*) AS c, sum(n * 2) AS s2, max(length(k)) AS ml, min(k) AS mk FROM g GROUP BY i % 2
-- view a_two
SELECT k, f, count(*) AS c, sum(i + b) AS s FROM g GROUP BY k, f
-- view a_having
SELECT k, sum(i) AS s FROM g GROUP BY k HAVING count(*) > 1 AND sum(i) > 4
-- view a_ordinal
SELECT COALESCE(k, 'none') || '!' AS kk, count(*) AS c FROM g GROUP BY 1
-- step
DELETE FROM g WHERE k = 'a' AND i = 1;
-- step
DELETE FROM g WHERE k IS NULL OR k = 'a';
-- step
INSERT INTO g VALUES ('a', -5, -50, -1.50, NULL, '2024-06-01'), (NULL, NULL, NULL, NULL, NULL, NULL), ('a', 5, 50, 1.50, true, NULL);
-- step
UPDATE g SET k = 'b' WHERE k = '';
-- step
UPDATE g SET i = NULL, n = NULL, d = NULL WHERE i = 7;
UPDATE g SET f = true;
-- step
DELETE FROM g;
-- step
INSERT INTO g VALUES ('z', 1, 1, 1.00, false, '2000-01-01'), ('z', 2, 2, 2.00, true, '2000-01-02');
