-- sum(bigint) beyond 2^63 in both directions (the sum is numeric), sums of sums, back within range; smallint and integer sums.
-- setup
CREATE TABLE bs (k integer, b bigint, i integer, s smallint);
INSERT INTO bs VALUES (1, 9223372036854775807, 2147483647, 32767), (1, 9223372036854775807, 2147483647, 32767), (2, -9223372036854775808, -2147483648, -32768), (2, -1, 1, 1), (3, 5, 5, 5), (NULL, NULL, NULL, NULL);
-- view b_sum
SELECT k, sum(b) AS sb, sum(i) AS si, sum(s) AS ss, max(b) AS mb, min(s) AS ms FROM bs GROUP BY k
-- view b_total
SELECT sum(b) AS sb, count(b) AS c, sum(i) AS si FROM bs
-- view b_sumsum
SELECT count(*) AS c, sum(sb) AS t, max(sb) AS m FROM (SELECT k, sum(b) AS sb FROM bs GROUP BY k) x
-- view b_cmp
SELECT k FROM bs GROUP BY k HAVING sum(b) > 9223372036854775807
-- view b_avg
SELECT k, round(avg(b / 1000000), 2) AS ab, round(avg(s), 2) AS sa FROM bs GROUP BY k
-- step
INSERT INTO bs VALUES (1, 9223372036854775807, 2147483647, 32767), (3, 9223372036854775807, 1, 1);
-- step
INSERT INTO bs SELECT 2, b, i, s FROM bs WHERE b < -1;
-- step
DELETE FROM bs WHERE k = 1 AND b = 9223372036854775807;
-- step
UPDATE bs SET b = -(b + 1) WHERE k = 2;
UPDATE bs SET i = 0 WHERE i IS NULL;
-- step
DELETE FROM bs WHERE b > 100;
-- step
INSERT INTO bs VALUES (1, -9223372036854775808, -1, -1), (1, -9223372036854775808, -1, -1), (NULL, 9223372036854775807, 0, 0);
