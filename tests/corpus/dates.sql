-- Dates, timestamps and timestamptz in UTC: date_trunc, extract, comparisons, date arithmetic; NULL dates.
-- setup
CREATE TABLE ev (id integer PRIMARY KEY, d date, ts timestamp, tz timestamptz, kind text);
INSERT INTO ev VALUES (1, '2024-01-31', '2024-01-31 23:59:59', '2024-01-31 23:59:59+00', 'a'), (2, '2024-02-29', '2024-02-29 00:00:00', '2024-02-29 02:00:00+02', 'a'),
  (3, '2023-12-31', '2023-12-31 12:30:15.5', '2023-12-31 23:30:00-01', 'b'), (4, NULL, NULL, NULL, 'b'), (5, '1969-07-20', '1969-07-20 20:17:40', '1969-07-20 20:17:40+00', NULL),
  (6, '2024-02-01', '2024-02-01 08:00:00.123456', '2024-02-01 08:00:00.123456+00', 'a');
-- view v_trunc
SELECT id, date_trunc('month', ts) AS m, date_trunc('day', tz) AS dd, date_trunc('hour', ts) AS h, date_trunc('year', tz) AS y FROM ev
-- view v_extract
SELECT id, extract(year from d)::integer AS y, extract(month from ts)::integer AS m, extract(day from tz)::integer AS dy, extract(hour from tz)::integer AS h, extract(dow from d)::integer AS dow FROM ev
-- view v_datearith
SELECT id, d + 1 AS next, d - 30 AS before, d - date '2024-01-01' AS delta, d::text AS txt, ts::date AS tsd, tz::text AS tzt FROM ev
-- view v_filter
SELECT id, d FROM ev WHERE d >= date '2024-01-01' AND ts < timestamp '2024-02-15 00:00:00'
-- view v_bymonth
SELECT date_trunc('month', tz) AS m, count(*) AS n, min(d) AS lo, max(ts) AS hi, count(d) AS nd FROM ev GROUP BY date_trunc('month', tz)
-- view v_byyear
SELECT extract(year from d)::integer AS y, kind, count(*) AS n FROM ev GROUP BY 1, 2
-- step
INSERT INTO ev VALUES (7, '2024-02-10', '2024-02-10 10:10:10', '2024-02-10 10:10:10+00', 'c'), (8, '2025-01-01', '2025-01-01 00:00:00', '2025-01-01 00:00:00+00', 'c');
-- step
UPDATE ev SET tz = '2024-03-01 00:30:00+01' WHERE id = 2;
UPDATE ev SET d = NULL WHERE id = 5;
-- step
DELETE FROM ev WHERE d = '2024-01-31';
-- step
UPDATE ev SET d = '2024-01-31', ts = '2024-01-31 01:02:03', tz = '2024-01-31 01:02:03+00' WHERE id = 4;
-- step
UPDATE ev SET d = d + 31 WHERE d IS NOT NULL;
-- step
DELETE FROM ev WHERE kind = 'a' OR kind IS NULL;
