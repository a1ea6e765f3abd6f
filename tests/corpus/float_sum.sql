-- real and double precision sums and averages of exactly representable values, going back after NaN, infinity and deletes.
-- setup
CREATE TABLE fs (k integer, x double precision, r real);
INSERT INTO fs VALUES (1, 0.5, 0.25), (1, 1.5, 0.5), (2, -3.25, 2), (2, NULL, NULL), (3, 1000000, 16), (NULL, 0.125, 0.125);
-- view s_sum
SELECT k, sum(x) AS sx, sum(r) AS sr, avg(x) AS ax, min(r) AS mr, max(x) AS mx, count(x) AS c FROM fs GROUP BY k
-- view s_expr
SELECT k, x * 2 AS d, x / 4 AS q, r + 1 AS r1, x::integer AS i, x::numeric(10,3) AS n FROM fs WHERE x BETWEEN -1e9 AND 1e9
-- view s_global
SELECT sum(x) AS s, max(r) AS a FROM fs
-- step
INSERT INTO fs VALUES (1, 'NaN', 1), (2, 'Infinity', 'NaN');
-- step
DELETE FROM fs WHERE x = 'NaN' OR x = 'Infinity';
-- step
INSERT INTO fs VALUES (3, 'Infinity', 1), (3, '-Infinity', 1);
-- step
DELETE FROM fs WHERE x = '-Infinity';
-- step
DELETE FROM fs WHERE k = 3;
UPDATE fs SET x = x + 1 WHERE k IS NULL;
-- step
DELETE FROM fs WHERE x IS NOT NULL;
-- step
UPDATE fs SET x = 0.75, r = 0.75;
