-- Functions of times, intervals and numbers over columns with NULLs.
-- setup
CREATE TABLE spans (id int PRIMARY KEY, a timestamp, b timestamp, z timestamptz, n numeric(10,3), f float8, i int);
INSERT INTO spans VALUES (1, '2001-04-10', '1957-06-13', '2024-02-29 20:00+00', 5.35, 2.5, 7), (2, '2024-01-01', '2024-03-15 12:00', '2024-03-31 00:30+00', -17.5, -3.7, -7),
  (3, '2024-03-31 01:02:03.5', '2024-02-29 23:00', NULL, NULL, NULL, NULL), (4, NULL, '2024-01-31', '2023-12-31 23:59:59.999999+00', 0.024, 10, 0),
  (5, '2023-02-28', '2024-02-29', '1999-12-31 23:00+00', 10.06, 0.1, 360), (6, '2024-05-31', '2024-05-31', '2024-05-31 00:00+00', 100, 1e3, 31);
-- view v_age
SELECT id, age(a, b)::text AS ab, age(b, a)::text AS ba, justify_days(a - b)::text AS j, justify_interval(interval '1 month' - (a - b))::text AS ji,
  justify_hours(interval '1 hour' * i)::text AS jh, date_trunc('hour', a - b)::text AS h, date_trunc('month', age(a, b))::text AS m FROM spans
-- view v_made
SELECT id, make_date(2000 + abs(i) % 20, 2, 28) AS d, make_timestamp(2024, 1, 1 + abs(i) % 28, 8, 15, 23.5) AS t, make_interval(days => i, hours => 2)::text AS iv,
  make_timestamptz(2024, 7, 1, 12, 0, 0, 'Europe/Berlin') AS z, make_interval(1, i)::text AS ym FROM spans
-- view v_zones
SELECT id, date_trunc('day', z, 'Australia/Sydney') AS s, date_trunc('month', z) AS m, z::timestamp(0) AS r, a::timestamp(1) AS r1, pg_typeof(z)::text AS ty FROM spans
-- view v_numbers
SELECT id, div(i, 4) AS d, trunc(n) AS t, trunc(f) AS tf, ceiling(n) AS c, width_bucket(n, 0.024, 10.06, 5) AS w, width_bucket(f, 10, 0, 4) AS wf,
  mod(i, 4) AS m, gcd(i, 12) AS g, lcm(i, 6) AS l, ~i AS inv, @n AS ab, sign(i) AS s, to_number('1,' || abs(i) || '.5', '9,999.9')::numeric(10,1) AS tn, to_char(f, 'FM9990.00') AS ch FROM spans
-- view v_sets
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY i) AS d, percentile_cont(0.5) WITHIN GROUP (ORDER BY f) AS c, percentile_disc(0.3) WITHIN GROUP (ORDER BY a DESC) AS a,
  mode() WITHIN GROUP (ORDER BY abs(i)) AS m, percentile_cont(0.25) WITHIN GROUP (ORDER BY n DESC) AS q FROM spans
-- view v_sets_by
SELECT i > 0 AS up, percentile_disc(0.9) WITHIN GROUP (ORDER BY n) AS d, mode() WITHIN GROUP (ORDER BY id % 2) AS m, count(*) AS n FROM spans GROUP BY i > 0
-- step
UPDATE spans SET a = b, i = 8 WHERE id = 2;
INSERT INTO spans VALUES (7, '2024-12-31 23:59:59', '2000-02-29', '2024-10-27 01:30+00', 7.7, 7.7, 7);
-- step
DELETE FROM spans WHERE id IN (1, 6);
-- step
DELETE FROM spans;
