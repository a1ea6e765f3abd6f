-- Keys of smallint, bigint, date, timestamptz, boolean and numeric; joins between different integer widths and numeric scales.
-- setup
CREATE TABLE k1 (s smallint, b bigint, d date, z timestamptz, f boolean, n numeric(8,2));
CREATE TABLE k2 (i integer, b bigint, d date, z timestamptz, f boolean, n numeric(10,4));
INSERT INTO k1 VALUES (1, 10, '2024-01-01', '2024-01-01 00:00:00+00', true, 1.50), (2, 20, '2024-01-02', '2024-01-01 12:00:00+00', false, 2.00), (NULL, NULL, NULL, NULL, NULL, NULL), (1, 5000000000, '0001-01-01', '1999-12-31 23:59:59.999999+00', true, 0.10);
INSERT INTO k2 VALUES (1, 10, '2024-01-01', '2024-01-01 01:00:00+01', true, 1.5000), (2, 5000000000, '2024-01-03', '2024-01-01 12:00:00+00', NULL, 2.0001), (NULL, NULL, NULL, NULL, false, 0.1000), (3, 2, '9999-12-31', '2024-06-01 00:00:00+00', false, NULL);
-- view k_int
SELECT k1.s, k2.i, k2.b FROM k1 JOIN k2 ON k1.s = k2.i
-- view k_big
SELECT k1.b, k2.i FROM k1 LEFT JOIN k2 ON k1.b = k2.b
-- view k_small_big
SELECT k1.s, k2.b FROM k1 JOIN k2 ON k1.s = k2.b
-- view k_date
SELECT k1.d, k2.i FROM k1 FULL JOIN k2 ON k1.d = k2.d
-- view k_tz
SELECT k1.z, k2.i FROM k1 JOIN k2 ON k1.z = k2.z
-- view k_bool
SELECT k1.f, count(*) AS c FROM k1 JOIN k2 ON k1.f = k2.f GROUP BY k1.f
-- view k_num
SELECT k1.n AS n1, k2.n AS n2 FROM k1 LEFT JOIN k2 ON k1.n = k2.n
-- view k_multi
SELECT count(*) AS c FROM k1 JOIN k2 ON k1.d = k2.d AND k1.f = k2.f AND k1.z = k2.z
-- view k_group
SELECT d, f, count(*) AS c, max(z) AS mz FROM k2 GROUP BY d, f
-- step
INSERT INTO k2 VALUES (1, 20, '2024-01-02', '2024-01-01 12:00:00+00', false, 2.0000);
-- step
UPDATE k1 SET s = 3, b = 2, d = '9999-12-31' WHERE s IS NULL;
-- step
UPDATE k1 SET f = NOT f, n = n + 0.50;
UPDATE k2 SET z = '2024-06-01 02:00:00+02' WHERE i = 1;
-- step
DELETE FROM k2 WHERE i = 1;
UPDATE k1 SET z = '2024-06-01 00:00:00+00' WHERE d = '0001-01-01';
-- step
INSERT INTO k2 SELECT s, b, d, z, f, n FROM k1;
-- step
DELETE FROM k1 WHERE f;
